/* out/status.json: the state of the worker that prints there, for whoever asks.
 *
 * For: writing it from the loop, and reading it in `platen status` and in anything else. A reader
 * sees a whole status or the one before, for it appears by rename; it is not flushed to the disk,
 * since after a crash of the machine nobody is there whom it would tell of.
 * Not for: what the next look relies on. Nothing does: the file may be deleted at any time.
 *
 * Order: status_file_init(); change `now` and say status_file_changed(); status_file_write() each
 * time round the loop, which waits no longer than status_file_wait(); status_file_stop() at the
 * end. One thread.
 *
 * How often: a change is written at once when the last write is STATUS_EVERY_MS ago, else then;
 * without a change, once each heartbeat, so that its age tells of a worker that hangs.
 * Errors: as `struct error`. A write that fails leaves the file as it was and is tried again as
 * the next one is due: a full disk is no reason to stop looking.
 */
#ifndef WORKER_STATUS_FILE_H
#define WORKER_STATUS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "worker/latency.h"
#include "worker/status.h"

#define STATUS_FILE_NAME "status.json"
#define STATUS_EVERY_MS 250

struct status_file {
    struct worker_status now;    /* the caller's to change */
    struct latency_ring latency; /* likewise: latency_add() */
    const char *out;             /* borrowed; may be changed, too */
    bool changed, tried;         /* private from here */
    int64_t last_ms;             /* of the last try, by the caller's monotonic clock */
};

/* Fills `now` by status_init(). Writes nothing yet. */
void status_file_init(struct status_file *f, const char *out, const char *id);

void status_file_changed(struct status_file *f);

/* Writes if it is time, or if forced. now_ms: the monotonic clock. */
bool status_file_write(struct status_file *f, int64_t now_ms, bool forced, struct error *err);

/* Milliseconds until the next write is due, 0 = now. */
int64_t status_file_wait(const struct status_file *f, int64_t now_ms);

/* The last word: mode `stopped`. */
bool status_file_stop(struct status_file *f, int64_t now_ms, struct error *err);

/* Reads what is there. `found` is false, and that is no error, when there is none. */
bool status_file_read(const char *out, struct worker_status *s, bool *found, struct error *err);

#endif

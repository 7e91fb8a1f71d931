/* The thread that writes to the database what a worker has done: platen.release, platen.worker.
 *
 * For: people and programs that ask the database which worker printed what, how fast, and which
 * are alive. One row in platen.release for each look that made a release or failed, and for
 * each upload that changed something at the origin or failed; the worker's
 * row in platen.worker is renewed every RELEASELOG_BEAT_MS and whenever it says something new. The
 * leader trims both and the change log once a day, in batches, where its role may: platen_worker
 * may not, and leaves it to whoever owns them.
 * Where there are no such tables, or the role may not write them (platen_worker may, platen_reader
 * may not), nothing is written, nothing is said, and no connection is held.
 * Not for: anything that looks rely on. Rows wait in a short queue while the database is away;
 * what does not fit is lost, and counted.
 *
 * Order: releaselog_start(); releaselog_add(), releaselog_say(); releaselog_stop(), which gives
 * what is queued a second to be written. Neither of the others ever waits.
 * Ownership: all texts are copied; log and leader are borrowed.
 * Errors: said once, until it goes well again.
 */
#ifndef WORKER_RELEASELOG_H
#define WORKER_RELEASELOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "worker/leader.h"

#define RELEASELOG_BEAT_MS 10000
#define RELEASELOG_ERROR_MAX 512

struct releaselog;

struct releaselog_options {
    const char *conninfo;
    const char *id; /* of the worker */
    int64_t connect_ms;
    struct leader *leader; /* NULL: it never leads */
    struct log *log;
};

/* How a look or an upload ended. */
struct releaselog_entry {
    int64_t ended_ms;   /* pg_conn_clock() */
    const char *reason; /* look_reason_name(); of an upload "upload" */
    bool upload;        /* and then: pages none, changed and removed objects, bytes as sent */
    bool failed;
    const char
        *error; /* what failed, or is amiss all the same; NULL; cut to RELEASELOG_ERROR_MAX */
    bool incremental;
    uint64_t generation, pages, added, changed, removed, bytes;
    uint64_t requests; /* of an upload */
    double seconds;
    int64_t commit_to_printed_ms; /* -1: not known, likewise */
    int64_t commit_to_live_ms;
};

bool releaselog_start(struct releaselog **out, const struct releaselog_options *options,
                      struct error *err);
void releaselog_stop(struct releaselog *l); /* accepts NULL */

void releaselog_add(struct releaselog *l, const struct releaselog_entry *entry);

/* What the worker is at: a word such as "listening"; leadership and generation stand beside it. */
void releaselog_say(struct releaselog *l, const char *mode, bool leads, uint64_t generation);

#endif

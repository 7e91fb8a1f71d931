/* The thread that keeps the origin at the newest release.
 *
 * For: uploading beside the looks. Printing goes on while an upload runs or the origin is away; one
 * upload is in flight, and the next starts from the newest release, however many were printed
 * since: an outage of any length ends in one upload. A purge that failed is tried again on its own.
 * The leader uploads. Where nobody leads, as where all workers poll, any of them does: the origin's
 * claim (upload/claim.h) keeps them apart. A leader asks for its lock again before it claims the
 * origin and before it commits.
 * Not for: what an upload does (upload/upload.h).
 *
 * Order: uploader_start() where an origin is configured; uploader_wake() after each look and when
 * who leads has changed; uploader_stop(), which abandons what is in flight: the next upload, by
 * whichever worker, finishes it.
 * Ownership: config, log and leader are borrowed and must outlive it; conninfo is copied.
 * Errors: logged, and tried again with growing pauses.
 */
#ifndef WORKER_UPLOADER_H
#define WORKER_UPLOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "worker/leader.h"

struct uploader;

struct uploader_options {
    const struct config *config;
    const char *conninfo;
    struct leader *leader; /* NULL: this worker never leads */
    struct log *log;
};

/* For whoever tells people. */
struct uploader_state {
    bool running, behind; /* an upload is in flight; the newest release is not at the origin */
    uint64_t release;     /* generation in out/ that was uploaded last; 0: none yet */
    uint64_t uploads, failures, failures_in_row;
    bool held;
    char error[256]; /* of the last failure, "" after a success */
};

bool uploader_start(struct uploader **out, const struct uploader_options *options,
                    struct error *err);
void uploader_stop(struct uploader *u); /* accepts NULL */

/* generation: the newest release in out/, 0: as before. */
void uploader_wake(struct uploader *u, uint64_t generation);

void uploader_state(struct uploader *u, struct uploader_state *state);

#endif

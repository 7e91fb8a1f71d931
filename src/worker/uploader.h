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
 * What keeps nothing away from visitors keeps no newer release waiting either: a failed purge, and
 * a pin of somebody else, which is asked for again until it is gone.
 *
 * Order: uploader_start() where an origin is configured; uploader_wake() after each look,
 * uploader_lead() when who leads has changed; uploader_stop(), which abandons what is in flight:
 * the next upload, by whichever worker, finishes it.
 * Ownership: all but conninfo, which is copied, is borrowed and must outlive it.
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
#include "worker/mailbox.h"
#include "worker/releaselog.h"
#include "worker/status.h"

struct uploader;

struct uploader_options {
    const struct config *config;
    const char *conninfo;
    struct leader *leader; /* NULL: this worker never leads */
    struct releaselog *releaselog;
    struct mailbox *mailbox; /* gets EVENT_UPLOAD when the state has changed */
    struct log *log;
};

bool uploader_start(struct uploader **out, const struct uploader_options *options,
                    struct error *err);
void uploader_stop(struct uploader *u); /* accepts NULL */

/* In place of uploader_stop() and uploader_start(), where nothing but the configuration has
 * changed: what is counted goes on, unless it is another origin. False: it is stopped, and freed.
 */
bool uploader_config(struct uploader *u, const struct config *config, struct error *err);

/* generation: the newest release in out/, 0: as before. changed_ms: pg_conn_clock() at the commit
 * of the oldest change that it brought, 0: unknown. */
void uploader_wake(struct uploader *u, uint64_t generation, int64_t changed_ms);

/* Who leads has changed. A new leader asks the origin what is there: whoever led before may have
 * left an upload half done. Who leads no longer finds out who does. */
void uploader_lead(struct uploader *u);

/* For whoever tells people. */
void uploader_state(struct uploader *u, struct status_origin *state);

#endif

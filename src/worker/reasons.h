/* When to look, and why: the worker's judgement, without clock, threads or files of its own.
 *
 * For: the loop, which reports what happened and asks when the next look is due. Whatever happens
 * is only ever a reason to look, never more; reasons that come together are one look.
 * - Notifications wait for a quiet window (one click of an editor is one release), which a hard cap
 *   ends; so do changed files. All other reasons act at once.
 * - What comes while a look runs makes one more look after it, however much it was.
 * - A failed look is repeated, all files read anew, with growing pauses, shortened or lengthened a
 * little by chance, so that many workers do not come all at once. Meanwhile notifications cause at
 * most one look a second; a reconnect, changed files and commands act at once, since they may be
 * the mend.
 * - Without any other reason: a look every poll_ms, and a full one every full_every_ms.
 *
 * Order: reasons_init(); reasons_note() whenever something happens; sleep until reasons_next();
 * reasons_take(); run the look; reasons_done(). Nothing is due before the first note. Times are
 * milliseconds of any clock that never goes back; reports must not go back either.
 */
#ifndef WORKER_REASONS_H
#define WORKER_REASONS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/backoff.h"

#define REASONS_NEVER INT64_MAX

enum look_reason {
    LOOK_START,
    LOOK_NOTIFIED,
    LOOK_DUE,
    LOOK_POLL,
    LOOK_RECONNECT,
    LOOK_RELOAD,
    LOOK_FULL,
    LOOK_RETRY,
    LOOK_COMMAND,
};

struct reasons_options {
    int64_t quiet_ms, quiet_max_ms;
    int64_t poll_ms, full_every_ms;
};

/* One look to make. */
struct look_order {
    enum look_reason reason; /* the weightiest one */
    bool full;               /* read everything, whatever the change log says */
    bool reload;             /* configuration, templates or queries may have changed */
    uint64_t hints;          /* notifications it answers */
    int64_t since_ms;        /* when its oldest reason was noted */
};

struct reasons {
    struct reasons_options options;
    bool begun; /* something was noted once */

    bool wanted, at_once, mends; /* what was noted since the last look began */
    struct look_order want;
    int64_t last_ms;

    bool looking;
    struct look_order running;
    int64_t running_since;

    bool owes_full, owes_reload; /* after a failed look */
    struct backoff backoff;      /* its failures: in a row */
    int64_t retry_ms, pause_until_ms;
    int64_t ended_ms, full_ms;
};

/* seed: different in each worker. */
void reasons_init(struct reasons *r, const struct reasons_options *options, uint64_t seed);
void reasons_set_options(struct reasons *r, const struct reasons_options *options);

/* Something happened `count` times, for the last time now. Not LOOK_POLL, _FULL and _RETRY, which
 * are found out here. */
void reasons_note(struct reasons *r, enum look_reason reason, uint64_t count, int64_t now_ms);

/* When reasons_take() will give an order; REASONS_NEVER while a look runs. */
int64_t reasons_next(const struct reasons *r);

/* True: *order is to be carried out now, and reasons_done() called after it. */
bool reasons_take(struct reasons *r, int64_t now_ms, struct look_order *order);

/* full: whether the look read everything (it may have to without having been told). */
void reasons_done(struct reasons *r, bool ok, bool full, int64_t now_ms);

/* "start", "notified", ... */
const char *look_reason_name(enum look_reason reason);

#endif

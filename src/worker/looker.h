/* The thread that looks.
 *
 * For: running one look at a time beside the loop, so that signals and notifications are heard
 * meanwhile. It alone calls the press. Not for: when (worker/reasons.h).
 *
 * Order: looker_start(); looker_look() when no look runs; EVENT_LOOKED comes; looker_take() gives
 * the result; the next. looker_stop() waits for the look that runs: a look is never left half way.
 * Ownership: the configuration given to looker_look() is borrowed until looker_forget() or
 * looker_stop(); the result belongs to whoever took it (press_result_release()).
 */
#ifndef WORKER_LOOKER_H
#define WORKER_LOOKER_H

#include <stdbool.h>

#include "base/error.h"
#include "config/config.h"
#include "press/press.h"
#include "worker/mailbox.h"
#include "worker/reasons.h"

struct looker;

/* How a look ended. */
struct looked {
    struct look_order order;
    bool ok;
    bool full;        /* it read everything */
    struct error err; /* when not ok */
    struct press_result result;
};

bool looker_start(struct looker **out, struct mailbox *mb, struct error *err);
void looker_stop(struct looker *l); /* accepts NULL */

/* Milliseconds from the oldest change that the look has printed to its end, which is at_ms: from
 * its commit where the change log tells when that was (by the statement, a little before), else
 * from the notification. -1: nothing was printed, or nobody knows. */
int64_t looked_latency(const struct looked *looked, int64_t at_ms);

/* after: as in press/press.h, copied; "" = NULL. */
void looker_look(struct looker *l, const struct config *config, const struct look_order *order,
                 const char *after);
/* Templates, static files and configuration are read again by the next look. Before the old
 * configuration is released, and not while a look runs. */
void looker_forget(struct looker *l);

void looker_take(struct looker *l, struct looked *looked);

/* When the look that runs last took a step, by pg_conn_clock(). */
int64_t looker_step_ms(struct looker *l);

#endif

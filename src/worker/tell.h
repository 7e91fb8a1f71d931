/* What the worker tells others of itself: out/status.json for people and programs, the service
 * manager by its socket.
 *
 * For: the loop, which calls one function for each thing that happens and tell_turn() each time
 * round. Not for: the log (worker/report.h), nor for deciding anything: whatever fails here is a
 * line of the log, and the worker goes on.
 *
 * Order: tell_open() before any thread begins; tell_...(); tell_close() at the end. One thread.
 *
 * A worker is ready when its first look has ended, well or not: one that repeats a look that failed
 * is at work, and what was printed before is still there.
 * A look is stuck when it has not ended after all the time that its deadlines and
 * listen.stuck_after allow, counted from its last step on. Then the status says so and the watchdog
 * is not fed.
 */
#ifndef WORKER_TELL_H
#define WORKER_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "config/config.h"
#include "worker/listener.h"
#include "worker/looker.h"
#include "worker/notify_socket.h"
#include "worker/reasons.h"
#include "worker/status_file.h"

struct tell {
    struct log *log;
    struct status_file *file;
    struct notify_socket notify;
    bool ready, reloading, has_log;
    int64_t page_due; /* when a page changes by the clock alone, since 1970; 0 = never */
    int64_t stuck_ms; /* how long a look may be without a step */
};

void tell_open(struct tell *t, const struct config *config, const char *id, struct log *log);
void tell_close(struct tell *t); /* the last word, if it was opened */

/* Another configuration is in force, and borrowed until the next one is. */
void tell_config(struct tell *t, const struct config *config);

void tell_notified(struct tell *t, uint64_t count);
void tell_listener(struct tell *t, const struct listener_state *state);
/* Whether the database has a change log, whose triggers notify. */
void tell_log(struct tell *t, bool has_log);
void tell_leader(struct tell *t, bool leader);
/* schedule: the next one, in milliseconds since 1970, 0 = none is due; overdue: locales, -1 =
 * unknown. Pages that change by the clock are known from looks. */
void tell_due(struct tell *t, int64_t schedule, int64_t overdue);
/* As it is now: each time round. */
void tell_origin(struct tell *t, const struct status_origin *origin);
void tell_reloading(struct tell *t);
void tell_stopping(struct tell *t);

void tell_looking(struct tell *t);
/* After reasons_done(). at_ms: when it ended, by pg_conn_clock(). */
void tell_looked(struct tell *t, const struct looked *looked, int64_t at_ms);

/* Writes and feeds what is due. step_ms: of the look that runs, the last sign of life; 0 = none
 * runs. */
void tell_turn(struct tell *t, const struct reasons *r, int64_t step_ms);

/* Milliseconds until tell_turn() is wanted again. */
int64_t tell_wait(const struct tell *t);

#endif

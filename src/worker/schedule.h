/* The thread that waits for due times.
 *
 * For: what changes by the clock alone. On a connection of its own, with deadlines of its own, it
 * - asks the view listen.due when the next schedule is due, sleeps until then by the clock of the
 * database, and calls public.process_scheduled_publishes(): no pg_cron is needed, and one that is
 * there does no harm, since each schedule is done once whoever calls;
 * - posts EVENT_DUE when schedules were done, and when the moment has come at which a page changes
 *   without them, as the last look found it (next_change_at).
 * The leader publishes. Another worker does so when nobody leads, as where all of them poll, and
 * when what is due has been left for DUE_GRACE: the leader may not, or hangs.
 * A database without that view and function (another schema, a standby) or a role that may not use
 * them is nothing to complain about: what is due is then counted, as far as it can be seen, and
 * left to others.
 * Not for: looking.
 *
 * Order: schedule_start(); schedule_wake() when anything may have been scheduled, schedule_looked()
 * after each look; schedule_stop(), which takes no longer than some tenths of a second.
 * Ownership: conninfo is copied; mailbox, log and leader are borrowed.
 * Errors: logged, and tried again with growing pauses.
 */
#ifndef WORKER_SCHEDULE_H
#define WORKER_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "worker/leader.h"
#include "worker/mailbox.h"

struct schedule;

struct schedule_options {
    const char *conninfo;
    int64_t connect_ms;
    const char *due;       /* SCHEMA.NAME, checked, or "" */
    bool publish;          /* false: only wait and count */
    struct leader *leader; /* of this worker; NULL: it never leads */
    struct mailbox *mailbox;
    struct log *log;
};

/* For whoever tells people. */
struct schedule_state {
    bool connected;
    bool visible;       /* due times can be seen here; what follows is known then */
    bool may_publish;   /* the function is there, and the role may call it */
    int64_t next;       /* milliseconds since 1970 by the database's clock, 0: nothing is due */
    uint64_t overdue;   /* locales with something due and not done */
    int64_t overdue_at; /* since when, 0: none */
    uint64_t done;      /* schedules this worker has finished so far */
};

bool schedule_start(struct schedule **out, const struct schedule_options *options,
                    struct error *err);
void schedule_stop(struct schedule *s); /* accepts NULL */

void schedule_state(struct schedule *s, struct schedule_state *state);

/* Something may have been scheduled, or who leads has changed. */
void schedule_wake(struct schedule *s);

/* A look that began at began_ms (pg_conn_clock()) found this (press_result), or NULL. */
void schedule_looked(struct schedule *s, const char *next_change_at, int64_t began_ms);

#endif

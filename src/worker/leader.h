/* Leadership among the workers of one database.
 *
 * For: what only one of them should do: schedules first (worker/schedule.h), upkeep of the logs,
 * later what goes to an origin that all share. Every worker prints its own out/ without asking.
 * The rule is in worker/lease.h; here it meets the server: the lock is an advisory lock of the
 * session that listens, and beats are notifications sent by that session, so that the lock and the
 * sign of life cannot part. A worker that does not listen on a session of its own never leads.
 * Not for: being sure. Between asking and acting a leader can lose its session; what must not be
 * done by two takes leader_still_holds() right before, and a lock of its own kind besides.
 *
 * Order: leader_new(); leader_guest() goes to the listener, which calls the rest on its thread;
 * leader_free() when the listener has stopped.
 * Ownership: id is copied, mailbox and log are borrowed.
 * Errors: a lost connection is the listener's to report. What the server refuses (a holder of
 * another role that may not be ended, a full queue of notifications) is logged and tried again.
 */
#ifndef WORKER_LEADER_H
#define WORKER_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "pg/conn.h"
#include "worker/listener.h"
#include "worker/mailbox.h"

struct leader;

struct leader_options {
    const char *id; /* of this worker; no two have the same */
    struct mailbox *mailbox;
    struct log *log;
};

struct leader *leader_new(const struct leader_options *options);
void leader_free(struct leader *l); /* accepts NULL */

struct listener_guest leader_guest(struct leader *l);

/* What follows may be called from any thread. */

/* Whether this worker leads, as far as is known: the server said so within the last seconds. */
bool leader_leads(struct leader *l);

/* Asks the server whether any worker of this database leads. c: as below. */
bool leader_anywhere(struct pg_conn *c, bool *led, struct error *err);

/* Asks the server whether the session that took the lock still holds it. c: any session of the same
 * database on the primary, other than the listening one unless by its thread. */
bool leader_still_holds(struct leader *l, struct pg_conn *c, bool *holds, struct error *err);

#endif

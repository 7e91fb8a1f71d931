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
 * Order: leader_new(); by the thread that listens: LISTEN on LEADER_CHANNEL, leader_listening()
 * when the connection has proved to hear, leader_tick() when it asked to be called,
 * leader_heard() for every notification of the channel, then leader_tick() again, leader_lost()
 * when the connection is gone or deaf. leader_free() when no thread uses it any longer.
 * Between a query on the connection and its answer notifications may arrive: whoever measures
 * whether the idle connection hears (a transaction pooler hands notifications out with answers)
 * does so before leader_listening(), and without ticks in between.
 * Ownership: id is copied; the connection belongs to the caller, mailbox and log are borrowed.
 * Errors: leader_tick() fails when the connection is lost. What the server refuses (a holder of
 * another role that may not be ended, a full queue) is logged and tried again.
 */
#ifndef WORKER_LEADER_H
#define WORKER_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "pg/conn.h"
#include "worker/mailbox.h"

#define LEADER_CHANNEL "platen_worker"

struct leader;

struct leader_options {
    const char *id; /* of this worker; no two have the same */
    struct mailbox *mailbox;
    struct log *log;
};

struct leader *leader_new(const struct leader_options *options);
void leader_free(struct leader *l); /* accepts NULL */

/* --- the thread that listens -------------------------------------------------------------- */

void leader_listening(struct leader *l, int64_t now);
void leader_lost(struct leader *l);

/* Does what is due. *next: when to call again (pg_conn_clock()). */
bool leader_tick(struct leader *l, struct pg_conn *c, int64_t *next, struct error *err);

/* The text comes from anybody. True: call leader_tick() now. */
bool leader_heard(struct leader *l, const char *text);

/* --- any thread --------------------------------------------------------------------------- */

/* Whether this worker leads, as far as is known: the server said so within the last seconds. */
bool leader_leads(struct leader *l);

/* Asks the server whether the session that took the lock still holds it. c: any session of the same
 * database on the primary, other than the listening one unless by its thread. */
bool leader_still_holds(struct leader *l, struct pg_conn *c, bool *holds, struct error *err);

#endif

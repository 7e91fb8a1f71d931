/* The thread of the connection that listens.
 *
 * For: being told of changes. It connects, listens, and posts EVENT_LISTENING once LISTEN is
 * committed (what was committed before is then found by a look, what comes later is heard),
 * EVENT_NOTIFIED for what it hears, EVENT_LOST when the connection cannot be had or ends; then it
 * connects again, with growing pauses.
 * What a notification says is never read: anybody may send one. No transaction is ever open on the
 * connection, and every wait has a deadline.
 *
 * Proof of life: from time to time it notifies itself from another session (worker/echo.h), with a
 * number nobody can guess. An echo that is not heard in time ends the connection. Two connections
 * in a row that never heard one mean that notifications cannot arrive on this way, as through a
 * pooler in transaction mode: EVENT_DEAF, as on a standby, where there is no LISTEN. Then it says
 * once how to mend it, closes the connection, and tries again from time to time.
 *
 * A guest shares the connection: leadership holds a lock in its session. It is let in when the
 * connection is proven, and called on the listener's thread only.
 *
 * Not for: deciding anything (worker/reasons.h).
 *
 * Order: listener_start(), listener_stop(), which takes no longer than some tenths of a second.
 * Ownership: all that the options name is borrowed until listener_stop(), except conninfo and id,
 * which are copied.
 */
#ifndef WORKER_LISTENER_H
#define WORKER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "pg/conn.h"
#include "worker/mailbox.h"

struct listener;

/* Its functions may be NULL. */
struct listener_guest {
    void *payload;
    /* The connection is there and proven; called once for each. */
    void (*joined)(void *payload);
    /* May use the connection, shortly, and leave no transaction open. *again_ms: when to be called
     * next at the latest, of pg_conn_clock(). False, with err set: give the connection up. */
    bool (*turn)(void *payload, struct pg_conn *c, int64_t *again_ms, struct error *err);
    /* Something came on ECHO_CHANNEL that is no echo of ours. Hostile. turn() follows. */
    void (*heard)(void *payload, const char *text);
    /* The connection has ended; called after joined() only. */
    void (*left)(void *payload);
};

struct listener_options {
    const char *conninfo;
    const char *id;       /* the worker's */
    const char *channels; /* that count as well where there is no change log: names, checked, with
                             blanks between */
    int64_t connect_ms;
    int64_t echo_every_ms, echo_wait_ms;
    int64_t retry_ms; /* on a standby: how often to see whether it still is one; a pooler is tried
                         less often */
    struct mailbox *mailbox;
    struct log *log;
    struct listener_guest guest;
};

enum listener_mode { LISTENER_CONNECTING, LISTENER_LISTENING, LISTENER_LOST, LISTENER_DEAF };

/* Bytes of a position in the primary's log, as text. */
#define LISTENER_POSITION_MAX 32

/* For whoever tells people. */
struct listener_state {
    enum listener_mode mode;
    uint64_t connections;     /* that listened, so far */
    char why[ERROR_TEXT_MAX]; /* of LOST and DEAF */
};

bool listener_start(struct listener **out, const struct listener_options *options,
                    struct error *err);
void listener_stop(struct listener *l); /* accepts NULL */

void listener_state(struct listener *l, struct listener_state *state);

/* Where the primary's log was when the last notification had come: a standby that has not replayed
 * this far does not have what was notified. "" when it is not known. It is asked for with each
 * connection, and with each notification only once it is wanted. */
void listener_position(struct listener *l, char position[LISTENER_POSITION_MAX]);
void listener_want_positions(struct listener *l, bool wanted);

/* Calls the guest's turn() soon. From any thread. */
void listener_wake(struct listener *l);

#endif

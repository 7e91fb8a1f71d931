/* Waiting for notifications on a connection that does nothing else at that moment.
 *
 * For: a session that has done LISTEN. The wait ends by a notification, by a descriptor of the
 * caller (an eventfd, say), by its deadline, or by the connection's end; never later.
 * Not for: what a notification means. Channel and payload come from whoever may connect: hostile.
 *
 * Order: pg_conn_run("LISTEN ..."), then pg_listen_wait() again and again, with other queries in
 * between as needed: notifications that came with their answers are handed over by the next wait.
 * Errors: PG_LISTEN_LOST with err set; the connection is given up then, see pg/conn.h.
 */
#ifndef PG_LISTEN_H
#define PG_LISTEN_H

#include "pg/conn.h"

enum pg_listen_end {
    PG_LISTEN_HEARD,    /* at least one notification was handed over */
    PG_LISTEN_WOKEN,    /* wake_fd is readable */
    PG_LISTEN_DEADLINE, /* nothing until then */
    PG_LISTEN_LOST,
};

/* Both texts end with the call. */
typedef void pg_listen_fn(void *payload, const char *channel, const char *text);

/* deadline: of pg_conn_clock(); one that has passed only collects what is there. */
enum pg_listen_end pg_listen_wait(struct pg_conn *c, int wake_fd, int64_t deadline,
                                  pg_listen_fn *heard, void *payload, struct error *err);

#endif

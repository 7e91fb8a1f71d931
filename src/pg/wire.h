/* What conn.c and rows.c share: sending without blocking and waiting with a deadline.
 *
 * Not for anybody outside src/pg/.
 */
#ifndef PG_WIRE_H
#define PG_WIRE_H

#include "pg/conn.h"

#define PG_KEPT_MAX 16

struct pg_conn {
    PGconn *pq; /* NULL once the connection was given up */
    int64_t wait_ms;
    const atomic_bool *stop; /* or NULL */
    pg_notice_fn *notice;
    void *payload;
    char sqlstate[6];
    char farewell[200];      /* what the server said when it ended the idle session, or "" */
    struct error lost;       /* why pq is NULL */
    char *kept[PG_KEPT_MAX]; /* texts of statements the server keeps, as platen_0, ... */
    size_t n_kept;
};

/* poll() until the socket is ready or the deadline (0: never) has passed; false: it has, or *stop
 * (NULL: no such thing) became true. */
bool pg_wire_poll(int fd, short events, int64_t deadline, const atomic_bool *stop);

/* Fails when the connection was given up before. */
bool pg_wire_usable(struct pg_conn *c, struct error *err);

/* `sent` is what a PQsend... function returned; sets the error when it is 0. */
bool pg_wire_sent(struct pg_conn *c, int sent, struct error *err);

/* Sends one statement with text parameters; of one to keep, prepares it first. False: see err. */
bool pg_wire_send(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                  int n_params, struct error *err);

/* The next result, *out NULL when the query is finished. Deadline: wait_ms from now on. */
bool pg_wire_next(struct pg_conn *c, PGresult **out, struct error *err);

/* Fetches and drops results until the query is finished. */
bool pg_wire_drain(struct pg_conn *c, struct error *err);

/* Closes the connection at once and remembers err's text as the reason. Returns false. */
bool pg_wire_give_up(struct pg_conn *c, const struct error *err);

/* Fills err from a failed result (or, res NULL, from the connection). Returns false. */
bool pg_wire_report(struct pg_conn *c, const struct pg_sql *sql, const PGresult *res,
                    struct error *err);

#endif

/* One connection to PostgreSQL on which no call can wait for ever.
 *
 * For: connecting, and single queries whose result is small. libpq is used only in its asynchronous
 * form: every wait is a poll() with a deadline, also while connecting (name resolution included).
 * Statements are unnamed, so that a transaction pooler in between does no harm.
 * Not for: reading many rows (pg/rows.h), nor for knowing any SQL of the site.
 *
 * Order: pg_conn_open(); queries one after another; pg_conn_close().
 * Ownership: a PGresult handed out belongs to the caller (PQclear). The connection is not shared
 * between threads.
 * Errors: ERROR_FAILED with the server's words, SQLSTATE, detail and hint; where the server gives a
 * position and the text came from a file, "file:line:column: " stands in front. A password is never
 * part of a message. A query that misses its deadline, and a callback that says stop, end the
 * connection: every later call fails with the same reason; only pg_conn_close() is left.
 */
#ifndef PG_CONN_H
#define PG_CONN_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pg_conn;

/* A text to run and where it came from. Zero what does not apply. */
struct pg_sql {
    const char *text;      /* what is sent, terminated */
    const char *file;      /* NULL: written by platen itself, positions are not shown */
    unsigned line, column; /* where the text starts in the file; 0 counts as 1 */
    size_t lead;           /* characters of the text before the part that stands in the file */
    size_t shown;          /* characters of that part; 0: to the end */
    bool keep;             /* with parameters: planned once, and kept by the server for this very
                              text. Only where pg_conn_is_direct(): a pooler gives the next
                              transaction to another server process, which knows nothing of it */
};

#define PG_SQL(sql)                                                                                \
    (struct pg_sql)                                                                                \
    {                                                                                              \
        .text = (sql)                                                                              \
    }

/* severity is never localized ("NOTICE", "WARNING"); text is the server's message, one line. */
typedef void pg_notice_fn(void *payload, const char *severity, const char *text);

struct pg_options {
    int64_t connect_ms; /* over all hosts together; 0: 10 s */
    int64_t wait_ms;    /* longest silence while a query runs; 0: as long as the peer is alive */
    const char *application;   /* application_name where the string has none; NULL: platen */
    const char *session_attrs; /* target_session_attrs where the string has none; NULL: libpq's */
    const atomic_bool *stop; /* true: whatever is waited for has missed its deadline, some tenths of
                                a second later at most; or NULL */
    pg_notice_fn *notice;    /* NULL: notices are dropped */
    void *payload;
};

/* conninfo: a URL, "key=value ..." or "" (libpq's environment decides). */
bool pg_conn_open(struct pg_conn **out, const char *conninfo, const struct pg_options *options,
                  struct error *err);
void pg_conn_close(struct pg_conn *c); /* accepts NULL */

/* From now on, the longest silence (see pg_options). */
void pg_conn_set_wait(struct pg_conn *c, int64_t wait_ms);

/* Runs one or more statements separated by ';' in one message; results are dropped except the last
 * one that has rows, which *out receives when out is not NULL (NULL when none has rows). */
bool pg_conn_run(struct pg_conn *c, const struct pg_sql *sql, PGresult **out, struct error *err);

/* Runs exactly one statement with text parameters ($1...; NULL = SQL null). *out as above. */
bool pg_conn_query(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                   int n_params, PGresult **out, struct error *err);

/* Asks the server which columns the (one) statement would give, without running it. */
bool pg_conn_describe(struct pg_conn *c, const struct pg_sql *sql, PGresult **out,
                      struct error *err);

/* A reported parameter ("server_version", "client_encoding", ...), or NULL. */
const char *pg_conn_parameter(const struct pg_conn *c, const char *name);
int pg_conn_version(const struct pg_conn *c); /* 150004 */

/* False when what the server says of the session shows that a pooler stands in between. */
bool pg_conn_is_direct(const struct pg_conn *c, const char *backend_pid);

/* SQLSTATE of the last failure the server reported, "" when it was none of the server's. */
const char *pg_conn_sqlstate(const struct pg_conn *c);

/* Milliseconds of the monotonic clock, by which all waits are measured. */
int64_t pg_conn_clock(void);

#endif

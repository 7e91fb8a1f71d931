#include "pg/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pg/connect.h"
#include "pg/wire.h"

#define CONNECT_MS_DEFAULT 10000

static void take_notice(void *payload, const PGresult *res)
{
    struct pg_conn *c = payload;
    const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (text != NULL && severity != NULL && strcmp(severity, "FATAL") == 0)
        snprintf(c->farewell, sizeof(c->farewell), "%s", text);
    if (c->notice != NULL && text != NULL)
        c->notice(c->payload, severity != NULL ? severity : "NOTICE", text);
}

bool pg_conn_open(struct pg_conn **out, const char *conninfo, const struct pg_options *options,
                  struct error *err)
{
    *out = NULL;
    int64_t connect_ms = options->connect_ms > 0 ? options->connect_ms : CONNECT_MS_DEFAULT;
    PGconn *pq = pg_connect(conninfo, options, connect_ms, err);
    if (pq == NULL)
        return false;
    struct pg_conn *c = mem_calloc(1, sizeof(*c));
    c->pq = pq;
    c->wait_ms = options->wait_ms;
    c->stop = options->stop;
    c->notice = options->notice;
    c->payload = options->payload;
    PQsetNoticeReceiver(pq, take_notice, c);
    *out = c;
    return true;
}

void pg_conn_close(struct pg_conn *c)
{
    if (c == NULL)
        return;
    if (c->pq != NULL)
        PQfinish(c->pq);
    for (size_t i = 0; i < c->n_kept; i++)
        free(c->kept[i]);
    free(c);
}

void pg_conn_set_wait(struct pg_conn *c, int64_t wait_ms)
{
    c->wait_ms = wait_ms;
}

const char *pg_conn_parameter(const struct pg_conn *c, const char *name)
{
    return c->pq != NULL ? PQparameterStatus(c->pq, name) : NULL;
}

int pg_conn_version(const struct pg_conn *c)
{
    return c->pq != NULL ? PQserverVersion(c->pq) : 0;
}

bool pg_conn_is_direct(const struct pg_conn *c, const char *backend_pid)
{
    return c->pq == NULL || PQbackendPID(c->pq) == atoi(backend_pid);
}

const char *pg_conn_sqlstate(const struct pg_conn *c)
{
    return c->sqlstate;
}

/* COPY needs a partner that platen is not: the protocol cannot go on. */
static bool refuse_copy(struct pg_conn *c, const struct pg_sql *sql, struct error *err)
{
    error_set(err, ERROR_USAGE, "COPY from or to the client is not possible here");
    if (sql->file != NULL)
        error_context(err, "%s:%u", sql->file, sql->line > 0 ? sql->line : 1);
    return pg_wire_give_up(c, err);
}

/* Takes every result of what was sent; keeps the last one with rows. */
static bool collect(struct pg_conn *c, const struct pg_sql *sql, PGresult **out, struct error *err)
{
    PGresult *kept = NULL, *res = NULL;
    bool ok = true;
    for (;;) {
        struct error later = ERROR_INIT;
        if (!pg_wire_next(c, &res, ok ? err : &later)) {
            ok = false;
            break;
        }
        if (res == NULL)
            break;
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            if (ok)
                ok = pg_wire_report(c, sql, res, err);
        } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT ||
                   status == PGRES_COPY_BOTH) {
            ok = refuse_copy(c, sql, ok ? err : &later);
            PQclear(res);
            break;
        } else if (PQnfields(res) > 0) {
            PQclear(kept);
            kept = res;
            res = NULL;
        }
        PQclear(res);
    }
    if (ok && out != NULL) {
        *out = kept;
        kept = NULL;
    }
    PQclear(kept);
    return ok;
}

bool pg_conn_run(struct pg_conn *c, const struct pg_sql *sql, PGresult **out, struct error *err)
{
    if (out != NULL)
        *out = NULL;
    return pg_wire_usable(c, err) && pg_wire_sent(c, PQsendQuery(c->pq, sql->text), err) &&
           collect(c, sql, out, err);
}

bool pg_conn_query(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                   int n_params, PGresult **out, struct error *err)
{
    if (out != NULL)
        *out = NULL;
    return pg_wire_send(c, sql, params, n_params, err) && collect(c, sql, out, err);
}

/* The number of the kept statement; PG_KEPT_MAX: there is no more room. */
static bool keep(struct pg_conn *c, const struct pg_sql *sql, size_t *number, char name[24],
                 struct error *err)
{
    for (*number = 0; *number < c->n_kept; (*number)++)
        if (strcmp(c->kept[*number], sql->text) == 0)
            break;
    snprintf(name, 24, "platen_%zu", *number);
    if (*number < c->n_kept || *number == PG_KEPT_MAX)
        return true;
    if (!pg_wire_sent(c, PQsendPrepare(c->pq, name, sql->text, 0, NULL), err) ||
        !collect(c, sql, NULL, err))
        return false;
    c->kept[c->n_kept++] = mem_strdup(sql->text);
    return true;
}

bool pg_wire_send(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                  int n_params, struct error *err)
{
    size_t number = PG_KEPT_MAX;
    char name[24];
    if (!pg_wire_usable(c, err) || (sql->keep && !keep(c, sql, &number, name, err)))
        return false;
    int sent = number < PG_KEPT_MAX
                   ? PQsendQueryPrepared(c->pq, name, n_params, params, NULL, NULL, 0)
                   : PQsendQueryParams(c->pq, sql->text, n_params, NULL, params, NULL, NULL, 0);
    return pg_wire_sent(c, sent, err);
}

bool pg_conn_describe(struct pg_conn *c, const struct pg_sql *sql, PGresult **out,
                      struct error *err)
{
    *out = NULL;
    return pg_wire_usable(c, err) &&
           pg_wire_sent(c, PQsendPrepare(c->pq, "", sql->text, 0, NULL), err) &&
           collect(c, sql, NULL, err) && pg_wire_sent(c, PQsendDescribePrepared(c->pq, ""), err) &&
           collect(c, sql, out, err);
}

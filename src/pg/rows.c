#include "pg/rows.h"

#include "pg/wire.h"

static bool take(struct pg_conn *c, const struct pg_sql *sql, const PGresult *res, pg_row_fn *row,
                 void *payload, uint64_t *count, struct error *err)
{
    switch (PQresultStatus(res)) {
    case PGRES_SINGLE_TUPLE:
        (*count)++;
        if (row != NULL && !row(payload, res, err))
            return pg_wire_give_up(c, err);
        return true;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        return true;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        error_set(err, ERROR_USAGE, "%s%sCOPY from or to the client is not possible here",
                  sql->file != NULL ? sql->file : "", sql->file != NULL ? ": " : "");
        return pg_wire_give_up(c, err);
    default:
        return pg_wire_report(c, sql, res, err);
    }
}

bool pg_rows_read(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                  int n_params, pg_row_fn *row, void *payload, uint64_t *count, struct error *err)
{
    uint64_t n = 0;
    PGresult *res = NULL;
    bool ok = true;
    if (!pg_wire_send(c, sql, params, n_params, err))
        return false;
    PQsetSingleRowMode(c->pq);
    do {
        struct error later = ERROR_INIT; /* the first failure is the one to tell */
        if (!pg_wire_next(c, &res, ok ? err : &later))
            return false;
        if (res != NULL && ok)
            ok = take(c, sql, res, row, payload, &n, err);
        PQclear(res);
    } while (res != NULL && c->pq != NULL);
    if (count != NULL)
        *count = n;
    return ok;
}

/* The snapshot in PostgreSQL: one transaction, one query for each page set. */
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "pg/conn.h"
#include "pg/rows.h"
#include "source/convert.h"
#include "source/database.h"

#define SERVER_OLDEST 130000 /* pg_current_snapshot() */
#define WAIT_GRACE_MS 5000   /* the server's own timeout speaks first */
#define CLOSE_WAIT_MS 2000

/* --- the transaction ---------------------------------------------------------------------- */

/* The same bytes whatever the role's or database's settings. pg_catalog comes first, so that no
 * function or operator of another schema can take a built-in's place, and pg_temp last. */
static const char BEGIN[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    "SET LOCAL statement_timeout = %lld;"
    "SET LOCAL search_path = pg_catalog, public, pg_temp;"
    "SET LOCAL standard_conforming_strings = on;"
    "SET LOCAL client_encoding = '%s';"
    "SET LOCAL TimeZone = 'UTC';"
    "SET LOCAL DateStyle = 'ISO, YMD';"
    "SET LOCAL IntervalStyle = 'iso_8601';"
    "SET LOCAL extra_float_digits = 1;"
    "SET LOCAL bytea_output = 'hex';"
    "SET LOCAL xmlbinary = 'base64';"
    "SET LOCAL lc_monetary = 'C';"
    "SET LOCAL lc_numeric = 'C';"
    "SET LOCAL lc_time = 'C';"
    "SET LOCAL quote_all_identifiers = off;"
    "SET LOCAL row_security = on;"
    "SET LOCAL transform_null_equals = off;"
    "SET LOCAL jit = off;"
    "SELECT pg_current_snapshot()::text, current_database()::text,"
    " to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
    " pg_is_in_recovery(), pg_backend_pid()";

/* A role may be kept from these functions, and some hosted servers lack them: then the server's
 * identity stays unknown, and nobody trusts a recorded snapshot. */
static const char IDENTITY[] =
    "SAVEPOINT platen_identity;"
    "SELECT s.system_identifier::text, CASE WHEN pg_is_in_recovery() THEN c.timeline_id ELSE"
    " ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END::text"
    " FROM pg_control_system() AS s, pg_control_checkpoint() AS c;"
    "RELEASE SAVEPOINT platen_identity";

static const char *keep(struct database *d, const PGresult *res, int column)
{
    if (PQntuples(res) != 1 || PQgetisnull(res, 0, column))
        return NULL;
    return arena_strdup(&d->snapshot, PQgetvalue(res, 0, column));
}

static bool begin(struct database *d, struct error *err)
{
    struct source_info *info = &d->common.info;
    PGresult *res = NULL;
    char sql[sizeof(BEGIN) + 40];
    /* a SQL_ASCII database cannot convert: asked for UTF-8 it fails at the first row that is none,
     * and every other row with it; so its bytes come as they are and are checked here */
    const char *encoding = pg_conn_parameter(d->conn, "server_encoding");
    bool raw = encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
    snprintf(sql, sizeof(sql), BEGIN, (long long)d->common.cfg->statement_timeout_ms,
             raw ? "SQL_ASCII" : "UTF8");
    if (!pg_conn_run(d->conn, &PG_SQL(sql), &res, err) || res == NULL)
        return error_context(err, "cannot begin the reading transaction");
    info->snapshot = keep(d, res, 0);
    info->database = keep(d, res, 1);
    info->postmaster_start = keep(d, res, 2);
    info->in_recovery = PQgetvalue(res, 0, 3)[0] == 't';
    d->direct = pg_conn_is_direct(d->conn, PQgetvalue(res, 0, 4));
    info->server_version = pg_conn_version(d->conn);
    PQclear(res);
    d->open = true;
    return true;
}

static bool identify(struct database *d, struct error *err)
{
    PGresult *res = NULL;
    struct error denied = ERROR_INIT;
    if (!pg_conn_run(d->conn, &PG_SQL(IDENTITY), &res, &denied))
        return pg_conn_run(d->conn, &PG_SQL("ROLLBACK TO SAVEPOINT platen_identity"), NULL, err);
    d->common.info.system_identifier = keep(d, res, 0);
    d->common.info.timeline = keep(d, res, 1);
    PQclear(res);
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

const char *database_query_path(struct database *d, const struct config_page_set *set)
{
    const char *dir = d->common.cfg->dir;
    if (set->query[0] == '/' || dir == NULL || strcmp(dir, ".") == 0)
        return set->query;
    return arena_printf(&d->common.arena, "%s/%s", dir, set->query);
}

static bool is_missing_object(const char *sqlstate)
{
    static const char *const states[] = {"42P01", "42883", "3F000"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(sqlstate, states[i]) == 0)
            return true;
    return false;
}

bool database_advice(const struct database *d, int64_t started, struct error *err)
{
    const char *state = pg_conn_sqlstate(d->conn);
    int64_t timeout = d->common.cfg->statement_timeout_ms;
    struct error what = *err;
    if (strcmp(state, "57014") == 0 && timeout > 0 && pg_conn_clock() - started >= timeout)
        return error_set(err, what.kind,
                         "%s\n  hint: database.statement_timeout is %.1f s, the printing of the "
                         "rows included; make the query faster or raise it",
                         what.text, (double)timeout / 1000);
    if (is_missing_object(state))
        return error_set(err, what.kind,
                         "%s\n  hint: has 'platen migrate' been run on database \"%s\"?", what.text,
                         d->common.info.database);
    return false;
}

static bool database_columns(struct source *s, size_t index, struct error *err)
{
    struct database *d = (struct database *)s;
    struct query *q = &d->queries[index];
    PGresult *res = NULL;
    if (!query_load(q, &s->arena, database_query_path(d, &s->cfg->sets[index]), err))
        return false;
    int64_t started = pg_conn_clock();
    if (!pg_conn_describe(d->conn, &q->own, &res, err))
        return database_advice(d, started, err);
    bool ok = query_describe(q, &s->arena, res, s->cfg->max_row_bytes, err);
    PQclear(res);
    if (!ok)
        return false;
    s->columns[index].n = q->n;
    s->columns[index].names = q->names;
    return true;
}

struct reading {
    struct database *d;
    const struct query *q;
    const struct config_page_set *set;
    const struct source_sink *to;
    uint64_t number;
    bool stopped; /* by the callback, not by the server */
};

static bool take_row(void *payload, const PGresult *res, struct error *err)
{
    struct reading *r = payload;
    const struct source *s = &r->d->common;
    struct source_row row = {.number = ++r->number};
    struct error problem = ERROR_INIT;
    struct arena *arena = r->to->arena(r->to->payload);
    bool good = convert_row(&row, arena, r->q, s->st, res, s->cfg->max_row_bytes, &problem);
    bool on = good ? r->to->row(r->to->payload, &row, err)
                   : row_is_bad(r->to, r->set, &row, &problem, err);
    r->stopped = !on;
    return on;
}

static bool database_read(struct source *s, size_t index, const struct source_scope *scope,
                          const struct source_sink *to, struct error *err)
{
    struct database *d = (struct database *)s;
    struct query *q = &d->queries[index];
    struct reading r = {.d = d, .q = q, .set = &s->cfg->sets[index], .to = to};
    int64_t started = pg_conn_clock();
    for (size_t i = 0; i < q->n; i++)
        q->columns[i].symbol = symtab_find(s->st, q->columns[i].name, q->columns[i].name_len);
    struct pg_sql sql = q->wrapped;
    const char *params[2];
    int n_params = scope != NULL ? query_scope(q, &d->snapshot, scope, &sql, params) : 0;
    sql.keep = d->direct && n_params > 0;
    if (pg_rows_read(d->conn, &sql, params, n_params, take_row, &r, NULL, err))
        return true;
    if (r.stopped)
        return false;
    database_advice(d, started, err);
    return error_context(err, "page set '%s'", r.set->name);
}

/* How long the server may be silent while a query runs. */
static int64_t patience(const struct config *cfg)
{
    return cfg->statement_timeout_ms > 0 ? cfg->statement_timeout_ms + WAIT_GRACE_MS : 0;
}

void database_set_wait(struct database *d, bool briefly)
{
    const struct config *cfg = d->common.cfg;
    pg_conn_set_wait(d->conn, briefly ? cfg->connect_timeout_ms : patience(cfg));
}

static bool database_end(struct source *s, struct error *err)
{
    struct database *d = (struct database *)s;
    if (!d->open)
        return true;
    d->open = false;
    pg_conn_set_wait(d->conn, CLOSE_WAIT_MS);
    bool ok = pg_conn_run(d->conn, &PG_SQL("COMMIT"), NULL, err);
    database_set_wait(d, false);
    return ok;
}

static bool database_begin(struct source *s, struct error *err)
{
    struct database *d = (struct database *)s;
    s->info = (struct source_info){0};
    arena_reset(&d->snapshot);
    database_set_wait(d, true);
    bool ok = begin(d, err) && identify(d, err);
    database_set_wait(d, false);
    return ok;
}

static void database_close(struct source *s)
{
    struct database *d = (struct database *)s;
    struct error ignored = ERROR_INIT;
    if (d->conn != NULL)
        database_end(s, &ignored); /* politely, so that a pooler keeps its server connection */
    pg_conn_close(d->conn);
    arena_release(&d->snapshot);
    source_free(s);
}

static bool check_server(const struct pg_conn *conn, struct error *err)
{
    int version = pg_conn_version(conn);
    if (version >= SERVER_OLDEST)
        return true;
    return error_set(err, ERROR_FAILED, "the server is PostgreSQL %d.%d; platen needs 13 or later",
                     version / 10000, version % 10000);
}

bool source_database_open(struct source **out, const struct config *cfg, const struct symtab *st,
                          struct error *err)
{
    struct pg_options options = {.connect_ms = cfg->connect_timeout_ms, .wait_ms = patience(cfg)};
    struct source *s = source_new(sizeof(struct database), cfg, st);
    struct database *d = (struct database *)s;
    s->columns_of = database_columns;
    s->read = database_read;
    s->close = database_close;
    s->begin = database_begin;
    s->end = database_end;
    s->catch_up = standby_catch_up;
    s->mark = changes_mark;
    s->covers = changes_cover;
    s->misses = changes_miss;
    s->affected = changes_affected;
    arena_init(&d->snapshot);
    d->queries = arena_calloc(&s->arena, cfg->n_sets + 1, sizeof(*d->queries));
    d->affected = arena_calloc(&s->arena, cfg->n_sets + 1, sizeof(*d->affected));
    if (!pg_conn_open(&d->conn, cfg->source != NULL ? cfg->source : "", &options, err) ||
        !check_server(d->conn, err) || !database_begin(s, err)) {
        source_close(s);
        return false;
    }
    *out = s;
    return true;
}

/* The change log of schema platen: what changed between two snapshots of one database. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source/database.h"

#define KEYS_MAX 1000 /* of one page set; above, all of it is read */
#define SUFFIX ".sql"
#define AFFECTED ".affected.sql"

/* Everything that makes two snapshots comparable, but the snapshot itself. */
static const char *identity(const struct database *d, struct arena *arena)
{
    const struct source_info *info = &d->common.info;
    if (info->system_identifier == NULL || info->timeline == NULL || info->database == NULL ||
        info->postmaster_start == NULL)
        return NULL;
    return arena_printf(arena, "%s/%s/%s/%s", info->system_identifier, info->timeline,
                        info->postmaster_start, info->database);
}

static const char *copy_value(struct arena *arena, const PGresult *res, int column)
{
    if (res == NULL || PQntuples(res) != 1 || PQgetisnull(res, 0, column))
        return NULL;
    return arena_strdup(arena, PQgetvalue(res, 0, column));
}

/* A database without the log, and a role that may not read it, are no failure: the savepoint lets
 * the snapshot live on. */
static bool ask(struct database *d, const char *sql, const char *const *params, int n_params,
                PGresult **res, struct error *refused, struct error *err)
{
    static const char release[] = "RELEASE SAVEPOINT platen_changes";
    static const char roll_back[] = "ROLLBACK TO SAVEPOINT platen_changes";
    error_clear(refused);
    struct pg_sql query = PG_SQL(sql);
    query.keep = d->direct && n_params > 0;
    database_set_wait(d, true);
    bool alive = pg_conn_run(d->conn, &PG_SQL("SAVEPOINT platen_changes"), NULL, err);
    if (alive) {
        bool ok = pg_conn_query(d->conn, &query, params, n_params, res, refused);
        alive = pg_conn_run(d->conn, &PG_SQL(ok ? release : roll_back), NULL, err);
    }
    database_set_wait(d, false);
    return alive;
}

bool changes_mark(struct source *s, struct arena *arena, struct source_mark *mark,
                  struct error *err)
{
    struct database *d = (struct database *)s;
    struct error refused = ERROR_INIT;
    PGresult *res = NULL;
    if (!ask(d, "SELECT platen.fingerprint()", NULL, 0, &res, &refused, err))
        return false;
    *mark = (struct source_mark){
        .snapshot = arena_strdup(arena, s->info.snapshot),
        .identity = identity(d, arena),
        .log = copy_value(arena, res, 0),
        .in_recovery = s->info.in_recovery,
    };
    PQclear(res);
    return true;
}

/* --- may the log be trusted? ---------------------------------------------------------------- */

static const char COVERS[] =
    "SELECT (SELECT pg_visible_in_snapshot(valid_from, $1::pg_snapshot)"
    "   AND pg_snapshot_xmin($1::pg_snapshot) >= trimmed_below FROM platen.log_state),"
    " pg_snapshot_xmax($1::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()),"
    " (SELECT (extract(epoch FROM clock_timestamp() - min(c.at)) * 1000)::bigint"
    "  FROM platen.change AS c WHERE c.xid >= pg_snapshot_xmin($1::pg_snapshot)"
    "   AND c.xid < pg_snapshot_xmax(pg_current_snapshot())"
    "   AND NOT pg_visible_in_snapshot(c.xid, $1::pg_snapshot))";

static bool is_true(const PGresult *res, int column)
{
    return !PQgetisnull(res, 0, column) && PQgetvalue(res, 0, column)[0] == 't';
}

static const char *verdict(const PGresult *res)
{
    if (res == NULL || PQntuples(res) != 1)
        return "the change log cannot be read";
    if (!is_true(res, 0))
        return "the change log does not reach back to the last look";
    return is_true(res, 1) ? NULL : "the database has gone back in time";
}

bool changes_cover(struct source *s, const struct source_mark *since, struct arena *arena,
                   const char **why, struct error *err)
{
    struct database *d = (struct database *)s;
    const char *now = identity(d, arena);
    struct error refused = ERROR_INIT;
    PGresult *res = NULL;
    if (since->snapshot == NULL)
        *why = "there is no earlier snapshot";
    else if (since->log == NULL)
        *why = "there is no change log";
    else if (now == NULL || since->identity == NULL)
        *why = "the server does not say which one it is";
    else if (strcmp(now, since->identity) != 0)
        *why = "it is another server, or it was restarted or promoted";
    else if (!ask(d, COVERS, &since->snapshot, 1, &res, &refused, err))
        return false;
    else
        *why = verdict(res);
    if (res != NULL && PQntuples(res) == 1 && !PQgetisnull(res, 0, 2))
        s->info.changed_ms = pg_conn_clock() - strtoll(PQgetvalue(res, 0, 2), NULL, 10);
    PQclear(res);
    return true;
}

bool changes_miss(struct source *s, bool *misses, struct error *err)
{
    struct error refused = ERROR_INIT;
    PGresult *res = NULL;
    if (!ask((struct database *)s, "SELECT EXISTS (SELECT FROM platen.watched WHERE NOT enabled)",
             NULL, 0, &res, &refused, err))
        return false;
    *misses = res != NULL && PQntuples(res) == 1 && is_true(res, 0);
    PQclear(res);
    return true;
}

/* --- which rows ------------------------------------------------------------------------------- */

/* Rows of the future came with a dump of another cluster.
 * A snapshot of a standby does not list what was in progress: there, all from its xmin on. */
static void add_changed(struct strbuf *sb, const struct source_mark *since)
{
    strbuf_addstr(sb, "WITH changed AS MATERIALIZED (SELECT c.relation, c.operation, c.locale, "
                      "c.keys, c.also FROM platen.change AS c "
                      "WHERE c.xid >= pg_snapshot_xmin($1::pg_snapshot) "
                      "AND c.xid < pg_snapshot_xmax(pg_current_snapshot())");
    if (!since->in_recovery)
        strbuf_addstr(sb, " AND NOT pg_visible_in_snapshot(c.xid, $1::pg_snapshot)");
    strbuf_addstr(sb, ") ");
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* *found: there is such a file. */
static bool load(struct database *d, size_t index, bool *found, struct error *err)
{
    struct query *q = &d->affected[index];
    struct arena *arena = &d->snapshot; /* what is loaded lasts longer, a path does not */
    const char *path = database_query_path(d, &d->common.cfg->sets[index]);
    size_t len = strlen(path), suffix = sizeof(SUFFIX) - 1;
    *found = true;
    if (q->own.text != NULL)
        return true;
    if (len > suffix && strcmp(path + len - suffix, SUFFIX) == 0)
        len -= suffix;
    path = arena_printf(arena, "%.*s" AFFECTED, (int)len, path);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        *found = false;
        return true;
    }
    return query_load(q, &d->common.arena, path, err);
}

static struct pg_sql wrap(const struct query *q, const struct source_mark *since,
                          struct arena *arena)
{
    struct strbuf sb = STRBUF_INIT;
    struct pg_sql sql = q->own;
    add_changed(&sb, since);
    strbuf_addstr(&sb, "SELECT DISTINCT a.key::text, a.locale::text FROM (\n");
    sql.lead = characters(sb.buf);
    sql.shown = characters(q->own.text);
    strbuf_addf(&sb, "%s\n) AS a LIMIT %d", q->own.text, KEYS_MAX + 1);
    sql.text = arena_strndup(arena, sb.buf, sb.len);
    strbuf_release(&sb);
    return sql;
}

static void add_name(struct arena *arena, const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return;
    names[(*n)++] = arena_strdup(arena, name);
}

/* Keys and locales apart: rows of a key in a locale that only another key named are read too. */
static void gather(const PGresult *res, struct arena *arena, struct source_scope *scope)
{
    size_t n = (size_t)PQntuples(res);
    bool every_locale = false;
    *scope = (struct source_scope){.whole = n > KEYS_MAX,
                                   .keys = arena_calloc(arena, n + 1, sizeof(char *)),
                                   .locales = arena_calloc(arena, n + 1, sizeof(char *))};
    for (int i = 0; !scope->whole && i < (int)n; i++) {
        scope->whole = PQgetisnull(res, i, 0);
        add_name(arena, scope->keys, &scope->n_keys, PQgetvalue(res, i, 0));
        every_locale = every_locale || PQgetisnull(res, i, 1);
        add_name(arena, scope->locales, &scope->n_locales, PQgetvalue(res, i, 1));
    }
    if (every_locale)
        scope->n_locales = 0;
}

/* Without a file that says more, any change concerns every row. */
static bool anything(struct database *d, const struct source_mark *since, struct arena *arena,
                     struct source_scope *scope, struct error *err)
{
    struct strbuf sb = STRBUF_INIT;
    PGresult *res = NULL;
    (void)arena;
    add_changed(&sb, since);
    strbuf_addstr(&sb, "SELECT EXISTS (SELECT FROM changed)");
    bool ok = pg_conn_query(d->conn, &PG_SQL(sb.buf), &since->snapshot, 1, &res, err);
    strbuf_release(&sb);
    if (!ok)
        return error_context(err, "reading the change log");
    *scope = (struct source_scope){.whole = PQgetvalue(res, 0, 0)[0] == 't'};
    PQclear(res);
    return true;
}

bool changes_affected(struct source *s, size_t index, const struct source_mark *since,
                      struct arena *arena, struct source_scope *scope, struct error *err)
{
    struct database *d = (struct database *)s;
    PGresult *res = NULL;
    bool found;
    int64_t started = pg_conn_clock();
    if (!load(d, index, &found, err))
        return false;
    if (!found)
        return anything(d, since, arena, scope, err);
    struct pg_sql sql = wrap(&d->affected[index], since, arena);
    sql.keep = d->direct;
    if (!pg_conn_query(d->conn, &sql, &since->snapshot, 1, &res, err))
        return database_advice(d, started, err);
    gather(res, arena, scope);
    PQclear(res);
    return true;
}

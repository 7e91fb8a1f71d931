#include "pg/migrate_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const STATES[] = {[MIGRATE_PENDING] = "pending",
                                     [MIGRATE_APPLIED] = "applied",
                                     [MIGRATE_APPLYING] = "applying",
                                     [MIGRATE_REVERTING] = "reverting"};

const char *migrate_state_name(enum migrate_state state)
{
    return STATES[state];
}

static bool exists(struct pg_conn *c, const char *sql, bool *out, struct error *err)
{
    PGresult *res = NULL;
    if (!pg_conn_query(c, &PG_SQL(sql), NULL, 0, &res, err))
        return false;
    *out = res != NULL && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return true;
}

static const char TABLE_EXISTS[] = "SELECT to_regclass('platen.migration') IS NOT NULL";

static void take_row(struct migrate_row *row, struct arena *arena, const PGresult *res, int i)
{
    const char *state = PQgetvalue(res, i, 3);
    row->number = (unsigned)atoi(PQgetvalue(res, i, 0));
    row->name = arena_strdup(arena, PQgetvalue(res, i, 1));
    row->checksum = arena_strdup(arena, PQgetvalue(res, i, 2));
    row->state = strcmp(state, STATES[MIGRATE_APPLYING]) == 0    ? MIGRATE_APPLYING
                 : strcmp(state, STATES[MIGRATE_REVERTING]) == 0 ? MIGRATE_REVERTING
                                                                 : MIGRATE_APPLIED;
    row->statements_done = (unsigned)atoi(PQgetvalue(res, i, 4));
    row->applied_at = arena_strdup(arena, PQgetvalue(res, i, 5));
    row->applied_by = arena_strdup(arena, PQgetvalue(res, i, 6));
}

bool migrate_log_read(struct migrate_log *out, struct arena *arena, struct pg_conn *c,
                      struct error *err)
{
    static const char sql[] =
        "SELECT number, name, checksum, state, statements_done,"
        " to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), applied_by"
        " FROM platen.migration ORDER BY number";
    bool there;
    PGresult *res = NULL;
    *out = (struct migrate_log){0};
    if (!exists(c, TABLE_EXISTS, &there, err))
        return false;
    if (!there)
        return true;
    if (!pg_conn_query(c, &PG_SQL(sql), NULL, 0, &res, err) || res == NULL)
        return error_context(err, "cannot read platen.migration");
    out->n = (size_t)PQntuples(res);
    out->rows = arena_calloc(arena, out->n + 1, sizeof(*out->rows));
    for (size_t i = 0; i < out->n; i++)
        take_row(&out->rows[i], arena, res, (int)i);
    PQclear(res);
    return true;
}

const struct migrate_row *migrate_log_find(const struct migrate_log *log, unsigned number)
{
    for (size_t i = 0; i < log->n; i++)
        if (log->rows[i].number == number)
            return &log->rows[i];
    return NULL;
}

/* CREATE SCHEMA IF NOT EXISTS asks for a right to create even where nothing is to be created. */
bool migrate_log_create(struct pg_conn *c, struct error *err)
{
    static const char table[] =
        "CREATE TABLE platen.migration ("
        " number integer PRIMARY KEY,"
        " name text NOT NULL,"
        " checksum text NOT NULL,"
        " state text NOT NULL CHECK (state IN ('applied', 'applying', 'reverting')),"
        " statements_done integer NOT NULL,"
        " applied_at timestamptz NOT NULL,"
        " applied_by text NOT NULL);"
        "COMMENT ON TABLE platen.migration IS 'which migrations this database has; written by"
        " platen migrate. applying, reverting: a file without a transaction stopped half-way'";
    bool there;
    if (!exists(c, TABLE_EXISTS, &there, err))
        return false;
    if (there)
        return true;
    if (!exists(c, "SELECT to_regnamespace('platen') IS NOT NULL", &there, err) ||
        (!there && !pg_conn_run(c, &PG_SQL("CREATE SCHEMA platen"), NULL, err)) ||
        !pg_conn_run(c, &PG_SQL(table), NULL, err))
        return error_context(err, "cannot create platen.migration");
    return true;
}

bool migrate_log_put(struct pg_conn *c, const struct migrate_row *row, struct error *err)
{
    static const char sql[] =
        "INSERT INTO platen.migration AS m"
        " (number, name, checksum, state, statements_done, applied_at, applied_by)"
        " VALUES ($1::integer, $2, $3, $4, $5::integer, clock_timestamp(), session_user)"
        " ON CONFLICT (number) DO UPDATE SET name = excluded.name, checksum = excluded.checksum,"
        " state = excluded.state, statements_done = excluded.statements_done,"
        " applied_at = excluded.applied_at, applied_by = excluded.applied_by";
    char number[16], done[16];
    snprintf(number, sizeof(number), "%u", row->number);
    snprintf(done, sizeof(done), "%u", row->statements_done);
    const char *params[] = {number, row->name, row->checksum, STATES[row->state], done};
    return pg_conn_query(c, &PG_SQL(sql), params, 5, NULL, err) ||
           error_context(err, "cannot write platen.migration");
}

bool migrate_log_remove(struct pg_conn *c, unsigned number, bool last, struct error *err)
{
    char text[16];
    const char *params[] = {text};
    bool there;
    snprintf(text, sizeof(text), "%u", number);
    if (!exists(c, TABLE_EXISTS, &there, err))
        return false;
    if (!there && last)
        return true;
    if (!there)
        return error_set(err, ERROR_USAGE,
                         "it drops the table platen.migration, which records the migrations that "
                         "are still applied");
    return pg_conn_query(c, &PG_SQL("DELETE FROM platen.migration WHERE number = $1::integer"),
                         params, 1, NULL, err) ||
           error_context(err, "cannot write platen.migration");
}

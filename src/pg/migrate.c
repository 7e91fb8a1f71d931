#include "pg/migrate.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "pg/rows.h"

#define LOCK_KEY 123610793796974LL /* "platen" in ASCII */
#define LOCK_POLL_MS 250
#define QUERY_WAIT_MS 30000 /* for the bookkeeping; the files' statements take what they take */

/* One file to run. */
struct step {
    const struct migration *migration;
    struct migrate_script script;
    bool down, again;
};

struct run {
    struct pg_conn *conn;
    const struct migrate_options *options;
    migrate_event_fn *event;
    void *payload;
    struct arena arena;
    struct migrate_dir dir;
    struct migrate_log log;
    struct step *steps;
    size_t n_steps;
};

static void tell(struct run *r, struct migrate_event event)
{
    if (r->event != NULL)
        r->event(r->payload, &event);
}

/* --- the plan ----------------------------------------------------------------------------- */

static unsigned newest(const struct migrate_log *log)
{
    return log->n > 0 ? log->rows[log->n - 1].number : 0;
}

/* Folder and database must tell the same story before it is continued. */
static bool check_history(struct run *r, struct error *err)
{
    for (size_t i = 0; i < r->log.n; i++) {
        const struct migrate_row *row = &r->log.rows[i];
        if (row->number == 0 || row->number > r->dir.n)
            return error_set(err, ERROR_USAGE,
                             "the database has migration %s, but %s does not hold it: is this an "
                             "older copy of the files?",
                             row->name, r->dir.path);
        const struct migration *m = &r->dir.items[row->number - 1];
        if (strcmp(row->name, m->name) != 0)
            return error_set(
                err, ERROR_USAGE,
                "%s: the database has %s under this number; an applied migration keeps "
                "its name",
                m->up.path, row->name);
        bool changed = strcmp(row->checksum, m->up.checksum) != 0;
        if (changed && row->state == MIGRATE_APPLIED && r->options->direction == MIGRATE_UP)
            return error_set(err, ERROR_USAGE,
                             "%s was changed after it was applied (%s): put it back as it was and "
                             "write the change as a new migration",
                             m->up.path, row->applied_at);
        if (row->number > i + 1)
            return error_set(err, ERROR_USAGE,
                             "the database has %s but not %s before it: it was not made by these "
                             "files",
                             row->name, r->dir.items[i].name);
    }
    return true;
}

static bool add_step(struct run *r, const struct migration *m, bool down, bool again,
                     struct error *err)
{
    struct step *s = &r->steps[r->n_steps];
    *s = (struct step){.migration = m, .down = down, .again = again, .script = m->up};
    if (down && !migrate_script_read(&s->script, &r->arena, m->down, err))
        return false;
    if (!migrate_script_cut(&s->script, &r->arena, err))
        return false;
    r->n_steps++;
    return true;
}

static bool plan_up(struct run *r, struct error *err)
{
    int64_t target = r->options->target < 0 ? (int64_t)r->dir.n : r->options->target;
    if (target > (int64_t)r->dir.n)
        return error_set(err, ERROR_USAGE, "%s ends with %04zu; there is no %04lld", r->dir.path,
                         r->dir.n, (long long)target);
    if (r->options->target >= 0 && target < newest(&r->log))
        return error_set(err, ERROR_USAGE,
                         "the database is at %04u already; --down %lld goes back to %04lld",
                         newest(&r->log), (long long)target, (long long)target);
    for (size_t i = 0; i < (size_t)target; i++) {
        const struct migration *m = &r->dir.items[i];
        const struct migrate_row *row = migrate_log_find(&r->log, m->number);
        if (row != NULL && row->state == MIGRATE_REVERTING)
            return error_set(err, ERROR_USAGE,
                             "%s is half rolled back: finish with 'platen migrate --down %u' first",
                             m->name, m->number - 1);
        if ((row == NULL || row->state == MIGRATE_APPLYING) &&
            !add_step(r, m, false, row != NULL, err))
            return false;
    }
    return true;
}

static bool plan_down(struct run *r, struct error *err)
{
    if (r->options->target > (int64_t)newest(&r->log))
        return error_set(
            err, ERROR_USAGE, "the database is at %04u, before %04lld; --to %lld goes there",
            newest(&r->log), (long long)r->options->target, (long long)r->options->target);
    for (size_t i = r->log.n; i-- > 0 && (int64_t)r->log.rows[i].number > r->options->target;) {
        const struct migrate_row *row = &r->log.rows[i];
        if (!add_step(r, &r->dir.items[row->number - 1], true, row->state == MIGRATE_REVERTING,
                      err))
            return false;
    }
    return true;
}

static bool plan(struct run *r, struct error *err)
{
    if (!migrate_log_read(&r->log, &r->arena, r->conn, err) || !check_history(r, err))
        return false;
    r->steps = arena_calloc(&r->arena, r->dir.n + 1, sizeof(*r->steps));
    r->n_steps = 0;
    return r->options->direction == MIGRATE_UP ? plan_up(r, err) : plan_down(r, err);
}

/* --- running ------------------------------------------------------------------------------ */

/* A file may have changed the session; each begins with the same one. */
static bool reset_session(struct run *r, bool transaction, struct error *err)
{
    char sql[512];
    snprintf(sql, sizeof(sql),
             "RESET SESSION AUTHORIZATION; RESET ALL; SET statement_timeout = 0;"
             "SET idle_in_transaction_session_timeout = 0; SET standard_conforming_strings = on;"
             "SET client_encoding = 'UTF8'; SET search_path = public; SET lock_timeout = '%s'",
             transaction ? "10s" : "0");
    return pg_conn_run(r->conn, &PG_SQL(sql), NULL, err);
}

/* The statement's first line, for a message. */
static int first_line(const struct sql_statement *st)
{
    size_t len = 0;
    while (len < st->len && len < 120 && st->text[len] != '\n' && st->text[len] != '\r')
        len++;
    while (len > 0 && len < st->len && ((unsigned char)st->text[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

static const char *advice(struct run *r, const struct migrate_script *s)
{
    const char *state = pg_conn_sqlstate(r->conn);
    if (strcmp(state, "25001") == 0 && !s->no_transaction)
        return "\n  hint: put the comment line \"-- platen: no-transaction\" at the top of the "
               "file";
    if (strcmp(state, "55P03") == 0)
        return "\n  hint: another session holds a lock it needs; run it again, or let the file set "
               "lock_timeout";
    return "";
}

static bool run_statement(struct run *r, const struct migrate_script *s,
                          const struct sql_statement *st, struct error *err)
{
    struct arena scratch;
    arena_init(&scratch);
    struct pg_sql sql = {.text = arena_strndup(&scratch, st->text, st->len),
                         .file = s->path,
                         .line = st->line,
                         .column = st->column};
    pg_conn_set_wait(r->conn, 0);
    bool ok = pg_rows_read(r->conn, &sql, NULL, 0, NULL, NULL, NULL, err);
    pg_conn_set_wait(r->conn, QUERY_WAIT_MS);
    arena_release(&scratch);
    if (ok)
        return true;
    struct error what = *err;
    return error_set(err, what.kind, "%s\n  statement: %.*s%s", what.text, first_line(st), st->text,
                     advice(r, s));
}

static struct migrate_row row_of(const struct step *s, enum migrate_state state, size_t done)
{
    return (struct migrate_row){.number = s->migration->number,
                                .name = s->migration->name,
                                .checksum = s->migration->up.checksum,
                                .state = state,
                                .statements_done = (unsigned)done};
}

/* Done with the file: on record, or off it. */
static bool record(struct run *r, const struct step *s, struct error *err)
{
    struct migrate_row row = row_of(s, MIGRATE_APPLIED, s->script.n);
    if (!s->down)
        return migrate_log_put(r->conn, &row, err);
    return migrate_log_remove(r->conn, s->migration->number, s->migration->number == 1, err) ||
           error_context(err, "%s", s->script.path);
}

static bool run_transaction(struct run *r, const struct step *s, struct error *err)
{
    struct error ignored = ERROR_INIT;
    bool ok = pg_conn_run(r->conn, &PG_SQL("BEGIN"), NULL, err);
    for (size_t i = 0; ok && i < s->script.n; i++)
        ok = run_statement(r, &s->script, &s->script.statements[i], err);
    /* what the file left set (a role, a time limit) must not stop the record */
    ok = ok && pg_conn_run(r->conn, &PG_SQL("RESET SESSION AUTHORIZATION"), NULL, err) &&
         record(r, s, err);
    if (ok) {
        pg_conn_set_wait(r->conn, 0); /* deferred constraints are checked here */
        ok = pg_conn_run(r->conn, &PG_SQL("COMMIT"), NULL, err) ||
             error_context(err, "%s: at its COMMIT", s->script.path);
        pg_conn_set_wait(r->conn, QUERY_WAIT_MS);
    }
    if (ok)
        return true;
    pg_conn_run(r->conn, &PG_SQL("ROLLBACK"), NULL, &ignored);
    struct error what = *err;
    return error_set(err, what.kind, "%s\n  %s was rolled back: nothing of it remains", what.text,
                     s->script.path);
}

/* Invalid indexes are what a failed CREATE INDEX CONCURRENTLY leaves, and what IF NOT EXISTS then
 * takes for a finished one. */
static void warn_of_invalid_indexes(struct run *r, const struct step *s)
{
    static const char sql[] =
        "SELECT i.indexrelid::regclass::text FROM pg_catalog.pg_index i WHERE NOT i.indisvalid"
        " AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p"
        "  WHERE p.index_relid = i.indexrelid)"
        " AND EXISTS (SELECT FROM pg_catalog.pg_class k WHERE k.oid = i.indexrelid"
        "  AND k.relkind = 'i') ORDER BY 1 LIMIT 20";
    struct error ignored = ERROR_INIT;
    PGresult *res = NULL;
    if (!pg_conn_query(r->conn, &PG_SQL(sql), NULL, 0, &res, &ignored))
        return;
    for (int i = 0; i < PQntuples(res); i++)
        tell(r, (struct migrate_event){
                    .kind = MIGRATE_EVENT_WARNING,
                    .script = &s->script,
                    .name = s->migration->name,
                    .text = arena_printf(&r->arena,
                                         "index %s is not valid (its building failed): DROP INDEX "
                                         "CONCURRENTLY %s, then build it again",
                                         PQgetvalue(res, i, 0), PQgetvalue(res, i, 0))});
    PQclear(res);
}

static bool run_statements(struct run *r, const struct step *s, struct error *err)
{
    enum migrate_state state = s->down ? MIGRATE_REVERTING : MIGRATE_APPLYING;
    struct migrate_row row = row_of(s, state, 0);
    size_t done = 0;
    bool ok = migrate_log_put(r->conn, &row, err);
    while (ok && done < s->script.n) {
        ok = run_statement(r, &s->script, &s->script.statements[done], err);
        done += ok;
        row.statements_done = (unsigned)done;
        if (ok && done < s->script.n)
            ok = migrate_log_put(r->conn, &row, err);
    }
    ok = ok && pg_conn_run(r->conn, &PG_SQL("RESET SESSION AUTHORIZATION"), NULL, err) &&
         record(r, s, err);
    if (ok) {
        warn_of_invalid_indexes(r, s);
        return true;
    }
    struct error what = *err;
    return error_set(err, what.kind,
                     "%s\n  %zu of %zu statements of %s are done and stay, since it runs without a "
                     "transaction; the next 'platen migrate' runs it from its start again",
                     what.text, done, s->script.n, s->script.path);
}

static bool run_step(struct run *r, const struct step *s, struct error *err)
{
    tell(r, (struct migrate_event){.kind = MIGRATE_EVENT_START,
                                   .script = &s->script,
                                   .name = s->migration->name,
                                   .again = s->again});
    if (r->options->dry_run)
        return true;
    int64_t started = pg_conn_clock();
    if (!reset_session(r, !s->script.no_transaction, err))
        return false;
    if (!(s->script.no_transaction ? run_statements(r, s, err) : run_transaction(r, s, err)))
        return false;
    tell(r, (struct migrate_event){.kind = MIGRATE_EVENT_DONE,
                                   .script = &s->script,
                                   .name = s->migration->name,
                                   .ms = pg_conn_clock() - started});
    return true;
}

/* --- the lock ----------------------------------------------------------------------------- */

static bool try_lock(struct run *r, bool *got, struct error *err)
{
    char sql[128];
    PGresult *res = NULL;
    snprintf(sql, sizeof(sql),
             "SELECT pg_catalog.pg_try_advisory_lock(%lld), pg_catalog.pg_backend_pid()", LOCK_KEY);
    if (!pg_conn_query(r->conn, &PG_SQL(sql), NULL, 0, &res, err))
        return false;
    *got = PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    if (*got && !pg_conn_is_direct(r->conn, PQgetvalue(res, 0, 1)))
        tell(r, (struct migrate_event){
                    .kind = MIGRATE_EVENT_WARNING,
                    .text = "a connection pooler stands in between; in transaction mode the lock "
                            "against a second 'platen migrate' does not hold: connect directly"});
    PQclear(res);
    return true;
}

static bool lock(struct run *r, struct error *err)
{
    int64_t end = pg_conn_clock() + r->options->lock_wait_ms;
    for (bool got = false, told = false; !got; told = true) {
        if (!try_lock(r, &got, err))
            return false;
        if (!got && pg_conn_clock() >= end)
            return error_set(err, ERROR_FAILED,
                             "another 'platen migrate' holds the database for longer than %.1f s; "
                             "run this again when it has ended",
                             (double)r->options->lock_wait_ms / 1000);
        if (!got && !told)
            tell(r, (struct migrate_event){.kind = MIGRATE_EVENT_WAITING});
        if (!got)
            poll(NULL, 0, LOCK_POLL_MS);
    }
    return true;
}

static void unlock(struct run *r)
{
    char sql[96];
    struct error ignored = ERROR_INIT;
    snprintf(sql, sizeof(sql), "SELECT pg_catalog.pg_advisory_unlock(%lld)", LOCK_KEY);
    pg_conn_query(r->conn, &PG_SQL(sql), NULL, 0, NULL, &ignored);
}

/* --- from outside ------------------------------------------------------------------------- */

static bool run_all(struct run *r, unsigned *count, struct error *err)
{
    if (!plan(r, err))
        return false;
    if (r->n_steps > 0 && !r->options->dry_run &&
        (!reset_session(r, true, err) || !migrate_log_create(r->conn, err)))
        return false;
    for (size_t i = 0; i < r->n_steps; i++) {
        if (!run_step(r, &r->steps[i], err))
            return false;
        (*count)++;
    }
    return true;
}

bool migrate_run(struct pg_conn *c, const struct migrate_options *options, migrate_event_fn *event,
                 void *payload, unsigned *count, struct error *err)
{
    struct run r = {.conn = c, .options = options, .event = event, .payload = payload};
    *count = 0;
    arena_init(&r.arena);
    pg_conn_set_wait(c, QUERY_WAIT_MS);
    bool ok = migrate_dir_read(&r.dir, &r.arena, options->dir, err);
    if (ok && options->dry_run) {
        ok = run_all(&r, count, err);
    } else if (ok) {
        ok = lock(&r, err);
        if (ok) {
            ok = run_all(&r, count, err);
            unlock(&r);
        }
    }
    arena_release(&r.arena);
    return ok;
}

static void list_rest(const struct migrate_log *log, const struct migrate_dir *dir,
                      migrate_entry_fn *entry, void *payload)
{
    for (size_t i = 0; i < log->n; i++) {
        const struct migrate_row *row = &log->rows[i];
        if (row->number > 0 && row->number <= dir->n)
            continue;
        struct migrate_entry e = {.number = row->number,
                                  .name = row->name,
                                  .state = row->state,
                                  .missing = true,
                                  .row = row};
        entry(payload, &e);
    }
}

bool migrate_list(struct pg_conn *c, const char *dir_path, migrate_entry_fn *entry, void *payload,
                  struct error *err)
{
    struct arena arena;
    struct migrate_dir dir;
    struct migrate_log log;
    arena_init(&arena);
    pg_conn_set_wait(c, QUERY_WAIT_MS);
    bool ok =
        migrate_dir_read(&dir, &arena, dir_path, err) && migrate_log_read(&log, &arena, c, err);
    for (size_t i = 0; ok && i < dir.n; i++) {
        const struct migration *m = &dir.items[i];
        const struct migrate_row *row = migrate_log_find(&log, m->number);
        struct migrate_entry e = {.number = m->number,
                                  .name = m->name,
                                  .state = row != NULL ? row->state : MIGRATE_PENDING,
                                  .row = row};
        e.changed = row != NULL &&
                    (strcmp(row->checksum, m->up.checksum) != 0 || strcmp(row->name, m->name) != 0);
        entry(payload, &e);
    }
    if (ok)
        list_rest(&log, &dir, entry, payload);
    arena_release(&arena);
    return ok;
}

#include "worker/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "worker/backoff.h"
#include "worker/due.h"
#include "worker/sleeper.h"

#define ANSWER_MS 10000
#define RUN_MS 120000     /* of one call of the function */
#define RUN_GRACE_MS 5000 /* the server's own timeout speaks first */
#define SEE_EVERY_MS 10000
#define SEE_PAUSE_MS 250 /* however often it is woken */
#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS 30000

#define PROCESS "public.process_scheduled_publishes()"
#define MS(time) "pg_catalog.floor(pg_catalog.date_part('epoch', " time ") * 1000)::pg_catalog.int8"

/* What is there, and what this role may do with it; by the catalogs, which never refuse. */
static const char RIGHTS[] =
    "SELECT coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    " AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'), false),"
    " coalesce(NOT pg_catalog.pg_is_in_recovery()"
    " AND pg_catalog.has_schema_privilege(m.oid, 'USAGE')"
    " AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'), false)"
    " FROM (VALUES (1)) one (x)"
    " LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1"
    " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid"
    " AND c.relname = $2"
    " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'next_change_at'"
    " AND a.atttypid = 'pg_catalog.timestamptz'::pg_catalog.regtype"
    " LEFT JOIN pg_catalog.pg_namespace m ON m.nspname = 'public'"
    " LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = m.oid"
    " AND p.proname = 'process_scheduled_publishes' AND p.pronargs = 0 AND p.prokind = 'f'";

static const char CLOCK[] = "SELECT " MS("pg_catalog.clock_timestamp()");

/* $1: what was due by then has been tried. A fraction of a millisecond counts as a whole one, so
 * that nobody comes too early. */
#define DUE_OF                                                                                     \
    "SELECT " MS(                                                                                  \
        "c.now") ", min(d.at) FILTER (WHERE d.at <= $1::pg_catalog.int8),"                         \
                 " min(d.at) FILTER (WHERE d.at > $1::pg_catalog.int8),"                           \
                 " count(d.at) FILTER (WHERE d.time <= c.now)"                                     \
                 " FROM (SELECT pg_catalog.clock_timestamp() AS now) c"                            \
                 " LEFT JOIN (SELECT n.next_change_at AS time,"                                    \
                 " pg_catalog.ceil(pg_catalog.date_part('epoch', greatest(n.next_change_at,"       \
                 " '1970-01-02Z'::pg_catalog.timestamptz)) * 1000)::pg_catalog.int8 AS at"         \
                 " FROM \"%s\".\"%s\" n WHERE n.next_change_at < "                                 \
                 "'infinity'::pg_catalog.timestamptz)"                                             \
                 " d ON true GROUP BY c.now"

/* Two statements in one message are one transaction: SET LOCAL ends with it, also in a pooler. */
static const char RUN[] = "SET LOCAL statement_timeout = %d;"
                          "SELECT pg_catalog.count(*) FROM " PROCESS;

struct schedule {
    struct sleeper sleeper;
    struct schedule_options options;
    char *conninfo;
    char schema[64], view[64]; /* of the due times; "": there are none */
    char due[sizeof(DUE_OF) + 128];
    /* guarded by the sleeper's lock */
    struct due_page page;
    struct due_clock clock;
    struct schedule_state state;
    /* of the thread alone */
    struct pg_conn *conn;
    struct backoff backoff;
    struct due_runs runs;
    bool could_publish; /* what was last said about it */
    int64_t connect_at;
};

/* What was seen in one glance. Moments by the database's clock. */
struct glance {
    bool visible, may_publish;
    int64_t now;
    int64_t stale, fresh; /* earliest due time that was tried already, and that was not */
    uint64_t overdue;
};

/* --- telling ---------------------------------------------------------------------------------- */

static void warn(const struct schedule *s, const char *what, const char *text)
{
    log_say(s->options.log, LOG_WARNING, what, text);
}

/* Of the function: a schedule that cannot be published. */
static void on_notice(void *payload, const char *severity, const char *text)
{
    const struct schedule *s = payload;
    if (strcmp(severity, "WARNING") == 0)
        warn(s, "schedule", text);
}

static void post_due(const struct schedule *s)
{
    mailbox_post(s->options.mailbox, &(struct event){.kind = EVENT_DUE});
}

static void tell_done(struct schedule *s, uint64_t done)
{
    struct log_line line;
    log_begin(&line, s->options.log, LOG_INFO, "schedules done");
    log_number(&line, "count", (int64_t)done);
    log_end(&line);
    sleeper_lock(&s->sleeper);
    s->state.done += done;
    sleeper_unlock(&s->sleeper);
    post_due(s);
}

static void tell_glance(struct schedule *s, const struct glance *g)
{
    int64_t next = g->stale < g->fresh ? g->stale : g->fresh;
    bool overdue = g->overdue > 0 && next != DUE_NEVER;
    sleeper_lock(&s->sleeper);
    s->state.connected = true;
    s->state.visible = g->visible;
    s->state.may_publish = g->may_publish;
    s->state.next = g->visible && next != DUE_NEVER ? next : 0;
    s->state.overdue = g->overdue;
    s->state.overdue_at = overdue ? next : 0;
    sleeper_unlock(&s->sleeper);
    if (g->may_publish == s->could_publish)
        return;
    s->could_publish = g->may_publish;
    log_say(s->options.log, LOG_DEBUG,
            g->may_publish ? "schedules are published by workers"
                           : "schedules are not published by this worker",
            NULL);
}

void schedule_state(struct schedule *s, struct schedule_state *state)
{
    sleeper_lock(&s->sleeper);
    *state = s->state;
    sleeper_unlock(&s->sleeper);
}

/* --- the connection --------------------------------------------------------------------------- */

static void disconnect(struct schedule *s)
{
    pg_conn_close(s->conn);
    s->conn = NULL;
    s->connect_at = pg_conn_clock() + backoff_next(&s->backoff);
    sleeper_lock(&s->sleeper);
    s->state = (struct schedule_state){.done = s->state.done};
    sleeper_unlock(&s->sleeper);
}

/* False: not now. The publishing function wants the primary; a standby shows the due times. */
static bool connected(struct schedule *s)
{
    struct error err = ERROR_INIT;
    int64_t until = pg_conn_clock() + s->options.connect_ms;
    struct pg_options options = {.connect_ms = s->options.connect_ms,
                                 .wait_ms = ANSWER_MS,
                                 .session_attrs = "primary",
                                 .application = "platen schedule",
                                 .notice = on_notice,
                                 .payload = s,
                                 .stop = &s->sleeper.stop};
    if (s->conn != NULL)
        return true;
    if (pg_conn_clock() < s->connect_at)
        return false;
    if (pg_conn_open(&s->conn, s->conninfo, &options, &err))
        return true;
    options.session_attrs = NULL;
    options.connect_ms = until - pg_conn_clock(); /* a silent network has taken all of it */
    if (options.connect_ms > 0 && pg_conn_open(&s->conn, s->conninfo, &options, &err))
        return true;
    if (!atomic_load(&s->sleeper.stop))
        warn(s, "schedules cannot be seen", err.text);
    disconnect(s);
    return false;
}

/* --- seeing ----------------------------------------------------------------------------------- */

static int64_t number(const PGresult *res, int column, int64_t otherwise)
{
    return PQgetisnull(res, 0, column) ? otherwise : strtoll(PQgetvalue(res, 0, column), NULL, 10);
}

static bool see_rights(struct schedule *s, struct glance *g, struct error *err)
{
    PGresult *res;
    const char *params[] = {s->schema, s->view};
    if (!pg_conn_query(s->conn, &PG_SQL(RIGHTS), params, 2, &res, err))
        return false;
    bool one = res != NULL && PQntuples(res) == 1;
    g->visible = one && PQgetvalue(res, 0, 0)[0] == 't';
    g->may_publish = s->options.publish && one && PQgetvalue(res, 0, 1)[0] == 't';
    PQclear(res);
    return true;
}

/* Asks for the time, and with it for what is due where that can be seen. */
static bool see_due(struct schedule *s, struct glance *g, struct error *err)
{
    PGresult *res;
    char tried[24];
    const char *params[] = {tried};
    snprintf(tried, sizeof(tried), "%" PRId64, s->runs.last);
    int64_t before = pg_conn_clock();
    bool ok = g->visible ? pg_conn_query(s->conn, &PG_SQL(s->due), params, 1, &res, err)
                         : pg_conn_query(s->conn, &PG_SQL(CLOCK), NULL, 0, &res, err);
    if (!ok)
        return false;
    int64_t after = pg_conn_clock();
    if (res == NULL || PQntuples(res) != 1) {
        PQclear(res);
        return error_set(err, ERROR_FAILED, "the database does not say what time it is");
    }
    g->now = number(res, 0, 0);
    if (g->visible) {
        g->stale = number(res, 1, DUE_NEVER);
        g->fresh = number(res, 2, DUE_NEVER);
        g->overdue = (uint64_t)number(res, 3, 0);
    }
    PQclear(res);
    sleeper_lock(&s->sleeper);
    due_clock_set(&s->clock, before, after, g->now);
    sleeper_unlock(&s->sleeper);
    return true;
}

static bool see(struct schedule *s, struct glance *g, struct error *err)
{
    *g = (struct glance){.stale = DUE_NEVER, .fresh = DUE_NEVER};
    if (!see_rights(s, g, err) || !see_due(s, g, err))
        return false;
    if (!g->visible && g->may_publish) /* then it is tried from time to time */
        g->fresh = s->runs.last > 0 ? s->runs.last + SEE_EVERY_MS : g->now;
    tell_glance(s, g);
    return true;
}

/* --- publishing ------------------------------------------------------------------------------- */

static bool rank_of(struct schedule *s, enum due_rank *rank, struct error *err)
{
    bool led = true;
    *rank = DUE_LEADER;
    if (s->options.leader != NULL && leader_leads(s->options.leader))
        return true;
    if (!leader_anywhere(s->conn, &led, err))
        return false;
    *rank = led ? DUE_FOLLOWER : DUE_ALONE;
    return true;
}

/* Other workers hear of it by the change log's triggers; without those, by this. Not in the same
 * transaction: schedules are done even when the queue of notifications is full. */
static void tell_others(struct schedule *s)
{
    struct error err = ERROR_INIT;
    if (!pg_conn_run(s->conn, &PG_SQL("NOTIFY platen"), NULL, &err))
        warn(s, "other workers cannot be notified", err.text);
}

static bool run(struct schedule *s, int64_t now, struct error *err)
{
    char sql[sizeof(RUN) + 16];
    PGresult *res;
    snprintf(sql, sizeof(sql), RUN, RUN_MS);
    pg_conn_set_wait(s->conn, RUN_MS + RUN_GRACE_MS);
    bool ok = pg_conn_run(s->conn, &PG_SQL(sql), &res, err);
    pg_conn_set_wait(s->conn, ANSWER_MS);
    uint64_t done = ok && res != NULL && PQntuples(res) == 1 ? (uint64_t)number(res, 0, 0) : 0;
    if (ok)
        PQclear(res);
    due_ran(&s->runs, now, done);
    if (done > 0) {
        tell_done(s, done);
        tell_others(s);
    }
    return ok || error_context(err, "schedules cannot be published");
}

static int64_t run_at(const struct schedule *s, const struct glance *g, enum due_rank rank)
{
    int64_t stale = due_run_at(&s->runs, rank, g->stale);
    int64_t fresh = due_run_at(&s->runs, rank, g->fresh);
    return stale < fresh ? stale : fresh;
}

/* *at: when to publish next, by the database's clock. */
static bool publish_if_due(struct schedule *s, const struct glance *g, int64_t *at, bool *ran,
                           struct error *err)
{
    enum due_rank rank;
    bool holds = true;
    *ran = false;
    *at = DUE_NEVER;
    if (!g->may_publish || (g->stale == DUE_NEVER && g->fresh == DUE_NEVER))
        return true;
    if (!rank_of(s, &rank, err))
        return false;
    *at = run_at(s, g, rank);
    if (g->now < *at)
        return true;
    /* It may have lost its session a moment ago without having been told. */
    if (rank == DUE_LEADER && !leader_still_holds(s->options.leader, s->conn, &holds, err))
        return false;
    if (!holds) {
        log_say(s->options.log, LOG_DEBUG, "no longer leading", NULL);
        *at = run_at(s, g, DUE_FOLLOWER);
    }
    if (g->now < *at)
        return true;
    *ran = true;
    return run(s, g->now, err);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* What the server refuses is no reason to connect anew, but to wait. */
static void failed(struct schedule *s, const struct error *err)
{
    if (!atomic_load(&s->sleeper.stop))
        warn(s, "schedules", err->text);
    disconnect(s);
}

/* One turn. Returns when to come back (pg_conn_clock()). */
static int64_t turn(struct schedule *s)
{
    struct error err = ERROR_INIT;
    struct glance g;
    int64_t at = DUE_NEVER;
    bool ran = true;
    if (!connected(s))
        return s->connect_at;
    for (int i = 0; ran && i < 2; i++) { /* what is left after a run is seen at once */
        if (!see(s, &g, &err) || !publish_if_due(s, &g, &at, &ran, &err)) {
            failed(s, &err);
            return s->connect_at;
        }
    }
    backoff_reset(&s->backoff);
    int64_t local = due_clock_local(&s->clock, at), now = pg_conn_clock();
    int64_t next = now + SEE_EVERY_MS;
    return local < next ? (local > now ? local : now + 1) : next;
}

/* Says it when a page's time has come; returns when it will. */
static int64_t see_page(struct schedule *s)
{
    int64_t now = pg_conn_clock();
    sleeper_lock(&s->sleeper);
    int64_t at = due_page_at(&s->page, &s->clock);
    bool due = at <= now;
    if (due)
        due_page_posted(&s->page, now);
    sleeper_unlock(&s->sleeper);
    if (due)
        post_due(s);
    return due ? DUE_NEVER : at;
}

static void *schedule_main(void *payload)
{
    struct schedule *s = payload;
    int64_t turn_at = pg_conn_clock(), soonest = turn_at;
    bool go_on = true;
    while (go_on) {
        int64_t asked = pg_conn_clock();
        if (asked >= turn_at) {
            soonest = asked + SEE_PAUSE_MS;
            turn_at = turn(s);
        }
        int64_t page_at = see_page(s);
        int64_t until = turn_at < page_at ? turn_at : page_at;
        go_on = sleeper_wait(&s->sleeper, until);
        if (pg_conn_clock() < until && turn_at > soonest) /* woken */
            turn_at = soonest;
    }
    pg_conn_close(s->conn);
    return NULL;
}

static void schedule_free(struct schedule *s)
{
    free(s->conninfo);
    free(s);
}

static void set_due(struct schedule *s, const char *name)
{
    size_t n = strcspn(name, ".");
    if (name[0] != '\0' && name[n] == '.' && n < sizeof(s->schema)) {
        memcpy(s->schema, name, n);
        snprintf(s->view, sizeof(s->view), "%.63s", name + n + 1);
        snprintf(s->due, sizeof(s->due), DUE_OF, s->schema, s->view);
    }
    s->options.due = NULL; /* not ours to keep */
}

bool schedule_start(struct schedule **out, const struct schedule_options *options,
                    struct error *err)
{
    struct schedule *s = mem_calloc(1, sizeof(*s));
    *out = NULL;
    s->options = *options;
    s->options.conninfo = s->conninfo = mem_strdup(options->conninfo);
    set_due(s, options->due);
    s->page.at = DUE_NEVER;
    backoff_init(&s->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
    if (!sleeper_start(&s->sleeper, schedule_main, s, err)) {
        schedule_free(s);
        return false;
    }
    *out = s;
    return true;
}

void schedule_stop(struct schedule *s)
{
    if (s == NULL)
        return;
    sleeper_stop(&s->sleeper);
    schedule_free(s);
}

void schedule_wake(struct schedule *s)
{
    sleeper_wake(&s->sleeper);
}

void schedule_looked(struct schedule *s, const char *next_change_at, int64_t began_ms)
{
    sleeper_lock(&s->sleeper);
    due_page_set(&s->page, &s->clock, due_parse(next_change_at), began_ms);
    sleeper_unlock(&s->sleeper);
    sleeper_wake(&s->sleeper);
}

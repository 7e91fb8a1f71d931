#include "worker/releaselog.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/version.h"
#include "pg/conn.h"
#include "worker/backoff.h"
#include "worker/sleeper.h"
#include "worker/status.h"

#define ANSWER_MS 10000
#define PAUSE_FIRST_MS 500
#define PAUSE_MOST_MS 60000
#define RIGHTS_EVERY_MS 600000 /* how often to see whether the role may write by now */
#define LAST_WORD_MS 1000
#define QUEUED_MOST 256
#define WORD_SIZE 32
#define TRIM_EVERY_MS INT64_C(86400000)
#define TRIM_BATCH "5000"
#define TRIM_ROUNDS 1000 /* of a batch each; the rest waits for the next day */

/* By the catalogs, which never refuse. */
static const char RIGHTS[] =
    "SELECT coalesce(bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    " AND pg_catalog.has_table_privilege(c.oid, 'INSERT')), false),"
    " coalesce(bool_and(c.relname <> 'worker'"
    " OR pg_catalog.has_table_privilege(c.oid, 'UPDATE')), false), count(DISTINCT c.oid),"
    " coalesce(bool_or(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')"
    " AND p.proname = 'trim'), false),"
    " coalesce(bool_or(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')"
    " AND p.proname = 'trim_releases'), false)"
    " FROM pg_catalog.pg_namespace n"
    " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid"
    " LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid"
    " AND p.proname IN ('trim', 'trim_releases')"
    " WHERE n.nspname = 'platen' AND c.relname IN ('release', 'worker')"
    " AND NOT pg_catalog.pg_is_in_recovery()";

#define AGO(ms) "pg_catalog.clock_timestamp() - " ms "::pg_catalog.float8 * interval '1 ms'"

static const char ADD[] =
    "INSERT INTO platen.release (worker, generation, at, reason, incremental, pages, added,"
    " changed, removed, bytes, seconds, commit_to_printed_ms, failed, error, upload, requests,"
    " commit_to_live_ms)"
    " VALUES ($1, $2, " AGO(
        "$3") ", $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

static const char SAY[] =
    "INSERT INTO platen.worker AS w"
    " (id, host, pid, started_at, seen_at, version, leader, generation, mode)"
    " VALUES ($1, $2, $3, " AGO("$4") ", pg_catalog.clock_timestamp(), $5, $6, $7, $8)"
                                      " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, "
                                      "leader = excluded.leader,"
                                      " generation = excluded.generation, mode = excluded.mode";

/* Each removes at most a batch, and says how much that was. */
static const char *const TRIM[] = {"SELECT platen.trim(p_batch => " TRIM_BATCH ")",
                                   "SELECT platen.trim_releases(p_batch => " TRIM_BATCH ")"};
#define TRIMS (sizeof(TRIM) / sizeof(TRIM[0]))

struct queued {
    struct releaselog_entry entry; /* its texts are those beside it */
    char reason[WORD_SIZE];
    char error[RELEASELOG_ERROR_MAX];
};

struct releaselog {
    struct sleeper sleeper;
    struct releaselog_options options;
    char *conninfo, *id;
    char host[HOST_NAME_MAX + 1];
    int64_t started_ms;
    /* guarded by the sleeper's lock */
    struct queued *queue; /* QUEUED_MOST places, used as a ring */
    size_t first, count;
    uint64_t lost;
    char mode[WORD_SIZE];
    bool leads, changed;
    uint64_t generation;
    bool closing, idle; /* idle: nothing is left to be written, or nothing can be */
    /* of the thread alone */
    struct pg_conn *conn;
    struct backoff backoff;
    bool failing; /* and that was said */
    bool may_trim[TRIMS], led;
    int64_t next_at, beat_at, trim_at;
};

/* --- what the loop calls ---------------------------------------------------------------------- */

void releaselog_add(struct releaselog *l, const struct releaselog_entry *entry)
{
    sleeper_lock(&l->sleeper);
    if (l->count == QUEUED_MOST) { /* the oldest makes way */
        l->first = (l->first + 1) % QUEUED_MOST;
        l->count--;
        l->lost++;
    }
    struct queued *q = &l->queue[(l->first + l->count) % QUEUED_MOST];
    q->entry = *entry;
    snprintf(q->reason, sizeof(q->reason), "%s", entry->reason);
    STATUS_SET(q->error, entry->error != NULL ? entry->error : "");
    l->count++;
    sleeper_unlock(&l->sleeper);
    sleeper_wake(&l->sleeper);
}

void releaselog_say(struct releaselog *l, const char *mode, bool leads, uint64_t generation)
{
    sleeper_lock(&l->sleeper);
    if (strcmp(l->mode, mode) != 0 || l->leads != leads || l->generation != generation)
        l->changed = true;
    snprintf(l->mode, sizeof(l->mode), "%s", mode);
    l->leads = leads;
    l->generation = generation;
    bool changed = l->changed;
    sleeper_unlock(&l->sleeper);
    if (changed)
        sleeper_wake(&l->sleeper);
}

/* --- the connection --------------------------------------------------------------------------- */

static void disconnect(struct releaselog *l, int64_t again_ms)
{
    pg_conn_close(l->conn);
    l->conn = NULL;
    l->next_at = pg_conn_clock() + again_ms;
}

static void failed(struct releaselog *l, const struct error *err)
{
    if (!l->failing && !atomic_load(&l->sleeper.stop))
        log_say(l->options.log, LOG_WARNING, "the release log is not written", err->text);
    l->failing = true;
    l->beat_at = 0;
    disconnect(l, backoff_next(&l->backoff));
}

static bool may_write(struct releaselog *l, bool *may, struct error *err)
{
    PGresult *res;
    if (!pg_conn_query(l->conn, &PG_SQL(RIGHTS), NULL, 0, &res, err))
        return false;
    *may = res != NULL && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't' &&
           PQgetvalue(res, 0, 1)[0] == 't' && atoi(PQgetvalue(res, 0, 2)) >= 2;
    for (size_t i = 0; i < TRIMS; i++)
        l->may_trim[i] = *may && PQgetvalue(res, 0, 3 + (int)i)[0] == 't';
    PQclear(res);
    return true;
}

/* False: not now. What waits for a role that may not write is dropped. */
static bool connected(struct releaselog *l)
{
    struct error err = ERROR_INIT;
    struct pg_options options = {.connect_ms = l->options.connect_ms,
                                 .wait_ms = ANSWER_MS,
                                 .session_attrs = "primary",
                                 .application = "platen log",
                                 .stop = &l->sleeper.stop};
    bool may = false;
    if (l->conn != NULL)
        return true;
    if (pg_conn_clock() < l->next_at)
        return false;
    if (!pg_conn_open(&l->conn, l->conninfo, &options, &err) || !may_write(l, &may, &err)) {
        failed(l, &err);
        return false;
    }
    if (may)
        return true;
    disconnect(l, RIGHTS_EVERY_MS);
    sleeper_lock(&l->sleeper);
    l->count = 0;
    sleeper_unlock(&l->sleeper);
    return false;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct number {
    char text[32];
};

static const char *count_of(struct number *n, uint64_t value)
{
    snprintf(n->text, sizeof(n->text), "%" PRIu64, value);
    return n->text;
}

static const char *ms_since(struct number *n, int64_t since)
{
    snprintf(n->text, sizeof(n->text), "%" PRId64, pg_conn_clock() - since);
    return n->text;
}

static const char *seconds_of(struct number *n, double seconds)
{
    snprintf(n->text, sizeof(n->text), "%.6f", seconds);
    return n->text;
}

static const char *known(struct number *n, bool is_known, uint64_t value)
{
    return is_known ? count_of(n, value) : NULL;
}

static const char *latency(struct number *n, int64_t ms)
{
    return known(n, ms >= 0, (uint64_t)ms);
}

static const char *flag(bool value)
{
    return value ? "t" : "f";
}

/* Of a failed look nothing is known but that, and why. */
static bool write_entry(struct releaselog *l, const struct queued *q, struct error *err)
{
    const struct releaselog_entry *e = &q->entry;
    bool ok = !e->failed, printed = ok && !e->upload;
    struct number n[11] = {{""}};
    const char *params[] = {
        l->id,
        known(&n[0], ok, e->generation),
        ms_since(&n[1], e->ended_ms),
        q->reason,
        flag(e->incremental),
        known(&n[2], printed, e->pages),
        known(&n[3], printed, e->added),
        known(&n[4], ok, e->changed),
        known(&n[5], ok, e->removed),
        known(&n[6], ok, e->bytes),
        seconds_of(&n[7], e->seconds),
        latency(&n[8], e->commit_to_printed_ms),
        flag(e->failed),
        q->error[0] != '\0' ? q->error : NULL,
        flag(e->upload),
        known(&n[9], e->upload, e->requests),
        latency(&n[10], e->commit_to_live_ms),
    };
    return pg_conn_query(l->conn, &PG_SQL(ADD), params, sizeof(params) / sizeof(*params), NULL,
                         err);
}

/* A row that the tables will never take must not stand in the way of the others. */
static bool hopeless(struct releaselog *l, const struct error *err)
{
    const char *state = pg_conn_sqlstate(l->conn);
    if (strncmp(state, "22", 2) != 0 && strncmp(state, "23", 2) != 0)
        return false;
    log_say(l->options.log, LOG_WARNING, "a row of the release log was refused", err->text);
    return true;
}

/* An entry stays in its place until it is written, unless newer ones have pushed it out. */
static bool write_entries(struct releaselog *l, struct error *err)
{
    struct queued next;
    for (;;) {
        sleeper_lock(&l->sleeper);
        bool any = l->count > 0;
        uint64_t lost = l->lost;
        if (any)
            next = l->queue[l->first];
        sleeper_unlock(&l->sleeper);
        if (!any)
            return true;
        if (!write_entry(l, &next, err) && !hopeless(l, err))
            return false;
        sleeper_lock(&l->sleeper);
        if (l->lost == lost && l->count > 0) {
            l->first = (l->first + 1) % QUEUED_MOST;
            l->count--;
        }
        sleeper_unlock(&l->sleeper);
    }
}

static bool write_worker(struct releaselog *l, struct error *err)
{
    struct number pid = {""}, age = {""}, generation = {""};
    char mode[WORD_SIZE];
    sleeper_lock(&l->sleeper);
    bool leads = l->leads && !l->closing;
    bool due = l->changed || l->closing || pg_conn_clock() >= l->beat_at;
    snprintf(mode, sizeof(mode), "%s", l->closing ? "stopped" : l->mode);
    if (l->generation > 0)
        count_of(&generation, l->generation);
    l->changed = false;
    sleeper_unlock(&l->sleeper);
    if (leads && !l->led)
        l->trim_at = 0;
    l->led = leads;
    if (!due)
        return true;
    const char *params[] = {l->id,
                            l->host,
                            count_of(&pid, (uint64_t)getpid()),
                            ms_since(&age, l->started_ms),
                            PLATEN_VERSION,
                            leads ? "t" : "f",
                            generation.text[0] != '\0' ? generation.text : NULL,
                            mode};
    l->beat_at = pg_conn_clock() + RELEASELOG_BEAT_MS;
    return pg_conn_query(l->conn, &PG_SQL(SAY), params, sizeof(params) / sizeof(*params), NULL,
                         err);
}

/* --- upkeep ----------------------------------------------------------------------------------- */

/* One batch, by whoever leads, who asks before each. */
static bool trim(struct releaselog *l, const char *sql, bool *more, struct error *err)
{
    bool holds;
    PGresult *res;
    *more = false;
    if (!leader_still_holds(l->options.leader, l->conn, &holds, err))
        return false;
    if (!holds)
        return true;
    if (!pg_conn_query(l->conn, &PG_SQL(sql), NULL, 0, &res, err))
        return false;
    *more = res != NULL && PQntuples(res) == 1 && atoll(PQgetvalue(res, 0, 0)) >= atoll(TRIM_BATCH);
    PQclear(res);
    return true;
}

static bool trim_all(struct releaselog *l, const char *sql, struct error *err)
{
    bool more = true;
    for (int i = 0; more && i < TRIM_ROUNDS && !atomic_load(&l->sleeper.stop); i++)
        if (!trim(l, sql, &more, err))
            return false;
    return true;
}

/* Spoils nothing when it fails: if the connection is lost, whoever writes next will find out. */
static void trim_if_due(struct releaselog *l)
{
    bool any = false;
    if (pg_conn_clock() < l->trim_at)
        return;
    l->trim_at = pg_conn_clock() + TRIM_EVERY_MS;
    for (size_t i = 0; i < TRIMS && l->led; i++) {
        struct error err = ERROR_INIT;
        if (!l->may_trim[i])
            continue;
        any = trim_all(l, TRIM[i], &err);
        if (!any)
            log_say(l->options.log, LOG_WARNING, "the logs were not trimmed", err.text);
    }
    if (any)
        log_say(l->options.log, LOG_DEBUG, "the logs were trimmed", NULL);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void write_all(struct releaselog *l)
{
    struct error err = ERROR_INIT;
    if (!connected(l))
        return;
    if (!write_entries(l, &err) || !write_worker(l, &err)) {
        failed(l, &err);
        return;
    }
    trim_if_due(l);
    l->failing = false;
    backoff_reset(&l->backoff);
    l->next_at = pg_conn_clock() + RELEASELOG_BEAT_MS;
}

static void *releaselog_main(void *payload)
{
    struct releaselog *l = payload;
    bool closing = false;
    do {
        sleeper_lock(&l->sleeper);
        closing = l->closing;
        sleeper_unlock(&l->sleeper);
        write_all(l);
        if (closing) {
            sleeper_lock(&l->sleeper);
            l->idle = true;
            sleeper_changed(&l->sleeper);
            sleeper_unlock(&l->sleeper);
        }
    } while (sleeper_wait(&l->sleeper, l->next_at));
    pg_conn_close(l->conn);
    return NULL;
}

static void releaselog_free(struct releaselog *l)
{
    free(l->queue);
    free(l->conninfo);
    free(l->id);
    free(l);
}

bool releaselog_start(struct releaselog **out, const struct releaselog_options *options,
                      struct error *err)
{
    struct releaselog *l = mem_calloc(1, sizeof(*l));
    *out = NULL;
    l->options = *options;
    l->options.conninfo = l->conninfo = mem_strdup(options->conninfo);
    l->options.id = l->id = mem_strdup(options->id);
    l->queue = mem_calloc(QUEUED_MOST, sizeof(*l->queue));
    l->started_ms = pg_conn_clock();
    snprintf(l->mode, sizeof(l->mode), "starting");
    if (gethostname(l->host, sizeof(l->host) - 1) != 0)
        l->host[0] = '\0';
    backoff_init(&l->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
    if (!sleeper_start(&l->sleeper, releaselog_main, l, err)) {
        releaselog_free(l);
        return false;
    }
    *out = l;
    return true;
}

void releaselog_stop(struct releaselog *l)
{
    if (l == NULL)
        return;
    sleeper_lock(&l->sleeper);
    l->closing = true;
    sleeper_unlock(&l->sleeper);
    sleeper_wake(&l->sleeper);
    int64_t until = pg_conn_clock() + LAST_WORD_MS;
    sleeper_lock(&l->sleeper);
    while (!l->idle && pg_conn_clock() < until)
        sleeper_rest(&l->sleeper, until);
    sleeper_unlock(&l->sleeper);
    sleeper_stop(&l->sleeper);
    releaselog_free(l);
}

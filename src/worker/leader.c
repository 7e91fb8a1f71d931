#include "worker/leader.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "worker/echo.h"
#include "worker/lease.h"

#define STEPS_MOST 8 /* in one call */

/* One lock for each database, whatever the search_path. */
#define KEY                                                                                        \
    "pg_catalog.hashtextextended("                                                                 \
    "pg_catalog.concat('platen leader ', pg_catalog.current_database()), 0)"

/* The lock of that key: its halves stand in two columns. */
#define IS_HELD                                                                                    \
    "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"                                     \
    " AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d"                                \
    " WHERE d.datname = pg_catalog.current_database())"                                            \
    " AND l.classid = ((" KEY " >> 32) & 4294967295)::pg_catalog.oid"                              \
    " AND l.objid = (" KEY " & 4294967295)::pg_catalog.oid"

/* Process ids are used again; with the time of its start a session is known for good. */
#define STARTED "(pg_catalog.date_part('epoch', a.backend_start) * 1000000)::pg_catalog.int8"

static const char TRY[] = "SELECT pg_catalog.pg_try_advisory_lock(" KEY ")";
static const char WHO_AM_I[] = "SELECT a.pid, " STARTED " FROM pg_catalog.pg_stat_activity a"
                               " WHERE a.pid = pg_catalog.pg_backend_pid()";
/* A sign of life need not survive a crash of the server, so its commit waits for no disk. */
static const char NOTIFY[] = "SELECT pg_catalog.set_config('synchronous_commit', 'off', true),"
                             " pg_catalog.pg_notify('" ECHO_CHANNEL "', $1)";
static const char HOLDER[] = "SELECT l.pid FROM pg_catalog.pg_locks l WHERE " IS_HELD;
static const char END[] = "SELECT pg_catalog.pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks l"
                          " WHERE " IS_HELD " AND l.pid = $1::pg_catalog.int4"
                          " AND l.pid <> pg_catalog.pg_backend_pid()";
static const char HOLDS[] = "SELECT 1 FROM pg_catalog.pg_locks l"
                            " JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE " IS_HELD
                            " AND l.pid = $1::pg_catalog.int4"
                            " AND " STARTED " = $2::pg_catalog.int8";

struct leader {
    struct leader_options options;
    char *beat, *knock;
    struct lease lease; /* of the listening thread, but for what the mutex guards */
    bool announced;     /* that we lead */
    pthread_mutex_t mutex;
    /* what other threads ask for */
    bool leads;
    int64_t said;
    char pid[16], started[24]; /* of the session that took the lock, "": none */
};

struct leader *leader_new(const struct leader_options *options)
{
    struct leader *l = mem_calloc(1, sizeof(*l));
    size_t size = strlen(options->id) + sizeof("knock ");
    l->options = *options;
    l->beat = mem_alloc(size);
    l->knock = mem_alloc(size);
    snprintf(l->beat, size, "beat %s", options->id);
    snprintf(l->knock, size, "knock %s", options->id);
    l->options.id = NULL;
    pthread_mutex_init(&l->mutex, NULL);
    return l;
}

void leader_free(struct leader *l)
{
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->mutex);
    free(l->beat);
    free(l->knock);
    free(l);
}

/* --- what others see ---------------------------------------------------------------------- */

/* Copies what the lease has come to, and says when that is something new. */
static void publish(struct leader *l)
{
    bool leads = l->lease.leads;
    pthread_mutex_lock(&l->mutex);
    l->leads = leads;
    l->said = l->lease.said;
    if (!leads)
        l->pid[0] = l->started[0] = '\0';
    pthread_mutex_unlock(&l->mutex);
    if (leads == l->announced)
        return;
    l->announced = leads;
    log_say(l->options.log, LOG_INFO, leads ? "leading" : "following", NULL);
    enum event_kind kind = leads ? EVENT_LEADER : EVENT_FOLLOWER;
    mailbox_post(l->options.mailbox, &(struct event){.kind = kind});
}

bool leader_leads(struct leader *l)
{
    pthread_mutex_lock(&l->mutex);
    struct lease lease = {.leads = l->leads, .said = l->said};
    pthread_mutex_unlock(&l->mutex);
    return lease_leads(&lease, pg_conn_clock());
}

bool leader_anywhere(struct pg_conn *c, bool *led, struct error *err)
{
    PGresult *res;
    *led = false;
    if (!pg_conn_query(c, &PG_SQL(HOLDER), NULL, 0, &res, err))
        return error_context(err, "cannot ask whether a worker leads");
    *led = res != NULL && PQntuples(res) > 0;
    PQclear(res);
    return true;
}

bool leader_still_holds(struct leader *l, struct pg_conn *c, bool *holds, struct error *err)
{
    char pid[sizeof(l->pid)], started[sizeof(l->started)];
    const char *params[] = {pid, started};
    PGresult *res;
    *holds = false;
    pthread_mutex_lock(&l->mutex);
    memcpy(pid, l->pid, sizeof(pid));
    memcpy(started, l->started, sizeof(started));
    pthread_mutex_unlock(&l->mutex);
    if (pid[0] == '\0')
        return true;
    if (!pg_conn_query(c, &PG_SQL(HOLDS), params, 2, &res, err))
        return error_context(err, "cannot ask whether this worker still leads");
    *holds = res != NULL && PQntuples(res) == 1;
    PQclear(res);
    return true;
}

/* --- talking to the server ---------------------------------------------------------------- */

/* The server's refusal is said and tried again; the end of the session is a failure. */
static bool refused(struct leader *l, const struct pg_conn *c, const char *what, struct error *err)
{
    const char *state = pg_conn_sqlstate(c);
    if (state[0] == '\0' || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0)
        return error_context(err, "%s", what);
    log_say(l->options.log, LOG_WARNING, what, err->text);
    return true;
}

/* Runs a statement with at most one parameter. False: the session is over. *res NULL: refused. */
static bool ask(struct leader *l, struct pg_conn *c, const char *sql, const char *param,
                PGresult **res, const char *what, struct error *err)
{
    if (pg_conn_query(c, &PG_SQL(sql), &param, param != NULL ? 1 : 0, res, err))
        return true;
    *res = NULL;
    return refused(l, c, what, err);
}

static bool tell(struct leader *l, struct pg_conn *c, const char *text, struct error *err)
{
    PGresult *res;
    if (!ask(l, c, NOTIFY, text, &res, "other workers cannot be notified", err))
        return false;
    PQclear(res);
    return true;
}

/* By which everybody can see later whether the lock is still ours. */
static bool remember_session(struct leader *l, struct pg_conn *c, struct error *err)
{
    PGresult *res;
    if (!ask(l, c, WHO_AM_I, NULL, &res, "cannot see the session that leads", err))
        return false;
    pthread_mutex_lock(&l->mutex);
    if (res != NULL && PQntuples(res) == 1 && !PQgetisnull(res, 0, 1)) {
        snprintf(l->pid, sizeof(l->pid), "%s", PQgetvalue(res, 0, 0));
        snprintf(l->started, sizeof(l->started), "%s", PQgetvalue(res, 0, 1));
    }
    pthread_mutex_unlock(&l->mutex);
    PQclear(res);
    return true;
}

static bool try_to_lead(struct leader *l, struct pg_conn *c, struct error *err)
{
    PGresult *res;
    int64_t now = pg_conn_clock();
    if (!ask(l, c, TRY, NULL, &res, "cannot try to lead", err))
        return false;
    bool gained = res != NULL && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    if (!gained) {
        lease_tried(&l->lease, now);
        return true;
    }
    lease_gained(&l->lease, now);
    return remember_session(l, c, err);
}

static bool say(struct leader *l, struct pg_conn *c, struct error *err)
{
    int64_t sent = pg_conn_clock();
    if (!tell(l, c, l->beat, err))
        return false;
    lease_said(&l->lease, sent); /* refused or not: the session is there, and so is the lock */
    return true;
}

static bool knock(struct leader *l, struct pg_conn *c, struct error *err)
{
    PGresult *res;
    if (!tell(l, c, l->knock, err) ||
        !ask(l, c, HOLDER, NULL, &res, "cannot see which worker leads", err))
        return false;
    bool seen = res != NULL && PQntuples(res) > 0;
    lease_asked(&l->lease, pg_conn_clock(), seen ? atoi(PQgetvalue(res, 0, 0)) : 0);
    PQclear(res);
    return true;
}

static bool end_holder(struct leader *l, struct pg_conn *c, struct error *err)
{
    char pid[16];
    PGresult *res;
    snprintf(pid, sizeof(pid), "%d", l->lease.holder);
    if (!ask(l, c, END, pid, &res, "the session of a silent leader cannot be ended", err))
        return false;
    if (res != NULL && PQntuples(res) == 1)
        log_say(l->options.log, LOG_WARNING, "ended the session of a silent leader", NULL);
    PQclear(res);
    lease_ended(&l->lease, pg_conn_clock());
    return true;
}

/* --- the guest of the listener ------------------------------------------------------------ */

static void joined(void *payload)
{
    struct leader *l = payload;
    lease_listening(&l->lease, pg_conn_clock());
}

static void left(void *payload)
{
    struct leader *l = payload;
    lease_lost(&l->lease);
    publish(l);
}

static bool do_step(struct leader *l, struct pg_conn *c, enum lease_step step, struct error *err)
{
    switch (step) {
    case LEASE_TRY:
        return try_to_lead(l, c, err);
    case LEASE_SAY:
        return say(l, c, err);
    case LEASE_ASK:
        return knock(l, c, err);
    case LEASE_END:
        return end_holder(l, c, err);
    case LEASE_WAIT:
        break;
    }
    return true;
}

static bool turn(void *payload, struct pg_conn *c, int64_t *again_ms, struct error *err)
{
    struct leader *l = payload;
    for (int steps = 0; steps < STEPS_MOST; steps++) {
        enum lease_step step = lease_next(&l->lease, pg_conn_clock(), again_ms);
        if (step == LEASE_WAIT)
            return true;
        if (!do_step(l, c, step, err))
            return false;
        publish(l);
    }
    *again_ms = pg_conn_clock() + LEASE_HURRY;
    return true;
}

/* Anybody may say these words: the worst that comes of them is a silent leader that stays. */
static void heard(void *payload, const char *text)
{
    struct leader *l = payload;
    if (strncmp(text, "beat ", 5) == 0 && !l->lease.leads)
        lease_heard_beat(&l->lease, pg_conn_clock());
    else if (strncmp(text, "knock ", 6) == 0)
        lease_heard_knock(&l->lease, strcmp(text, l->knock) == 0);
}

struct listener_guest leader_guest(struct leader *l)
{
    return (struct listener_guest){
        .payload = l, .joined = joined, .turn = turn, .heard = heard, .left = left};
}

#include "pg/connect.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "pg/conninfo.h"
#include "pg/wire.h"

#define PARAMS_MAX 16
#define STOP_SLICE_MS 100

/* Shared by the caller and the thread; whoever is last frees it. */
struct attempt {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct arena arena; /* holds the strings of keys and values */
    const char *keys[PARAMS_MAX], *values[PARAMS_MAX];
    int n;
    int64_t deadline;
    PGconn *pq;
    bool done, abandoned;
};

static void add_param(struct attempt *a, const char *key, const char *value)
{
    if (value == NULL)
        return;
    a->keys[a->n] = key;
    a->values[a->n] = arena_strdup(&a->arena, value);
    a->n++;
}

/* What stands before dbname can be overridden by the string, what stands behind cannot. A peer
 * that vanished is noticed by the kernel: keepalives while idle, tcp_user_timeout while sending. */
static struct attempt *attempt_new(const char *conninfo, const struct conninfo_host *host,
                                   const struct pg_options *options, int64_t deadline)
{
    struct attempt *a = mem_calloc(1, sizeof(*a));
    pthread_condattr_t attr;
    arena_init(&a->arena);
    a->deadline = deadline;
    add_param(a, "keepalives_idle", "30");
    add_param(a, "keepalives_interval", "10");
    add_param(a, "keepalives_count", "3");
    add_param(a, "tcp_user_timeout", "60000");
    add_param(a, "fallback_application_name",
              options->application != NULL ? options->application : "platen");
    add_param(a, "target_session_attrs", options->session_attrs);
    add_param(a, "dbname", conninfo);
    add_param(a, "host", host->host);
    add_param(a, "hostaddr", host->hostaddr);
    add_param(a, "port", host->port);
    add_param(a, "client_encoding", "UTF8");
    pthread_mutex_init(&a->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    return a;
}

static void attempt_free(struct attempt *a)
{
    if (a->pq != NULL)
        PQfinish(a->pq);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    arena_release(&a->arena);
    free(a);
}

static void drop_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

static PGconn *connect_now(const struct attempt *a)
{
    PGconn *pq = PQconnectStartParams(a->keys, a->values, 1);
    if (pq == NULL || PQstatus(pq) == CONNECTION_BAD)
        return pq;
    PQsetNoticeReceiver(pq, drop_notice, NULL);
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want != PGRES_POLLING_OK && want != PGRES_POLLING_FAILED) {
        short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!pg_wire_poll(PQsocket(pq), events, a->deadline, NULL))
            break;
        want = PQconnectPoll(pq);
    }
    return pq;
}

static void *attempt_run(void *arg)
{
    struct attempt *a = arg;
    PGconn *pq = connect_now(a);
    pthread_mutex_lock(&a->mutex);
    a->pq = pq;
    a->done = true;
    bool mine = a->abandoned;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->mutex);
    if (mine)
        attempt_free(a);
    return NULL;
}

/* Waits a little longer than the thread's own deadline, so that the thread's answer is preferred;
 * in slices, where it may be told to stop. */
static bool attempt_wait(struct attempt *a, const atomic_bool *stop)
{
    int64_t until = a->deadline + 250;
    pthread_mutex_lock(&a->mutex);
    while (!a->done) {
        int64_t now = pg_conn_clock(), next = until;
        if (now >= until || (stop != NULL && atomic_load(stop)))
            break;
        if (stop != NULL && next > now + STOP_SLICE_MS)
            next = now + STOP_SLICE_MS;
        struct timespec ts = {.tv_sec = next / 1000, .tv_nsec = next % 1000 * 1000000};
        pthread_cond_timedwait(&a->changed, &a->mutex, &ts);
    }
    bool done = a->done;
    a->abandoned = !done;
    pthread_mutex_unlock(&a->mutex);
    return done;
}

/* Signals belong to the threads that expect them: the new one takes none. */
static bool start_thread(struct attempt *a)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attr, attempt_run, a) == 0;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

static void add_message(struct strbuf *why, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    if (why->len > 0)
        strbuf_addstr(why, "\n");
    strbuf_add(why, text, len);
}

static void add_silence(struct strbuf *why, const PGconn *pq)
{
    const char *host = PQhost(pq), *port = PQport(pq);
    add_message(why, "no answer in time from ");
    strbuf_addf(why, "\"%s\", port %s", host != NULL ? host : "?", port != NULL ? port : "?");
}

/* One host. NULL: *why has got the reason. */
static PGconn *try_host(const char *conninfo, const struct conninfo_host *host,
                        const struct pg_options *options, int64_t deadline, struct strbuf *why)
{
    struct attempt *a = attempt_new(conninfo, host, options, deadline);
    if (!start_thread(a)) /* no thread to be had: then without the guard against slow names */
        attempt_run(a);
    if (!attempt_wait(a, options->stop)) {
        add_message(why, "no answer in time (the name of the host could not be resolved)");
        return NULL; /* the thread frees it */
    }
    PGconn *pq = a->pq;
    a->pq = NULL;
    attempt_free(a);
    if (pq != NULL && PQstatus(pq) == CONNECTION_OK)
        return pq;
    if (pq == NULL)
        add_message(why, "out of memory");
    else if (PQstatus(pq) == CONNECTION_BAD)
        add_message(why, PQerrorMessage(pq));
    else
        add_silence(why, pq);
    PQfinish(pq);
    return NULL;
}

/* libpq does not print passwords; this holds for whatever it may print one day. */
static void hide(struct strbuf *text, const char *secret)
{
    size_t len = secret != NULL ? strlen(secret) : 0;
    if (len < 4)
        return;
    for (char *p = text->buf; (p = strstr(p, secret)) != NULL; p += len)
        memset(p, '*', len);
}

PGconn *pg_connect(const char *conninfo, const struct pg_options *options, int64_t connect_ms,
                   struct error *err)
{
    struct arena arena;
    struct conninfo info;
    struct strbuf why;
    PGconn *pq = NULL;
    arena_init(&arena);
    strbuf_init(&why, (size_t)64 << 10);
    if (!conninfo_read(&info, &arena, conninfo, err))
        goto out;
    int64_t end = pg_conn_clock() + connect_ms;
    for (size_t i = 0; i < info.n_hosts && pq == NULL; i++) {
        int64_t now = pg_conn_clock();
        int64_t share = (end - now) / (int64_t)(info.n_hosts - i);
        if (share > 0)
            pq = try_host(conninfo, &info.hosts[i], options, now + share, &why);
    }
    if (pq != NULL && PQsetnonblocking(pq, 1) == 0)
        goto out;
    hide(&why, info.password);
    error_set(err, ERROR_FAILED, "cannot connect to PostgreSQL: %s", why.buf);
    PQfinish(pq);
    pq = NULL;
out:
    strbuf_release(&why);
    arena_release(&arena);
    return pq;
}

#include "worker/listener.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "pg/listen.h"
#include "worker/backoff.h"
#include "worker/thread.h"

#define ANSWER_MS 5000 /* for the few small statements on this connection */
#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 10000
#define WAIT_MS 60000
#define STEADY_MS 10000 /* a connection that lasted so long begins the pauses anew */

struct listener {
    struct listener_options options;
    char *conninfo;
    pthread_t thread;
    int wake;
    atomic_bool stop;
    struct backoff backoff;
};

static void post(const struct listener *l, enum event_kind kind, int64_t value)
{
    mailbox_post(l->options.mailbox, &(struct event){.kind = kind, .value = value});
}

/* --- one connection --------------------------------------------------------------------------- */

static void on_heard(void *payload, const char *channel, const char *text)
{
    const struct listener *l = payload;
    (void)channel;
    (void)text;
    post(l, EVENT_NOTIFIED, 0);
}

static bool subscribe(struct pg_conn *c, struct error *err)
{
    return pg_conn_run(c, &PG_SQL("LISTEN platen"), NULL, err);
}

/* Until the connection ends or the thread is to. */
static bool attend(struct listener *l, struct pg_conn *c, struct error *err)
{
    while (!atomic_load(&l->stop)) {
        int64_t deadline = pg_conn_clock() + WAIT_MS;
        if (pg_listen_wait(c, l->wake, deadline, on_heard, l, err) == PG_LISTEN_LOST)
            return false;
    }
    return true;
}

static bool one_connection(struct listener *l, struct error *err)
{
    struct pg_conn *c;
    struct pg_options options = {
        .connect_ms = l->options.connect_ms, .wait_ms = ANSWER_MS, .stop = &l->stop};
    if (!pg_conn_open(&c, l->conninfo, &options, err))
        return false;
    int64_t since = pg_conn_clock();
    bool ok = subscribe(c, err);
    if (ok) {
        log_say(l->options.log, LOG_INFO, "listening", NULL);
        post(l, EVENT_LISTENING, 0);
        ok = attend(l, c, err);
        if (pg_conn_clock() - since >= STEADY_MS)
            backoff_reset(&l->backoff);
    }
    pg_conn_close(c);
    return ok;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void pause_for(const struct listener *l, int64_t ms)
{
    struct pollfd pfd = {.fd = l->wake, .events = POLLIN};
    poll(&pfd, 1, (int)ms);
}

static void *run(void *payload)
{
    struct listener *l = payload;
    while (!atomic_load(&l->stop)) {
        struct error err = ERROR_INIT;
        if (one_connection(l, &err) || atomic_load(&l->stop))
            continue;
        log_say(l->options.log, LOG_WARNING, "not listening", err.text);
        post(l, EVENT_LOST, 0);
        pause_for(l, backoff_next(&l->backoff));
    }
    return NULL;
}

static void listener_free(struct listener *l)
{
    if (l->wake >= 0)
        close(l->wake);
    free(l->conninfo);
    free(l);
}

bool listener_start(struct listener **out, const struct listener_options *options,
                    struct error *err)
{
    struct listener *l = mem_calloc(1, sizeof(*l));
    *out = NULL;
    l->options = *options;
    l->conninfo = mem_strdup(options->conninfo);
    l->options.conninfo = l->conninfo;
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    backoff_init(&l->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
    bool ok = l->wake >= 0 || error_errno(err, "eventfd");
    if (!ok || !thread_start(&l->thread, run, l, err)) {
        listener_free(l);
        return false;
    }
    *out = l;
    return true;
}

void listener_stop(struct listener *l)
{
    uint64_t one = 1;
    if (l == NULL)
        return;
    atomic_store(&l->stop, true);
    ssize_t ignored = write(l->wake, &one, sizeof(one));
    (void)ignored;
    pthread_join(l->thread, NULL);
    listener_free(l);
}

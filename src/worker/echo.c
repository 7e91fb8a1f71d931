#include "worker/echo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "worker/thread.h"

struct echo {
    struct echo_options options;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop;
    enum echo_state state;
    char text[ECHO_TEXT_MAX];
    struct echo_answer answer;
};

static bool send_now(const struct echo *e, const char *text, struct echo_answer *answer)
{
    struct pg_conn *c;
    struct pg_options options = {.connect_ms = e->options.connect_ms,
                                 .wait_ms = e->options.answer_ms,
                                 .application = "platen echo",
                                 .session_attrs = "primary",
                                 .stop = e->options.stop};
    const char *params[] = {text};
    PGresult *res = NULL;
    if (!pg_conn_open(&c, e->options.conninfo, &options, &answer->err))
        return false;
    bool ok = pg_conn_query(
        c,
        &PG_SQL("SELECT pg_catalog.pg_notify('" ECHO_CHANNEL "', $1), pg_catalog.pg_backend_pid()"),
        params, 1, &res, &answer->err);
    answer->sent_ms = pg_conn_clock();
    answer->pid = ok && PQntuples(res) == 1 ? atoi(PQgetvalue(res, 0, 1)) : 0;
    PQclear(res);
    pg_conn_close(c);
    return ok;
}

static void wake(const struct echo *e)
{
    uint64_t one = 1;
    ssize_t ignored = write(e->options.wake_fd, &one, sizeof(one));
    (void)ignored;
}

static void *run(void *payload)
{
    struct echo *e = payload;
    pthread_mutex_lock(&e->mutex);
    while (!e->stop) {
        if (e->state != ECHO_SENDING) {
            pthread_cond_wait(&e->changed, &e->mutex);
            continue;
        }
        struct echo_answer answer = {.err = ERROR_INIT};
        pthread_mutex_unlock(&e->mutex);
        bool ok = send_now(e, e->text, &answer);
        pthread_mutex_lock(&e->mutex);
        e->answer = answer;
        e->state = ok ? ECHO_SENT : ECHO_FAILED;
        wake(e);
    }
    pthread_mutex_unlock(&e->mutex);
    return NULL;
}

bool echo_start(struct echo **out, const struct echo_options *options, struct error *err)
{
    struct echo *e = mem_calloc(1, sizeof(*e));
    e->options = *options;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_cond_init(&e->changed, NULL);
    *out = NULL;
    if (!thread_start(&e->thread, run, e, err)) {
        free(e);
        return false;
    }
    *out = e;
    return true;
}

void echo_stop(struct echo *e)
{
    if (e == NULL)
        return;
    pthread_mutex_lock(&e->mutex);
    e->stop = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->mutex);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

void echo_send(struct echo *e, const char *text)
{
    pthread_mutex_lock(&e->mutex);
    snprintf(e->text, sizeof(e->text), "%s", text);
    e->state = ECHO_SENDING;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->mutex);
}

enum echo_state echo_take(struct echo *e, struct echo_answer *answer)
{
    pthread_mutex_lock(&e->mutex);
    enum echo_state state = e->state;
    if (state == ECHO_SENT || state == ECHO_FAILED) {
        *answer = e->answer;
        e->state = ECHO_NONE;
    }
    pthread_mutex_unlock(&e->mutex);
    return state;
}

#include "worker/looker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "worker/thread.h"

#define AFTER_MAX 64

struct looker {
    struct mailbox *mb;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ordered, stop;
    const struct config *config;
    struct press_session *session; /* of that configuration; NULL: none yet */
    _Atomic int64_t step_ms;       /* the last sign of life of a look */
    char after[AFTER_MAX];
    struct looked looked; /* order: what is to be done; the rest: how it ended */
};

static void note_step(void *payload, const char *step, uint64_t done, uint64_t total)
{
    struct looker *l = payload;
    (void)step;
    (void)done;
    (void)total;
    atomic_store(&l->step_ms, pg_conn_clock());
}

/* The one place that calls the press. */
static void look(struct looker *l, struct looked *looked)
{
    struct press_options options = {.full = looked->order.full,
                                    .after = l->after[0] != '\0' ? l->after : NULL,
                                    .progress = note_step,
                                    .payload = l};
    if (l->session == NULL)
        l->session = press_session_open(l->config);
    error_clear(&looked->err);
    looked->ok = press_session_look(l->session, &options, &looked->result, &looked->err);
    looked->full = !looked->result.incremental;
}

static void *run(void *payload)
{
    struct looker *l = payload;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->ordered && !l->stop)
            pthread_cond_wait(&l->changed, &l->mutex);
        if (!l->ordered)
            break;
        pthread_mutex_unlock(&l->mutex);
        look(l, &l->looked);
        pthread_mutex_lock(&l->mutex);
        l->ordered = false;
        mailbox_post(l->mb, &(struct event){.kind = EVENT_LOOKED});
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

bool looker_start(struct looker **out, struct mailbox *mb, struct error *err)
{
    struct looker *l = mem_calloc(1, sizeof(*l));
    l->mb = mb;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    if (!thread_start(&l->thread, run, l, err)) {
        free(l);
        *out = NULL;
        return false;
    }
    *out = l;
    return true;
}

void looker_stop(struct looker *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    press_session_close(l->session);
    free(l);
}

void looker_forget(struct looker *l)
{
    pthread_mutex_lock(&l->mutex);
    press_session_close(l->session);
    l->session = NULL;
    pthread_mutex_unlock(&l->mutex);
}

void looker_look(struct looker *l, const struct config *config, const struct look_order *order,
                 const char *after)
{
    pthread_mutex_lock(&l->mutex);
    l->config = config;
    l->looked = (struct looked){.order = *order};
    snprintf(l->after, sizeof(l->after), "%s", after);
    atomic_store(&l->step_ms, pg_conn_clock());
    l->ordered = true;
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

void looker_take(struct looker *l, struct looked *looked)
{
    pthread_mutex_lock(&l->mutex);
    *looked = l->looked;
    pthread_mutex_unlock(&l->mutex);
}

int64_t looker_step_ms(struct looker *l)
{
    return atomic_load(&l->step_ms);
}

int64_t looked_latency(const struct looked *looked, int64_t at_ms)
{
    const struct press_result *r = &looked->result;
    if (!looked->ok || !r->released)
        return -1;
    if (r->changed_ms > 0 && r->changed_ms <= at_ms)
        return at_ms - r->changed_ms;
    return looked->order.hints > 0 ? at_ms - looked->order.since_ms : -1;
}

#include "worker/sleeper.h"

#include <errno.h>
#include <time.h>

#include "pg/conn.h"
#include "worker/thread.h"

bool sleeper_start(struct sleeper *s, void *(*run)(void *payload), void *payload, struct error *err)
{
    pthread_condattr_t attr;
    s->woken = false;
    atomic_store(&s->stop, false);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (thread_start(&s->thread, run, payload, err))
        return true;
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    return false;
}

void sleeper_stop(struct sleeper *s)
{
    atomic_store(&s->stop, true);
    sleeper_wake(s);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
}

static int wait_until(struct sleeper *s, int64_t until)
{
    struct timespec ts = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    return pthread_cond_timedwait(&s->changed, &s->mutex, &ts);
}

bool sleeper_wait(struct sleeper *s, int64_t until)
{
    int rc = 0;
    pthread_mutex_lock(&s->mutex);
    while (!s->woken && rc != ETIMEDOUT)
        rc = wait_until(s, until);
    s->woken = false;
    pthread_mutex_unlock(&s->mutex);
    return !atomic_load(&s->stop);
}

void sleeper_wake(struct sleeper *s)
{
    pthread_mutex_lock(&s->mutex);
    s->woken = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

void sleeper_rest(struct sleeper *s, int64_t until)
{
    wait_until(s, until);
}

void sleeper_changed(struct sleeper *s)
{
    pthread_cond_broadcast(&s->changed);
}

void sleeper_lock(struct sleeper *s)
{
    pthread_mutex_lock(&s->mutex);
}

void sleeper_unlock(struct sleeper *s)
{
    pthread_mutex_unlock(&s->mutex);
}

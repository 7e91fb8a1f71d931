#include "worker/sleeper.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "pg/conn.h"

static void dispose(struct sleeper *s)
{
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    s->release(s->payload);
}

static void *sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    s->run(s->payload);
    pthread_mutex_lock(&s->lock);
    s->done = true;
    bool mine = s->abandoned;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (mine)
        dispose(s);
    return NULL;
}

static int wait_until(struct sleeper *s, int64_t until)
{
    struct timespec ts = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
    return pthread_cond_timedwait(&s->changed, &s->lock, &ts);
}

bool sleeper_start(struct sleeper *s, void (*run)(void *payload), void (*release)(void *payload),
                   void *payload, struct error *err)
{
    *s = (struct sleeper){.run = run, .release = release, .payload = payload};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    sigset_t all, old; /* signals belong to the thread that expects them */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&s->thread, NULL, sleeper_main, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0)
        return true;
    dispose(s);
    return error_set(err, ERROR_FAILED, "cannot start a thread (error %d)", rc);
}

bool sleeper_wait(struct sleeper *s, int64_t until)
{
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->woken && !s->ending && rc != ETIMEDOUT && pg_conn_clock() < until)
        rc = wait_until(s, until);
    s->woken = false;
    bool go_on = !s->ending;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

bool sleeper_ending(struct sleeper *s)
{
    pthread_mutex_lock(&s->lock);
    bool ending = s->ending;
    pthread_mutex_unlock(&s->lock);
    return ending;
}

void sleeper_wake(struct sleeper *s)
{
    pthread_mutex_lock(&s->lock);
    s->woken = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void sleeper_end(struct sleeper *s, int64_t patience_ms)
{
    int64_t until = pg_conn_clock() + patience_ms;
    int rc = 0;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->done && rc != ETIMEDOUT)
        rc = wait_until(s, until);
    bool done = s->done;
    pthread_t thread = s->thread;
    s->abandoned = !done;
    if (!done) /* here, while it cannot have gone yet */
        pthread_detach(thread);
    pthread_mutex_unlock(&s->lock);
    if (!done)
        return;
    pthread_join(thread, NULL);
    dispose(s);
}

void sleeper_lock(struct sleeper *s)
{
    pthread_mutex_lock(&s->lock);
}

void sleeper_unlock(struct sleeper *s)
{
    pthread_mutex_unlock(&s->lock);
}

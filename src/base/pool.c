#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct queued {
    pool_job *job;
    void *payload;
};

struct worker {
    struct pool *pool;
    unsigned number;
    pthread_t thread;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* something queued, or the end */
    pthread_cond_t room; /* a place in the queue, or everything done */
    struct queued *queue;
    size_t depth, head, count;
    unsigned running;
    bool ending;
    struct worker *workers;
    unsigned n_workers;
};

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct pool *pool = self->pool;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->count == 0 && !pool->ending)
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->count == 0)
            break;
        struct queued next = pool->queue[pool->head];
        pool->head = (pool->head + 1) % pool->depth;
        pool->count--;
        pool->running++;
        pthread_cond_broadcast(&pool->room);
        pthread_mutex_unlock(&pool->lock);
        next.job(next.payload, self->number);
        pthread_mutex_lock(&pool->lock);
        pool->running--;
        if (pool->running == 0 && pool->count == 0)
            pthread_cond_broadcast(&pool->room);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Workers leave signals to the thread that knows what to do with them. */
static int start_worker(struct worker *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

struct pool *pool_new(unsigned threads, size_t depth, struct error *err)
{
    struct pool *pool = mem_calloc(1, sizeof(*pool));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->room, NULL);
    pool->depth = depth == 0 ? 1 : depth;
    pool->queue = mem_calloc(pool->depth, sizeof(*pool->queue));
    pool->workers = mem_calloc(threads, sizeof(*pool->workers));
    for (unsigned i = 0; i < threads; i++) {
        pool->workers[i] = (struct worker){.pool = pool, .number = i};
        int rc = start_worker(&pool->workers[i]);
        if (rc != 0) {
            error_set(err, ERROR_FAILED, "cannot start thread %u of %u (error %d); try --threads 1",
                      i + 1, threads, rc);
            pool_free(pool);
            return NULL;
        }
        pool->n_workers++;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->n_workers; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->room);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->workers);
    free(pool->queue);
    free(pool);
}

void pool_submit(struct pool *pool, pool_job *job, void *payload)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count == pool->depth)
        pthread_cond_wait(&pool->room, &pool->lock);
    pool->queue[(pool->head + pool->count) % pool->depth] = (struct queued){job, payload};
    pool->count++;
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void pool_wait(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->count != 0 || pool->running != 0)
        pthread_cond_wait(&pool->room, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

unsigned pool_cores(unsigned most)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    if (n < 1)
        n = 1;
    return (unsigned)n < most ? (unsigned)n : most;
}

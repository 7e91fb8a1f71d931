/* The pool: every job once, by a worker of a known number, never more queued than agreed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/pool.h"

#define JOBS 5000

struct job {
    struct counters *all;
    unsigned runs;
};

struct counters {
    struct job jobs[JOBS];
    atomic_bool busy[16]; /* a worker does one job at a time */
    atomic_uint ran, clashes;
    unsigned by_worker[16]; /* each written by its worker alone */
    unsigned n_workers;
};

static void count(void *payload, unsigned worker)
{
    struct job *job = payload;
    struct counters *c = job->all;
    if (worker >= c->n_workers || atomic_exchange(&c->busy[worker], true)) {
        atomic_fetch_add(&c->clashes, 1);
        return;
    }
    job->runs++;
    c->by_worker[worker]++;
    atomic_fetch_add(&c->ran, 1);
    atomic_store(&c->busy[worker], false);
}

static void run_all(unsigned threads, size_t depth)
{
    static struct counters c;
    struct error err = ERROR_INIT;
    c = (struct counters){.n_workers = threads};
    struct pool *pool = pool_new(threads, depth, &err);
    assert_non_null(pool);
    pool_wait(pool); /* nothing to wait for */
    for (unsigned round = 1; round <= 3; round++) {
        for (size_t i = 0; i < JOBS; i++) {
            c.jobs[i].all = &c;
            pool_submit(pool, count, &c.jobs[i]);
        }
        pool_wait(pool);
        assert_int_equal(atomic_load(&c.ran), round * JOBS);
    }
    unsigned sum = 0;
    for (unsigned i = 0; i < threads; i++)
        sum += c.by_worker[i];
    for (size_t i = 0; i < JOBS; i++)
        assert_int_equal(c.jobs[i].runs, 3);
    assert_int_equal(sum, 3 * JOBS);
    assert_int_equal(atomic_load(&c.clashes), 0);
    pool_free(pool);
}

static void every_job_runs_once(void **state)
{
    (void)state;
    run_all(1, 1);
    run_all(2, 4);
    run_all(8, 1);
    run_all(16, 100);
}

struct slow {
    atomic_uint waiting, most;
};

static void wait_a_little(void *payload, unsigned worker)
{
    struct slow *s = payload;
    struct timespec pause = {.tv_nsec = 2000000};
    (void)worker;
    nanosleep(&pause, NULL);
    atomic_fetch_sub(&s->waiting, 1);
}

/* With two workers and a queue of three, the one who submits a sixth job has to wait. */
static void a_full_queue_makes_the_producer_wait(void **state)
{
    (void)state;
    struct slow s = {0};
    struct error err = ERROR_INIT;
    struct pool *pool = pool_new(2, 3, &err);
    for (int i = 0; i < 50; i++) {
        pool_submit(pool, wait_a_little, &s);
        unsigned now = atomic_fetch_add(&s.waiting, 1) + 1;
        if (now > atomic_load(&s.most) && now < 1000) /* one may have ended before it was counted */
            atomic_store(&s.most, now);
    }
    pool_wait(pool);
    assert_int_equal(atomic_load(&s.waiting), 0);
    assert_in_range(atomic_load(&s.most), 2, 6);
    pool_free(pool);
}

/* pool_free() ends what was queued first. */
static void nothing_queued_is_lost(void **state)
{
    (void)state;
    struct slow s = {.waiting = 20};
    struct error err = ERROR_INIT;
    struct pool *pool = pool_new(3, 32, &err);
    for (int i = 0; i < 20; i++)
        pool_submit(pool, wait_a_little, &s);
    pool_free(pool);
    assert_int_equal(atomic_load(&s.waiting), 0);
    pool_free(NULL);
}

static void cores_have_bounds(void **state)
{
    (void)state;
    assert_in_range(pool_cores(4), 1, 4);
    assert_int_equal(pool_cores(1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(a_full_queue_makes_the_producer_wait),
        cmocka_unit_test(nothing_queued_is_lost),
        cmocka_unit_test(cores_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

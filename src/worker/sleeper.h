/* A thread that sleeps until a moment, or until it is woken, and that ends in time.
 *
 * For: the worker's threads that talk to PostgreSQL on their own account (worker/schedule.h,
 * worker/releaselog.h). Such a thread may be in the middle of a query when it is told to end: the
 * query has a deadline, but that may be far away, so whoever ends it waits only so long and then
 * leaves it behind; it cleans up after itself when the query is over.
 * Not for: work that is done side by side (base/pool.h).
 *
 * Order: sleeper_start(); sleeper_wake() from any thread; sleeper_end(). The thread itself calls
 * sleeper_wait() between pieces of work and returns when that says false.
 * Ownership: a struct sleeper is the part of a larger struct, `payload`, that belongs to whoever
 * ends last: sleeper_end() and the thread agree on that and call `release` once. After
 * sleeper_end() neither may be touched. What both sides touch is guarded by sleeper_lock().
 */
#ifndef WORKER_SLEEPER_H
#define WORKER_SLEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool woken, ending, done, abandoned;
    void (*run)(void *payload);
    void (*release)(void *payload);
    void *payload;
};

/* False: there is no thread, and the payload was released. */
bool sleeper_start(struct sleeper *s, void (*run)(void *payload), void (*release)(void *payload),
                   void *payload, struct error *err);

/* Of the thread: until `until` (pg_conn_clock()), sleeper_wake() or sleeper_end(). False: end. A
 * wake-up while it was not asleep makes the next wait return at once. */
bool sleeper_wait(struct sleeper *s, int64_t until);
bool sleeper_ending(struct sleeper *s);

void sleeper_wake(struct sleeper *s);
void sleeper_end(struct sleeper *s, int64_t patience_ms);

void sleeper_lock(struct sleeper *s);
void sleeper_unlock(struct sleeper *s);

#endif

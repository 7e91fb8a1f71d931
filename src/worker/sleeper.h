/* A thread that sleeps until a moment or until it is woken.
 *
 * For: the worker's threads that talk to PostgreSQL on their own account (worker/schedule.h,
 * worker/releaselog.h).
 * Not for: work that is done side by side (base/pool.h).
 *
 * Order: sleeper_start(); sleeper_wake() from any thread; sleeper_stop() waits for its end. The
 * thread itself calls sleeper_wait() between pieces of work and returns when that says false; its
 * connections get &s->stop (pg/conn.h), so that no query keeps it.
 * What the thread and others both touch is guarded by sleeper_lock().
 */
#ifndef WORKER_SLEEPER_H
#define WORKER_SLEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sleeper {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool woken;
    atomic_bool stop;
};

bool sleeper_start(struct sleeper *s, void *(*run)(void *payload), void *payload,
                   struct error *err);
void sleeper_stop(struct sleeper *s);

/* Of the thread: until `until` (pg_conn_clock()), sleeper_wake() or sleeper_stop(). False: return.
 * A wake-up while it was not asleep makes the next wait return at once. */
bool sleeper_wait(struct sleeper *s, int64_t until);

void sleeper_wake(struct sleeper *s);
/* Of any other thread that has taken the lock: waits until something changed, or `until`. The
 * thread says by sleeper_changed(), under the lock, that it has changed something. */
void sleeper_rest(struct sleeper *s, int64_t until);
void sleeper_changed(struct sleeper *s);

void sleeper_lock(struct sleeper *s);
void sleeper_unlock(struct sleeper *s);

#endif

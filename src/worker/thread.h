/* Starting a thread of the worker: one that takes no signals, which are the loop's.
 */
#ifndef WORKER_THREAD_H
#define WORKER_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

bool thread_start(pthread_t *thread, void *(*run)(void *), void *payload, struct error *err);

#endif

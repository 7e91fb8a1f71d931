/* A fixed set of threads working off a bounded queue.
 *
 * For: the pages of one look, rendered, packed and staged side by side. The queue is short on
 * purpose: a producer faster than the workers waits in pool_submit(), which is how a fast database
 * does not fill the memory.
 *
 * Order: pool_new(threads, depth); pool_submit()...; pool_wait() until nothing is queued or
 * running; again if wanted; pool_free() (waits first). Jobs get the number of their worker
 * (0..threads-1), so that each worker can own buffers without locks. What a job did is visible to
 * whoever called pool_wait() afterwards. Jobs must not call pool functions. Errors: pool_new()
 * returns NULL with ERROR_FAILED when threads cannot be started.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct pool;

typedef void pool_job(void *payload, unsigned worker);

struct pool *pool_new(unsigned threads, size_t depth, struct error *err);
void pool_free(struct pool *pool); /* accepts NULL */

void pool_submit(struct pool *pool, pool_job *job, void *payload);
void pool_wait(struct pool *pool);

/* Cores this process may use, at least 1, at most `most`. */
unsigned pool_cores(unsigned most);

#endif

/* Growing pauses between attempts, made a little longer or shorter by chance.
 *
 * Order: backoff_init() once with a seed of one's own; backoff_next() after each failure;
 * backoff_reset() after a success that lasted.
 */
#ifndef WORKER_BACKOFF_H
#define WORKER_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms, most_ms;
    unsigned failures;
    uint64_t chance;
};

void backoff_init(struct backoff *b, int64_t first_ms, int64_t most_ms, uint64_t seed);
void backoff_reset(struct backoff *b);

/* The next pause: from three quarters to five quarters of the doubling one. */
int64_t backoff_next(struct backoff *b);

/* A number that differs between processes, threads of one of them, and starts. */
uint64_t backoff_seed(void);

#endif

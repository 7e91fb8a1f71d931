#include "worker/backoff.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void backoff_init(struct backoff *b, int64_t first_ms, int64_t most_ms, uint64_t seed)
{
    *b = (struct backoff){.first_ms = first_ms, .most_ms = most_ms, .chance = seed | 1};
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
}

/* xorshift: spreads workers, no more. */
static uint64_t draw(struct backoff *b)
{
    b->chance ^= b->chance << 13;
    b->chance ^= b->chance >> 7;
    b->chance ^= b->chance << 17;
    return b->chance;
}

int64_t backoff_next(struct backoff *b)
{
    int64_t pause = b->first_ms;
    for (unsigned i = 0; i < b->failures && pause < b->most_ms; i++)
        pause *= 2;
    if (pause > b->most_ms)
        pause = b->most_ms;
    b->failures++;
    return pause * 3 / 4 + (int64_t)(draw(b) % (uint64_t)(pause / 2 + 1));
}

uint64_t backoff_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
        return seed;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_nsec * 2654435761u ^ (uint64_t)ts.tv_sec ^ (uint64_t)getpid() << 32;
}

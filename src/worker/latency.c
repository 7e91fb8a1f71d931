#include "worker/latency.h"

#include <stdlib.h>
#include <string.h>

void latency_add(struct latency_ring *ring, double ms)
{
    double micros = ms * 1000;
    if (!(micros > 0)) /* NaN, too */
        micros = 0;
    if (micros > (double)UINT32_MAX)
        micros = (double)UINT32_MAX;
    ring->micros[ring->count++ % LATENCY_RING] = (uint32_t)micros;
}

static int by_value(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double percentile(const uint32_t *sorted, size_t n, unsigned percent)
{
    size_t rank = (n * percent + 99) / 100;
    return (double)sorted[rank > 0 ? rank - 1 : 0] / 1000;
}

struct latency_summary latency_summary(const struct latency_ring *ring)
{
    uint32_t sorted[LATENCY_RING];
    size_t n = ring->count < LATENCY_RING ? (size_t)ring->count : LATENCY_RING;
    if (n == 0)
        return (struct latency_summary){0};
    memcpy(sorted, ring->micros, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_value);
    return (struct latency_summary){.count = ring->count,
                                    .p50_ms = percentile(sorted, n, 50),
                                    .p99_ms = percentile(sorted, n, 99),
                                    .max_ms = percentile(sorted, n, 100)};
}

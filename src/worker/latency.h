/* Percentiles of the newest measurements.
 *
 * For: how long it took from a commit's notification to its pages, of the last LATENCY_RING
 * releases: a ring and not a histogram since the start, so that one bad night does not colour the
 * figures for ever, and the figures are those of measurements that were made. Not for: sharing
 * between threads.
 */
#ifndef WORKER_LATENCY_H
#define WORKER_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#define LATENCY_RING 1024

struct latency_ring {
    uint32_t micros[LATENCY_RING]; /* over 71 minutes is 71 minutes */
    uint64_t count;                /* measured since the start */
};

struct latency_summary {
    uint64_t count; /* measured since the start; the others are of the newest LATENCY_RING */
    double p50_ms, p99_ms, max_ms; /* 0 without any */
};

/* Less than nothing, which clocks of two machines can give, is nothing. */
void latency_add(struct latency_ring *ring, double ms);

/* The nearest rank: pN is the least measurement that N % are not above. */
struct latency_summary latency_summary(const struct latency_ring *ring);

#endif

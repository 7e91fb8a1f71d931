/* Batches: rows on their way from the source to the workers. Private to press/.
 *
 * For: reading one page set. Rows of one key (the translations of one page) stay together; groups
 * are collected until a batch is worth handing over. A batch owns the arena its rows live in; there
 * are few batches, so a source faster than the workers waits for one to come back.
 */
#ifndef PRESS_BATCH_H
#define PRESS_BATCH_H

#include "press/state.h"
#include "render/page.h"

/* A bad row's problem was told; it gives no page, yet its locale has a row. */
struct press_row {
    struct source_row row;
    uint16_t locale;
    bool bad;
    bool keeps; /* bad, and its pages stay as in the last release */
};

/* The rows of one key. */
struct press_group {
    const char *key;
    size_t first, count;
    uint32_t number; /* running number within the look, from 1 */
};

/* A page that is to be printed. */
struct press_page {
    struct page_view view;
    const char *key;
    int64_t lastmod;
    uint16_t locale, from;
    uint32_t group;
    bool stays; /* only checked: the recorded page stands in its place */
};

struct press_batch {
    struct press_batch *next_free;
    struct press *press;
    struct arena arena;
    uint16_t set;
    uint16_t n_locales; /* known when the batch was handed over; its rows have no others */
    struct press_row *rows;
    size_t n_rows, alloc_rows;
    struct press_group *groups;
    size_t n_groups, alloc_groups;
    size_t bytes;
    struct press_page *pages; /* of a batch whose pages are printed one by one */
    size_t n_pages;
    atomic_size_t next_page;
    atomic_uint jobs;             /* not yet done */
    atomic_uint users;            /* of the arena: this batch, and the one that leans on it */
    struct press_batch *leans_on; /* whose arena holds this batch's first row, or NULL */
};

/* Reads page set `set` and hands its rows to the workers. Returns when all rows are handed over,
 * not when they are printed: pool_wait() for that. */
bool batch_read_set(struct press *p, uint16_t set, struct error *err);

void batch_free_all(struct press *p);

#endif

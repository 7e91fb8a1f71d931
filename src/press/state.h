/* What the parts of one look share. Private to press/.
 *
 * Threads: the looking thread reads rows and does everything before and after printing; workers
 * prepare and print batches. Written by workers: their own `struct press_worker`, and under `lock`
 * problems, the verdict found, tombstones and the first error. All else is read-only meanwhile.
 */
#ifndef PRESS_STATE_H
#define PRESS_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/map.h"
#include "base/pool.h"
#include "pack/gzip.h"
#include "plan/manifest.h"
#include "press/press.h"
#include "press/verdict.h"
#include "render/locale.h"
#include "render/theme.h"
#include "source/source.h"
#include "store/release.h"
#include "store/stage.h"
#include "store/store.h"

#define PRESS_STAGED_DRY (UINT64_MAX - 1) /* would be staged, were this no dry run */

struct press_worker {
    struct arena scratch; /* of one page */
    struct strbuf page, packed;
    struct gzip gzip;
    struct digest digest;
    struct manifest out; /* what it printed; only arena and files are used */
    uint64_t bytes_written;
};

struct press_batch;

struct press {
    const struct config *config;
    const struct press_options *options;
    struct press_result *result;
    int64_t now; /* seconds; one moment for the whole look */

    struct theme theme;
    struct locale_table locales;
    struct source *source;

    struct store store;
    struct stage stage;
    struct release_list releases;
    struct release_state recorded;
    struct map recorded_index; /* path -> index into recorded.manifest.files */
    struct map recorded_pages; /* "set\037locale\037key" -> the same, for pages */
    bool repack;               /* twins were made another way: make all again */

    struct pool *pool;
    struct press_worker *workers;
    unsigned n_workers;

    struct verdict assumed, found;
    uint64_t *rows; /* per pair: rows that are there, tombstones included */
    uint64_t rows_total;
    uint32_t groups;
    const char *next_change_at;

    pthread_mutex_t lock;
    atomic_bool failed;
    struct error error; /* the first one */
    struct press_problem *problems;
    size_t n_problems, alloc_problems;
    uint64_t more_problems;
    bool omitted, deletions_held;
    struct arena shared; /* strings of problems and tombstones */
    struct map gone;     /* pages with a tombstone, named like recorded_pages */
    struct map kept;     /* pages that stay as in the last release */

    pthread_cond_t batch_returned;
    struct press_batch *free_batches;
    unsigned n_batches;

    struct manifest next;
    struct press_worker *site; /* the worker whose buffers site pages use: the first */
};

/* Ends the look with this error, unless another came first. From any thread. */
void press_fail(struct press *p, const struct error *err);

/* "set\037locale\037key", terminated: how pages are named in maps. */
const char *press_page_name(struct arena *arena, const char *set, const char *locale,
                            const char *key);

/* The page of the last release, or NULL. */
const struct manifest_file *press_recorded_page(const struct press *p, struct arena *scratch,
                                                uint16_t set, uint16_t from, const char *key);

/* Applies the policy to a problem of one row, records it, and says what is to happen. MANIFEST_NONE
 * as locale stands for all of the set. item: name of an element, or NULL. */
enum press_action press_problem(struct press *p, uint16_t set, uint16_t locale, const char *key,
                                const char *item, const char *text);

/* Records a problem whose outcome is decided already. */
void press_record(struct press *p, enum press_action action, uint16_t set, uint16_t locale,
                  const char *key, const char *text);

#endif

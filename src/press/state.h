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
    bool in_sets; /* what it prints fills folders that are not there yet: see store/stage.h */
};

struct press_batch;
struct pinned;

struct press_problems {
    struct press_problem *items; /* strings in `shared` */
    size_t n, alloc;
    uint64_t more; /* beyond the cap */
    bool omitted;  /* whether one of them left something out or as it was */
};

/* A page found unprintable in this pass. */
struct press_withdrawal {
    const char *name; /* as in maps */
    const char *key, *text;
    uint16_t set, from;
    enum press_action action;
};

struct press {
    const struct config *config;
    const struct press_options *options;
    struct press_result *result;
    int64_t now; /* seconds; one moment for the whole look */

    struct press_session *session; /* NULL: a single look */
    struct theme *theme;
    struct locale_table locales;
    struct source *source;

    struct store store;
    struct stage stage;
    struct release_list releases;
    struct release_state recorded;
    struct map recorded_index; /* path -> index into recorded.manifest.files */
    struct map
        recorded_pages;    /* "set\037locale\037key" -> the same, for pages; filled when asked */
    bool repack;           /* twins were made another way: make all again */
    struct pinned *pinned; /* see press/pinned.h; NULL: the database decides */
    uint16_t recorded_sets[MANIFEST_MAX_NAMES], recorded_locales[MANIFEST_MAX_NAMES];

    struct pool *pool;
    struct press_worker *workers;
    unsigned n_workers;

    struct verdict assumed, found;
    struct verdict withheld; /* held for problems of `late` */
    uint64_t *rows;          /* per pair: rows that are there, tombstones included */
    uint64_t *unlisted;      /* per set: rows in locales the configuration does not have */
    uint64_t rows_total;
    uint32_t groups;
    const char *next_change_at;

    pthread_mutex_t lock;
    atomic_bool failed;
    struct error error;             /* the first one */
    struct press_problems problems; /* of the rows: each pass finds them again */
    struct press_problems late;     /* of pages withdrawn: they stay for all passes */
    bool deletions_held;
    struct arena shared;  /* strings of problems, and of the maps below */
    struct map gone;      /* rows that are tombstones; locale: the row's */
    struct map kept;      /* pages that stay as in the last release; locale: the page's */
    struct map withdrawn; /* pages earlier passes could not print -> enum press_action */
    struct press_withdrawal *withdrawals;
    size_t n_withdrawals, alloc_withdrawals;

    pthread_cond_t batch_returned;
    struct press_batch *free_batches;
    unsigned n_batches;

    bool partial;                /* an incremental look: only what `scopes` names is read */
    bool too_narrow;             /* it has printed, and what it rested on turned out to be gone */
    struct source_scope *scopes; /* one per page set */
    struct map *scope_keys;      /* one per page set: its keys */

    struct manifest next;
    struct press_worker *site; /* the worker whose buffers site pages use: the first */
};

/* How twins are made, as manifests record it; "" when there are none. */
const char *press_packing(const struct config *c);

/* Makes the release of p->next, which is complete, unless nothing has changed and it need not be
 * made; fills the result. In a dry run the latter alone. (look.c) */
bool press_finish(struct press *p, bool always, struct error *err);

/* Ends the look with this error, unless another came first. From any thread. */
void press_fail(struct press *p, const struct error *err);

/* "set\037locale\037key", terminated: how pages are named in maps. */
const char *press_page_name(struct arena *arena, const struct press *p, uint16_t set,
                            uint16_t locale, const char *key);

/* The page that stands in the last release for this key and locale, from whatever row, or NULL. */
const struct manifest_file *press_recorded_page(const struct press *p, struct arena *scratch,
                                                uint16_t set, uint16_t locale, const char *key);

/* Set and locale of the last release in terms of this look, or MANIFEST_NONE. */
uint16_t press_recorded_set(const struct press *p, uint16_t recorded);
uint16_t press_recorded_locale(const struct press *p, uint16_t recorded);

/* Whether this look is about the locale (--locale); the pages of all others stay. A pinned look is
 * about all. */
bool press_is_asked_for(const struct press *p, uint16_t locale);

/* What the policy makes of a content problem, --accept considered. */
enum press_action press_policy(const struct press *p);

/* A page and the row it is printed from. */
struct press_where {
    uint16_t set, locale, from;
    const char *key;
    bool live; /* not a tombstone: those never leave the page as it was */
};

/* The same for a whole page: one the last release does not have cannot be kept. */
enum press_action press_page_policy(const struct press *p, struct arena *scratch,
                                    const struct press_where *page);

/* Records a problem and what becomes of it; PRESS_HELD holds the pair. MANIFEST_NONE: the locale is
 * unknown, which holds all of the set; as set: no set in particular, which holds none. */
void press_record(struct press *p, enum press_action action, uint16_t set, uint16_t locale,
                  const char *key, const char *text);

/* A page that turned out unprintable after the others had learned of it: its template failed, or
 * its path is taken. Applies the policy to the row; this page is left out of all further passes,
 * and the one under way is not the last. */
void press_withdraw(struct press *p, struct arena *scratch, const struct press_where *page,
                    const char *text);

/* Between passes: takes what the last one withdrew to heart. False when that was nothing. */
bool press_take_withdrawals(struct press *p);

#endif

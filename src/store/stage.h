/* Staged files: finished bytes waiting for their release.
 *
 * For: keeping what was rendered out of memory. Each worker writes files of its own into its own
 * folder of out/.stage, with the time they will carry in public/; the commit renames them from
 * there. Nothing is created before the first file: a look that changes nothing writes nothing.
 * Order: stage_init(); stage_put() from any worker; store/commit.h uses them; stage_discard()
 * removes every file (also what a killed look left behind); stage_release(). Empty folders stay for
 * the next look: making and removing them costs as much as several files, and ext4 is slow to make
 * files near folders that were removed minutes ago.
 *
 * Sets: files that will be all that a new folder of public/ has are staged in a folder of their
 * own, under the names they will have. One rename then puts all of them in place.
 * Errors: ERROR_FAILED; every write and close is checked, so a full disk ends the look here.
 */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "plan/route.h"
#include "store/store.h"

#define STAGE_NONE UINT64_MAX
#define STAGE_NAME_SIZE (ROUTE_SEGMENT_MAX + 32)

struct staged {
    const char *path; /* it belongs into a set, with what the worker has put just before it for the
                         same folder; NULL: into none */
    const char *data;
    size_t len;
    const char *gz;
    size_t gz_len; /* 0: no twin */
    int64_t mtime; /* seconds */
};

struct stage_worker {
    int fd; /* the worker's folder, or -1 */
    uint64_t count;
    struct strbuf set; /* the folder that the last set will be */
    size_t *sets;      /* how many changes each of its sets has; STAGE_SPOILT: more than those */
    size_t n_sets, alloc_sets;
};

struct stage {
    const struct store *store; /* borrowed */
    pthread_mutex_t lock;      /* the first file of all makes .stage */
    int fd;
    struct stage_worker *workers;
    unsigned n_workers;
    bool empty;     /* nothing is in .stage but folders */
    bool used;      /* since stage_init() */
    bool had_files; /* somebody else's, before that: a look was cut short */
};

void stage_init(struct stage *st, const struct store *store, unsigned workers);
void stage_release(struct stage *st);

/* Writes one file, and its twin. *ref names it from now on, in a set together with its path. */
bool stage_put(struct stage *st, unsigned worker, const struct staged *file, uint64_t *ref,
               struct error *err);

/* The folder of a staged file and its name there ("0/17", or "0/17.gz" for the twin). `path`: that
 * which it will have in public/. */
int stage_folder(const struct stage *st, uint64_t ref);
void stage_name(uint64_t ref, const char *path, bool twin, char name[STAGE_NAME_SIZE]);

/* How many files (twins not counted) the set of a staged file has; 0: it is in none.
 * STAGE_SPOILT: that can no longer be told. */
#define STAGE_SPOILT SIZE_MAX
size_t stage_set_size(const struct stage *st, uint64_t ref);
void stage_set_name(uint64_t ref, char name[STAGE_NAME_SIZE]); /* of its folder */

bool stage_discard(struct stage *st, struct error *err);

#endif

/* Staged files: finished bytes waiting for their release.
 *
 * For: keeping what was rendered out of memory. Each worker writes files of its own into its own
 * folder of out/.stage, with the time they will carry in public/; the commit renames them from
 * there. Nothing is created before the first file: a look that changes nothing writes nothing.
 * Order: stage_init(); stage_put() from any worker; store/commit.h uses them; stage_discard()
 * removes every file (also what a killed look left behind); stage_release(). Empty folders stay for
 * the next look: making and removing them costs as much as several files, and ext4 is slow to make
 * files near folders that were removed minutes ago.
 * Errors: ERROR_FAILED; every write and close is checked, so a full disk ends the look here.
 */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

#define STAGE_NONE UINT64_MAX

struct stage_worker {
    int fd; /* the worker's folder, or -1 */
    uint64_t count;
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

/* Writes one file, and its twin when gz_len > 0, with modification time `mtime` (seconds). *ref
 * names it from now on. */
bool stage_put(struct stage *st, unsigned worker, const char *data, size_t len, const char *gz,
               size_t gz_len, int64_t mtime, uint64_t *ref, struct error *err);

/* The folder of a staged file and its name there ("0/17", or "0/17.gz" for the twin). */
int stage_folder(const struct stage *st, uint64_t ref);
void stage_name(uint64_t ref, bool twin, char name[32]);

bool stage_discard(struct stage *st, struct error *err);

#endif

/* The commit: staged files become the release.
 *
 * For: the one place where out/public changes. In this order: the intent, made durable together
 * with the staged bytes; then file by file, dependencies first, the object (store/ready.h), the old
 * twins away, the page by rename, its new twins by rename; then what disappeared; then the
 * manifest; then the intent goes. Killed at any point, every public file is whole, no twin of
 * another generation stands beside a page, and the intent names what the next look has to write
 * again.
 *
 * In a release of many files a staged set (store/stage.h) comes by one rename of its folder, if its
 * files are of one kind and nothing has that name yet; otherwise file by file.
 *
 * Durability: up to COMMIT_FSYNC_MAX changed files each file and each folder is flushed by itself;
 * above, syncfs(2) before the renames and after them (its result is checked).
 * Errors: ERROR_FAILED naming the file. A small release leaves nothing behind where nothing of
 * public/ was changed yet; else the files before the failing one have changed, and the intent
 * stays.
 */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/manifest.h"
#include "store/release.h"
#include "store/stage.h"
#include "store/store.h"

#define COMMIT_FSYNC_MAX 64

struct commit_change {
    const struct manifest_file *file; /* as it will be; its time is already on the staged file */
    uint64_t ref;                     /* the staged file */
};

struct commit {
    const struct store *store;
    struct stage *stage;
    const struct release_list *releases; /* as found; its intents are settled */
    const struct manifest *next;         /* generation set, sorted, complete */
    struct commit_change *changes;       /* sorted by the commit */
    size_t n_changes;
    const struct manifest_file **removals; /* files of earlier releases that go; sorted likewise */
    size_t n_removals;
    void (*progress)(void *payload, size_t done, size_t total); /* or NULL */
    void *payload;
};

bool commit_run(struct commit *c, struct error *err);

#endif

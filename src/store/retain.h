/* Retention: which releases stay, and which objects with them.
 *
 * For: keeping out/ from growing for ever while rollback stays possible: the newest 10 releases,
 * the last of each hour for 24 hours, the last of each day for 7 days, and the one that is pinned
 * (store/pin.h); an object lives as long as a kept release names it. Runs after a release is
 * committed; being killed here loses nothing.
 *
 * A release that was cut short leaves objects that no manifest will ever name: after one, a sweep
 * looks at every object. As long as a manifest that stays cannot be understood (damaged, or of a
 * newer platen), nothing at all is removed, because nobody can say what it needs; it leaves when
 * its time has come.
 * Errors: ERROR_FAILED naming what could not be read or removed.
 */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

/* Sets keep[i] for the releases that stay. created: seconds, newest release first. */
void retain_choose(const int64_t *created, size_t count, int64_t now, bool *keep);

/* Removes the manifests that need not stay and the objects that only they named; with `sweep` every
 * object that no manifest names. */
bool retain_apply(const struct store *s, int64_t now, bool sweep, struct error *err);

#endif

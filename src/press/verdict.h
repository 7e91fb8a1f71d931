/* The verdict: which (page set, locale) pairs are held in a look.
 *
 * A page names its translations, so whether a locale is held has to be known before the first page
 * is printed, yet counting rows and checking content need the whole snapshot. Hence a look starts
 * from an assumption (what was held last time), finds its own verdict, and prints again from the
 * same snapshot where the two differ.
 */
#ifndef PRESS_VERDICT_H
#define PRESS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/manifest.h"

struct verdict {
    bool *held; /* n_sets rows of MANIFEST_MAX_NAMES */
    size_t n_sets;
};

void verdict_init(struct verdict *v, size_t n_sets);
void verdict_release(struct verdict *v);
void verdict_clear(struct verdict *v);

/* locale MANIFEST_NONE: every locale of the set. */
void verdict_hold(struct verdict *v, uint16_t set, uint16_t locale);
bool verdict_is_held(const struct verdict *v, uint16_t set, uint16_t locale);
bool verdict_any(const struct verdict *v, uint16_t set);
bool verdict_any_at_all(const struct verdict *v);
/* Whether both hold the same of the first n locales. */
bool verdict_equal(const struct verdict *a, const struct verdict *b, size_t n_locales);
void verdict_copy(struct verdict *to, const struct verdict *from);

#endif

/* Which pages an incremental look is about. Private to press/.
 *
 * For: knowing of every recorded page whether its row was read, and finding out after a pass
 * whether what was read tells all: what the change log names is a hint where to look, and some of
 * what is found there concerns pages that were not looked at. Then the look has to read everything.
 *
 * Order: scope_find() with the snapshot open and the last release loaded; scope_has() from any
 * thread; scope_suffices() after a pass; scope_release().
 */
#ifndef PRESS_SCOPE_H
#define PRESS_SCOPE_H

#include "press/state.h"

/* Fills p->scopes from the change log. *why: reason to read everything, or NULL. */
bool scope_find(struct press *p, const struct source_mark *since, const char **why,
                struct error *err);

/* Whether a look reads the row of this key and locale, were it there. A full look reads all. */
bool scope_has(const struct press *p, uint16_t set, uint16_t from, const char *key);

/* The same, whatever the locale. */
bool scope_has_key(const struct press *p, uint16_t set, const char *key);

/* Whether any row is read at all. */
bool scope_any(const struct press *p);

/* NULL, or why what this pass has found asks for all rows. */
const char *scope_insufficient(struct press *p);

void scope_release(struct press *p);

#endif

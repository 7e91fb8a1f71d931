/* Small ids for the names that are looked up millions of times.
 *
 * For: the few dozen member names that templates and page sets ask for. Filled while templates and
 * configuration are loaded, then frozen, and only read afterwards, so that threads share it without
 * a lock. The JSON reader tags each object key with its id, and look-ups compare ids.
 * Not for: every key of the data (a table that grew with the data would grow for ever).
 *
 * Order: symtab_init(&st); symtab_add() while loading; symtab_find() from any thread afterwards;
 * symtab_release(&st). Names are copied.
 */
#ifndef BASE_SYMTAB_H
#define BASE_SYMTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"

struct symtab {
    struct map ids; /* private */
    struct arena names;
    uint32_t count;
};

void symtab_init(struct symtab *st);
void symtab_release(struct symtab *st);

/* The id of a name, added when missing: while loading only. Ids start at 1. */
uint32_t symtab_add(struct symtab *st, const char *name, size_t len);

/* The id of a name, or 0. Safe from many threads once nobody adds. st may be NULL: always 0. */
uint32_t symtab_find(const struct symtab *st, const char *name, size_t len);

#endif

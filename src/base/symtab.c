#include "base/symtab.h"

#include <stdbool.h>

void symtab_init(struct symtab *st)
{
    map_init(&st->ids);
    arena_init(&st->names);
    st->count = 0;
}

void symtab_release(struct symtab *st)
{
    map_release(&st->ids);
    arena_release(&st->names);
    st->count = 0;
}

uint32_t symtab_add(struct symtab *st, const char *name, size_t len)
{
    uint32_t id = symtab_find(st, name, len);
    if (id != 0)
        return id;
    bool added;
    *map_put(&st->ids, arena_strndup(&st->names, name, len), len, &added) = ++st->count;
    return st->count;
}

uint32_t symtab_find(const struct symtab *st, const char *name, size_t len)
{
    if (st == NULL)
        return 0;
    const uint64_t *id = map_get(&st->ids, name, len);
    return id != NULL ? (uint32_t)*id : 0;
}

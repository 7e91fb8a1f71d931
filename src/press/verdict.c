#include "press/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void verdict_init(struct verdict *v, size_t n_sets)
{
    v->n_sets = n_sets;
    v->held = mem_calloc(n_sets + 1, MANIFEST_MAX_NAMES * sizeof(*v->held));
}

void verdict_release(struct verdict *v)
{
    free(v->held);
    *v = (struct verdict){0};
}

static size_t size_of(const struct verdict *v)
{
    return v->n_sets * MANIFEST_MAX_NAMES * sizeof(*v->held);
}

void verdict_clear(struct verdict *v)
{
    memset(v->held, 0, size_of(v));
}

void verdict_hold(struct verdict *v, uint16_t set, uint16_t locale)
{
    bool *row = v->held + (size_t)set * MANIFEST_MAX_NAMES;
    if (locale != MANIFEST_NONE)
        row[locale] = true;
    else
        memset(row, 1, MANIFEST_MAX_NAMES * sizeof(*row));
}

bool verdict_is_held(const struct verdict *v, uint16_t set, uint16_t locale)
{
    return locale != MANIFEST_NONE && v->held[(size_t)set * MANIFEST_MAX_NAMES + locale];
}

bool verdict_any(const struct verdict *v, uint16_t set)
{
    const bool *row = v->held + (size_t)set * MANIFEST_MAX_NAMES;
    return memchr(row, 1, MANIFEST_MAX_NAMES * sizeof(*row)) != NULL;
}

bool verdict_any_at_all(const struct verdict *v)
{
    return memchr(v->held, 1, size_of(v)) != NULL;
}

bool verdict_equal(const struct verdict *a, const struct verdict *b, size_t n_locales)
{
    for (size_t set = 0; set < a->n_sets; set++) {
        size_t row = set * MANIFEST_MAX_NAMES;
        if (memcmp(a->held + row, b->held + row, n_locales * sizeof(*a->held)) != 0)
            return false;
    }
    return true;
}

void verdict_copy(struct verdict *to, const struct verdict *from)
{
    memcpy(to->held, from->held, size_of(from));
}

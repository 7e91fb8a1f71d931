#include "press/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool scope_find(struct press *p, const struct source_mark *since, const char **why,
                struct error *err)
{
    size_t n = p->config->n_sets;
    if (!source_covers(p->source, since, &p->shared, why, err))
        return false;
    p->scopes = mem_calloc(n + 1, sizeof(*p->scopes));
    p->scope_keys = mem_calloc(n + 1, sizeof(*p->scope_keys));
    for (size_t i = 0; i < n; i++)
        map_init(&p->scope_keys[i]);
    for (size_t i = 0; *why == NULL && i < n; i++) {
        struct source_scope *s = &p->scopes[i];
        if (!source_affected(p->source, i, since, &p->shared, s, err))
            return error_context(err, "page set '%s'", p->config->sets[i].name);
        if (s->whole)
            *why = arena_printf(&p->shared, "any row of page set '%s' may have changed",
                                p->config->sets[i].name);
        if (!p->config->locales_auto) /* a page may come from the row of another locale */
            s->n_locales = 0;
        for (size_t k = 0; k < s->n_keys; k++) {
            bool added;
            map_put(&p->scope_keys[i], s->keys[k], strlen(s->keys[k]), &added);
        }
    }
    p->partial = *why == NULL;
    return true;
}

bool scope_has_key(const struct press *p, uint16_t set, const char *key)
{
    return !p->partial || map_get(&p->scope_keys[set], key, strlen(key)) != NULL;
}

bool scope_has(const struct press *p, uint16_t set, uint16_t from, const char *key)
{
    if (!p->partial)
        return true;
    const struct source_scope *s = &p->scopes[set];
    bool has = s->n_locales == 0;
    for (size_t i = 0; !has && i < s->n_locales; i++)
        has = strcmp(s->locales[i], p->locales.codes[from]) == 0;
    return has && scope_has_key(p, set, key);
}

bool scope_any(const struct press *p)
{
    for (size_t i = 0; i < p->config->n_sets; i++)
        if (p->scopes[i].n_keys > 0)
            return true;
    return false;
}

/* --- does it tell all? ------------------------------------------------------------------------ */

/* A recorded page in terms of this look. False for other files, and for pages of a set or locale
 * that there is no more. */
static bool is_page(const struct press *p, const struct manifest_file *f, uint16_t *set,
                    uint16_t *from)
{
    *set = press_recorded_set(p, f->set);
    *from = press_recorded_locale(p, f->from);
    return f->kind == MANIFEST_PAGE && *set != MANIFEST_NONE && *from != MANIFEST_NONE;
}

/* Where only some locales of a key are read, the others' links to translations stand only if the
 * same pages are there as before. */
static bool same_pages(const struct press *p, const struct map *next)
{
    size_t before = 0, now = 0;
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        uint16_t set, from;
        if (!is_page(p, f, &set, &from) || p->scopes[set].n_locales == 0 ||
            !scope_has(p, set, from, f->key))
            continue;
        const uint64_t *at = map_get(next, f->path, strlen(f->path));
        const struct manifest_file *n = at != NULL ? &p->next.files[*at] : NULL;
        if (n == NULL || n->kind != MANIFEST_PAGE || n->set != set || n->flags != f->flags ||
            n->locale != press_recorded_locale(p, f->locale) || strcmp(n->key, f->key) != 0)
            return false;
        before++;
    }
    for (size_t i = 0; i < p->next.n_files; i++) {
        const struct manifest_file *f = &p->next.files[i];
        now += f->kind == MANIFEST_PAGE && f->group != 0 && p->scopes[f->set].n_locales > 0;
    }
    return before == now;
}

/* Whether the guards that count would let this pass. What they compare, all rows that are there
 * with all pages that were, is known from what was read and what was not. */
static bool guards_pass(const struct press *p)
{
    const struct config *c = p->config;
    const struct manifest *old = &p->recorded.manifest;
    size_t pairs = c->n_sets * MANIFEST_MAX_NAMES;
    uint64_t *before = mem_calloc(2 * pairs + 1, sizeof(*before)), *gone = before + pairs;
    bool pass = true;
    for (size_t i = 0; i < old->n_files; i++) {
        const struct manifest_file *f = &old->files[i];
        uint16_t set, from;
        if (!is_page(p, f, &set, &from) || (f->flags & MANIFEST_FALLBACK) != 0)
            continue;
        size_t pair = (size_t)set * MANIFEST_MAX_NAMES + from;
        before[pair]++;
        gone[pair] += scope_has(p, set, from, f->key);
    }
    for (size_t i = 0; pass && i < pairs; i++) {
        const struct config_page_set *s = &c->sets[i / MANIFEST_MAX_NAMES];
        uint64_t rows = before[i] - gone[i] + p->rows[i];
        int64_t min_rows = s->min_rows >= 0 ? s->min_rows : c->guard_min_rows;
        double max_shrink = s->max_shrink >= 0 ? s->max_shrink : c->guard_max_shrink;
        if (gone[i] > p->rows[i])
            pass =
                rows >= (uint64_t)min_rows && (double)rows >= (double)before[i] * (1 - max_shrink);
    }
    free(before);
    return pass;
}

static uint64_t count_deletions(const struct press *p, const struct map *next)
{
    uint64_t n = 0;
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const char *path = p->recorded.manifest.files[i].path;
        n += map_get(next, path, strlen(path)) == NULL;
    }
    return n;
}

const char *scope_insufficient(struct press *p)
{
    if (p->problems.n > 0 || p->late.n > 0 || p->n_withdrawals > 0 || p->kept.count > 0 ||
        verdict_any_at_all(&p->found))
        return "a changed row cannot be printed as it is";
    if (p->gone.count > 0)
        return "a changed row is a tombstone";
    struct map next;
    map_init(&next);
    manifest_index(&p->next, &next);
    const char *why = NULL;
    if (!same_pages(p, &next))
        why = "a page came or went, and its translations name it";
    else if (!guards_pass(p))
        why = "so many rows are gone that a guard has to count them all";
    else if (count_deletions(p, &next) > (uint64_t)p->config->guard_max_deletes)
        why = "more files would be deleted than guards.max_deletes";
    map_release(&next);
    return why;
}

void scope_release(struct press *p)
{
    for (size_t i = 0; p->scope_keys != NULL && i < p->config->n_sets; i++)
        map_release(&p->scope_keys[i]);
    free(p->scope_keys);
    free(p->scopes);
    p->scope_keys = NULL;
    p->scopes = NULL;
    p->partial = false;
}

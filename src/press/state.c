#include "press/state.h"

#include <string.h>

#include "base/mem.h"

#define PROBLEMS_MAX 1000

void press_fail(struct press *p, const struct error *err)
{
    pthread_mutex_lock(&p->lock);
    if (!atomic_exchange(&p->failed, true))
        p->error = *err;
    pthread_mutex_unlock(&p->lock);
}

/* --- names -------------------------------------------------------------------------------- */

const char *press_page_name(struct arena *arena, const struct press *p, uint16_t set,
                            uint16_t locale, const char *key)
{
    return arena_printf(arena, "%s\037%s\037%s", p->config->sets[set].name,
                        p->locales.codes[locale], key);
}

const struct manifest_file *press_recorded_page(const struct press *p, struct arena *scratch,
                                                uint16_t set, uint16_t locale, const char *key)
{
    if (p->recorded_pages.count == 0 || locale == MANIFEST_NONE)
        return NULL;
    const char *name = press_page_name(scratch, p, set, locale, key);
    const uint64_t *index = map_get(&p->recorded_pages, name, strlen(name));
    return index != NULL ? &p->recorded.manifest.files[*index] : NULL;
}

uint16_t press_recorded_set(const struct press *p, uint16_t recorded)
{
    return recorded != MANIFEST_NONE ? p->recorded_sets[recorded] : MANIFEST_NONE;
}

uint16_t press_recorded_locale(const struct press *p, uint16_t recorded)
{
    return recorded != MANIFEST_NONE ? p->recorded_locales[recorded] : MANIFEST_NONE;
}

bool press_is_asked_for(const struct press *p, uint16_t locale)
{
    const struct config *c = p->config;
    for (size_t i = 0; i < c->n_only_locales; i++)
        if (strcmp(c->only_locales[i], p->locales.codes[locale]) == 0)
            return true;
    return c->n_only_locales == 0 || p->pinned != NULL;
}

/* --- problems ----------------------------------------------------------------------------- */

enum press_action press_policy(const struct press *p)
{
    static const enum press_action actions[] = {
        [CONFIG_HOLD] = PRESS_HELD, [CONFIG_OMIT] = PRESS_OMITTED, [CONFIG_KEEP] = PRESS_KEPT};
    enum press_action action = actions[p->config->guard_content];
    return action == PRESS_HELD && p->options->accept ? PRESS_OMITTED : action;
}

enum press_action press_page_policy(const struct press *p, struct arena *scratch,
                                    const struct press_where *page)
{
    enum press_action action = press_policy(p);
    if (action != PRESS_KEPT)
        return action;
    bool there = press_recorded_page(p, scratch, page->set, page->locale, page->key) != NULL;
    return there && page->live ? PRESS_KEPT : PRESS_OMITTED;
}

static void add_problem(struct press *p, struct press_problems *list, enum press_action action,
                        uint16_t set, uint16_t locale, const char *key, const char *text)
{
    if (action != PRESS_HELD)
        list->omitted = true;
    if (list->n == PROBLEMS_MAX) {
        list->more++;
        return;
    }
    MEM_GROW(list->items, list->n + 1, list->alloc);
    list->items[list->n++] = (struct press_problem){
        .set = set != MANIFEST_NONE ? p->config->sets[set].name : "",
        .locale = locale != MANIFEST_NONE ? p->locales.codes[locale] : "",
        .key = arena_strdup(&p->shared, key != NULL ? key : ""),
        .text = arena_strdup(&p->shared, text),
        .action = action,
    };
}

void press_record(struct press *p, enum press_action action, uint16_t set, uint16_t locale,
                  const char *key, const char *text)
{
    pthread_mutex_lock(&p->lock);
    add_problem(p, &p->problems, action, set, locale, key, text);
    if (action == PRESS_HELD && set != MANIFEST_NONE)
        verdict_hold(&p->found, set, locale);
    pthread_mutex_unlock(&p->lock);
}

void press_withdraw(struct press *p, struct arena *scratch, const struct press_where *page,
                    const char *text)
{
    enum press_action action = press_page_policy(p, scratch, page);
    pthread_mutex_lock(&p->lock);
    MEM_GROW(p->withdrawals, p->n_withdrawals + 1, p->alloc_withdrawals);
    p->withdrawals[p->n_withdrawals++] = (struct press_withdrawal){
        .name = press_page_name(&p->shared, p, page->set, page->locale, page->key),
        .key = arena_strdup(&p->shared, page->key),
        .text = arena_strdup(&p->shared, text),
        .set = page->set,
        .from = page->from,
        .action = action,
    };
    pthread_mutex_unlock(&p->lock);
}

/* Of several reasons for one page the first is told. */
bool press_take_withdrawals(struct press *p)
{
    size_t n = p->n_withdrawals;
    for (size_t i = 0; i < n; i++) {
        const struct press_withdrawal *w = &p->withdrawals[i];
        bool added;
        uint64_t *action = map_put(&p->withdrawn, w->name, strlen(w->name), &added);
        if (!added)
            continue;
        *action = (uint64_t)w->action;
        add_problem(p, &p->late, w->action, w->set, w->from, w->key, w->text);
        if (w->action != PRESS_HELD)
            continue;
        verdict_hold(&p->withheld, w->set, w->from);
        verdict_hold(&p->found, w->set, w->from);
    }
    p->n_withdrawals = 0;
    return n > 0;
}

const char *press_packing(const struct config *c)
{
    return c->gzip ? GZIP_METHOD : "";
}

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

const char *press_page_name(struct arena *arena, const char *set, const char *locale,
                            const char *key)
{
    return arena_printf(arena, "%s\037%s\037%s", set, locale, key);
}

const struct manifest_file *press_recorded_page(const struct press *p, struct arena *scratch,
                                                uint16_t set, uint16_t from, const char *key)
{
    if (p->recorded_pages.count == 0 || from == MANIFEST_NONE)
        return NULL;
    const char *name =
        press_page_name(scratch, p->config->sets[set].name, p->locales.codes[from], key);
    const uint64_t *index = map_get(&p->recorded_pages, name, strlen(name));
    return index != NULL ? &p->recorded.manifest.files[*index] : NULL;
}

static void record_locked(struct press *p, enum press_action action, uint16_t set, uint16_t locale,
                          const char *key, const char *text)
{
    if (action != PRESS_HELD)
        p->omitted = true;
    if (p->n_problems == PROBLEMS_MAX) {
        p->more_problems++;
        return;
    }
    MEM_GROW(p->problems, p->n_problems + 1, p->alloc_problems);
    p->problems[p->n_problems++] = (struct press_problem){
        .set = p->config->sets[set].name,
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
    record_locked(p, action, set, locale, key, text);
    pthread_mutex_unlock(&p->lock);
}

enum press_action press_problem(struct press *p, uint16_t set, uint16_t locale, const char *key,
                                const char *item, const char *text)
{
    static const enum press_action actions[] = {
        [CONFIG_HOLD] = PRESS_HELD, [CONFIG_OMIT] = PRESS_OMITTED, [CONFIG_KEEP] = PRESS_KEPT};
    enum press_action action = actions[p->config->guard_content];
    struct error named;
    if (action == PRESS_HELD && p->options->accept)
        action = PRESS_OMITTED;
    if (item != NULL) {
        error_set(&named, ERROR_CONTENT, "%s %s: %s", p->config->sets[set].items.column, item,
                  text);
        text = named.text;
    }
    pthread_mutex_lock(&p->lock);
    record_locked(p, action, set, locale, key, text);
    if (action == PRESS_HELD)
        verdict_hold(&p->found, set, locale);
    pthread_mutex_unlock(&p->lock);
    return action;
}

#include "press/recorded.h"

#include <string.h>
#include <time.h>

#include "plan/route.h"
#include "press/pinned.h"
#include "press/scope.h"
#include "press/session.h"

/* What the names of the last release are now. Only then do workers begin to ask. */
static void index_names(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    manifest_index(m, &p->recorded_index);
    for (size_t i = 0; i < m->n_locales; i++) {
        struct error ignored = ERROR_INIT;
        bool known = route_check_locale(m->locales[i], &ignored);
        p->recorded_locales[i] =
            known ? locale_table_intern(&p->locales, m->locales[i]) : MANIFEST_NONE;
    }
    for (size_t i = 0; i < m->n_sets; i++) {
        p->recorded_sets[i] = MANIFEST_NONE;
        for (uint16_t set = 0; set < p->config->n_sets; set++)
            if (strcmp(p->config->sets[set].name, m->sets[i]) == 0)
                p->recorded_sets[i] = set;
    }
    p->repack = m->generation != 0 && strcmp(m->packing, press_packing(p->config)) != 0;
}

/* Pages by name, for those that stay while others change. */
void recorded_index_pages(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    if (p->recorded_pages.count > 0)
        return;
    for (size_t i = 0; i < m->n_files; i++) {
        const struct manifest_file *f = &m->files[i];
        uint16_t set = press_recorded_set(p, f->set);
        uint16_t locale = press_recorded_locale(p, f->locale);
        bool added;
        if (f->kind != MANIFEST_PAGE || f->key == NULL || set == MANIFEST_NONE ||
            locale == MANIFEST_NONE || !scope_has_key(p, set, f->key))
            continue;
        const char *name = press_page_name(&p->shared, p, set, locale, f->key);
        *map_put(&p->recorded_pages, name, strlen(name), &added) = i;
    }
}

/* What was held last time probably still is: then one pass is enough. */
static void assume_held(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    for (size_t i = 0; i < m->n_held; i++) {
        uint16_t set = press_recorded_set(p, m->held[i].set);
        uint16_t locale = press_recorded_locale(p, m->held[i].locale);
        if (set != MANIFEST_NONE && locale != MANIFEST_NONE && press_is_asked_for(p, locale))
            verdict_hold(&p->assumed, set, locale);
    }
}

bool recorded_lock(struct press *p, struct error *err)
{
    const struct config *c = p->config;
    if (!store_open(&p->store, c->out, p->options->dry_run, err))
        return false;
    if (!p->options->dry_run && !store_lock(&p->store, c->lock_wait_ms, err))
        return false;
    p->now = (int64_t)time(NULL); /* not before the lock is ours: releases follow in time */
    return true;
}

static bool take_from_session(struct press *p)
{
    struct press_session *s = p->session;
    const struct release_list *list = &p->releases;
    if (s == NULL || !s->has_recorded || s->recorded.warning[0] != '\0' || list->n_intents > 0 ||
        list->n_manifests == 0 ||
        list->manifests[list->n_manifests - 1] != s->recorded.manifest.generation)
        return false;
    p->recorded = s->recorded;
    s->has_recorded = false;
    return true;
}

bool recorded_load(struct press *p, struct error *err)
{
    if (!release_list(&p->store, &p->releases, err) ||
        (!take_from_session(p) && !release_load(&p->store, &p->releases, &p->recorded, err)))
        return false;
    if (p->recorded.warning[0] != '\0')
        p->result->warning = arena_strdup(&p->result->arena, p->recorded.warning);
    index_names(p);
    if (!p->options->accept)
        assume_held(p);
    return pinned_load(p, err);
}

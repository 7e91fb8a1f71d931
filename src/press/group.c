#include "press/group.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/route.h"
#include "press/items.h"
#include "press/scope.h"
#include "render/check.h"

struct prepare {
    struct press *p;
    struct press_batch *b;
    struct press_worker *w;
    struct press_row *rows;
    size_t n_rows;
    const char *key;
    uint32_t number;
    struct press_page *pages;
    size_t n_pages;
    uint16_t *keeps; /* locales whose page stays by the policy */
    size_t n_keeps;
};

/* "2026-01-02T03:04:05Z" in seconds; 0 when there is none. */
static int64_t seconds_of(const char *rfc3339)
{
    struct tm tm = {0};
    if (rfc3339 == NULL || strptime(rfc3339, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
        return 0;
    return (int64_t)timegm(&tm);
}

static bool is_held(const struct prepare *x, uint16_t locale)
{
    return verdict_is_held(&x->p->assumed, x->b->set, locale);
}

static void remember(struct prepare *x, struct map *map, uint16_t locale)
{
    struct press *p = x->p;
    bool added;
    pthread_mutex_lock(&p->lock);
    const char *name = press_page_name(&p->shared, p, x->b->set, locale, x->key);
    map_put(map, name, strlen(name), &added);
    pthread_mutex_unlock(&p->lock);
}

static void keep_page(struct prepare *x, uint16_t locale)
{
    x->keeps[x->n_keeps++] = locale;
    remember(x, &x->p->kept, locale);
}

static const struct manifest_file *recorded_page(const struct prepare *x, uint16_t locale)
{
    return press_recorded_page(x->p, &x->w->scratch, x->b->set, locale, x->key);
}

static struct press_where where(const struct prepare *x, uint16_t locale, uint16_t from,
                                enum source_state state)
{
    return (struct press_where){.set = x->b->set,
                                .locale = locale,
                                .from = from,
                                .key = x->key,
                                .live = state == SOURCE_LIVE};
}

/* --- which pages -------------------------------------------------------------------------- */

static struct press_page *add_page(struct prepare *x, const struct press_row *row, uint16_t locale)
{
    const struct press *p = x->p;
    struct press_page *page = &x->pages[x->n_pages++];
    *page = (struct press_page){
        .view = {.theme = p->theme,
                 .set = &p->theme->sets[x->b->set],
                 .locale = p->locales.items[locale],
                 .from = p->locales.items[row->locale],
                 .state = row->row.state,
                 .data = row->row.data},
        .key = row->row.key,
        .lastmod = seconds_of(row->row.updated_at),
        .locale = locale,
        .from = row->locale,
        .group = x->number,
    };
    if (locale != row->locale) /* path patterns and templates say {{locale}} */
        page->view.data = page_with(&x->b->arena, &p->theme->symtab, page->view.data, "locale",
                                    json_strings(p->locales.codes[locale]));
    return page;
}

static struct press_row *row_of(const struct prepare *x, uint16_t locale)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (x->rows[i].locale == locale)
            return &x->rows[i];
    return NULL;
}

/* Which of two rows is meant nobody knows: neither is printed. */
static void find_doubles(struct prepare *x)
{
    for (size_t i = 0; i < x->n_rows; i++) {
        struct press_row *row = &x->rows[i], *first = row_of(x, row->locale);
        if (first == row || !press_is_asked_for(x->p, row->locale))
            continue;
        const struct press_where page = where(x, row->locale, row->locale, SOURCE_LIVE);
        enum press_action action = press_page_policy(x->p, &x->w->scratch, &page);
        press_record(x->p, action, x->b->set, row->locale, x->key,
                     "two rows have this key and locale");
        first->bad = true;
        first->keeps = action == PRESS_KEPT;
        row->bad = true;
        row->keeps = false;
    }
}

static void add_own_pages(struct prepare *x)
{
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct press_row *row = &x->rows[i];
        if (row->bad) {
            if (row->keeps)
                keep_page(x, row->locale);
            continue;
        }
        if (row->row.state != SOURCE_LIVE)
            remember(x, &x->p->gone, row->locale);
        if (row->row.state != SOURCE_GONE && press_is_asked_for(x->p, row->locale))
            add_page(x, row, row->locale);
    }
}

/* Whether what stands at `locale` was printed from a row of `from`, which is held and has no row
 * any more. */
static bool stays_without_row(const struct prepare *x, uint16_t locale, uint16_t from)
{
    if (!is_held(x, from))
        return false;
    const struct manifest_file *f = recorded_page(x, locale);
    return f != NULL && press_recorded_locale(x->p, f->from) == from;
}

/* The page that a locale without a row of its own borrows along its chain. */
static void borrow(struct prepare *x, uint16_t locale)
{
    const struct locale_table *t = &x->p->locales;
    const struct config_locale *c = t->items[locale]->config;
    bool stays = stays_without_row(x, locale, locale);
    for (size_t i = 0; i < c->n_fallback; i++) {
        uint16_t next = locale_table_find(t, c->fallback[i]);
        const struct press_row *row = row_of(x, next);
        if (row == NULL)
            stays = stays || stays_without_row(x, locale, next);
        if (row == NULL || (!row->bad && row->row.state != SOURCE_LIVE))
            continue;
        if (row->bad && row->keeps && !stays)
            keep_page(x, locale);
        if (!row->bad)
            add_page(x, row, locale)->stays = stays;
        break;
    }
}

static void add_fallback_pages(struct prepare *x)
{
    const struct locale_table *t = &x->p->locales;
    if (t->config->locales_auto || x->n_rows == 0)
        return;
    for (uint16_t locale = 0; locale < t->config->n_locales; locale++)
        if (row_of(x, locale) == NULL && press_is_asked_for(x->p, locale))
            borrow(x, locale);
}

/* --- is it fit ---------------------------------------------------------------------------- */

static bool find_path(struct prepare *x, struct press_page *page, struct error *err)
{
    struct strbuf *sb = &x->w->page;
    strbuf_reset(sb);
    if (!page_path(page->view.set->path, &page->view.data, NULL, sb, err) ||
        !route_check(sb->buf, sb->len, err))
        return false;
    page->view.path = arena_strndup(&x->b->arena, sb->buf, sb->len);
    return true;
}

/* True when an earlier pass of this look found that the page cannot be printed. */
static bool is_withdrawn(struct prepare *x, const struct press_page *page)
{
    const struct press *p = x->p;
    if (p->withdrawn.count == 0)
        return false;
    const char *name = press_page_name(&x->w->scratch, p, x->b->set, page->locale, x->key);
    const uint64_t *action = map_get(&p->withdrawn, name, strlen(name));
    if (action != NULL && *action == PRESS_KEPT)
        keep_page(x, page->locale);
    return action != NULL;
}

/* True when the page may be printed; otherwise the policy has been told. */
static bool is_fit(struct prepare *x, struct press_page *page)
{
    struct press *p = x->p;
    struct error err = ERROR_INIT;
    if (find_path(x, page, &err) && (page->view.state != SOURCE_LIVE ||
                                     (check_row(p->theme, page->view.set, &page->view.data, &err) &&
                                      items_check(p, x->w, &x->b->arena, page, &err))))
        return true;
    if (err.kind == ERROR_NONE)
        return false; /* an element's problem, told already */
    const struct press_where there = where(x, page->locale, page->from, page->view.state);
    enum press_action action = press_page_policy(p, &x->w->scratch, &there);
    press_record(p, action, x->b->set, page->from, x->key, err.text);
    if (action == PRESS_KEPT)
        keep_page(x, page->locale);
    return false;
}

/* Held pages are checked like all others: whether they are held next time must not depend on their
 * being held now. */
static void drop_unfit(struct prepare *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n_pages; i++) {
        struct press_page *page = &x->pages[i];
        bool printed = !is_withdrawn(x, page) && is_fit(x, page) && !page->stays;
        if (printed && (page->view.state != SOURCE_LIVE || !is_held(x, page->from)))
            x->pages[n++] = *page;
    }
    x->n_pages = n;
}

/* --- alternates --------------------------------------------------------------------------- */

static int by_locale(const void *a, const void *b)
{
    const struct page_alternate *x = a, *y = b;
    return strcmp(x->locale->code, y->locale->code);
}

static bool is_printed(const struct prepare *x, uint16_t locale)
{
    for (size_t i = 0; i < x->n_pages; i++)
        if (x->pages[i].locale == locale)
            return true;
    return false;
}

/* The same question as settle.c asks of each file, for one page of this group. */
static bool stays(const struct prepare *x, const struct manifest_file *f, uint16_t locale)
{
    uint16_t from = press_recorded_locale(x->p, f->from);
    const struct press_row *row = row_of(x, from);
    if (from == MANIFEST_NONE)
        return false;
    if (!press_is_asked_for(x->p, locale) || !scope_has(x->p, x->b->set, from, x->key))
        return true;
    if (row != NULL && !row->bad && row->row.state != SOURCE_LIVE)
        return false;
    for (size_t i = 0; i < x->n_keeps; i++)
        if (x->keeps[i] == locale)
            return true;
    return is_held(x, from);
}

/* Pages that this look does not print, but that are there. */
static void add_staying(const struct prepare *x, struct page_alternate *list, size_t *n)
{
    const struct press *p = x->p;
    if (!p->partial && x->n_keeps == 0 && p->config->n_only_locales == 0 &&
        !verdict_any(&p->assumed, x->b->set))
        return;
    for (uint16_t i = 0; i < x->b->n_locales; i++) {
        const struct manifest_file *f = is_printed(x, i) ? NULL : recorded_page(x, i);
        if (f != NULL && stays(x, f, i))
            list[(*n)++] = (struct page_alternate){.locale = p->locales.items[i],
                                                   .path = f->path,
                                                   .fallback = (f->flags & MANIFEST_FALLBACK) != 0};
    }
}

static void link_alternates(struct prepare *x)
{
    size_t n = 0;
    struct page_alternate *list =
        arena_calloc(&x->b->arena, x->n_pages + x->b->n_locales, sizeof(*list));
    for (size_t i = 0; i < x->n_pages; i++) {
        const struct page_view *v = &x->pages[i].view;
        list[n++] = (struct page_alternate){
            .locale = v->locale, .path = v->path, .fallback = v->from != v->locale};
    }
    add_staying(x, list, &n);
    if (n > 1)
        qsort(list, n, sizeof(*list), by_locale);
    for (size_t i = 0; i < x->n_pages; i++) {
        x->pages[i].view.alternates = list;
        x->pages[i].view.n_alternates = n;
    }
}

struct press_page *group_prepare(struct press_batch *b, const struct press_group *g,
                                 struct press_worker *w, size_t *n_pages)
{
    size_t most = g->count + b->press->config->n_locales;
    struct prepare x = {
        .p = b->press,
        .b = b,
        .w = w,
        .rows = b->rows + g->first,
        .n_rows = g->count,
        .key = g->key,
        .number = g->number,
        .pages = arena_calloc(&b->arena, most, sizeof(*x.pages)),
        .keeps = arena_calloc(&b->arena, most, sizeof(*x.keeps)),
    };
    find_doubles(&x);
    add_own_pages(&x);
    add_fallback_pages(&x);
    drop_unfit(&x);
    if (x.n_pages > 0)
        link_alternates(&x);
    arena_reset(&w->scratch);
    *n_pages = x.n_pages;
    return x.pages;
}

#include "press/group.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/route.h"
#include "press/items.h"
#include "render/check.h"

struct prepare {
    struct press *p;
    struct press_batch *b;
    struct press_worker *w;
    const struct press_row *rows;
    size_t n_rows;
    uint32_t number;
    struct press_page *pages;
    size_t n_pages;
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

static void remember(struct prepare *x, struct map *map, uint16_t from, const char *key)
{
    struct press *p = x->p;
    bool added;
    pthread_mutex_lock(&p->lock);
    const char *name =
        press_page_name(&p->shared, p->config->sets[x->b->set].name, p->locales.codes[from], key);
    map_put(map, name, strlen(name), &added);
    pthread_mutex_unlock(&p->lock);
}

/* --- which pages -------------------------------------------------------------------------- */

static void add_page(struct prepare *x, const struct press_row *row, uint16_t locale)
{
    const struct press *p = x->p;
    struct press_page *page = &x->pages[x->n_pages++];
    *page = (struct press_page){
        .view = {.theme = &p->theme,
                 .set = &p->theme.sets[x->b->set],
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
        page->view.data = page_with(&x->b->arena, &p->theme.symtab, page->view.data, "locale",
                                    json_strings(p->locales.codes[locale]));
}

static const struct press_row *row_of(const struct prepare *x, uint16_t locale)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (x->rows[i].locale == locale)
            return &x->rows[i];
    return NULL;
}

static void add_own_pages(struct prepare *x)
{
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct press_row *row = &x->rows[i];
        if (row_of(x, row->locale) != row) {
            press_problem(x->p, x->b->set, row->locale, row->row.key, NULL,
                          "two rows have this key and locale");
            continue;
        }
        if (row->row.state != SOURCE_LIVE)
            remember(x, &x->p->gone, row->locale, row->row.key);
        if (row->row.state == SOURCE_GONE)
            continue;
        add_page(x, row, row->locale);
    }
}

/* Locales without a row of their own borrow one along their chain. */
static void add_fallback_pages(struct prepare *x)
{
    const struct locale_table *t = &x->p->locales;
    if (t->config->locales_auto)
        return;
    for (uint16_t locale = 0; locale < t->config->n_locales; locale++) {
        const struct config_locale *c = t->items[locale]->config;
        if (row_of(x, locale) != NULL || is_held(x, locale))
            continue;
        for (size_t i = 0; i < c->n_fallback; i++) {
            const struct press_row *row = row_of(x, locale_table_find(t, c->fallback[i]));
            if (row == NULL || row->row.state != SOURCE_LIVE)
                continue;
            add_page(x, row, locale);
            break;
        }
    }
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

/* True when the page may be printed; otherwise the policy has been told. */
static bool is_fit(struct prepare *x, struct press_page *page)
{
    struct press *p = x->p;
    struct error err = ERROR_INIT;
    if (find_path(x, page, &err) &&
        (page->view.state != SOURCE_LIVE ||
         (check_row(&p->theme, page->view.set, &page->view.data, &err) &&
          items_check(p, x->w, &x->b->arena, page, &err))))
        return true;
    if (err.kind == ERROR_NONE)
        return false; /* an element's problem, told already */
    if (press_problem(p, x->b->set, page->from, page->key, NULL, err.text) == PRESS_KEPT)
        remember(x, &p->kept, page->from, page->key);
    return false;
}

/* Held pages are checked like all others: whether they are held next time must not depend on their
 * being held now. */
static void drop_unfit(struct prepare *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->n_pages; i++) {
        struct press_page *page = &x->pages[i];
        bool fit = is_fit(x, page);
        if (fit && (page->view.state != SOURCE_LIVE || !is_held(x, page->from)))
            x->pages[kept++] = *page;
    }
    x->n_pages = kept;
}

/* --- alternates --------------------------------------------------------------------------- */

static int by_locale(const void *a, const void *b)
{
    const struct page_alternate *x = a, *y = b;
    return strcmp(x->locale->code, y->locale->code);
}

/* Pages of held locales are not printed in this look, but they are there. */
static void add_recorded(struct prepare *x, struct page_alternate *list, size_t *n)
{
    struct press *p = x->p;
    for (uint16_t i = 0; verdict_any(&p->assumed, x->b->set) && i < p->locales.count; i++) {
        if (!is_held(x, i))
            continue;
        const struct press_row *row = row_of(x, i);
        if (row != NULL && row->row.state != SOURCE_LIVE)
            continue;
        const struct manifest_file *f =
            press_recorded_page(p, &x->w->scratch, x->b->set, i, x->rows[0].row.key);
        if (f != NULL)
            list[(*n)++] = (struct page_alternate){.locale = p->locales.items[i], .path = f->path};
    }
}

static void link_alternates(struct prepare *x)
{
    size_t n = 0;
    struct page_alternate *list =
        arena_calloc(&x->b->arena, x->n_pages + x->p->locales.count, sizeof(*list));
    for (size_t i = 0; i < x->n_pages; i++) {
        const struct page_view *v = &x->pages[i].view;
        list[n++] = (struct page_alternate){
            .locale = v->locale, .path = v->path, .fallback = v->from != v->locale};
    }
    add_recorded(x, list, &n);
    qsort(list, n, sizeof(*list), by_locale);
    for (size_t i = 0; i < x->n_pages; i++) {
        x->pages[i].view.alternates = list;
        x->pages[i].view.n_alternates = n;
    }
}

struct press_page *group_prepare(struct press_batch *b, const struct press_group *g,
                                 struct press_worker *w, size_t *n_pages)
{
    struct prepare x = {
        .p = b->press,
        .b = b,
        .w = w,
        .rows = b->rows + g->first,
        .n_rows = g->count,
        .number = g->number,
    };
    x.pages = arena_calloc(&b->arena, g->count + b->press->config->n_locales, sizeof(*x.pages));
    add_own_pages(&x);
    add_fallback_pages(&x);
    drop_unfit(&x);
    link_alternates(&x);
    arena_reset(&w->scratch);
    *n_pages = x.n_pages;
    return x.pages;
}

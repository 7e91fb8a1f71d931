/* One page: a row and what platen knows about its place, turned into bytes.
 *
 * For: the context templates see. From the bottom of the stack: platen's own object {page, site,
 * asset}, the row's columns, and for a file per element that element. Not for: deciding which pages
 * there are (press/) or whether their content is fit (render/check.h).
 *
 * Ownership: a view borrows everything; values made here live in the arena given.
 * Errors: those of template_execute(), with the template's place in front.
 */
#ifndef RENDER_PAGE_H
#define RENDER_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "render/locale.h"
#include "render/theme.h"
#include "source/source.h"

/* A page of the same key, as the language menu and hreflang need it. */
struct page_alternate {
    const struct locale *locale;
    const char *path;
    bool fallback; /* printed from another locale's row: no hreflang, not canonical */
};

struct page_view {
    const struct theme *theme;
    const struct theme_set *set;
    const struct locale *locale; /* where the page stands */
    const struct locale *from;   /* whose words it carries */
    const char *path;
    enum source_state state;
    struct json_value data;
    const struct page_alternate *alternates; /* this page included */
    size_t n_alternates;
};

/* Appends the path that `pattern` makes of the row (and of an element of it, or NULL). */
bool page_path(const struct template *pattern, const struct json_value *data,
               const struct json_value *element, struct strbuf *out, struct error *err);

/* The bottom of the stack for this page. */
struct json_value page_context(const struct page_view *view, struct arena *arena);

/* Appends what the template makes of the page. */
bool page_render(const struct page_view *view, const struct json_value *context,
                 const struct template *template, const struct json_value *element,
                 struct strbuf *out, struct error *err);

/* The object with one member replaced (added when missing); members are shared with `object`. */
struct json_value page_with(struct arena *arena, const struct symtab *st, struct json_value object,
                            const char *key, struct json_value value);

#endif

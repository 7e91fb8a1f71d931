#include "press/print.h"

#include <string.h>

#include "plan/route.h"
#include "press/artifact.h"

struct job {
    struct press *p;
    struct press_worker *w;
    const struct press_page *page;
    struct json_value context;
};

/* Content that turns out unprintable while it is printed takes the page and all its files with it.
 * The look ends only for other reasons. */
static bool tell(const struct job *j, const struct error *problem, struct error *err)
{
    if (problem->kind != ERROR_CONTENT) {
        *err = *problem;
        return error_context(err, "%s", j->page->view.path);
    }
    const struct press_page *page = j->page;
    const struct press_where where = {.set = (uint16_t)(page->view.set - j->p->theme->sets),
                                      .locale = page->locale,
                                      .from = page->from,
                                      .key = page->key,
                                      .live = page->view.state == SOURCE_LIVE};
    press_withdraw(j->p, &j->w->scratch, &where, problem->text);
    return true;
}

static bool put(const struct job *j, enum manifest_kind kind, const char *path, struct error *err)
{
    const struct strbuf *bytes = &j->w->page;
    if (bytes->overflow)
        return error_set(err, ERROR_CONTENT, "%s: too large; see limits.page", path);
    struct manifest_file like = {
        .path = path,
        .key = j->page->key,
        .lastmod = j->page->lastmod,
        .group = j->page->group,
        .set = (uint16_t)(j->page->view.set - j->p->theme->sets),
        .locale = j->page->locale,
        .from = j->page->from,
        .kind = (uint8_t)kind,
        .flags = (uint8_t)((j->page->from != j->page->locale ? MANIFEST_FALLBACK : 0) |
                           (j->page->view.state == SOURCE_MAINTENANCE ? MANIFEST_MAINTENANCE : 0)),
    };
    return artifact_put(j->p, j->w, &like, bytes->buf, bytes->len, err);
}

/* One further file: of the page, or of one element of it. */
static bool print_output(const struct job *j, const struct theme_output *o,
                         const struct json_value *element, struct error *err)
{
    const struct page_view *v = &j->page->view;
    const struct json_value *value = element != NULL ? element : &v->data;
    struct strbuf path = STRBUF_INIT;
    strbuf_reset(&j->w->page);
    bool ok =
        page_path(o->path, &v->data, element, &path, err) && route_check(path.buf, path.len, err);
    if (ok && o->template != NULL) {
        ok = page_render(v, &j->context, o->template, element, &j->w->page, err);
    } else if (ok) {
        if (strcmp(o->config->data, ".") != 0)
            value = json_gets(value, o->config->data);
        if (value == NULL)
            ok = error_set(err, ERROR_CONTENT, "output '%s': there is no '%s'", o->config->path,
                           o->config->data);
        else
            json_write(&j->w->page, value);
    }
    ok = ok && put(j, MANIFEST_OUTPUT, path.buf, err);
    strbuf_release(&path);
    return ok;
}

/* Then the folder of its elements most likely is, too. */
static bool is_new(const struct job *j)
{
    const char *path = j->page->view.path;
    return map_get(&j->p->recorded_index, path, strlen(path)) == NULL;
}

static bool print_outputs(const struct job *j, const struct theme_output *o, struct error *err)
{
    if (o->config->each == NULL)
        return print_output(j, o, NULL, err);
    if (j->page->view.state == SOURCE_MAINTENANCE)
        return true; /* its elements were not checked, and nobody should see them */
    const struct json_value *list = json_gets(&j->page->view.data, o->config->each);
    if (list == NULL || list->type != JSON_ARRAY)
        return error_set(err, ERROR_CONTENT, "column '%s' is not an array", o->config->each);
    bool ok = true;
    j->w->in_sets = list->len > 1 && is_new(j);
    for (uint32_t i = 0; ok && i < list->len; i++)
        ok = print_output(j, o, &list->items[i], err);
    j->w->in_sets = false;
    return ok;
}

bool print_page(struct press *p, struct press_worker *w, const struct press_page *page,
                struct error *err)
{
    const struct page_view *v = &page->view;
    const struct template *template = v->set->page;
    struct error problem = ERROR_INIT;
    size_t printed = w->out.n_files;
    struct job j = {
        .p = p,
        .w = w,
        .page = page,
        .context = page_context(v, &w->scratch),
    };
    if (v->state == SOURCE_MAINTENANCE && v->set->maintenance != NULL)
        template = v->set->maintenance;
    strbuf_reset(&w->page);
    bool ok = page_render(v, &j.context, template, NULL, &w->page, &problem) &&
              put(&j, MANIFEST_PAGE, v->path, &problem);
    for (size_t i = 0; ok && i < v->set->config->n_outputs; i++)
        ok = print_outputs(&j, &v->set->outputs[i], &problem);
    if (!ok) {
        w->out.n_files = printed;
        ok = tell(&j, &problem, err);
    }
    arena_reset(&w->scratch);
    return ok;
}

#include "press/items.h"

#include <string.h>

#include "press/artifact.h"
#include "render/check.h"

/* The output that prints a whole element as JSON: where its last form can be read. */
static const struct theme_output *element_output(const struct theme_set *set)
{
    const struct config_page_set *c = set->config;
    for (size_t i = 0; i < c->n_outputs; i++) {
        const struct config_output *o = &c->outputs[i];
        if (o->each != NULL && o->data != NULL && strcmp(o->data, ".") == 0 &&
            strcmp(o->each, c->items.column) == 0)
            return &set->outputs[i];
    }
    return NULL;
}

/* The element as the last release printed it. */
static bool last_form(struct press *p, struct press_worker *w, struct arena *arena,
                      const struct press_page *page, const struct json_value *item,
                      struct json_value *out)
{
    const struct theme_output *output = element_output(page->view.set);
    struct strbuf sb = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    const uint64_t *index = NULL;
    bool ok = false;
    if (output == NULL || item->type != JSON_OBJECT)
        return false;
    if (page_path(output->path, &page->view.data, item, &sb, &ignored))
        index = map_get(&p->recorded_index, sb.buf, sb.len);
    if (index != NULL && artifact_read(p, w, &p->recorded.manifest.files[*index], &sb)) {
        const char *text = arena_strndup(arena, sb.buf, sb.len);
        ok = json_parse(arena, &p->theme.symtab, text, sb.len, &limits, out, &ignored) &&
             check_item(&p->theme, page->view.set, out, &ignored);
    }
    strbuf_release(&sb);
    return ok;
}

bool items_check(struct press *p, struct press_worker *w, struct arena *arena,
                 struct press_page *page, struct error *err)
{
    const char *column = page->view.set->config->items.column;
    if (column == NULL)
        return true;
    const struct json_value *items = json_gets(&page->view.data, column);
    uint16_t set = (uint16_t)(page->view.set - p->theme.sets);
    struct json_value fit = json_array(arena, items->len);
    uint32_t n = 0;
    bool held = false, changed = false;
    for (uint32_t i = 0; i < items->len; i++) {
        struct error problem = ERROR_INIT;
        char name[128];
        if (check_item(&p->theme, page->view.set, &items->items[i], &problem)) {
            fit.items[n++] = items->items[i];
            continue;
        }
        changed = true;
        enum press_action action = press_policy(p);
        held = held || action == PRESS_HELD;
        if (action == PRESS_KEPT && last_form(p, w, arena, page, &items->items[i], &fit.items[n]))
            n++;
        else if (action == PRESS_KEPT)
            action = PRESS_OMITTED;
        check_item_name(page->view.set, &items->items[i], i, name, sizeof(name));
        error_context(&problem, "%s %s", column, name);
        press_record(p, action, set, page->from, page->key, problem.text);
    }
    error_clear(err);
    if (changed && !held) {
        fit.len = n;
        page->view.data = page_with(arena, &p->theme.symtab, page->view.data, column, fit);
    }
    return !held;
}

#include "press/items.h"

#include <string.h>

#include "base/map.h"
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
        ok = json_parse(arena, &p->theme->symtab, text, sb.len, &limits, out, &ignored) &&
             check_item(p->theme, page->view.set, out, &ignored);
    }
    strbuf_release(&sb);
    return ok;
}

/* What files of elements are named after: of two with one key only the first can be meant. */
static bool is_new(struct map *keys, const struct theme_set *set, const struct json_value *item,
                   struct error *err)
{
    bool added;
    const char *name = set->config->items.key;
    const struct json_value *key = name != NULL ? json_gets(item, name) : NULL;
    if (key == NULL || key->type != JSON_STRING || key->len == 0)
        return true;
    map_put(keys, key->text, key->len, &added);
    return added || error_set(err, ERROR_CONTENT, "an element before it has this '%s'", name);
}

bool items_check(struct press *p, struct press_worker *w, struct arena *arena,
                 struct press_page *page, struct error *err)
{
    const struct theme_set *set = page->view.set;
    const char *column = set->config->items.column;
    if (column == NULL)
        return true;
    const struct json_value *items = json_gets(&page->view.data, column);
    struct json_value fit = json_array(arena, items->len);
    uint32_t n = 0;
    bool held = false, changed = false;
    struct map keys;
    map_init(&keys);
    for (uint32_t i = 0; i < items->len; i++) {
        const struct json_value *item = &items->items[i];
        struct error problem = ERROR_INIT;
        char name[128];
        bool first = is_new(&keys, set, item, &problem);
        if (first && check_item(p->theme, set, item, &problem)) {
            fit.items[n++] = *item;
            continue;
        }
        changed = true;
        enum press_action action = press_policy(p);
        held = held || action == PRESS_HELD;
        if (action == PRESS_KEPT && first && last_form(p, w, arena, page, item, &fit.items[n]))
            n++;
        else if (action == PRESS_KEPT)
            action = PRESS_OMITTED;
        check_item_name(set, item, i, name, sizeof(name));
        error_context(&problem, "%s %s", column, name);
        press_record(p, action, (uint16_t)(set - p->theme->sets), page->from, page->key,
                     problem.text);
    }
    map_release(&keys);
    error_clear(err);
    if (changed && !held) {
        fit.len = n;
        page->view.data = page_with(arena, &p->theme->symtab, page->view.data, column, fit);
    }
    return !held;
}

#include "render/page.h"

#include <string.h>

#include "plan/route.h"

bool page_path(const struct template *pattern, const struct json_value *data,
               const struct json_value *element, struct strbuf *out, struct error *err)
{
    struct template_exec exec = {
        .stack = {data, element},
        .stack_len = element != NULL ? 2 : 1,
        .parts = "",
        .limits = {.depth = 16, .operations = 10000, .output = ROUTE_PATH_MAX * 8},
    };
    return template_execute(pattern, &exec, out, err);
}

static struct json_value url_value(struct arena *arena, const char *base, const char *path)
{
    struct strbuf sb = STRBUF_INIT;
    route_url(&sb, base, path);
    const char *text = arena_strndup(arena, sb.buf, sb.len);
    size_t len = sb.len;
    strbuf_release(&sb);
    return json_string(text, len);
}

static struct json_value alternate_value(const struct page_view *v, const struct page_alternate *a,
                                         struct arena *arena)
{
    const struct symtab *st = &v->theme->symtab;
    struct json_value o = json_object(arena, 8);
    json_add(arena, st, &o, "locale", json_strings(a->locale->code));
    json_add(arena, st, &o, "lang", json_strings(a->locale->code));
    json_add(arena, st, &o, "name", json_strings(a->locale->name));
    json_add(arena, st, &o, "dir", json_strings(a->locale->dir));
    json_add(arena, st, &o, "url", url_value(arena, v->theme->config->base_url, a->path));
    json_add(arena, st, &o, "href", url_value(arena, v->theme->base_path, a->path));
    json_add(arena, st, &o, "current", json_bool(a->locale == v->locale));
    json_add(arena, st, &o, "fallback", json_bool(a->fallback));
    return o;
}

/* Search engines are pointed at the page whose words these are. */
static const char *canonical_path(const struct page_view *v)
{
    for (size_t i = 0; v->from != v->locale && i < v->n_alternates; i++)
        if (v->alternates[i].locale == v->from)
            return v->alternates[i].path;
    return v->path;
}

static struct json_value page_value(const struct page_view *v, struct arena *arena)
{
    static const char *const states[] = {"live", "maintenance", "gone"};
    const struct symtab *st = &v->theme->symtab;
    const char *base_url = v->theme->config->base_url;
    struct json_value o = json_object(arena, 16), list = json_array(arena, v->n_alternates);
    json_add(arena, st, &o, "path", json_strings(v->path));
    json_add(arena, st, &o, "url", url_value(arena, base_url, v->path));
    json_add(arena, st, &o, "href", url_value(arena, v->theme->base_path, v->path));
    json_add(arena, st, &o, "locale", json_strings(v->locale->code));
    json_add(arena, st, &o, "lang", json_strings(v->from->code));
    json_add(arena, st, &o, "dir", json_strings(v->from->dir));
    json_add(arena, st, &o, "locale_name", json_strings(v->locale->name));
    json_add(arena, st, &o, "currency", json_strings(v->locale->currency));
    json_add(arena, st, &o, "state", json_strings(states[v->state]));
    json_add(arena, st, &o, "is_default_locale", json_bool(v->locale->is_default));
    json_add(arena, st, &o, "fallback", json_bool(v->from != v->locale));
    json_add(arena, st, &o, "canonical", url_value(arena, base_url, canonical_path(v)));
    for (size_t i = 0; i < v->n_alternates; i++) {
        const struct page_alternate *a = &v->alternates[i];
        list.items[i] = alternate_value(v, a, arena);
        if (a->locale->is_default && !a->fallback)
            json_add(arena, st, &o, "x_default", url_value(arena, base_url, a->path));
    }
    json_add(arena, st, &o, "alternates", list);
    return o;
}

struct json_value page_context(const struct page_view *v, struct arena *arena)
{
    const struct symtab *st = &v->theme->symtab;
    struct json_value context = json_object(arena, 3);
    json_add(arena, st, &context, "page", page_value(v, arena));
    json_add(arena, st, &context, "site", v->theme->site);
    json_add(arena, st, &context, "asset", v->theme->asset);
    return context;
}

bool page_render(const struct page_view *v, const struct json_value *context,
                 const struct template *template, const struct json_value *element,
                 struct strbuf *out, struct error *err)
{
    struct template_exec exec = {
        .stack = {context, &v->data, element},
        .stack_len = element != NULL ? 3 : 2,
        .parts = v->set->parts,
        .limits = TEMPLATE_LIMITS_DEFAULT,
    };
    exec.limits.output = (size_t)v->theme->config->max_page_bytes;
    return template_execute(template, &exec, out, err);
}

struct json_value page_with(struct arena *arena, const struct symtab *st, struct json_value object,
                            const char *key, struct json_value value)
{
    struct json_value copy = json_object(arena, object.len + 1);
    size_t key_len = strlen(key);
    bool found = false;
    memcpy(copy.members, object.members, object.len * sizeof(*object.members));
    copy.len = object.len;
    for (uint32_t i = 0; i < copy.len; i++) {
        struct json_member *m = &copy.members[i];
        if (m->key_len != key_len || memcmp(m->key, key, key_len) != 0)
            continue;
        m->value = value;
        found = true;
    }
    if (!found)
        json_add(arena, st, &copy, key, value);
    return copy;
}

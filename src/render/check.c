#include "render/check.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "plan/route.h"

#define DEPTH_MAX 32

/* Missing, null, "", {} and [] leave a hole in the page; false and 0 are values. */
static bool is_empty(const struct json_value *v)
{
    return v == NULL || v->type == JSON_NULL ||
           (v->len == 0 &&
            (v->type == JSON_STRING || v->type == JSON_ARRAY || v->type == JSON_OBJECT));
}

static bool is_url_field(const struct config *c, const struct json_member *m)
{
    for (size_t i = 0; i < c->n_url_fields; i++)
        if (strlen(c->url_fields[i]) == m->key_len &&
            memcmp(c->url_fields[i], m->key, m->key_len) == 0)
            return true;
    return false;
}

/* A field for links may hold a list of them. */
static bool check_url(const struct json_member *m, const struct json_value *v, unsigned depth,
                      struct error *err)
{
    for (uint32_t i = 0; v->type == JSON_ARRAY && depth <= DEPTH_MAX && i < v->len; i++)
        if (!check_url(m, &v->items[i], depth + 1, err))
            return false;
    if (v->type != JSON_STRING || route_url_is_safe(v->text, v->len))
        return true;
    int shown = (int)utf8_valid_prefix(v->text, v->len < 60 ? v->len : 60);
    return error_set(err, ERROR_CONTENT,
                     "'%.*s' is '%.*s': links may be relative or start with http:, https:, "
                     "mailto: or tel:",
                     (int)m->key_len, m->key, shown, v->text);
}

/* Every link below v; `skip` names a member of v itself that is looked at elsewhere. */
static bool check_urls(const struct config *c, const struct json_value *v, const char *skip,
                       unsigned depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, ERROR_CONTENT, "nested more than %d deep", DEPTH_MAX);
    for (uint32_t i = 0; v->type == JSON_ARRAY && i < v->len; i++)
        if (!check_urls(c, &v->items[i], NULL, depth + 1, err))
            return false;
    for (uint32_t i = 0; v->type == JSON_OBJECT && i < v->len; i++) {
        const struct json_member *m = &v->members[i];
        if (skip != NULL && strlen(skip) == m->key_len && memcmp(skip, m->key, m->key_len) == 0)
            continue;
        if (is_url_field(c, m) && !check_url(m, &m->value, depth, err))
            return false;
        if (!check_urls(c, &m->value, NULL, depth + 1, err))
            return false;
    }
    return true;
}

bool check_row(const struct theme *t, const struct theme_set *set, const struct json_value *data,
               struct error *err)
{
    const struct config_page_set *c = set->config;
    for (size_t i = 0; i < c->n_required; i++)
        if (is_empty(json_gets(data, c->required[i])))
            return error_set(err, ERROR_CONTENT, "required column '%s' is missing or empty",
                             c->required[i]);
    if (c->items.column != NULL) {
        const struct json_value *items = json_gets(data, c->items.column);
        if (items == NULL || items->type != JSON_ARRAY)
            return error_set(err, ERROR_CONTENT, "column '%s' is not an array", c->items.column);
    }
    return check_urls(t->config, data, c->items.column, 0, err);
}

/* A name that is also one segment of a path and of a template's name. */
static bool check_name(const char *what, const struct json_value *v, struct error *err)
{
    if (is_empty(v) || v->type != JSON_STRING)
        return error_set(err, ERROR_CONTENT, "'%s' is missing, empty or no string", what);
    if (memchr(v->text, '/', v->len) != NULL)
        return error_set(err, ERROR_CONTENT, "'%s' has a slash", what);
    return route_check(v->text, v->len, err) || error_context(err, "'%s'", what);
}

static bool check_type(const struct theme *t, const struct theme_set *set,
                       const struct json_value *type, struct error *err)
{
    char name[ROUTE_PATH_MAX * 2];
    if (set->config->parts == NULL)
        return true;
    int n = snprintf(name, sizeof(name), "%s%.*s", set->parts, (int)type->len, type->text);
    if (n > 0 && (size_t)n < sizeof(name) && theme_find(t, name) != NULL)
        return true;
    return error_set(err, ERROR_CONTENT, "type '%.*s' has no template in %s",
                     (int)utf8_valid_prefix(type->text, type->len < 60 ? type->len : 60),
                     type->text, set->parts);
}

static bool check_required(const struct config_items *c, const struct json_value *type,
                           const struct json_value *content, struct error *err)
{
    for (size_t i = 0; i < c->n_required; i++) {
        const struct config_required *r = &c->required[i];
        if (type == NULL || !json_is(type, r->type))
            continue;
        for (size_t j = 0; j < r->n_fields; j++)
            if (is_empty(json_gets(content, r->fields[j])))
                return error_set(err, ERROR_CONTENT,
                                 "required field '%s' of type '%s' is missing or empty",
                                 r->fields[j], r->type);
    }
    return true;
}

bool check_item(const struct theme *t, const struct theme_set *set, const struct json_value *item,
                struct error *err)
{
    const struct config_items *c = &set->config->items;
    if (item->type != JSON_OBJECT)
        return error_set(err, ERROR_CONTENT, "not an object");
    if (c->key != NULL && !check_name(c->key, json_gets(item, c->key), err))
        return false;
    const struct json_value *type = c->type != NULL ? json_gets(item, c->type) : NULL;
    if (c->type != NULL && (!check_name(c->type, type, err) || !check_type(t, set, type, err)))
        return false;
    const struct json_value *content = c->content != NULL ? json_gets(item, c->content) : item;
    if (is_empty(content) && c->content != NULL)
        return error_set(err, ERROR_CONTENT,
                         "'%s' is missing or empty: is its published version gone?", c->content);
    if (is_empty(content))
        return error_set(err, ERROR_CONTENT, "an empty object");
    return check_required(c, type, content, err) && check_urls(t->config, item, NULL, 0, err);
}

void check_item_name(const struct theme_set *set, const struct json_value *item, size_t index,
                     char *name, size_t size)
{
    const char *key = set->config->items.key;
    const struct json_value *v = key != NULL ? json_gets(item, key) : NULL;
    if (v != NULL && v->type == JSON_STRING && v->len > 0 && v->len < 100)
        snprintf(name, size, "'%.*s'", (int)v->len, v->text);
    else
        snprintf(name, size, "#%zu", index + 1);
}

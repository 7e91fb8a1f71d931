#include "render/theme.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "plan/route.h"

#define ASSETS_MAX 1000
#define FRONT_PAGE "{{locale}}/index.html"
#define ASSET_BYTES_MAX ((size_t)64 << 20)

const struct template *theme_find(const struct theme *t, const char *name)
{
    return template_find(t->templates, name, strlen(name));
}

/* --- assets ------------------------------------------------------------------------------- */

static int skip_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* site.css -> assets/site.3f9a1c7e.css */
static const char *fingerprinted(struct arena *arena, const char *name, const char *data,
                                 size_t len)
{
    struct digest d;
    uint8_t sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    digest_init(&d);
    digest_of(&d, data, len, sum);
    digest_release(&d);
    digest_hex(sum, hex);
    const char *dot = strrchr(name, '.');
    int stem = dot != NULL ? (int)(dot - name) : (int)strlen(name);
    return arena_printf(arena, "assets/%.*s.%.8s%s", stem, name, hex, dot != NULL ? dot : "");
}

/* Puts href where {{asset.site.css}} finds it: an object per part of the name. */
static void add_asset_name(struct theme *t, struct json_value *object, char *name, const char *href)
{
    char *dot = strchr(name, '.');
    if (dot == NULL) {
        json_add(&t->arena, &t->symtab, object, name, json_strings(href));
        return;
    }
    *dot = '\0';
    struct json_value *inner = NULL;
    for (uint32_t i = 0; i < object->len; i++) {
        struct json_member *m = &object->members[i];
        if (m->key_len == strlen(name) && memcmp(m->key, name, m->key_len) == 0 &&
            m->value.type == JSON_OBJECT)
            inner = &m->value;
    }
    if (inner == NULL) {
        json_add(&t->arena, &t->symtab, object, name, json_object(&t->arena, 4));
        inner = &object->members[object->len - 1].value;
    }
    add_asset_name(t, inner, dot + 1, href);
}

static bool load_asset(struct theme *t, const char *dir, const char *name, struct error *err)
{
    struct strbuf data = STRBUF_INIT, href = STRBUF_INIT;
    struct theme_asset *a = &t->assets[t->n_assets];
    char *file = arena_printf(&t->arena, "%s/%s", dir, name);
    bool ok = file_read(AT_FDCWD, file, ASSET_BYTES_MAX, &data, err);
    if (ok) {
        a->path = fingerprinted(&t->arena, name, data.buf, data.len);
        a->data = arena_strndup(&t->arena, data.buf, data.len);
        a->len = data.len;
        ok = route_check(a->path, strlen(a->path), err) || error_context(err, "%s", file);
    }
    if (ok) {
        t->n_assets++;
        route_url(&href, t->base_path, a->path);
        add_asset_name(t, &t->asset, arena_strdup(&t->arena, name),
                       arena_strndup(&t->arena, href.buf, href.len));
    }
    strbuf_release(&href);
    strbuf_release(&data);
    return ok;
}

static bool load_assets(struct theme *t, const char *templates_dir, struct error *err)
{
    const char *dir = arena_printf(&t->arena, "%s/assets", templates_dir);
    struct dirent **names;
    int n = scandir(dir, &names, skip_hidden, alphasort);
    if (n < 0)
        return errno == ENOENT || error_errno(err, "%s", dir);
    bool ok =
        n <= ASSETS_MAX || error_set(err, ERROR_USAGE, "%s: more than %d files", dir, ASSETS_MAX);
    t->assets = arena_calloc(&t->arena, (size_t)n + 1, sizeof(*t->assets));
    for (int i = 0; i < n; i++) {
        ok = ok && load_asset(t, dir, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

/* --- templates ---------------------------------------------------------------------------- */

static bool need(const struct theme *t, const char *name, const struct template **out,
                 const char *what, struct error *err)
{
    *out = theme_find(t, name);
    return *out != NULL || error_set(err, ERROR_USAGE, "%s '%s': there is no %s/%s.html.mustache",
                                     what, name, t->config->templates, name);
}

/* Patterns are templates without escaping, in a set of their own: no page can name them. */
static const char *pattern_name(struct theme *t, const char *what, size_t i, size_t j)
{
    return arena_printf(&t->arena, "%s-%zu-%zu.txt", what, i, j);
}

static bool add_pattern(struct theme *t, const char *name, const char *text, struct error *err)
{
    char *file = arena_printf(&t->arena, "%s.mustache", name);
    return template_set_add(t->patterns, file, text, strlen(text), err);
}

static bool add_patterns(struct theme *t, struct error *err)
{
    const struct config *c = t->config;
    for (size_t i = 0; i < c->n_sets; i++) {
        const struct config_page_set *set = &c->sets[i];
        if (!add_pattern(t, pattern_name(t, "path", i, 0), set->path, err))
            return error_context(err, "page set '%s', path '%s'", set->name, set->path);
        for (size_t j = 0; j < set->n_outputs; j++)
            if (!add_pattern(t, pattern_name(t, "output", i, j), set->outputs[j].path, err))
                return error_context(err, "page set '%s', output path '%s'", set->name,
                                     set->outputs[j].path);
    }
    if (!add_pattern(t, "root.txt", c->root_page[0] != '\0' ? c->root_page : FRONT_PAGE, err))
        return error_context(err, "root_page '%s'", c->root_page);
    return template_set_compile(t->patterns, true, err) || error_context(err, "path patterns");
}

static const struct template *find_pattern(struct theme *t, const char *name)
{
    return template_find(t->patterns, name, strlen(name));
}

static bool link_set(struct theme *t, size_t i, struct error *err)
{
    const struct config_page_set *c = &t->config->sets[i];
    struct theme_set *set = &t->sets[i];
    set->config = c;
    set->path = find_pattern(t, pattern_name(t, "path", i, 0));
    set->parts = c->parts != NULL ? arena_printf(&t->arena, "%s/", c->parts) : "";
    if (!need(t, c->template, &set->page, "template", err))
        return false;
    if (c->maintenance != NULL &&
        !need(t, c->maintenance, &set->maintenance, "maintenance template", err))
        return false;
    set->outputs = arena_calloc(&t->arena, c->n_outputs, sizeof(*set->outputs));
    for (size_t j = 0; j < c->n_outputs; j++) {
        struct theme_output *out = &set->outputs[j];
        out->config = &c->outputs[j];
        out->path = find_pattern(t, pattern_name(t, "output", i, j));
        if (out->config->template != NULL &&
            !need(t, out->config->template, &out->template, "template", err))
            return false;
    }
    return true;
}

/* --- the site ----------------------------------------------------------------------------- */

/* Names the C code looks up by symbol as often as templates do. */
static void add_symbols(struct theme *t)
{
    static const char *const names[] = {
        "site",           "asset",
        "page",           "name",
        "base_url",       "base_path",
        "path",           "url",
        "href",           "locale",
        "lang",           "dir",
        "state",          "current",
        "fallback",       "canonical",
        "alternates",     "x_default",
        "currency",       "locales",
        "is_default",     "is_default_locale",
        "locale_name",    "media_base_url",
        "default_locale",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        symtab_add(&t->symtab, names[i], strlen(names[i]));
}

static void describe_site(struct theme *t)
{
    const struct config *c = t->config;
    t->site = json_object(&t->arena, 5);
    json_add(&t->arena, &t->symtab, &t->site, "name", json_strings(c->site_name));
    json_add(&t->arena, &t->symtab, &t->site, "base_url", json_strings(c->base_url));
    json_add(&t->arena, &t->symtab, &t->site, "base_path", json_strings(t->base_path));
    json_add(&t->arena, &t->symtab, &t->site, "media_base_url", json_strings(c->media_base_url));
    json_add(&t->arena, &t->symtab, &t->site, "default_locale", json_strings(c->default_locale));
}

/* Columns named in the configuration are looked up in every row. */
static void add_config_symbols(struct theme *t)
{
    for (size_t i = 0; i < t->config->n_sets; i++) {
        const struct config_page_set *set = &t->config->sets[i];
        const char *const names[] = {set->items.column, set->items.key, set->items.type,
                                     set->items.content};
        for (size_t j = 0; j < 4; j++)
            if (names[j] != NULL)
                symtab_add(&t->symtab, names[j], strlen(names[j]));
        for (size_t j = 0; j < set->n_outputs; j++) {
            const struct config_output *o = &set->outputs[j];
            if (o->each != NULL)
                symtab_add(&t->symtab, o->each, strlen(o->each));
            if (o->data != NULL)
                symtab_add(&t->symtab, o->data, strlen(o->data));
        }
    }
}

bool theme_load(struct theme *t, const struct config *config, struct error *err)
{
    *t = (struct theme){.config = config, .base_path = config_base_path(config)};
    symtab_init(&t->symtab);
    arena_init(&t->arena);
    add_symbols(t);
    add_config_symbols(t);
    t->templates = template_set_new(&t->symtab);
    t->patterns = template_set_new(&t->symtab);
    t->asset = json_object(&t->arena, 8);
    t->sets = arena_calloc(&t->arena, config->n_sets, sizeof(*t->sets));
    bool ok = template_set_load_dir(t->templates, config->templates, err) &&
              template_set_compile(t->templates, true, err) && add_patterns(t, err);
    if (ok) {
        describe_site(t);
        ok = load_assets(t, config->templates, err);
    }
    for (size_t i = 0; ok && i < config->n_sets; i++)
        ok = link_set(t, i, err) || error_context(err, "page set '%s'", config->sets[i].name);
    if (ok)
        t->root = find_pattern(t, "root.txt");
    if (!ok)
        theme_release(t);
    return ok;
}

void theme_release(struct theme *t)
{
    template_set_free(t->templates);
    template_set_free(t->patterns);
    symtab_release(&t->symtab);
    arena_release(&t->arena);
    *t = (struct theme){0};
}

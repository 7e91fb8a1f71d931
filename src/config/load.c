#include "config/load.h"

#include <string.h>

#include "base/strbuf.h"
#include "config/bucket.h"
#include "config/nearest.h"

#define PAGE_SETS_MAX 1000
#define OUTPUTS_MAX 1000
#define LIST_MAX 10000
#define HEADERS_MAX 100 /* every one is tried on every file */
#define PURGES_MAX 20

struct loader {
    struct config *c;
    struct error *err;
};

/* --- messages ------------------------------------------------------------------------------------
 */

static bool fail(const struct loader *l, const struct yaml_node *node, const char *name,
                 const char *what)
{
    return yaml_error(l->err, l->c->file, node->line, node->column, "%s%s%s", name,
                      name[0] != '\0' ? " " : "", what);
}

static bool wrong_kind(const struct loader *l, const struct yaml_node *node, const char *name,
                       const char *wanted)
{
    return yaml_error(l->err, l->c->file, node->line, node->column, "%s must be %s, not %s", name,
                      wanted, yaml_kind_name(node));
}

static bool unknown_key(const struct loader *l, const struct yaml_node *node, const char *guess,
                        const char *known)
{
    return yaml_error(
        l->err, l->c->file, node->key_line, node->key_column, "unknown key '%s'; %s%s%s", node->key,
        guess != NULL ? "did you mean '" : "known here: ", guess != NULL ? guess : known,
        guess != NULL ? "'?" : "");
}

/* --- values ----------------------------------------------------------------------------------- */

static bool load_scalar(const struct loader *l, const struct setting *row,
                        const struct yaml_node *node, const char *name, void *base)
{
    if (yaml_is_null(node))
        return fail(l, node, name, "has no value; give it one or leave the key out");
    if (node->kind != YAML_SCALAR) {
        struct strbuf wanted = STRBUF_INIT;
        setting_describe(row, &wanted);
        wrong_kind(l, node, name, wanted.buf);
        strbuf_release(&wanted);
        return false;
    }
    if (setting_read(row, &l->c->arena, node->text, node->quoted, base, l->err))
        return true;
    error_context(l->err, "%s", name);
    return error_context(l->err, "%s:%u:%u", l->c->file, node->line, node->column);
}

/* A list of locale codes is a list of texts whose elements are made canonical. */
static const char *list_element(const struct loader *l, const struct setting *row,
                                const struct yaml_node *node, const char *name)
{
    struct setting element = {.name = row->name, .type = SETTING_STRING, .required = true};
    if (row == setting_find(&setting_locale, "fallback"))
        element.type = SETTING_LOCALE;
    const char *text = NULL;
    return load_scalar(l, &element, node, name, &text) ? text : NULL;
}

static bool load_list(const struct loader *l, const struct setting *row,
                      const struct yaml_node *node, const char *name, void *base)
{
    if (node->kind != YAML_LIST)
        return wrong_kind(l, node, name, "a list");
    if (node->count > LIST_MAX)
        return fail(l, node, name, "has more than 10000 elements");
    const char **items = arena_calloc(&l->c->arena, node->count + 1, sizeof(*items));
    size_t n = 0;
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        items[n] = list_element(l, row, child, name);
        if (items[n++] == NULL)
            return false;
    }
    setting_store_list(row, items, n, base);
    return true;
}

/* --- entries: maps of a shape of their own ---------------------------------------------------- */

static bool load_entry(const struct loader *l, const struct setting_table *table,
                       const struct yaml_node *node, const char *name, void *base);

static bool unknown_in_entry(const struct loader *l, const struct setting_table *table,
                             const struct yaml_node *child)
{
    struct nearest n;
    struct strbuf known = STRBUF_INIT;
    nearest_init(&n, child->key);
    for (size_t i = 0; i < table->n; i++) {
        nearest_offer(&n, table->rows[i].name);
        strbuf_addf(&known, "%s%s", i > 0 ? ", " : "", table->rows[i].name);
    }
    unknown_key(l, child, n.best, known.buf);
    strbuf_release(&known);
    return false;
}

static bool load_required_fields(const struct loader *l, const struct yaml_node *node,
                                 const char *name, struct config_items *items)
{
    if (node->kind != YAML_MAP)
        return wrong_kind(l, node, name, "a map from types to lists of fields");
    items->required = arena_calloc(&l->c->arena, node->count + 1, sizeof(*items->required));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        struct config_required *required = &items->required[items->n_required++];
        struct setting row = {.name = child->key,
                              .type = SETTING_LIST,
                              .offset = offsetof(struct config_required, fields),
                              .count_offset = offsetof(struct config_required, n_fields)};
        required->type = child->key;
        if (!load_list(l, &row, child, child->key, required))
            return false;
    }
    return true;
}

static bool load_outputs(const struct loader *l, const struct yaml_node *node, const char *name,
                         struct config_page_set *set)
{
    if (node->kind != YAML_LIST)
        return wrong_kind(l, node, name, "a list");
    if (node->count > OUTPUTS_MAX)
        return fail(l, node, name, "has more than 1000 entries");
    set->outputs = arena_calloc(&l->c->arena, node->count + 1, sizeof(*set->outputs));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        struct config_output *output = &set->outputs[set->n_outputs++];
        output->line = child->line;
        output->column = child->column;
        if (!load_entry(l, &setting_output, child, "an entry of outputs", output))
            return false;
    }
    return true;
}

static bool load_nested(const struct loader *l, const struct setting_table *table,
                        const struct setting *row, const struct yaml_node *node, const char *name,
                        void *base)
{
    if (row->table == &setting_items)
        return load_entry(l, &setting_items, node, name, &((struct config_page_set *)base)->items);
    if (row->table == &setting_output)
        return load_outputs(l, node, name, base);
    if (table == &setting_items)
        return load_required_fields(l, node, name, base);
    return fail(l, node, name, "cannot stand here");
}

static bool has_required(const struct loader *l, const struct setting_table *table,
                         const struct yaml_node *node, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].required && yaml_get(node, table->rows[i].name) == NULL)
            return yaml_error(l->err, l->c->file, node->line, node->column,
                              "%s must have the key '%s'", name, table->rows[i].name);
    return true;
}

static bool load_entry(const struct loader *l, const struct setting_table *table,
                       const struct yaml_node *node, const char *name, void *base)
{
    if (node->kind != YAML_MAP)
        return wrong_kind(l, node, name, "a map");
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        const struct setting *row = setting_find(table, child->key);
        if (row == NULL)
            return unknown_in_entry(l, table, child);
        bool ok = row->type == SETTING_TABLE  ? load_nested(l, table, row, child, row->name, base)
                  : row->type == SETTING_LIST ? load_list(l, row, child, row->name, base)
                                              : load_scalar(l, row, child, row->name, base);
        if (!ok)
            return false;
    }
    return has_required(l, table, node, name);
}

/* --- locales ---------------------------------------------------------------------------------- */

static bool load_locale(const struct loader *l, const struct yaml_node *node,
                        struct config_locale *locale)
{
    locale->line = node->line;
    locale->column = node->column;
    if (node->kind == YAML_SCALAR)
        return load_scalar(l, setting_find(&setting_locale, "code"), node, "locales", locale);
    return load_entry(l, &setting_locale, node, "an entry of locales", locale);
}

static bool load_locales(const struct loader *l, const struct yaml_node *node)
{
    struct config *c = l->c;
    if (node->kind == YAML_SCALAR && strcmp(node->text, "auto") == 0)
        return true;
    if (node->kind != YAML_LIST)
        return wrong_kind(l, node, "locales", "'auto' or a list of locales");
    if (node->count == 0)
        return fail(l, node, "locales", "is an empty list; write auto to print every locale");
    if (node->count > LIST_MAX)
        return fail(l, node, "locales", "has more than 10000 entries");
    c->locales_auto = false;
    c->locales = arena_calloc(&c->arena, node->count, sizeof(*c->locales));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next)
        if (!load_locale(l, child, &c->locales[c->n_locales++]))
            return false;
    return true;
}

/* --- page sets -------------------------------------------------------------------------------- */

static bool is_set_name(const char *name)
{
    size_t len = strlen(name);
    return len <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-") == len;
}

static bool load_page_set(const struct loader *l, const struct yaml_node *node,
                          struct config_page_set *set)
{
    struct arena *arena = &l->c->arena;
    if (!is_set_name(node->key))
        return yaml_error(l->err, l->c->file, node->key_line, node->key_column,
                          "a page set's name is made of at most 64 letters, digits, '-' and '_'; "
                          "'%s' is not",
                          node->key);
    *set = (struct config_page_set){.name = node->key,
                                    .query = arena_printf(arena, "sql/pages/%s.sql", node->key),
                                    .template = node->key,
                                    .min_rows = -1,
                                    .max_shrink = -1,
                                    .line = node->key_line,
                                    .column = node->key_column};
    return load_entry(l, &setting_page_set, node, arena_printf(arena, "page set '%s'", node->key),
                      set);
}

static bool load_page_sets(const struct loader *l, const struct yaml_node *node)
{
    struct config *c = l->c;
    if (yaml_is_null(node))
        return true;
    if (node->kind != YAML_MAP)
        return wrong_kind(l, node, "page_sets", "a map from names to page sets");
    if (node->count > PAGE_SETS_MAX)
        return fail(l, node, "page_sets", "has more than 1000 entries");
    c->sets = arena_calloc(&c->arena, node->count + 1, sizeof(*c->sets));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next)
        if (!load_page_set(l, child, &c->sets[c->n_sets++]))
            return false;
    return true;
}

/* --- header rules and purges ------------------------------------------------------------------ */

/* A list of maps that may be left empty. */
static bool is_list_of(const struct loader *l, const struct yaml_node *node, const char *name,
                       size_t most)
{
    if (node->kind != YAML_LIST)
        return wrong_kind(l, node, name, "a list of maps");
    return node->count <= most || yaml_error(l->err, l->c->file, node->line, node->column,
                                             "%s has more than %zu entries", name, most);
}

static bool load_headers(const struct loader *l, const struct yaml_node *node)
{
    struct config *c = l->c;
    if (yaml_is_null(node))
        return true;
    if (!is_list_of(l, node, "origin.headers", HEADERS_MAX))
        return false;
    c->headers = arena_calloc(&c->arena, node->count + 1, sizeof(*c->headers));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        struct config_headers *rule = &c->headers[c->n_headers++];
        *rule = (struct config_headers){.line = child->line, .column = child->column};
        setting_defaults(&setting_headers, &c->arena, rule);
        if (!load_entry(l, &setting_headers, child, "an entry of origin.headers", rule))
            return false;
    }
    return true;
}

static bool load_purges(const struct loader *l, const struct yaml_node *node)
{
    struct config *c = l->c;
    if (yaml_is_null(node))
        return true;
    if (!is_list_of(l, node, "purge", PURGES_MAX))
        return false;
    c->purges = arena_calloc(&c->arena, node->count + 1, sizeof(*c->purges));
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        struct config_purge *purge = &c->purges[c->n_purges++];
        *purge = (struct config_purge){.line = child->line, .column = child->column};
        setting_defaults(&setting_purge, &c->arena, purge);
        if (!load_entry(l, &setting_purge, child, "an entry of purge", purge))
            return false;
    }
    return true;
}

/* --- the top ---------------------------------------------------------------------------------- */

struct config_place *load_place(struct config *c, const struct setting *row)
{
    return &c->places[row - setting_config.rows];
}

bool load_source_is_file(const char *source)
{
    size_t word = strspn(source, "abcdefghijklmnopqrstuvwxyz_");
    bool is_keyword = word > 0 && source[word + strspn(source + word, " ")] == '=';
    return source[0] != '\0' && strstr(source, "://") == NULL && !is_keyword;
}

bool load_may_be_path(const struct setting *row)
{
    return row->type == SETTING_PATH || row->type == SETTING_SOURCE || row->type == SETTING_TARGET;
}

bool load_is_path(const struct setting *row, const char *value)
{
    if (row->type == SETTING_SOURCE)
        return load_source_is_file(value);
    return value[0] != '\0' && (row->type != SETTING_TARGET || !bucket_is(value));
}

void load_join_path(struct config *c, const struct setting *row)
{
    const char **at = (const char **)(void *)((char *)c + row->offset);
    if (load_may_be_path(row) && load_is_path(row, *at))
        *at = config_path(c, *at);
}

static bool load_setting(const struct loader *l, const struct setting *row,
                         const struct yaml_node *node)
{
    struct config *c = l->c;
    bool ok = row->table == &setting_locale     ? load_locales(l, node)
              : row->table == &setting_page_set ? load_page_sets(l, node)
              : row->table == &setting_headers  ? load_headers(l, node)
              : row->table == &setting_purge    ? load_purges(l, node)
              : row->type == SETTING_LIST       ? load_list(l, row, node, row->name, c)
                                                : load_scalar(l, row, node, row->name, c);
    if (!ok)
        return false;
    *load_place(c, row) = (struct config_place){CONFIG_FILE, node->line, node->column};
    if (row->type == SETTING_SOURCE)
        c->source_is_file = load_source_is_file(c->source);
    load_join_path(c, row);
    return true;
}

/* The part of a dotted name that is a key at the level of `prefix` ("" or "site."), or NULL. */
static const char *key_at(struct arena *arena, const struct setting *row, const char *prefix)
{
    size_t skip = strlen(prefix);
    if (strncmp(row->name, prefix, skip) != 0)
        return NULL;
    return arena_strndup(arena, row->name + skip, strcspn(row->name + skip, "."));
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* The nearest key of this level; else a setting of another level whose last part is this key. */
static bool unknown_at_top(const struct loader *l, const struct yaml_node *child,
                           const char *prefix)
{
    struct nearest n;
    struct strbuf known = STRBUF_INIT;
    const char *before = "", *elsewhere = NULL;
    nearest_init(&n, child->key);
    for (size_t i = 0; i < setting_config.n; i++) {
        const struct setting *row = &setting_config.rows[i];
        const char *key = key_at(&l->c->arena, row, prefix);
        if (strcmp(last_part(row->name), child->key) == 0 || strcmp(row->name, child->key) == 0)
            elsewhere = row->name;
        if (key == NULL || strcmp(key, before) == 0)
            continue;
        nearest_offer(&n, key);
        strbuf_addf(&known, "%s%s", before[0] != '\0' ? ", " : "", key);
        before = key;
    }
    if (elsewhere != NULL)
        yaml_error(l->err, l->c->file, child->key_line, child->key_column,
                   "unknown key '%s' here; the setting is %s, one level of map per dot", child->key,
                   elsewhere);
    else
        unknown_key(l, child, n.best, known.buf);
    strbuf_release(&known);
    return false;
}

static bool is_group(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < setting_config.n; i++)
        if (strncmp(setting_config.rows[i].name, name, len) == 0 &&
            setting_config.rows[i].name[len] == '.')
            return true;
    return false;
}

static bool load_group(const struct loader *l, const struct yaml_node *node, const char *prefix)
{
    for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
        const char *name = arena_printf(&l->c->arena, "%s%s", prefix, child->key);
        bool dotted = strchr(child->key, '.') != NULL;
        const struct setting *row = dotted ? NULL : setting_find(&setting_config, name);
        bool ok;
        if (row != NULL)
            ok = load_setting(l, row, child);
        else if (dotted || !is_group(name))
            ok = unknown_at_top(l, child, prefix);
        else if (child->kind == YAML_MAP)
            ok = load_group(l, child, arena_printf(&l->c->arena, "%s.", name));
        else /* a group whose every line is a comment is empty, not wrong */
            ok = yaml_is_null(child) || wrong_kind(l, child, name, "a map");
        if (!ok)
            return false;
    }
    return true;
}

bool load_tree(struct config *c, const struct yaml_node *root, struct error *err)
{
    struct loader l = {.c = c, .err = err};
    if (root->kind != YAML_MAP)
        return wrong_kind(&l, root, "the file", "a map of settings");
    return load_group(&l, root, "");
}

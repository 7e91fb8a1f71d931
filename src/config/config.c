#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "config/load.h"
#include "config/locale_code.h"
#include "config/setting.h"
#include "config/url.h"
#include "config/yaml.h"

void config_init(struct config *c)
{
    *c = (struct config){.locales_auto = true, .dir = "."};
    arena_init(&c->arena);
    c->places = arena_calloc(&c->arena, setting_config.n, sizeof(*c->places));
    setting_defaults(&setting_config, &c->arena, c);
}

void config_release(struct config *c)
{
    arena_release(&c->arena);
    *c = (struct config){0};
}

/* --- paths ------------------------------------------------------------------------------------ */

/* The file's folder: "." for the current one, else absolute, so that a path once joined can be told
 * from one that is not. */
static const char *folder_of(struct config *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash != NULL ? (size_t)(slash - path) : 0;
    if (slash == NULL || (len == 1 && path[0] == '.'))
        return ".";
    if (path[0] == '/')
        return arena_strndup(&c->arena, path, len == 0 ? 1 : len);
    char here[PATH_MAX];
    if (getcwd(here, sizeof(here)) == NULL)
        return arena_strndup(&c->arena, path, len);
    return arena_printf(&c->arena, "%s/%.*s", here, (int)len, path);
}

const char *config_path(struct config *c, const char *path)
{
    if (path[0] == '/' || strcmp(c->dir, ".") == 0)
        return path;
    return arena_printf(&c->arena, "%s/%s", strcmp(c->dir, "/") == 0 ? "" : c->dir, path);
}

/* Defaults are paths beside the file, too: known only now, when the file is. */
static void join_default_paths(struct config *c)
{
    for (size_t i = 0; i < setting_config.n; i++)
        if (c->places[i].origin == CONFIG_DEFAULT)
            load_join_path(c, &setting_config.rows[i]);
}

/* --- the file --------------------------------------------------------------------------------- */

static bool read_all(int fd, const char *path, struct strbuf *out, struct error *err)
{
    for (;;) {
        if (!strbuf_reserve(out, 16384))
            return error_set(err, ERROR_USAGE, "%s: larger than 1 MiB", path);
        ssize_t n = read(fd, out->buf + out->len, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_errno(err, "%s", path);
            err->kind = ERROR_USAGE;
            return false;
        }
        if (n == 0)
            return true;
        strbuf_setlen(out, out->len + (size_t)n);
    }
}

bool config_load_text(struct config *c, const char *file, const char *text, size_t len,
                      struct error *err)
{
    const struct yaml_node *root;
    c->file = arena_strdup(&c->arena, file);
    c->dir = folder_of(c, c->file);
    if (!yaml_parse(&c->arena, c->file, text, len, &root, err))
        return false;
    join_default_paths(c);
    return load_tree(c, root, err);
}

bool config_load_file(struct config *c, const char *path, bool required, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT && !required)
            return true;
        error_errno(err, "%s", path);
        err->kind = ERROR_USAGE;
        return false;
    }
    struct strbuf text;
    strbuf_init(&text, YAML_BYTES_MAX + 16384);
    bool ok = read_all(fd, path, &text, err) && config_load_text(c, path, text.buf, text.len, err);
    close(fd);
    strbuf_release(&text);
    return ok;
}

/* --- environment and command line ------------------------------------------------------------- */

static bool set_text(struct config *c, const struct setting *row, const char *value,
                     enum config_origin origin, struct error *err)
{
    if (!setting_read(row, &c->arena, value, false, c, err))
        return false;
    *load_place(c, row) = (struct config_place){.origin = origin};
    if (row->type == SETTING_SOURCE)
        c->source_is_file = load_source_is_file(c->source);
    /* Beside another folder's file, a path of the current folder must be told from the file's. */
    if (strcmp(c->dir, ".") == 0)
        return true;
    char here[PATH_MAX];
    if (!load_may_be_path(row))
        return true;
    const char **at = (const char **)(void *)((char *)c + row->offset);
    if (load_is_path(row, *at) && (*at)[0] != '/' && getcwd(here, sizeof(here)) != NULL)
        *at = arena_printf(&c->arena, "%s/%s", here, *at);
    return true;
}

bool config_load_env(struct config *c, struct error *err)
{
    for (size_t i = 0; i < setting_config.n; i++) {
        const struct setting *row = &setting_config.rows[i];
        const char *name, *value = setting_environment(row, &name);
        if (value == NULL)
            continue;
        if (!set_text(c, row, value, CONFIG_ENVIRONMENT, err))
            return error_context(err, "environment variable %s", name);
    }
    return true;
}

bool config_set(struct config *c, const char *name, const char *value, struct error *err)
{
    const struct setting *row = setting_find(&setting_config, name);
    if (row == NULL)
        return error_set(err, ERROR_USAGE, "no setting is called '%s'", name);
    return set_text(c, row, value, CONFIG_COMMAND_LINE, err);
}

bool config_add_locale(struct config *c, const char *code, struct error *err)
{
    char canonical[LOCALE_CODE_MAX];
    if (!locale_code_canonical(canonical, code, strlen(code)))
        return error_set(err, ERROR_USAGE, "'%s' is not a locale code such as en, fr-CA or zh-Hant",
                         code);
    const char **codes = arena_calloc(&c->arena, c->n_only_locales + 1, sizeof(*codes));
    for (size_t i = 0; i < c->n_only_locales; i++) {
        codes[i] = c->only_locales[i];
        if (strcmp(codes[i], canonical) == 0)
            return true;
    }
    codes[c->n_only_locales++] = arena_strdup(&c->arena, canonical);
    c->only_locales = codes;
    return true;
}

const char *config_base_path(const struct config *c)
{
    return url_path(c->base_url);
}

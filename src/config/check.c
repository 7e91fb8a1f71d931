/* What no single value can tell: the last step before a configuration is used. */
#include <string.h>

#include "config/check.h"
#include "config/config.h"
#include "config/load.h"
#include "config/setting.h"
#include "config/yaml.h"

static const struct config_locale *find_locale(const struct config *c, const char *code)
{
    for (size_t i = 0; i < c->n_locales; i++)
        if (strcmp(c->locales[i].code, code) == 0)
            return &c->locales[i];
    return NULL;
}

static bool locale_error(const struct config *c, const struct config_locale *locale,
                         struct error *err, const char *what, const char *which)
{
    return yaml_error(err, c->file, locale->line, locale->column, "locale '%s' %s%s%s%s",
                      locale->code, what, which != NULL ? " '" : "", which != NULL ? which : "",
                      which != NULL ? "'" : "");
}

static bool check_fallback(const struct config *c, const struct config_locale *locale,
                           struct error *err)
{
    for (size_t i = 0; i < locale->n_fallback; i++) {
        const char *code = locale->fallback[i];
        if (strcmp(code, locale->code) == 0)
            return locale_error(c, locale, err, "falls back to itself", NULL);
        if (find_locale(c, code) == NULL)
            return locale_error(c, locale, err,
                                "falls back to a locale that is not in the list:", code);
        for (size_t j = 0; j < i; j++)
            if (strcmp(code, locale->fallback[j]) == 0)
                return locale_error(c, locale, err, "falls back twice to", code);
    }
    return true;
}

static bool check_locales(struct config *c, struct error *err)
{
    for (size_t i = 0; i < c->n_locales; i++) {
        const struct config_locale *locale = &c->locales[i];
        if (find_locale(c, locale->code) != locale)
            return locale_error(c, locale, err, "stands in the list twice", NULL);
        if (!check_fallback(c, locale, err))
            return false;
    }
    for (size_t i = 0; i < c->n_only_locales; i++)
        if (!c->locales_auto && find_locale(c, c->only_locales[i]) == NULL)
            return error_set(err, ERROR_USAGE, "--locale %s: not in the list of locales in %s",
                             c->only_locales[i], c->file);
    return true;
}

bool check_error(struct config *c, const char *name, struct error *err, const char *what)
{
    const struct setting *row = setting_find(&setting_config, name);
    const char *variable;
    const struct config_place *place = load_place(c, row);
    if (place->origin == CONFIG_FILE)
        return yaml_error(err, c->file, place->line, place->column, "%s: %s", name, what);
    if (place->origin == CONFIG_ENVIRONMENT)
        return error_set(err, ERROR_USAGE, "environment variable %s: %s",
                         setting_environment(row, &variable) != NULL ? variable : row->environment,
                         what);
    return error_set(err, ERROR_USAGE, "%s: %s", name, what);
}

static bool check_default_locale(struct config *c, struct error *err)
{
    if (c->locales_auto)
        return true;
    if (c->default_locale[0] == '\0')
        c->default_locale = c->locales[0].code;
    if (find_locale(c, c->default_locale) == NULL)
        return check_error(
            c, "default_locale", err,
            arena_printf(&c->arena, "'%s' is not in the list of locales", c->default_locale));
    return true;
}

static bool check_base_url(struct config *c, struct error *err)
{
    if (c->base_url != NULL)
        return true;
    /* A wrong guess would be printed into every canonical link; without pages none is. */
    if (c->n_sets > 0)
        return error_set(err, ERROR_USAGE,
                         "%s: site.base_url is missing: canonical links and the sitemap begin with "
                         "it. Write for example\nsite:\n  base_url: https://www.example.com/",
                         c->file);
    c->base_url = "http://localhost:8080/";
    return true;
}

static bool set_error(const struct config *c, const struct config_page_set *set, struct error *err,
                      const char *what)
{
    return yaml_error(err, c->file, set->line, set->column, "page set '%s': %s", set->name, what);
}

static bool check_output(struct config *c, const struct config_page_set *set, size_t index,
                         struct error *err)
{
    const struct config_output *output = &set->outputs[index];
    const char *fault = NULL;
    if (output->template == NULL && output->data == NULL)
        fault = "an output needs 'template' (to print with) or 'data' (to print as JSON)";
    else if (output->template != NULL && output->data != NULL)
        fault = "an output has either 'template' or 'data', not both";
    else if (strcmp(output->path, set->path) == 0)
        fault = "the output's path is the page's own";
    for (size_t i = 0; fault == NULL && i < index; i++)
        if (strcmp(output->path, set->outputs[i].path) == 0)
            fault = "another output of this page set has the same path";
    if (fault == NULL)
        return true;
    return yaml_error(err, c->file, output->line, output->column, "page set '%s': %s", set->name,
                      fault);
}

static bool check_page_set(struct config *c, const struct config_page_set *set, struct error *err)
{
    if (set->items.n_required > 0 && (set->items.type == NULL || set->items.content == NULL))
        return set_error(c, set, err, "items.required needs items.type and items.content");
    if (set->items.type != NULL && set->parts == NULL)
        return set_error(c, set, err,
                         "items.type names templates in the folder 'parts', which is missing");
    for (size_t i = 0; i < set->n_outputs; i++)
        if (!check_output(c, set, i, err))
            return false;
    for (const struct config_page_set *other = c->sets; other < set; other++)
        if (strcmp(other->path, set->path) == 0)
            return set_error(
                c, set, err,
                arena_printf(&c->arena, "its path is that of page set '%s'", other->name));
    return true;
}

/* Length of the name that the text begins with, of what SQL takes without quotes; 0: of none. */
static size_t sql_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t n = strspn(text, letters);
    return n <= 63 && (text[0] < '0' || text[0] > '9') ? n : 0;
}

static bool are_sql_names(const char *text)
{
    size_t n = 1;
    for (text += strspn(text, " "); n > 0 && *text != '\0'; text += strspn(text, " ")) {
        n = sql_name(text);
        text += n;
        if (*text != ' ' && *text != '\0')
            n = 0;
    }
    return n > 0;
}

static bool is_qualified(const char *text)
{
    size_t n = sql_name(text), m = n > 0 && text[n] == '.' ? sql_name(text + n + 1) : 0;
    return m > 0 && text[n + 1 + m] == '\0';
}

static bool check_listen(struct config *c, struct error *err)
{
    if (!are_sql_names(c->listen_channels))
        return check_error(c, "listen.channels", err,
                           arena_printf(&c->arena,
                                        "'%s' is not a list of names of at most 63 letters, "
                                        "digits and '_' with blanks between",
                                        c->listen_channels));
    if (c->listen_due[0] != '\0' && !is_qualified(c->listen_due))
        return check_error(c, "listen.due", err,
                           arena_printf(&c->arena, "'%s' is not SCHEMA.NAME", c->listen_due));
    return true;
}

bool config_check(struct config *c, struct error *err)
{
    if (!check_locales(c, err) || !check_default_locale(c, err) || !check_base_url(c, err) ||
        !check_listen(c, err) || !check_origin(c, err))
        return false;
    for (size_t i = 0; i < c->n_sets; i++)
        if (!check_page_set(c, &c->sets[i], err))
            return false;
    return true;
}

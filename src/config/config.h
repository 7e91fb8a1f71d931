/* The configuration: platen.yaml (or JSON), environment and command line in one struct.
 *
 * For: everything a user may set. One table (config/options.h) holds name, type, range, default,
 * environment variable and prose of each scalar option; --help, the man page and the commented
 * sample file are printed from it. Precedence: command line, environment, file, default.
 * Not for: what is discovered at run time (the locales found under `auto`, open connections).
 *
 * Order: config_init(&c); config_load_file(&c, path, required, &err); config_load_env(&c, &err);
 * config_set(&c, "name", "value", &err) per command line option; config_check(&c, &err);
 * ... config_release(&c). Every string belongs to the config's arena.
 * Errors: ERROR_USAGE "platen.yaml:12:5: unknown key 'temlates'; did you mean 'templates'?".
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum config_policy { CONFIG_HOLD = 0, CONFIG_OMIT, CONFIG_KEEP };
enum config_scope { CONFIG_SCOPE_LOCALE = 0, CONFIG_SCOPE_RELEASE };

/* One entry of `locales:` when it is a list. */
struct config_locale {
    const char *code; /* BCP 47, canonical spelling */
    const char *name; /* NULL: the locale's own name for itself */
    const char *currency;
    const char **fallback; /* codes, tried in order */
    size_t n_fallback;
};

/* One more file per page (or per element of an array column). */
struct config_output {
    const char *path;     /* pattern */
    const char *each;     /* array column, or NULL: once per page */
    const char *template; /* name, or NULL when data is set */
    const char *data;     /* column printed as JSON, "." = all, or NULL when template is set */
};

struct config_required {
    const char *type;
    const char **fields;
    size_t n_fields;
};

/* The array column whose elements are checked one by one. column NULL: the set has none. */
struct config_items {
    const char *column, *key, *type, *content;
    struct config_required *required;
    size_t n_required;
};

struct config_page_set {
    const char *name;
    const char *query;       /* file, relative to the configuration file */
    const char *template;    /* name */
    const char *maintenance; /* name, or NULL */
    const char *path;        /* pattern */
    const char *parts;       /* folder of templates a dynamic name may pick from, or NULL */
    struct config_items items;
    struct config_output *outputs;
    size_t n_outputs;
    const char **required; /* columns that must not be empty */
    size_t n_required;
    int64_t min_rows;  /* per locale; -1: guards.min_rows */
    double max_shrink; /* 0..1; < 0: guards.max_shrink */
    unsigned line;     /* in the file, for messages */
};

struct config {
    struct arena arena;
    const char *file; /* as given, for messages; NULL when there is none */
    const char *dir;  /* folder that relative paths of the file start from, "." when none */

    const char *site_name;
    const char *base_url;       /* ends in '/' */
    const char *media_base_url; /* ends in '/' */

    bool locales_auto;
    struct config_locale *locales;
    size_t n_locales;
    const char *default_locale; /* "" = first of the list, or first in order */
    const char *root_page;

    const char *templates; /* folders */
    const char *static_dir;
    const char *out;

    const char *source; /* connection string or file; "" = libpq's own environment */
    int64_t connect_timeout_ms, statement_timeout_ms;

    struct config_page_set *sets;
    size_t n_sets;

    int64_t guard_min_rows;
    double guard_max_shrink;
    int64_t guard_max_deletes;
    enum config_scope guard_scope;
    enum config_policy guard_content;
    const char **url_fields;
    size_t n_url_fields;

    int64_t threads; /* 0 = one per core */
    bool gzip;       /* print .gz twins */
    int64_t lock_wait_ms;
    int64_t assets_keep_s;
    int64_t max_row_bytes; /* one row of a page set */
    int64_t max_page_bytes;

    bool json, quiet, verbose; /* how the program talks */
};

void config_init(struct config *c);
void config_release(struct config *c);
bool config_load_file(struct config *c, const char *path, bool required, struct error *err);
bool config_load_env(struct config *c, struct error *err);
bool config_set(struct config *c, const char *name, const char *value, struct error *err);
bool config_check(struct config *c, struct error *err);

/* dir + "/" + path unless path is absolute; in the config's arena. */
const char *config_path(struct config *c, const char *path);

#endif

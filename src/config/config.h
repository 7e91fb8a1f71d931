/* The configuration: platen.yaml (or JSON), environment and command line in one struct.
 *
 * For: everything a user may set. One table (config/setting.h, rows in config/tables.c) holds name,
 * type, range, default, environment variable and prose of each setting; `platen help settings`, the
 * man page and the commented sample file are printed from it. Precedence: command line,
 * environment, file, default.
 * Not for: what is discovered at run time (the locales found under `auto`, open connections).
 *
 * Order: config_init(&c); config_load_file(&c, path, required, &err); config_load_env(&c, &err);
 * config_set(&c, "name", "value", &err) per command line option; config_check(&c, &err);
 * ... config_release(&c). (Commands do all of this with options_load_config() of cmd/options.h.)
 * Every string belongs to the config's arena.
 * Errors: ERROR_USAGE "platen.yaml:12:5: unknown key 'temlates'; did you mean 'templates'?".
 *
 * Paths: a relative path in the file, or in a default, stands for a file beside the configuration
 * file; one from the environment or the command line for a file in the current folder. `templates`,
 * `static_dir`, `migrations`, `out` and a `source` that is a file are resolved so and ready to
 * open. The pages' `query` stays as written (it names the file in messages): open config_path(c,
 * query).
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
    const char **fallback; /* codes of other entries, tried in order; not followed further */
    size_t n_fallback;
    unsigned line, column; /* in the file, for messages */
};

/* One more file per page (or per element of an array column). */
struct config_output {
    const char *path;     /* pattern */
    const char *each;     /* array column, or NULL: once per page */
    const char *template; /* name, or NULL when data is set */
    const char *data;     /* column printed as JSON, "." = all, or NULL when template is set */
    unsigned line, column;
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

enum config_style { CONFIG_STYLE_AUTO = 0, CONFIG_STYLE_PATH, CONFIG_STYLE_HOST };
enum config_mode { CONFIG_SIDECAR = 0, CONFIG_REPLACE, CONFIG_BOTH };
enum config_prove { CONFIG_PROVE_OFF = 0, CONFIG_PROVE_CONTENT, CONFIG_PROVE_HEADER };
enum config_purger { CONFIG_CLOUDFRONT = 0, CONFIG_CLOUDFLARE, CONFIG_VARNISH, CONFIG_WEBHOOK };

/* One entry of `origin.headers:`. Empty texts leave a header to the rules behind. */
struct config_headers {
    const char *match; /* glob over paths: upload/rules.h */
    const char *cache_control, *content_type;
    const char **meta; /* NAME=VALUE */
    size_t n_meta;
    unsigned line, column;
};

/* One entry of `purge:`. */
struct config_purge {
    enum config_purger type;
    const char *url;       /* Varnish: the cache; webhook: where to; others: instead of the
                              provider's own (tests) */
    const char *id;        /* CloudFront: distribution; Cloudflare: zone */
    const char *token_env; /* name of the variable that holds the token; "" = none */
    const char *method;    /* Varnish: PURGE or BAN; webhook: POST ... */
    bool by_tag;           /* Cloudflare: tags instead of URLs */
    int64_t threshold;     /* above so many paths: one wildcard */
    unsigned line, column;
};

struct config_page_set {
    const char *name;
    const char *query;       /* file as written; see "Paths" above */
    const char *template;    /* name below the templates folder, without suffix */
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
    unsigned line, column;
};

/* Where a value comes from, later ones win. */
enum config_origin { CONFIG_DEFAULT = 0, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_COMMAND_LINE };

struct config_place {
    enum config_origin origin;
    unsigned line, column; /* CONFIG_FILE only */
};

struct config {
    struct arena arena;
    const char *file;            /* as given, for messages; NULL when there is none */
    const char *dir;             /* of the file: "." or absolute; "." when there is none */
    struct config_place *places; /* private: one per row of setting_config */

    const char *site_name;
    const char *base_url;       /* ends in '/'; NULL until config_check() where nobody set it */
    const char *media_base_url; /* ends in '/' */

    bool locales_auto;
    struct config_locale *locales;
    size_t n_locales;
    const char *default_locale; /* "" under auto: the first in order */
    const char *root_page;      /* pattern; "" = the chooser */
    const char **only_locales;  /* what --locale restricts this run to; none: all */
    size_t n_only_locales;

    const char *templates; /* folders */
    const char *static_dir;
    const char *out;

    const char *source;  /* connection string or file; "" = libpq's own environment */
    bool source_is_file; /* what `platen export` wrote */
    int64_t connect_timeout_ms, statement_timeout_ms;
    const char *migrations; /* folder */

    const char *listen_database; /* connection string; "": source */
    int64_t listen_quiet_ms, listen_quiet_max_ms;
    int64_t listen_poll_ms, listen_full_every_ms;
    int64_t listen_echo_every_ms, listen_echo_wait_ms;
    const char *listen_channels; /* names with blanks between */
    const char *listen_due;      /* SCHEMA.NAME, or "" */
    bool listen_schedules, listen_lead;
    int64_t listen_stuck_after_ms;

    struct config_page_set *sets;
    size_t n_sets;

    const char *origin;          /* s3://bucket/prefix, or a folder; "": none */
    const char *origin_state;    /* the same for .platen/; "": origin */
    const char *origin_endpoint; /* "": AWS. AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL */
    const char *origin_region;   /* AWS_REGION, AWS_DEFAULT_REGION */
    enum config_style origin_style;
    enum config_mode origin_mode;
    bool origin_directory_keys;
    int64_t origin_concurrency;
    int64_t origin_max_deletes;
    int64_t origin_lease_s; /* how long a claim holds unless it is renewed */
    int64_t origin_connect_timeout_ms, origin_stall_ms, origin_give_up_ms;
    const char *origin_ca_file; /* "": the system's. AWS_CA_BUNDLE */
    struct config_headers *headers;
    size_t n_headers;

    struct config_purge *purges;
    size_t n_purges;
    enum config_prove prove;
    const char *prove_url; /* ends in '/'; "": site.base_url */
    int64_t prove_deadline_ms;
    int64_t prove_most; /* paths asked for of one release */

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

/* Reads the file. When it does not exist: an error if required, else everything stays as it is. */
bool config_load_file(struct config *c, const char *path, bool required, struct error *err);

/* The same from memory; file is the name for messages, its folder the start of relative paths. */
bool config_load_text(struct config *c, const char *file, const char *text, size_t len,
                      struct error *err);

/* DATABASE_URL and the PLATEN_* variables of the table; empty ones count as unset. */
bool config_load_env(struct config *c, struct error *err);

/* Sets one setting of the top table by its dotted name, as the command line does. The error says
 * what is wrong with the value; the caller says which option it came from. */
bool config_set(struct config *c, const char *name, const char *value, struct error *err);

/* Adds to only_locales; the code is made canonical. */
bool config_add_locale(struct config *c, const char *code, struct error *err);

/* What no single value can tell: names that must be known, be different or go together. Fills in
 * what follows from other settings (default_locale from a list, base_url where no page set is). */
bool config_check(struct config *c, struct error *err);

/* dir + "/" + path unless path is absolute; in the config's arena. Harmless on resolved paths. */
const char *config_path(struct config *c, const char *path);

/* The path part of base_url: begins and ends in '/'. After config_check(). */
const char *config_base_path(const struct config *c);

#endif

/* The theme: everything compiled before the first row is read.
 *
 * For: templates, path patterns and fingerprinted assets, linked to the page sets of the
 * configuration, read-only and shared by all workers. Not for: rows (render/page.h).
 *
 * Order: theme_load(), then pages from any thread, theme_release(). Errors: ERROR_USAGE with
 * file:line:column for templates, "page set 'x': ..." for what the configuration names and the
 * templates lack.
 */
#ifndef RENDER_THEME_H
#define RENDER_THEME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "template/template.h"

struct theme_output {
    const struct config_output *config;
    const struct template *path;
    const struct template *template; /* NULL: data is printed as JSON */
};

struct theme_set {
    const struct config_page_set *config;
    const struct template *page, *maintenance, *path;
    const char *parts; /* "sections/", or "" */
    struct theme_output *outputs;
};

/* A file of templates/assets under its fingerprinted name. */
struct theme_asset {
    const char *path; /* assets/site.3f9a1c7e.css */
    const char *data;
    size_t len;
};

struct theme {
    const struct config *config;
    struct symtab symtab;
    struct arena arena;
    struct template_set *templates, *patterns;
    struct theme_set *sets; /* as many as config->n_sets */
    struct theme_asset *assets;
    size_t n_assets;
    struct json_value site;  /* the object templates know as `site` */
    struct json_value asset; /* and as `asset` */
    const char *base_path;
    const struct template *root; /* where front pages stand: root_page, or where that is "", its
                                    default: those the chooser offers */
};

bool theme_load(struct theme *t, const struct config *config, struct error *err);
void theme_release(struct theme *t);

/* A template by its file's name without suffix, or NULL. */
const struct template *theme_find(const struct theme *t, const char *name);

#endif

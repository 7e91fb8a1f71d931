/* Locales: what is known of each language tag that turns up.
 *
 * For: the names, writing directions and currencies that templates show, and small numbers instead
 * of strings in manifests. Names and directions come from ICU (a locale's own name for itself)
 * unless the configuration gives a name. Under `locales: auto` the table grows while rows are read.
 * Order: locale_table_init() with the configuration; locale_table_intern() from the reading thread
 * only; entries already handed out never move and may be read from any thread.
 */
#ifndef RENDER_LOCALE_H
#define RENDER_LOCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "config/config.h"
#include "plan/manifest.h"

struct locale {
    const char *code;                   /* as in paths and in lang="" */
    const char *name;                   /* its own name for itself */
    const char *dir;                    /* "ltr" or "rtl" */
    const char *currency;               /* ISO 4217, or "" */
    const struct config_locale *config; /* NULL under auto */
    bool is_default;
};

struct locale_table {
    struct arena arena; /* private */
    struct map index;
    const struct config *config;
    const struct locale *items[MANIFEST_MAX_NAMES];
    const char *codes[MANIFEST_MAX_NAMES]; /* the same in the same order, for manifests */
    uint16_t count;
};

void locale_table_init(struct locale_table *t, const struct config *config);
void locale_table_release(struct locale_table *t);

/* The number of a locale, or MANIFEST_NONE: unknown, and for _intern: not among the configured
 * ones, or more than MANIFEST_MAX_NAMES. The code must be well-formed (route_check_locale). */
uint16_t locale_table_find(const struct locale_table *t, const char *code);
uint16_t locale_table_intern(struct locale_table *t, const char *code);

#endif

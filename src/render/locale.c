#include "render/locale.h"

#include <string.h>

#include <unicode/ucasemap.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

void locale_table_init(struct locale_table *t, const struct config *config)
{
    memset(t, 0, sizeof(*t));
    arena_init(&t->arena);
    map_init(&t->index);
    t->config = config;
    for (size_t i = 0; !config->locales_auto && i < config->n_locales; i++)
        locale_table_intern(t, config->locales[i].code);
}

void locale_table_release(struct locale_table *t)
{
    map_release(&t->index);
    arena_release(&t->arena);
}

uint16_t locale_table_find(const struct locale_table *t, const char *code)
{
    const uint64_t *number = map_get(&t->index, code, strlen(code));
    return number != NULL ? (uint16_t)*number : MANIFEST_NONE;
}

/* The locale's name in its own language, starting with a capital as in a list: "Français (Canada)".
 * Only the first letter changes: "norsk bokmål" has one capital there, and "isiXhosa" keeps its
 * own. */
static const char *own_name(struct arena *arena, const char *code)
{
    UChar wide[128];
    char text[400], titled[512];
    int32_t len = 0;
    UErrorCode status = U_ZERO_ERROR;
    UCaseMap *first = NULL;
    uloc_getDisplayName(code, code, wide, 127, &status);
    if (U_SUCCESS(status)) {
        wide[127] = 0;
        u_strToUTF8(text, sizeof(text) - 1, &len, wide, -1, &status);
        first = ucasemap_open(code, U_TITLECASE_WHOLE_STRING | U_TITLECASE_NO_LOWERCASE, &status);
        len = ucasemap_utf8ToTitle(first, titled, sizeof(titled) - 1, text, len, &status);
    }
    ucasemap_close(first);
    if (U_FAILURE(status) || len <= 0)
        return code;
    return arena_strndup(arena, titled, (size_t)len);
}

static const struct config_locale *configured(const struct config *c, const char *code)
{
    for (size_t i = 0; i < c->n_locales; i++)
        if (strcmp(c->locales[i].code, code) == 0)
            return &c->locales[i];
    return NULL;
}

uint16_t locale_table_intern(struct locale_table *t, const char *code)
{
    const struct config *c = t->config;
    uint16_t known = locale_table_find(t, code);
    if (known != MANIFEST_NONE)
        return known;
    const struct config_locale *row = configured(c, code);
    if (t->count == MANIFEST_MAX_NAMES || (!c->locales_auto && row == NULL))
        return MANIFEST_NONE;
    struct locale *l = arena_calloc(&t->arena, 1, sizeof(*l));
    l->code = arena_strdup(&t->arena, code);
    l->config = row;
    l->name = row != NULL && row->name != NULL ? row->name : own_name(&t->arena, l->code);
    l->dir = uloc_isRightToLeft(code) ? "rtl" : "ltr";
    l->currency = row != NULL && row->currency != NULL ? row->currency : "";
    l->is_default = c->default_locale != NULL && strcmp(c->default_locale, code) == 0;
    bool added;
    *map_put(&t->index, l->code, strlen(l->code), &added) = t->count;
    t->items[t->count] = l;
    t->codes[t->count] = l->code;
    return t->count++;
}

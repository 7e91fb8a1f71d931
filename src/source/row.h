/* What makes a row a page, the same for every kind of source.
 *
 * For: the rules of the reserved columns: key and locale are there, updated_at and next_change_at
 * are times, state is one of three words, no column has a name platen needs for itself.
 * Not for anybody outside src/source/.
 */
#ifndef SOURCE_ROW_H
#define SOURCE_ROW_H

#include "source/driver.h"

/* Where the reserved columns stand; ROW_NONE: not there. */
#define ROW_NONE SIZE_MAX
struct row_columns {
    size_t key, locale, updated_at, state, next_change_at;
};

/* The text of one reserved column. text NULL: SQL null, or no such column. */
struct row_field {
    const char *text; /* terminated */
    size_t len;
    bool missing; /* no such column */
};

struct row_fields {
    struct row_field key, locale, updated_at, state, next_change_at;
};

/* Finds the reserved columns. Errors (ERROR_USAGE): key or locale missing, a name twice, a name
 * that templates need for something else (page, site, asset). */
bool row_columns_find(struct row_columns *out, const char *const *names, size_t n,
                      struct error *err);

/* Checks the fields and fills row's members from them; strings that need changing are made in the
 * arena. Errors: ERROR_CONTENT; row holds what could be read. */
bool row_check(struct source_row *row, struct arena *arena, const struct row_fields *fields,
               struct error *err);

/* Puts 'page set "NAME", row N (key "K", locale "L"): ' in front and passes the row on. Returns
 * what the callback said; when that is false, *err is the problem. */
bool row_is_bad(const struct source_sink *to, const struct config_page_set *set,
                const struct source_row *row, struct error *problem, struct error *err);

#endif

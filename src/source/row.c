#include "source/row.h"

#include <string.h>

#include "base/map.h"
#include "base/utf8.h"

static const char *const RESERVED[] = {"page", "site", "asset"};

static bool check_name(const char *name, struct error *err)
{
    for (size_t i = 0; i < sizeof(RESERVED) / sizeof(RESERVED[0]); i++)
        if (strcmp(name, RESERVED[i]) == 0)
            return error_set(err, ERROR_USAGE,
                             "a column must not be named '%s': templates find platen's own data "
                             "under that name; give it another one (AS ...)",
                             name);
    return true;
}

static bool find_twice(const char *const *names, size_t n, struct error *err)
{
    struct map seen;
    const char *twice = NULL;
    map_init(&seen);
    for (size_t i = 0; i < n && twice == NULL; i++) {
        bool added;
        map_put(&seen, names[i], strlen(names[i]), &added);
        if (!added)
            twice = names[i];
    }
    map_release(&seen);
    if (twice == NULL)
        return true;
    return error_set(err, ERROR_USAGE, "two columns are named '%s'; give one another name (AS ...)",
                     twice);
}

static size_t find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return ROW_NONE;
}

bool row_columns_find(struct row_columns *out, const char *const *names, size_t n,
                      struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!check_name(names[i], err))
            return false;
    if (!find_twice(names, n, err))
        return false;
    *out = (struct row_columns){.key = find(names, n, "key"),
                                .locale = find(names, n, "locale"),
                                .updated_at = find(names, n, "updated_at"),
                                .state = find(names, n, "state"),
                                .next_change_at = find(names, n, "next_change_at")};
    if (out->key == ROW_NONE || out->locale == ROW_NONE)
        return error_set(err, ERROR_USAGE,
                         "there is no column '%s'; every page set needs 'key' (which page) and "
                         "'locale' (in which language)",
                         out->key == ROW_NONE ? "key" : "locale");
    return true;
}

/* --- one row ------------------------------------------------------------------------------ */

static bool check_name_field(const char **out, const char *what, const struct row_field *f,
                             struct error *err)
{
    if (f->text == NULL)
        return error_set(err, ERROR_CONTENT, "%s is null", what);
    if (f->len == 0)
        return error_set(err, ERROR_CONTENT, "%s is empty", what);
    if (memchr(f->text, '\0', f->len) != NULL)
        return error_set(err, ERROR_CONTENT, "%s holds a NUL character", what);
    if (utf8_valid_prefix(f->text, f->len) != f->len)
        return error_set(err, ERROR_CONTENT, "%s is not valid UTF-8", what);
    *out = f->text;
    return true;
}

/* The beginning of data for a message: valid UTF-8, cut between characters. */
struct clip {
    char text[84];
};

static const char *clip(struct clip *c, const char *text, size_t len)
{
    size_t max = sizeof(c->text) - 4;
    size_t good = utf8_valid_prefix(text, len < max ? len : max);
    memcpy(c->text, text, good);
    memcpy(c->text + good, good < len ? "..." : "", good < len ? 4 : 1);
    return c->text;
}

static bool field_is(const struct row_field *f, const char *word)
{
    return f->len == strlen(word) && memcmp(f->text, word, f->len) == 0;
}

static bool check_state(enum source_state *out, const struct row_field *f, struct error *err)
{
    if (f->missing)
        return true; /* live */
    if (f->text == NULL)
        return error_set(err, ERROR_CONTENT,
                         "state is null; it must be 'live', 'maintenance' or 'gone'");
    if (field_is(f, "live"))
        *out = SOURCE_LIVE;
    else if (field_is(f, "maintenance"))
        *out = SOURCE_MAINTENANCE;
    else if (field_is(f, "gone"))
        *out = SOURCE_GONE;
    else
        return error_set(err, ERROR_CONTENT,
                         "state is '%s'; it must be 'live', 'maintenance' or 'gone'",
                         clip(&(struct clip){0}, f->text, f->len));
    return true;
}

/* "dddd-dd-ddTdd:dd:dd" with the fields in range. */
static bool is_date_time(const char *s, size_t len)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    if (len < sizeof(form) - 1)
        return false;
    for (size_t i = 0; form[i] != '\0'; i++)
        if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
            return false;
    int month = (s[5] - '0') * 10 + s[6] - '0', day = (s[8] - '0') * 10 + s[9] - '0';
    int hour = (s[11] - '0') * 10 + s[12] - '0';
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 && s[14] <= '5' &&
           s[17] <= '6';
}

/* Cuts the fraction. Infinite times mean "no such moment". */
static bool check_time(const char **out, struct arena *arena, const char *what,
                       const struct row_field *f, struct error *err)
{
    if (f->text == NULL || field_is(f, "infinity") || field_is(f, "-infinity"))
        return true;
    size_t seconds = strlen("2026-01-02T03:04:05"), at = seconds;
    bool good = is_date_time(f->text, f->len);
    if (good && f->text[at] == '.')
        do
            at++;
        while (at < f->len && f->text[at] >= '0' && f->text[at] <= '9');
    if (!good || f->len != at + 1 || f->text[at] != 'Z')
        return error_set(err, ERROR_CONTENT,
                         "%s is '%s'; a time in UTC like 2026-01-02T03:04:05Z, year 1 to 9999, "
                         "is expected",
                         what, clip(&(struct clip){0}, f->text, f->len));
    char *text = arena_strndup(arena, f->text, seconds + 1);
    text[seconds] = 'Z';
    *out = text;
    return true;
}

bool row_check(struct source_row *row, struct arena *arena, const struct row_fields *fields,
               struct error *err)
{
    bool locale = check_name_field(&row->locale, "locale", &fields->locale, err);
    bool key = check_name_field(&row->key, "key", &fields->key, err);
    return key && locale && check_state(&row->state, &fields->state, err) &&
           check_time(&row->updated_at, arena, "updated_at", &fields->updated_at, err) &&
           check_time(&row->next_change_at, arena, "next_change_at", &fields->next_change_at, err);
}

bool row_is_bad(const struct source_sink *to, const struct config_page_set *set,
                const struct source_row *row, struct error *problem, struct error *err)
{
    struct clip key, locale;
    unsigned long long number = row->number;
    if (row->key != NULL)
        clip(&key, row->key, strlen(row->key));
    if (row->locale != NULL)
        clip(&locale, row->locale, strlen(row->locale));
    if (row->key != NULL && row->locale != NULL)
        error_context(problem, "page set '%s', row %llu (key '%s', locale '%s')", set->name, number,
                      key.text, locale.text);
    else if (row->key != NULL)
        error_context(problem, "page set '%s', row %llu (key '%s')", set->name, number, key.text);
    else
        error_context(problem, "page set '%s', row %llu", set->name, number);
    problem->kind = ERROR_CONTENT;
    if (to->bad(to->payload, row, problem))
        return true;
    *err = *problem;
    return false;
}

#include "config/setting.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "config/bucket.h"
#include "config/locale_code.h"
#include "config/nearest.h"
#include "config/unit.h"
#include "config/url.h"

const struct setting *setting_find(const struct setting_table *table, const char *name)
{
    for (size_t i = 0; i < table->n; i++)
        if (strcmp(table->rows[i].name, name) == 0)
            return &table->rows[i];
    return NULL;
}

/* --- describing ---------------------------------------------------------------------------------
 */

static void add_amount(const struct setting *row, double amount, struct strbuf *out)
{
    int64_t whole = (int64_t)amount;
    if (row->type == SETTING_SIZE)
        unit_add_size(out, whole);
    else if (row->type == SETTING_MILLIS)
        unit_add_duration(out, whole);
    else if (row->type == SETTING_SECONDS)
        unit_add_duration(out, whole * 1000);
    else if (row->type == SETTING_INTEGER)
        strbuf_addf(out, "%lld", (long long)whole);
    else
        strbuf_addf(out, "%g", amount);
}

static void add_words(const char *words, struct strbuf *out)
{
    for (const char *p = words; *p != '\0'; p++) {
        if (*p == ' ')
            strbuf_addstr(out, ", ");
        else
            strbuf_addch(out, *p);
    }
}

static const char *type_words(enum setting_type type)
{
    static const char *const words[] = {
        [SETTING_STRING] = "one line of text",
        [SETTING_PATH] = "a file or folder",
        [SETTING_SOURCE] = "a connection string or the name of an exported file",
        [SETTING_TARGET] = "s3://BUCKET, s3://BUCKET/PREFIX or a folder",
        [SETTING_SERVER] = "the address of a server, such as https://s3.example.com",
        [SETTING_URL] = "an address that begins with http:// or https://",
        [SETTING_URL_PATH] = "an address (https://host/...) or a path that begins with '/'",
        [SETTING_LOCALE] = "a locale code such as en, fr-CA or zh-Hant",
        [SETTING_CURRENCY] = "a currency code of three letters such as EUR",
        [SETTING_TEMPLATE] = "a template's name below the templates folder, without suffix",
        [SETTING_PATTERN] = "a path below the web root, with {{tags}} for columns",
        [SETTING_INTEGER] = "a whole number",
        [SETTING_REAL] = "a number",
        [SETTING_BOOL] = "true or false",
        [SETTING_MILLIS] = "a duration (500ms, 10s, 5m, 1h, 7d)",
        [SETTING_SECONDS] = "a duration (10s, 5m, 1h, 7d)",
        [SETTING_SIZE] = "a size (64kB, 16MB, 1GB)",
        [SETTING_ENUM] = "one of ",
        [SETTING_LIST] = "a list of texts",
        [SETTING_TABLE] = "a list or map of entries",
    };
    return words[type];
}

static bool has_range(const struct setting *row)
{
    return row->min < row->max;
}

void setting_describe(const struct setting *row, struct strbuf *out)
{
    strbuf_addstr(out, type_words(row->type));
    if (row->type == SETTING_ENUM)
        add_words(row->words, out);
    if (has_range(row)) {
        strbuf_addstr(out, " from ");
        add_amount(row, row->min, out);
        strbuf_addstr(out, " to ");
        add_amount(row, row->max, out);
    }
}

/* --- refusing --------------------------------------------------------------------------------- */

#define SHOWN_MAX 60

/* Long values are shown by their beginning, cut between characters. */
static int shown_len(const char *text)
{
    size_t len = strlen(text), n = 0;
    while (n < len) {
        size_t step = utf8_char_len(text + n, len - n);
        if (step == 0 || n + step > SHOWN_MAX)
            break;
        n += step;
    }
    return (int)n;
}

static bool refuse(const struct setting *row, const char *text, const char *why, struct error *err)
{
    struct strbuf wanted = STRBUF_INIT;
    setting_describe(row, &wanted);
    error_set(err, ERROR_USAGE, "'%.*s'%s is not %s%s%s", shown_len(text), text,
              strlen(text) > SHOWN_MAX ? "..." : "", wanted.buf, why != NULL ? ": " : "",
              why != NULL ? why : "");
    strbuf_release(&wanted);
    return false;
}

static bool in_range(const struct setting *row, double value)
{
    return !has_range(row) || (value >= row->min && value <= row->max);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_one_line(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static bool read_integer(const struct setting *row, const char *text, int64_t *out)
{
    char *end;
    if (!((text[0] >= '0' && text[0] <= '9') || text[0] == '-'))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || !in_range(row, (double)value))
        return false;
    *out = value;
    return true;
}

static bool read_real(const struct setting *row, const char *text, double *out)
{
    char *end;
    if (text[0] == '\0' || strspn(text, "0123456789.eE+-") != strlen(text))
        return false;
    double value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value) || !in_range(row, value))
        return false;
    *out = value;
    return true;
}

static bool read_bool(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < 6; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool read_amount(const struct setting *row, const char *text, int64_t *out)
{
    int64_t value;
    if (row->type == SETTING_SIZE ? !unit_read_size(text, &value)
                                  : !unit_read_duration(text, &value))
        return false;
    if (row->type == SETTING_SECONDS) {
        if (value % 1000 != 0)
            return false;
        value /= 1000;
    }
    if (!in_range(row, (double)value))
        return false;
    *out = value;
    return true;
}

/* The place of the word, or -1 with the nearest word left in *nearest. */
static int word_index(const char *words, const char *text, char nearest[32])
{
    struct nearest n;
    nearest_init(&n, text);
    char word[32];
    int index = 0;
    nearest[0] = '\0';
    for (const char *p = words; *p != '\0'; index++) {
        size_t len = strcspn(p, " ");
        memcpy(word, p, len);
        word[len] = '\0';
        if (strcmp(word, text) == 0)
            return index;
        const char *before = n.best;
        nearest_offer(&n, word);
        if (n.best != before) {
            memcpy(nearest, word, len + 1);
            n.best = nearest;
        }
        p += len;
        p += strspn(p, " ");
    }
    return -1;
}

static bool read_enum(const struct setting *row, const char *text, int *out, struct error *err)
{
    char nearest[32], why[64];
    *out = word_index(row->words, text, nearest);
    if (*out >= 0)
        return true;
    snprintf(why, sizeof(why), "did you mean '%s'?", nearest);
    return refuse(row, text, nearest[0] != '\0' ? why : NULL, err);
}

static bool read_currency(const char *text, char out[4])
{
    if (strlen(text) != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
        out[i] = c >= 'a' ? (char)(c - 'a' + 'A') : c;
    }
    out[3] = '\0';
    return true;
}

/* True when one of the path's segments is empty, "." or "..". */
static bool has_odd_segment(const char *text)
{
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, "/");
        if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return true;
        p += len;
        if (*p == '\0')
            return false;
    }
}

static const char *template_fault(const char *text)
{
    size_t len = strlen(text);
    if (text[0] == '/')
        return "it must not begin with '/'";
    if (has_odd_segment(text) || strchr(text, '\\') != NULL)
        return "it must not hold '..', '.', '//' or '\\'";
    if (len > 9 && strcmp(text + len - 9, ".mustache") == 0)
        return "leave out '.html.mustache'";
    return NULL;
}

static const char *pattern_fault(const char *text)
{
    if (text[0] == '/')
        return "it must not begin with '/'";
    if (strchr(text, '\\') != NULL)
        return "it must not hold '\\'";
    if (strcmp(text, "..") == 0 || strncmp(text, "../", 3) == 0 || strstr(text, "/../") != NULL ||
        (strlen(text) > 3 && strcmp(text + strlen(text) - 3, "/..") == 0))
        return "it must not hold '..'";
    if (text[0] != '\0' && text[strlen(text) - 1] == '/')
        return "it must name a file, for example one that ends in '/index.html'";
    return NULL;
}

static const char *server_fault(const char *text)
{
    const char *fault = url_fault(text, false);
    return fault == NULL && url_path(text)[1] != '\0' ? "it must not hold a path" : fault;
}

/* Text in the form it is kept in, or NULL with the error set. */
static const char *read_text(const struct setting *row, struct arena *arena, const char *text,
                             struct error *err)
{
    char code[LOCALE_CODE_MAX], currency[4];
    const char *why = NULL;
    switch (row->type) {
    case SETTING_LOCALE:
        if (text[0] == '\0')
            return "";
        if (locale_code_canonical(code, text, strlen(text)))
            return arena_strdup(arena, code);
        refuse(row, text, NULL, err);
        return NULL;
    case SETTING_CURRENCY:
        if (read_currency(text, currency))
            return arena_strdup(arena, currency);
        refuse(row, text, NULL, err);
        return NULL;
    case SETTING_TARGET:
        why = bucket_fault(text);
        break;
    case SETTING_SERVER:
        if (text[0] == '\0')
            return "";
        why = server_fault(text);
        if (why == NULL)
            return arena_strndup(arena, text, strlen(text) - (text[strlen(text) - 1] == '/'));
        break;
    case SETTING_URL:
        if (text[0] == '\0')
            return "";
        /* fall through */
    case SETTING_URL_PATH:
        why = url_fault(text, row->type == SETTING_URL_PATH);
        if (why == NULL)
            return arena_printf(arena, "%s%s", text, text[strlen(text) - 1] == '/' ? "" : "/");
        break;
    case SETTING_TEMPLATE:
        why = template_fault(text);
        break;
    case SETTING_PATTERN:
        why = pattern_fault(text);
        break;
    default:
        break;
    }
    if (why != NULL) {
        refuse(row, text, why, err);
        return NULL;
    }
    return arena_strdup(arena, text);
}

static bool may_be_empty(const struct setting *row)
{
    return row->may_be_empty ||
           (!row->required && (row->type == SETTING_STRING || row->type == SETTING_LOCALE ||
                               row->type == SETTING_PATTERN || row->type == SETTING_SOURCE ||
                               row->type == SETTING_TARGET));
}

static bool store_text(const struct setting *row, struct arena *arena, const char *text, void *at,
                       struct error *err)
{
    size_t len = strlen(text);
    if (len == 0 && !may_be_empty(row))
        return error_set(err, ERROR_USAGE, "must not be empty");
    if (utf8_valid_prefix(text, len) != len)
        return error_set(err, ERROR_USAGE, "is not valid UTF-8");
    /* A connection string may hold a password: it is never quoted in a message. */
    if (!is_one_line(text))
        return error_set(err, ERROR_USAGE, "must be one line without control characters");
    const char *kept = read_text(row, arena, text, err);
    if (kept == NULL)
        return false;
    *(const char **)at = kept;
    return true;
}

bool setting_read(const struct setting *row, struct arena *arena, const char *text, bool quoted,
                  void *base, struct error *err)
{
    void *at = (char *)base + row->offset;
    bool is_plain =
        row->type == SETTING_INTEGER || row->type == SETTING_REAL || row->type == SETTING_BOOL;
    if (is_plain && quoted)
        return refuse(row, text, "take the quotes away", err);
    switch (row->type) {
    case SETTING_INTEGER:
        return read_integer(row, text, at) || refuse(row, text, NULL, err);
    case SETTING_REAL:
        return read_real(row, text, at) || refuse(row, text, NULL, err);
    case SETTING_BOOL:
        return read_bool(text, at) || refuse(row, text, NULL, err);
    case SETTING_MILLIS:
    case SETTING_SECONDS:
    case SETTING_SIZE:
        return read_amount(row, text, at) || refuse(row, text, NULL, err);
    case SETTING_ENUM: {
        int index;
        if (!read_enum(row, text, &index, err))
            return false;
        memcpy(at, &index, sizeof(index));
        return true;
    }
    case SETTING_LIST:
    case SETTING_TABLE:
        return error_set(err, ERROR_USAGE, "must be %s", type_words(row->type));
    default:
        return store_text(row, arena, text, at, err);
    }
}

/* --- the environment -------------------------------------------------------------------------- */

const char *setting_environment(const struct setting *row, const char **name)
{
    const char *const names[] = {row->environment, row->environment_else};
    for (size_t i = 0; i < 2; i++) {
        const char *value = names[i] != NULL ? getenv(names[i]) : NULL;
        if (value != NULL && value[0] != '\0') {
            *name = names[i];
            return value;
        }
    }
    return NULL;
}

void setting_describe_environment(const struct setting *row, struct strbuf *out)
{
    if (row->environment != NULL)
        strbuf_addf(out, " Environment: %s%s%s.", row->environment,
                    row->environment_else != NULL ? ", else " : "",
                    row->environment_else != NULL ? row->environment_else : "");
}

/* --- lists and defaults ----------------------------------------------------------------------- */

void setting_store_list(const struct setting *row, const char **items, size_t n, void *base)
{
    *(const char ***)(void *)((char *)base + row->offset) = items;
    *(size_t *)(void *)((char *)base + row->count_offset) = n;
}

static void default_list(const struct setting *row, struct arena *arena, void *base)
{
    const char **items = arena_calloc(arena, strlen(row->standard) / 2 + 1, sizeof(*items));
    size_t n = 0;
    for (const char *p = row->standard; *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        items[n++] = arena_strndup(arena, p, len);
        p += len;
    }
    setting_store_list(row, items, n, base);
}

void setting_defaults(const struct setting_table *table, struct arena *arena, void *base)
{
    for (size_t i = 0; i < table->n; i++) {
        const struct setting *row = &table->rows[i];
        struct error err = ERROR_INIT;
        if (row->standard == NULL || row->type == SETTING_TABLE)
            continue;
        if (row->type == SETTING_LIST)
            default_list(row, arena, base);
        else
            (void)setting_read(row, arena, row->standard, false, base,
                               &err); /* tested: never fails */
    }
}

#include "source/convert.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* "2026-01-02 03:04:05.678+00", the only form under DateStyle ISO and TimeZone UTC, in place to
 * "2026-01-02T03:04:05.678Z". Years above 9999, BC and infinity keep PostgreSQL's spelling. */
static size_t to_rfc3339(char *text, size_t len)
{
    if (len < 22 || text[4] != '-' || text[7] != '-' || text[10] != ' ' ||
        memcmp(text + len - 3, "+00", 3) != 0)
        return len;
    text[10] = 'T';
    text[len - 3] = 'Z';
    text[len - 2] = '\0';
    return len - 2;
}

/* NaN and the infinities are no JSON numbers. */
static bool is_number(const char *text, size_t len)
{
    size_t sign = len > 0 && text[0] == '-' ? 1 : 0;
    return len > sign && text[sign] >= '0' && text[sign] <= '9';
}

static bool to_json(struct json_value *out, struct arena *arena, const struct symtab *st,
                    const char *text, size_t len, int64_t limit, struct error *err)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    if ((uint64_t)limit > limits.bytes)
        limits.bytes = (size_t)limit;
    return json_parse(arena, st, text, len, &limits, out, err);
}

/* text is a terminated copy in the arena and may be changed. */
static bool to_value(struct json_value *out, struct arena *arena, const struct query_column *c,
                     const struct symtab *st, char *text, size_t len, int64_t limit,
                     struct error *err)
{
    switch (c->kind) {
    case QUERY_BOOL:
        *out = json_bool(text[0] == 't');
        return true;
    case QUERY_NUMBER:
        *out = is_number(text, len) ? json_number(text, len) : json_string(text, len);
        return true;
    case QUERY_JSON:
        return to_json(out, arena, st, text, len, limit, err);
    case QUERY_TIME:
        *out = json_string(text, to_rfc3339(text, len));
        return true;
    case QUERY_TEXT:
        break;
    }
    size_t good = utf8_valid_prefix(text, len);
    if (good != len)
        return error_set(err, ERROR_CONTENT, "byte %zu is not valid UTF-8", good + 1);
    *out = json_string(text, len);
    return true;
}

/* Copies the texts of all columns in one piece; each value borrows its part. */
static char **copy_texts(struct arena *arena, const PGresult *res, size_t n, size_t *bytes)
{
    size_t total = 0, used = 0;
    for (size_t i = 0; i < n; i++)
        total += (size_t)PQgetlength(res, 0, (int)i) + 1;
    char **texts = arena_alloc(arena, n * sizeof(*texts));
    char *room = arena_alloc(arena, total);
    for (size_t i = 0; i < n; i++) {
        size_t len = (size_t)PQgetlength(res, 0, (int)i);
        texts[i] = PQgetisnull(res, 0, (int)i) ? NULL : room + used;
        memcpy(room + used, PQgetvalue(res, 0, (int)i), len + 1);
        used += len + 1;
    }
    *bytes = total - n;
    return texts;
}

static struct row_field field(const PGresult *res, char **texts, size_t at)
{
    if (at == ROW_NONE)
        return (struct row_field){.missing = true};
    return (struct row_field){.text = texts[at], .len = (size_t)PQgetlength(res, 0, (int)at)};
}

static bool check_reserved(struct source_row *row, struct arena *arena, const struct query *q,
                           const PGresult *res, char **texts, struct error *err)
{
    struct row_fields f = {.key = field(res, texts, q->at.key),
                           .locale = field(res, texts, q->at.locale),
                           .updated_at = field(res, texts, q->at.updated_at),
                           .state = field(res, texts, q->at.state),
                           .next_change_at = field(res, texts, q->at.next_change_at)};
    if (f.updated_at.text != NULL)
        f.updated_at.len = to_rfc3339(texts[q->at.updated_at], f.updated_at.len);
    if (f.next_change_at.text != NULL)
        f.next_change_at.len = to_rfc3339(texts[q->at.next_change_at], f.next_change_at.len);
    return row_check(row, arena, &f, err);
}

/* A row the server cut: its size is in the last column, key and locale are all it sent. */
static bool too_large(struct source_row *row, char **texts, const struct query *q, size_t octets,
                      int64_t limit, struct error *err)
{
    const char *key = texts[q->at.key], *locale = texts[q->at.locale];
    if (key != NULL && *key != '\0' && utf8_valid_prefix(key, strlen(key)) == strlen(key))
        row->key = key;
    if (locale != NULL && *locale != '\0' &&
        utf8_valid_prefix(locale, strlen(locale)) == strlen(locale))
        row->locale = locale;
    row->bytes = octets;
    return error_set(err, ERROR_CONTENT,
                     "the row has %zu bytes; limits.row allows %lld: shorten its content or "
                     "raise the limit",
                     octets, (long long)limit);
}

bool convert_row(struct source_row *row, struct arena *arena, const struct query *q,
                 const struct symtab *st, const PGresult *res, int64_t limit, struct error *err)
{
    size_t octets = (size_t)strtoull(PQgetvalue(res, 0, (int)q->n), NULL, 10);
    char **texts = copy_texts(arena, res, q->n, &row->bytes);
    if (octets > (uint64_t)limit)
        return too_large(row, texts, q, octets, limit, err);
    if (row->bytes > (uint64_t)limit) /* numbers, or a server that stores another encoding */
        return too_large(row, texts, q, row->bytes, limit, err);
    if (!check_reserved(row, arena, q, res, texts, err))
        return false;
    row->data = json_object(arena, q->n);
    for (size_t i = 0; i < q->n; i++) {
        const struct query_column *c = &q->columns[i];
        struct json_member *m = &row->data.members[i];
        *m = (struct json_member){.symbol = c->symbol,
                                  .key = c->name,
                                  .key_len = (uint32_t)c->name_len,
                                  .value = json_null()};
        size_t len = texts[i] != NULL ? strlen(texts[i]) : 0; /* text of the server has no NUL */
        if (texts[i] != NULL && !to_value(&m->value, arena, c, st, texts[i], len, limit, err))
            return error_context(err, "column '%s'", c->name);
    }
    row->data.len = (uint32_t)q->n;
    return true;
}

#include "source/query.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "pg/sqlsplit.h"

#define FILE_MAX ((size_t)1 << 20)

/* Object identifiers of built-in types: fixed for ever in PostgreSQL's pg_type.dat. */
enum {
    TYPE_BOOL = 16,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_JSON = 114,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_VARCHAR = 1043,
    TYPE_TIMESTAMPTZ = 1184,
    TYPE_NUMERIC = 1700,
    TYPE_JSONB = 3802,
};

/* --- the file ----------------------------------------------------------------------------- */

static bool read_query(struct strbuf *text, const char *path, struct error *err)
{
    if (!file_read(AT_FDCWD, path, FILE_MAX, text, err)) {
        err->kind = ERROR_USAGE;
        return error_context(err, "cannot read the query");
    }
    size_t good = utf8_valid_prefix(text->buf, text->len);
    return good == text->len ||
           error_set(err, ERROR_USAGE, "%s: byte %zu is not valid UTF-8", path, good + 1);
}

static bool check_select(const struct sql_statement *st, const char *path, struct error *err)
{
    static const char *const first[] = {"select", "with", "values", "table"};
    struct sql_word word;
    if (st->text[0] == '(')
        return true;
    size_t n = sqlsplit_words(st, &word, 1);
    for (size_t i = 0; n > 0 && i < sizeof(first) / sizeof(first[0]); i++)
        if (sql_word_is(&word, first[i]))
            return true;
    return error_set(err, ERROR_USAGE, "%s:%u:%u: a page set's query must be a SELECT", path,
                     st->line, st->column);
}

/* The only statement of the text. */
static bool one_statement(struct sql_statement *st, const char *text, size_t len, const char *path,
                          struct error *err)
{
    struct sqlsplit split;
    struct sql_statement more;
    sqlsplit_init(&split, text, len);
    enum sqlsplit_status status = sqlsplit_next(&split, st, err);
    if (status == SQLSPLIT_END)
        return error_set(err, ERROR_USAGE, "%s is empty; it should hold one SELECT", path);
    if (status == SQLSPLIT_STATEMENT && !check_select(st, path, err))
        return false;
    if (status == SQLSPLIT_STATEMENT)
        status = sqlsplit_next(&split, &more, err);
    if (status == SQLSPLIT_BAD) {
        struct error what = *err; /* it begins with line and column */
        return error_set(err, ERROR_USAGE, "%s:%s", path, what.text);
    }
    if (status == SQLSPLIT_STATEMENT)
        return error_set(err, ERROR_USAGE,
                         "%s:%u:%u: a second statement; a page set's query is exactly one SELECT",
                         path, more.line, more.column);
    return true;
}

bool query_load(struct query *q, struct arena *arena, const char *path, struct error *err)
{
    struct sql_statement st;
    struct strbuf text = STRBUF_INIT;
    bool ok = read_query(&text, path, err) && one_statement(&st, text.buf, text.len, path, err);
    if (ok)
        q->own = (struct pg_sql){.text = arena_strndup(arena, st.text, st.len),
                                 .file = arena_strdup(arena, path),
                                 .line = st.line,
                                 .column = st.column};
    strbuf_release(&text);
    return ok;
}

/* --- the columns -------------------------------------------------------------------------- */

static enum query_kind kind_of(Oid type)
{
    switch (type) {
    case TYPE_BOOL:
        return QUERY_BOOL;
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
    case TYPE_NUMERIC:
        return QUERY_NUMBER;
    case TYPE_JSON:
    case TYPE_JSONB:
        return QUERY_JSON;
    case TYPE_TIMESTAMPTZ:
        return QUERY_TIME;
    default:
        return QUERY_TEXT;
    }
}

static bool check_time_column(const struct query *q, size_t at, struct error *err)
{
    if (at == ROW_NONE || q->columns[at].kind == QUERY_TIME)
        return true;
    return error_set(err, ERROR_USAGE,
                     "column '%s' must be of type timestamptz (timestamp with time zone)",
                     q->columns[at].name);
}

static bool take_columns(struct query *q, struct arena *arena, const PGresult *described,
                         struct error *err)
{
    if (PQnparams(described) > 0)
        return error_set(err, ERROR_USAGE,
                         "the query has a parameter ($1); there is nothing that would fill it");
    q->n = (size_t)PQnfields(described);
    if (q->n == 0)
        return error_set(err, ERROR_USAGE, "the query gives no columns; it must be a SELECT");
    q->columns = arena_calloc(arena, q->n, sizeof(*q->columns));
    q->names = arena_calloc(arena, q->n, sizeof(*q->names));
    for (size_t i = 0; i < q->n; i++) {
        struct query_column *c = &q->columns[i];
        c->name = q->names[i] = arena_strdup(arena, PQfname(described, (int)i));
        c->name_len = strlen(c->name);
        c->type = PQftype(described, (int)i);
        c->kind = kind_of(c->type);
        /* numeric is let through: at most 150 KB, and measuring it costs as much as printing it */
        c->varies = PQfsize(described, (int)i) < 0 && c->kind != QUERY_NUMBER;
    }
    return row_columns_find(&q->at, q->names, q->n, err) &&
           check_time_column(q, q->at.updated_at, err) &&
           check_time_column(q, q->at.next_change_at, err);
}

/* --- the wrapping ------------------------------------------------------------------------- */

/* The value as text, exactly as the server would send it. A cast is not always that: inet gets a
 * netmask, char(n) loses its blanks. "IS DISTINCT FROM NULL" is true for a row of nulls, too. */
static void add_value(struct strbuf *sb, const struct query_column *c, size_t i)
{
    if (!c->varies || c->type == TYPE_TEXT || c->type == TYPE_VARCHAR)
        strbuf_addf(sb, "u.c%zu", i);
    else if (c->kind == QUERY_JSON)
        strbuf_addf(sb, "u.c%zu::text AS c%zu", i, i);
    else
        strbuf_addf(sb,
                    "CASE WHEN u.c%zu IS DISTINCT FROM NULL THEN format('%%s', u.c%zu) END "
                    "AS c%zu",
                    i, i, i);
}

static void add_size(struct strbuf *sb, const struct query *q)
{
    strbuf_addstr(sb, "0::bigint");
    for (size_t i = 0; i < q->n; i++)
        if (q->columns[i].varies)
            strbuf_addf(sb, " + coalesce(octet_length(v.c%zu), 0)", i);
}

static void add_guarded(struct strbuf *sb, const struct query *q, size_t i, int64_t max)
{
    bool name = i == q->at.key || i == q->at.locale;
    if (!q->columns[i].varies)
        strbuf_addf(sb, "w.c%zu, ", i);
    else if (name)
        strbuf_addf(sb, "CASE WHEN w.octets <= %lld THEN w.c%zu ELSE left(w.c%zu, %d) END, ",
                    (long long)max, i, i, QUERY_NAME_MAX);
    else
        strbuf_addf(sb, "CASE WHEN w.octets <= %lld THEN w.c%zu END, ", (long long)max, i);
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

/* OFFSET 0 keeps the planner from merging the levels, which would compute columns twice. The order
 * of the user's ORDER BY passes through subqueries that only compute. */
static struct pg_sql wrap(const struct query *q, struct arena *arena, const char *where)
{
    struct strbuf sb = STRBUF_INIT;
    int64_t max = q->max_row_bytes;
    strbuf_addstr(&sb, "SELECT ");
    for (size_t i = 0; i < q->n; i++)
        add_guarded(&sb, q, i, max);
    strbuf_addstr(&sb, "w.octets FROM (SELECT v.*, ");
    add_size(&sb, q);
    strbuf_addstr(&sb, " AS octets FROM (SELECT ");
    for (size_t i = 0; i < q->n; i++) {
        if (i > 0)
            strbuf_addstr(&sb, ", ");
        add_value(&sb, &q->columns[i], i);
    }
    strbuf_addstr(&sb, " FROM (\n");
    size_t lead = characters(sb.buf, sb.len);
    strbuf_addstr(&sb, q->own.text);
    strbuf_addstr(&sb, "\n) AS u(");
    for (size_t i = 0; i < q->n; i++)
        strbuf_addf(&sb, "%sc%zu", i > 0 ? ", " : "", i);
    strbuf_addf(&sb, ")%s OFFSET 0) AS v OFFSET 0) AS w", where);
    struct pg_sql sql = q->own;
    sql.text = arena_strndup(arena, sb.buf, sb.len);
    sql.lead = lead;
    sql.shown = characters(q->own.text, strlen(q->own.text));
    strbuf_release(&sb);
    return sql;
}

/* {"a","b"} */
static const char *array_literal(struct arena *arena, const char *const *items, size_t n)
{
    struct strbuf sb = STRBUF_INIT;
    for (size_t i = 0; i < n; i++) {
        strbuf_addstr(&sb, i > 0 ? ",\"" : "{\"");
        for (const char *c = items[i]; *c != '\0'; c++) {
            if (*c == '"' || *c == '\\')
                strbuf_addch(&sb, '\\');
            strbuf_addch(&sb, *c);
        }
        strbuf_addch(&sb, '"');
    }
    strbuf_addch(&sb, '}');
    const char *text = arena_strndup(arena, sb.buf, sb.len);
    strbuf_release(&sb);
    return text;
}

/* One name is compared with "=": that is what the planner carries into joins. */
static void add_condition(struct strbuf *sb, struct arena *arena, size_t column,
                          const char *const *items, size_t n, const char **params, int *n_params)
{
    if (n == 0)
        return;
    params[(*n_params)++] = n == 1 ? items[0] : array_literal(arena, items, n);
    strbuf_addf(sb, n == 1 ? "%s u.c%zu = $%d" : "%s u.c%zu = ANY($%d)",
                *n_params == 1 ? " WHERE" : " AND", column, *n_params);
}

int query_scope(const struct query *q, struct arena *arena, const struct source_scope *scope,
                struct pg_sql *sql, const char *params[2])
{
    struct strbuf where = STRBUF_INIT;
    int n = 0;
    add_condition(&where, arena, q->at.key, scope->keys, scope->n_keys, params, &n);
    add_condition(&where, arena, q->at.locale, scope->locales, scope->n_locales, params, &n);
    *sql = wrap(q, arena, where.buf != NULL ? where.buf : "");
    strbuf_release(&where);
    return n;
}

bool query_describe(struct query *q, struct arena *arena, const PGresult *described,
                    int64_t max_row_bytes, struct error *err)
{
    if (!take_columns(q, arena, described, err))
        return error_context(err, "%s", q->own.file);
    q->max_row_bytes = max_row_bytes;
    q->wrapped = wrap(q, arena, "");
    return true;
}

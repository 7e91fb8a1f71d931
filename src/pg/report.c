/* The server's errors in words a person can act on: where, what, how to mend. */
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "pg/wire.h"

#define DETAIL_MAX                                                                                 \
    400 /* bytes of DETAIL, HINT and CONTEXT each: the message must stay readable                  \
         */

/* Length of s without white space at its end. */
static size_t trimmed(const char *s)
{
    size_t len = strlen(s);
    while (len > 0 && strchr(" \t\r\n", s[len - 1]) != NULL)
        len--;
    return len;
}

/* The server speaks UTF-8 by agreement, but not before the agreement (and not from SQL_ASCII). */
static void add_text(struct strbuf *sb, const char *s, size_t len)
{
    while (len > 0) {
        size_t good = utf8_valid_prefix(s, len);
        strbuf_add(sb, s, good);
        s += good;
        len -= good;
        if (len > 0) {
            strbuf_addch(sb, '?');
            s++;
            len--;
        }
    }
}

static void add_field(struct strbuf *sb, const char *label, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    size_t len = trimmed(text);
    bool cut = len > DETAIL_MAX;
    if (cut) {
        len = DETAIL_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    strbuf_addf(sb, "\n  %s: ", label);
    for (size_t i = 0, start = 0; i <= len; i++) {
        if (i < len && text[i] != '\n')
            continue;
        add_text(sb, text + start, i - start);
        if (i < len)
            strbuf_addstr(sb, "\n    ");
        start = i + 1;
    }
    if (cut)
        strbuf_addstr(sb, " ...");
}

/* Turns the server's position (1-based, in characters of what was sent) into a place in the file.
 */
static bool locate(const struct pg_sql *sql, const char *position, unsigned *line, unsigned *column)
{
    size_t at = 0;
    for (const char *p = position; p != NULL && *p >= '0' && *p <= '9' && at < SIZE_MAX / 16; p++)
        at = at * 10 + (size_t)(*p - '0');
    if (sql->file == NULL || at <= sql->lead || (sql->shown > 0 && at > sql->lead + sql->shown))
        return false;
    *line = sql->line > 0 ? sql->line : 1;
    *column = sql->column > 0 ? sql->column : 1;
    size_t chars = 0;
    for (const char *p = sql->text; *p != '\0'; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        if (++chars == at)
            break;
        if (chars <= sql->lead)
            continue;
        if (*p == '\n') {
            (*line)++;
            *column = 1;
        } else {
            (*column)++;
        }
    }
    return true;
}

static void add_place(struct strbuf *sb, const struct pg_sql *sql, const PGresult *res)
{
    unsigned line, column;
    if (sql == NULL || sql->file == NULL)
        return;
    if (locate(sql, PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION), &line, &column))
        strbuf_addf(sb, "%s:%u:%u: ", sql->file, line, column);
    else if (sql->line > 0)
        strbuf_addf(sb, "%s:%u: ", sql->file, sql->line);
    else
        strbuf_addf(sb, "%s: ", sql->file);
}

static void add_server_words(struct strbuf *sb, const struct pg_sql *sql, const PGresult *res)
{
    const char *what = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    add_place(sb, sql, res);
    if (what == NULL) /* made by libpq, not by the server */
        what = PQresultErrorMessage(res);
    add_text(sb, what, trimmed(what));
    if (state != NULL)
        strbuf_addf(sb, " (SQLSTATE %s)", state);
    add_field(sb, "detail", PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL));
    add_field(sb, "hint", PQresultErrorField(res, PG_DIAG_MESSAGE_HINT));
    add_field(sb, "in", PQresultErrorField(res, PG_DIAG_INTERNAL_QUERY));
    add_field(sb, "context", PQresultErrorField(res, PG_DIAG_CONTEXT));
}

bool pg_wire_report(struct pg_conn *c, const struct pg_sql *sql, const PGresult *res,
                    struct error *err)
{
    struct strbuf sb;
    strbuf_init(&sb, (size_t)64 << 10);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (state != NULL && strlen(state) == 5)
        memcpy(c->sqlstate, state, 6);
    if (res != NULL) {
        add_server_words(&sb, sql, res);
    } else {
        /* an idle session hears its end as a notice, and of libpq that nobody had announced it */
        const char *text = c->farewell[0] != '\0' ? c->farewell : PQerrorMessage(c->pq);
        add_text(&sb, text, trimmed(text));
    }
    if (sb.len == 0)
        strbuf_addstr(&sb, "the connection to PostgreSQL failed without a message");
    error_set(err, ERROR_FAILED, "%s", sb.buf);
    strbuf_release(&sb);
    return false;
}

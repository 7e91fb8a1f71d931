#include "pg/sqlsplit.h"

#include <string.h>

/* What one token is, as far as cutting needs to know. */
enum token {
    TOKEN_END,
    TOKEN_SPACE, /* white space and comments */
    TOKEN_WORD,
    TOKEN_QUOTED, /* string or quoted identifier */
    TOKEN_SEMICOLON,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OTHER,
    TOKEN_BAD,
};

static bool is_word_start(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u == '_' || u >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static char at(const struct sqlsplit *s, size_t pos)
{
    return pos < s->len ? s->text[pos] : '\0';
}

static void step(struct sqlsplit *s)
{
    if (s->text[s->pos++] == '\n') {
        s->line++;
        s->line_start = s->pos;
    }
}

static void step_to(struct sqlsplit *s, size_t pos)
{
    while (s->pos < pos)
        step(s);
}

/* Counts on from where it was asked last, so that a file of one long line costs no square. */
static unsigned column_here(struct sqlsplit *s)
{
    if (s->counted < s->line_start) {
        s->counted = s->line_start;
        s->column = 1;
    }
    for (; s->counted < s->pos; s->counted++)
        s->column += ((unsigned char)s->text[s->counted] & 0xc0) != 0x80;
    return s->column;
}

void sqlsplit_init(struct sqlsplit *s, const char *text, size_t len)
{
    *s = (struct sqlsplit){.text = text, .len = len, .line = 1, .column = 1};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        s->pos = s->line_start = s->counted = 3;
}

static void skip_line(struct sqlsplit *s)
{
    while (s->pos < s->len && s->text[s->pos] != '\n' && s->text[s->pos] != '\r')
        s->pos++;
}

/* False: not closed. */
static bool skip_block_comment(struct sqlsplit *s)
{
    unsigned depth = 0;
    while (s->pos < s->len) {
        char c = s->text[s->pos], next = at(s, s->pos + 1);
        if (c == '/' && next == '*') {
            depth++;
            step_to(s, s->pos + 2);
        } else if (c == '*' && next == '/') {
            step_to(s, s->pos + 2);
            if (--depth == 0)
                return true;
        } else {
            step(s);
        }
    }
    return false;
}

/* From the opening quote to behind the closing one; a doubled quote stands for itself. */
static bool skip_quoted(struct sqlsplit *s, char quote, bool backslash)
{
    step(s);
    while (s->pos < s->len) {
        char c = s->text[s->pos];
        if (backslash && c == '\\' && s->pos + 1 < s->len) {
            step_to(s, s->pos + 2);
        } else if (c != quote) {
            step(s);
        } else if (at(s, s->pos + 1) == quote) {
            step_to(s, s->pos + 2);
        } else {
            step(s);
            return true;
        }
    }
    return false;
}

/* A string goes on behind white space that holds a line break: 'a' \n 'b'. It keeps the rules of
 * its beginning, which matters for E'' only. Returns the offset of the next part's quote, or 0. */
static size_t continuation(const struct sqlsplit *s)
{
    bool newline = false;
    size_t i = s->pos;
    for (; i < s->len; i++) {
        char c = s->text[i];
        if (c == '\n' || c == '\r') {
            newline = true;
        } else if (c == '-' && at(s, i + 1) == '-') {
            while (i + 1 < s->len && s->text[i + 1] != '\n' && s->text[i + 1] != '\r')
                i++;
        } else if (!is_space(c)) {
            break;
        }
    }
    return newline && at(s, i) == '\'' ? i : 0;
}

static bool skip_string(struct sqlsplit *s, bool backslash)
{
    for (;;) {
        if (!skip_quoted(s, '\'', backslash))
            return false;
        size_t next = backslash ? continuation(s) : 0;
        if (next == 0)
            return true;
        step_to(s, next);
    }
}

/* Length of the dollar quote's tag with both dollars, or 0 when there is none here. */
static size_t dollar_tag(const struct sqlsplit *s)
{
    size_t i = s->pos + 1;
    if (is_word_start(at(s, i)))
        while (i < s->len && (is_word_start(s->text[i]) || is_digit(s->text[i])))
            i++;
    return at(s, i) == '$' ? i + 1 - s->pos : 0;
}

static bool skip_dollar_quoted(struct sqlsplit *s, size_t tag)
{
    size_t body = s->pos + tag;
    const char *close = memmem(s->text + body, s->len - body, s->text + s->pos, tag);
    step_to(s, close == NULL ? s->len : (size_t)(close - s->text) + tag);
    return close != NULL;
}

static enum token bad(struct error *err, unsigned line, unsigned column, const char *what)
{
    error_set(err, ERROR_USAGE, "%u:%u: %s", line, column, what);
    return TOKEN_BAD;
}

static enum token next_word(struct sqlsplit *s, struct error *err, unsigned line, unsigned column)
{
    size_t start = s->pos;
    while (s->pos < s->len && is_word(s->text[s->pos]))
        s->pos++;
    bool escapes = s->pos - start == 1 && (s->text[start] | 0x20) == 'e' && at(s, s->pos) == '\'';
    if (!escapes)
        return TOKEN_WORD;
    if (!skip_string(s, true))
        return bad(err, line, column, "this string is not closed");
    return TOKEN_QUOTED;
}

static enum token next_dollar(struct sqlsplit *s, struct error *err, unsigned line, unsigned column)
{
    size_t tag = dollar_tag(s);
    if (tag == 0) {
        s->pos++;
        return TOKEN_OTHER; /* a parameter, $1 */
    }
    if (!skip_dollar_quoted(s, tag))
        return bad(err, line, column, "this dollar quote is not closed");
    return TOKEN_QUOTED;
}

/* Numbers are taken whole: 1e5 holds no word, and 0x1F no identifier. */
static void skip_number(struct sqlsplit *s)
{
    while (s->pos < s->len && (is_word(s->text[s->pos]) || s->text[s->pos] == '.') &&
           s->text[s->pos] != '$')
        s->pos++;
}

static enum token next_symbol(struct sqlsplit *s, char c)
{
    step(s);
    switch (c) {
    case ';':
        return TOKEN_SEMICOLON;
    case '(':
        return TOKEN_OPEN;
    case ')':
        return TOKEN_CLOSE;
    default:
        return TOKEN_OTHER;
    }
}

static enum token next_token(struct sqlsplit *s, struct error *err)
{
    if (s->pos >= s->len)
        return TOKEN_END;
    char c = s->text[s->pos], next = at(s, s->pos + 1);
    unsigned line = s->line, column = column_here(s);
    if (is_space(c)) {
        while (s->pos < s->len && is_space(s->text[s->pos]))
            step(s);
        return TOKEN_SPACE;
    }
    if (c == '-' && next == '-') {
        skip_line(s);
        return TOKEN_SPACE;
    }
    if (c == '/' && next == '*')
        return skip_block_comment(s) ? TOKEN_SPACE
                                     : bad(err, line, column, "this comment is not closed");
    if (c == '\'')
        return skip_string(s, false) ? TOKEN_QUOTED
                                     : bad(err, line, column, "this string is not closed");
    if (c == '"')
        return skip_quoted(s, '"', false)
                   ? TOKEN_QUOTED
                   : bad(err, line, column, "this quoted name is not closed");
    if (c == '$')
        return next_dollar(s, err, line, column);
    if (is_word_start(c))
        return next_word(s, err, line, column);
    if (is_digit(c)) {
        skip_number(s);
        return TOKEN_OTHER;
    }
    if (c == '\\')
        return bad(err, line, column,
                   "a backslash: psql's own commands (\\i, \\set, \\copy) cannot be run here");
    if (c == '\0')
        return bad(err, line, column, "a NUL byte");
    return next_symbol(s, c);
}

/* --- where a statement ends --------------------------------------------------------------- */

/* What decides whether a ';' ends the statement. */
struct body {
    unsigned words; /* seen so far, at most 4 */
    bool create, routine;
    unsigned blocks; /* open BEGIN ATOMIC and CASE */
    size_t parens;
    bool after_begin; /* the word before was BEGIN */
    bool label;       /* the token before makes of any word a name: "." or AS */
};

static bool text_is(const char *text, size_t len, const char *lower)
{
    size_t i = 0;
    for (; i < len && lower[i] != '\0'; i++)
        if ((text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]) != lower[i])
            return false;
    return i == len && lower[i] == '\0';
}

/* Only CREATE [OR REPLACE] FUNCTION or PROCEDURE may hold a body with semicolons of its own. */
static void body_word(struct body *b, const char *text, size_t len)
{
    bool label = b->label, after_begin = b->after_begin;
    b->label = text_is(text, len, "as");
    b->after_begin = false;
    if (b->words < 4) {
        b->words++;
        if (b->words == 1)
            b->create = text_is(text, len, "create");
        else if (b->create && (text_is(text, len, "function") || text_is(text, len, "procedure")))
            b->routine = true;
    }
    if (!b->routine || label)
        return;
    if (b->blocks == 0) {
        if (after_begin && text_is(text, len, "atomic"))
            b->blocks = 1;
        b->after_begin = text_is(text, len, "begin");
    } else if (text_is(text, len, "case")) {
        b->blocks++;
    } else if (text_is(text, len, "end")) {
        b->blocks--;
    }
}

static void body_token(struct body *b, enum token token, char c)
{
    b->after_begin = false;
    b->label = token == TOKEN_OTHER && c == '.';
    if (token == TOKEN_OPEN)
        b->parens++;
    else if (token == TOKEN_CLOSE && b->parens > 0)
        b->parens--;
}

enum sqlsplit_status sqlsplit_next(struct sqlsplit *s, struct sql_statement *out, struct error *err)
{
    struct body body = {0};
    size_t last = 0;
    *out = (struct sql_statement){0};
    for (;;) {
        size_t start = s->pos;
        unsigned line = s->line, column = out->text == NULL ? column_here(s) : 0;
        enum token token = next_token(s, err);
        if (token == TOKEN_BAD)
            return SQLSPLIT_BAD;
        if (token == TOKEN_SPACE)
            continue;
        bool ends = token == TOKEN_END ||
                    (token == TOKEN_SEMICOLON && body.parens == 0 && body.blocks == 0);
        if (ends && out->text == NULL) {
            if (token == TOKEN_END)
                return SQLSPLIT_END;
            continue; /* an empty statement */
        }
        if (ends) {
            out->len = last - (size_t)(out->text - s->text);
            out->end = s->pos;
            out->closed = token == TOKEN_SEMICOLON;
            return SQLSPLIT_STATEMENT;
        }
        if (out->text == NULL) {
            out->text = s->text + start;
            out->line = line;
            out->column = column;
        }
        last = s->pos;
        if (token == TOKEN_WORD)
            body_word(&body, s->text + start, s->pos - start);
        else
            body_token(&body, token, s->text[start]);
    }
}

/* --- words -------------------------------------------------------------------------------- */

size_t sqlsplit_words(const struct sql_statement *st, struct sql_word *out, size_t max)
{
    struct sqlsplit s = {.text = st->text, .len = st->len, .line = 1, .column = 1};
    struct error ignored = ERROR_INIT;
    size_t n = 0;
    while (n < max) {
        size_t start = s.pos;
        enum token token = next_token(&s, &ignored);
        if (token == TOKEN_END || token == TOKEN_BAD)
            break;
        if (token == TOKEN_WORD)
            out[n++] = (struct sql_word){.text = st->text + start, .len = s.pos - start};
    }
    return n;
}

bool sql_word_is(const struct sql_word *w, const char *lower)
{
    return text_is(w->text, w->len, lower);
}

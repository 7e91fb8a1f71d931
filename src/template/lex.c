#include "template/lex.h"

#include <string.h>

#include "base/mem.h"

#define DELIMITER_MAX 16

struct lexer {
    const struct template *t;
    struct tag *tags;
    size_t n, alloc;
    uint32_t open[TEMPLATE_NESTING_MAX]; /* indexes of tags waiting for their end */
    unsigned n_open;
    char begin[DELIMITER_MAX], end[DELIMITER_MAX];
    size_t begin_len, end_len;
    struct error *err;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(const char **text, size_t *len)
{
    while (*len != 0 && is_space(**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len != 0 && is_space((*text)[*len - 1]))
        (*len)--;
}

/* --- names ---------------------------------------------------------------------------------- */

static bool check_name(struct lexer *lx, const struct tag *tag)
{
    const char *name = tag->name;
    size_t len = tag->name_len;
    if (len == 0)
        return template_error(lx->t, tag->pos, lx->err, ERROR_USAGE, "a tag without a name");
    size_t from = tag->kind == TAG_END && *name == '*'; /* of a dynamic parent */
    while (from != 0 && from < len && is_space(name[from]))
        from++;
    for (size_t i = from; i < len; i++)
        if (is_space(name[i]))
            return template_error(
                lx->t, tag->pos, lx->err, ERROR_USAGE,
                "'%.*s': a name must not hold white space; a condition is written "
                "{{#name}}...{{/name}}",
                len < 60 ? (int)len : 60, name);
    if (memmem(name, len, lx->begin, lx->begin_len) != NULL)
        return template_error(lx->t, tag->pos, lx->err, ERROR_USAGE,
                              "a tag begins inside this one; is its '%.*s' missing?",
                              (int)lx->end_len, lx->end);
    return true;
}

/* Names that are looked up in the data: parts between dots, none of them empty. */
static bool check_dotted(struct lexer *lx, const struct tag *tag)
{
    const char *name = tag->name;
    size_t len = tag->name_len;
    if (len == 1 && name[0] == '.')
        return true;
    if (name[0] == '.' || name[len - 1] == '.' || memmem(name, len, "..", 2) != NULL)
        return template_error(lx->t, tag->pos, lx->err, ERROR_USAGE,
                              "'%.*s': nothing stands on one side of a dot",
                              len < 60 ? (int)len : 60, name);
    return true;
}

/* --- opening and closing -------------------------------------------------------------------- */

static bool open_tag(struct lexer *lx, uint32_t index)
{
    if (lx->n_open == TEMPLATE_NESTING_MAX)
        return template_error(lx->t, lx->tags[index].pos, lx->err, ERROR_USAGE,
                              "more than %d tags inside each other", TEMPLATE_NESTING_MAX);
    lx->open[lx->n_open++] = index;
    return true;
}

static bool close_tag(struct lexer *lx, uint32_t index)
{
    struct tag *close = &lx->tags[index];
    if (lx->n_open == 0)
        return template_error(lx->t, close->pos, lx->err, ERROR_USAGE,
                              "this tag closes '%.*s', which is not open", (int)close->name_len,
                              close->name);
    uint32_t opener = lx->open[--lx->n_open];
    struct tag *open = &lx->tags[opener];
    const char *name = close->name;
    size_t len = close->name_len;
    bool same = true;
    if (open->dynamic) {
        same = *name == '*';
        name++;
        len--;
        trim(&name, &len);
    }
    if (!same || open->name_len != len || memcmp(open->name, name, len) != 0)
        return template_error(lx->t, close->pos, lx->err, ERROR_USAGE,
                              "this tag closes '%.*s', but '%s%.*s' is open", (int)close->name_len,
                              close->name, open->dynamic ? "*" : "", (int)open->name_len,
                              open->name);
    open->match = index;
    close->match = opener;
    return true;
}

static bool in_parent(const struct lexer *lx)
{
    return lx->n_open != 0 && lx->tags[lx->open[lx->n_open - 1]].kind == TAG_PARENT;
}

/* --- one tag -------------------------------------------------------------------------------- */

/* What stands between "=" and "=": two delimiters. */
static bool set_delimiters(struct lexer *lx, const struct tag *tag, const char *p, size_t len)
{
    trim(&p, &len);
    size_t first = 0, second = 0;
    while (first < len && !is_space(p[first]))
        first++;
    size_t at = first;
    while (at < len && is_space(p[at]))
        at++;
    while (at + second < len && !is_space(p[at + second]))
        second++;
    if (first == 0 || second == 0 || at + second != len || memchr(p, '=', len) != NULL ||
        first > DELIMITER_MAX || second > DELIMITER_MAX)
        return template_error(
            lx->t, tag->pos, lx->err, ERROR_USAGE,
            "delimiters are set like {{=<%% %%>=}}: two words of at most %d bytes, "
            "without '='",
            DELIMITER_MAX);
    memcpy(lx->begin, p, first);
    lx->begin_len = first;
    memcpy(lx->end, p + at, second);
    lx->end_len = second;
    return true;
}

static void find_line(const struct lexer *lx, struct tag *tag, uint32_t previous_end)
{
    const char *text = lx->t->text;
    uint32_t p = tag->pos;
    while (p > previous_end && (text[p - 1] == ' ' || text[p - 1] == '\t'))
        p--;
    tag->clear_left = p == 0 || (p > previous_end && text[p - 1] == '\n');
    tag->line_pos = p;
    for (p = tag->end; p < lx->t->len && (text[p] == ' ' || text[p] == '\t'); p++)
        ;
    if (p < lx->t->len && text[p] == '\r' && p + 1 < lx->t->len && text[p + 1] == '\n')
        p++;
    tag->clear_right = p == lx->t->len || text[p] == '\n';
    tag->line_end = p < lx->t->len ? p + 1 : p;
}

static enum tag_kind kind_of(char sigil)
{
    switch (sigil) {
    case '#':
        return TAG_SECTION;
    case '^':
        return TAG_INVERTED;
    case '/':
        return TAG_END;
    case '>':
        return TAG_PARTIAL;
    case '<':
        return TAG_PARENT;
    case '$':
        return TAG_BLOCK;
    case '&':
    case '{':
        return TAG_RAW;
    case '!':
    case '=':
        return TAG_SILENT;
    default:
        return TAG_VALUE;
    }
}

/* Where the tag's content ends and how many bytes close it: "}}", "=}}" or "}}}". */
static const char *find_end(const struct lexer *lx, const char *p, char sigil, size_t *len)
{
    char closing[DELIMITER_MAX + 1];
    size_t n = 0;
    if (sigil == '{' || sigil == '=')
        closing[n++] = sigil == '{' ? '}' : '=';
    memcpy(closing + n, lx->end, lx->end_len);
    *len = n + lx->end_len;
    return memmem(p, (size_t)(lx->t->text + lx->t->len - p), closing, *len);
}

static struct tag *push_tag(struct lexer *lx)
{
    MEM_GROW(lx->tags, lx->n + 1, lx->alloc);
    struct tag *tag = &lx->tags[lx->n++];
    *tag = (struct tag){0};
    return tag;
}

/* start: the opening delimiter. */
static bool lex_tag(struct lexer *lx, const char *start)
{
    const char *text = lx->t->text, *limit = text + lx->t->len;
    uint32_t previous_end = lx->n != 0 ? lx->tags[lx->n - 1].end : 0;
    struct tag *tag = push_tag(lx);
    tag->pos = (uint32_t)(start - text);
    const char *p = start + lx->begin_len;
    while (p < limit && is_space(*p))
        p++;
    char sigil = p < limit ? *p : '\0';
    tag->kind = kind_of(sigil);
    p += tag->kind != TAG_VALUE;
    size_t closing_len;
    const char *end = find_end(lx, p, sigil, &closing_len);
    if (end == NULL)
        return template_error(lx->t, tag->pos, lx->err, ERROR_USAGE,
                              "this tag has no end; expected '%s%.*s'",
                              sigil == '{'   ? "}"
                              : sigil == '=' ? "="
                                             : "",
                              (int)lx->end_len, lx->end);
    tag->end = (uint32_t)(end + closing_len - text);
    find_line(lx, tag, previous_end);
    if (sigil == '=')
        return set_delimiters(lx, tag, p, (size_t)(end - p));
    if (sigil == '!')
        return true;
    size_t len = (size_t)(end - p);
    trim(&p, &len);
    if (len != 0 && *p == '*' && (tag->kind == TAG_PARTIAL || tag->kind == TAG_PARENT)) {
        tag->dynamic = true;
        p++;
        len--;
        trim(&p, &len);
    }
    tag->name = p;
    tag->name_len = (uint32_t)len;
    return true;
}

/* Names, nesting, and what may stand where. */
static bool check_tag(struct lexer *lx, uint32_t index)
{
    struct tag *tag = &lx->tags[index];
    if (tag->kind == TAG_SILENT)
        return true;
    if (!check_name(lx, tag))
        return false;
    if (tag->kind == TAG_END)
        return close_tag(lx, index);
    bool looked_up = tag->kind <= TAG_INVERTED || tag->dynamic;
    if (looked_up && !check_dotted(lx, tag))
        return false;
    if (in_parent(lx) && tag->kind != TAG_BLOCK)
        return template_error(lx->t, tag->pos, lx->err, ERROR_USAGE,
                              "inside a parent tag only blocks ({{$name}}) have a meaning");
    if (tag->kind == TAG_VALUE || tag->kind == TAG_RAW || tag->kind == TAG_PARTIAL)
        return true;
    return open_tag(lx, index);
}

bool template_lex(const struct template *t, struct tag **tags, size_t *n_tags, struct error *err)
{
    struct lexer lx = {
        .t = t, .begin = "{{", .end = "}}", .begin_len = 2, .end_len = 2, .err = err};
    const char *p = t->text, *limit = t->text + t->len;
    bool ok = true;
    while (ok && (p = memmem(p, (size_t)(limit - p), lx.begin, lx.begin_len)) != NULL) {
        ok = lex_tag(&lx, p) && check_tag(&lx, (uint32_t)(lx.n - 1));
        p = t->text + lx.tags[lx.n - 1].end;
    }
    if (ok && lx.n_open != 0) {
        const struct tag *open = &lx.tags[lx.open[lx.n_open - 1]];
        ok = template_error(t, open->pos, err, ERROR_USAGE, "'%s%.*s' is opened and never closed",
                            open->dynamic ? "*" : "", (int)open->name_len, open->name);
    }
    *tags = lx.tags;
    *n_tags = lx.n;
    return ok;
}

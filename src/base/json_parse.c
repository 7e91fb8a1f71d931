/* The reader: one pass, strings checked 16 bytes at a time and left where they are.
 *
 * Children of an array or object are gathered on a scratch stack, because their number is known
 * only at the closing bracket; then they move to the arena in one piece.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/mem.h"
#include "base/utf8.h"

#define DEPTH_MAX 1024 /* what the C stack is good for, whatever the caller allows */
#define CACHE_BITS 6
#define CACHE_SIZE (1 << CACHE_BITS)

/* Names come again and again in the elements of an array: those of up to 16 bytes are compared as
 * two words before anybody asks the symtab. */
struct known_name {
    uint64_t head, tail;
    uint32_t len, symbol;
};

struct reader {
    const char *p, *end, *start;
    struct arena *arena;
    const struct symtab *st;
    struct known_name *known; /* CACHE_SIZE */
    unsigned depth;           /* levels left */
    char *scratch;            /* children of the arrays and objects that are still open */
    size_t scratch_len, scratch_alloc;
    const char *first_scratch; /* not malloc'ed */
    const char *what;          /* the complaint, once there is one; p shows where */
};

static bool parse_value(struct reader *r, struct json_value *out);

static bool fail(struct reader *r, const char *at, const char *what)
{
    if (r->what == NULL) {
        r->p = at;
        r->what = what;
    }
    return false;
}

static inline void skip_space(struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    r->p = p;
}

/* --- the scratch stack ---------------------------------------------------------------------- */

static void scratch_grow(struct reader *r, size_t size)
{
    size_t alloc = r->scratch_alloc * 2 + size;
    if (r->scratch == r->first_scratch) {
        char *grown = mem_alloc(alloc);
        memcpy(grown, r->scratch, r->scratch_len);
        r->scratch = grown;
    } else {
        r->scratch = mem_realloc(r->scratch, alloc);
    }
    r->scratch_alloc = alloc;
}

static inline void scratch_push(struct reader *r, const void *item, size_t size)
{
    if (r->scratch_alloc - r->scratch_len < size)
        scratch_grow(r, size);
    memcpy(r->scratch + r->scratch_len, item, size);
    r->scratch_len += size;
}

/* Moves everything above `base` to the arena. */
static void *scratch_take(struct reader *r, size_t base)
{
    size_t size = r->scratch_len - base;
    if (size == 0)
        return NULL;
    void *items = arena_alloc(r->arena, size);
    memcpy(items, r->scratch + base, size);
    r->scratch_len = base;
    return items;
}

/* --- strings -------------------------------------------------------------------------------- */

/* From a byte above ASCII to the next ASCII byte; NULL when the bytes are not valid UTF-8. */
static inline const char *skip_utf8(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p >= 0x80) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0xc2 && c <= 0xdf && end - p >= 2 && ((unsigned char)p[1] & 0xc0) == 0x80) {
            p += 2;
            continue;
        }
        size_t n = utf8_char_len(p, (size_t)(end - p));
        if (n == 0)
            return NULL;
        p += n;
    }
    return p;
}

/* Four hexadecimal digits; -1 when they are not. */
static int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* *pp stands behind "\u"; at least a quote follows, so hex4() never reads beyond the text. */
static char *decode_unicode(struct reader *r, const char **pp, const char *end, char *out)
{
    const char *p = *pp;
    int c = end - p >= 4 ? hex4(p) : -1;
    if (c < 0) {
        fail(r, p - 2, "\\u needs four hexadecimal digits");
        return NULL;
    }
    unsigned code = (unsigned)c;
    *pp = p + 4;
    if (code >= 0xdc00 && code <= 0xdfff) {
        fail(r, p - 2, "the second half of a surrogate pair without the first");
        return NULL;
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        int low = end - p >= 10 && p[4] == '\\' && p[5] == 'u' ? hex4(p + 6) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            fail(r, p - 2, "the first half of a surrogate pair without the second");
            return NULL;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned)low - 0xdc00);
        *pp = p + 10;
    }
    return put_utf8(out, code);
}

/* Copies [p, end) to the arena without its escapes; the result is never longer than the source. */
static bool decode_string(struct reader *r, const char *p, const char *end, const char **text,
                          uint32_t *len)
{
    char *buf = arena_alloc(r->arena, (size_t)(end - p));
    char *out = buf;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash != NULL ? slash : end) - p);
        memcpy(out, p, run);
        out += run;
        p += run;
        if (slash == NULL)
            break;
        char c = p[1];
        p += 2;
        switch (c) {
        case '"':
        case '\\':
        case '/':
            *out++ = c;
            break;
        case 'b':
            *out++ = '\b';
            break;
        case 'f':
            *out++ = '\f';
            break;
        case 'n':
            *out++ = '\n';
            break;
        case 'r':
            *out++ = '\r';
            break;
        case 't':
            *out++ = '\t';
            break;
        case 'u':
            out = decode_unicode(r, &p, end, out);
            if (out == NULL)
                return false;
            break;
        default:
            return fail(r, p - 2, "no such escape; a backslash itself is written \\\\");
        }
    }
    *text = buf;
    *len = (uint32_t)(out - buf);
    return true;
}

/* r->p stands behind the opening quote. */
static bool parse_string(struct reader *r, const char **text, uint32_t *len)
{
    const char *start = r->p, *p = start;
    bool escaped = false;
    for (;;) {
        p = json_scan(p, r->end, false);
        if (p == r->end)
            return fail(r, start - 1, "this string has no closing quote");
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            break;
        if (c == '\\') {
            escaped = true;
            if (r->end - p < 2)
                return fail(r, start - 1, "this string has no closing quote");
            /* Only quotes and backslashes could mislead the search for the end. */
            p += p[1] == '"' || p[1] == '\\' ? 2 : 1;
        } else if (c >= 0x80) {
            const char *next = skip_utf8(p, r->end);
            if (next == NULL)
                return fail(r, p, "invalid UTF-8");
            p = next;
        } else {
            return fail(r, p, "a control character in a string must be escaped");
        }
    }
    r->p = p + 1;
    if (escaped)
        return decode_string(r, start, p, text, len);
    *text = start;
    *len = (uint32_t)(p - start);
    return true;
}

/* --- numbers and words ---------------------------------------------------------------------- */

static inline const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool parse_number(struct reader *r, struct json_value *out)
{
    const char *start = r->p, *end = r->end;
    const char *p = start + (*start == '-');
    const char *digits = p;
    p = skip_digits(p, end);
    if (p == digits)
        return fail(r, start, "a minus sign must be followed by digits");
    if (*digits == '0' && p - digits > 1)
        return fail(r, start, "a number must not begin with 0 before other digits");
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(r, start, "digits must follow the decimal point");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(r, start, "digits must follow the exponent's e");
    }
    *out = json_number(start, (size_t)(p - start));
    r->p = p;
    return true;
}

static bool parse_word(struct reader *r, const char *word, size_t len, enum json_type type,
                       struct json_value *out)
{
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
        return fail(r, r->p, "expected a value; the only bare words are true, false and null");
    r->p += len;
    *out = (struct json_value){.type = type};
    return true;
}

/* --- names ---------------------------------------------------------------------------------- */

/* in_text: the key stands in the text, so that 8 bytes may be readable where it is shorter. */
static uint32_t find_symbol(const struct reader *r, const char *key, uint32_t len, bool in_text)
{
    if (r->st == NULL)
        return 0;
    if (len == 0 || len > 16 || !in_text || r->end - key < 8)
        return symtab_find(r->st, key, len);
    uint64_t head, tail = 0;
    memcpy(&head, key, 8);
    if (len < 8)
        head &= ((uint64_t)1 << (8 * len)) - 1;
    else
        memcpy(&tail, key + len - 8, 8);
    uint64_t hash = (head ^ tail << 1 ^ len) * 0x9e3779b97f4a7c15u;
    struct known_name *known = &r->known[hash >> (64 - CACHE_BITS)];
    if (known->head != head || known->tail != tail || known->len != len)
        *known = (struct known_name){
            .head = head, .tail = tail, .len = len, .symbol = symtab_find(r->st, key, len)};
    return known->symbol;
}

/* --- arrays and objects --------------------------------------------------------------------- */

/* Behind a child: a comma (then *more), or the closing bracket. */
static bool parse_separator(struct reader *r, char close, bool *more, const char *what)
{
    skip_space(r);
    if (r->p < r->end && *r->p == ',') {
        *more = true;
    } else if (r->p < r->end && *r->p == close) {
        *more = false;
    } else {
        return fail(r, r->p, what);
    }
    r->p++;
    return true;
}

static bool parse_array(struct reader *r, struct json_value *out)
{
    size_t base = r->scratch_len;
    uint32_t count = 0;
    skip_space(r);
    bool more = !(r->p < r->end && *r->p == ']');
    if (!more)
        r->p++;
    while (more) {
        struct json_value item;
        if (!parse_value(r, &item))
            return false;
        scratch_push(r, &item, sizeof(item));
        count++;
        if (!parse_separator(r, ']', &more, "expected ',' or ']' behind an array's element"))
            return false;
    }
    *out = (struct json_value){.type = JSON_ARRAY, .len = count, .items = scratch_take(r, base)};
    return true;
}

static bool parse_member(struct reader *r, struct json_member *m)
{
    skip_space(r);
    if (r->p == r->end || *r->p != '"')
        return fail(r, r->p, "expected a member's name in double quotes");
    const char *name = ++r->p;
    if (!parse_string(r, &m->key, &m->key_len))
        return false;
    m->symbol = find_symbol(r, m->key, m->key_len, m->key == name);
    skip_space(r);
    if (r->p == r->end || *r->p != ':')
        return fail(r, r->p, "expected ':' behind a member's name");
    r->p++;
    return parse_value(r, &m->value);
}

static bool parse_object(struct reader *r, struct json_value *out)
{
    size_t base = r->scratch_len;
    uint32_t count = 0;
    skip_space(r);
    bool more = !(r->p < r->end && *r->p == '}');
    if (!more)
        r->p++;
    while (more) {
        struct json_member member;
        if (!parse_member(r, &member))
            return false;
        scratch_push(r, &member, sizeof(member));
        count++;
        if (!parse_separator(r, '}', &more, "expected ',' or '}' behind an object's member"))
            return false;
    }
    *out = (struct json_value){.type = JSON_OBJECT, .len = count, .members = scratch_take(r, base)};
    return true;
}

static bool parse_nested(struct reader *r, bool object, struct json_value *out)
{
    if (r->depth == 0)
        return fail(r, r->p, "nested too deeply");
    r->depth--;
    r->p++;
    bool ok = object ? parse_object(r, out) : parse_array(r, out);
    r->depth++;
    return ok;
}

static bool parse_value(struct reader *r, struct json_value *out)
{
    skip_space(r);
    if (r->p == r->end)
        return fail(r, r->p, "the text ends where a value should be");
    switch (*r->p) {
    case '"':
        r->p++;
        *out = (struct json_value){.type = JSON_STRING};
        uint32_t len;
        if (!parse_string(r, &out->text, &len))
            return false;
        out->len = len;
        return true;
    case '{':
        return parse_nested(r, true, out);
    case '[':
        return parse_nested(r, false, out);
    case 't':
        return parse_word(r, "true", 4, JSON_TRUE, out);
    case 'f':
        return parse_word(r, "false", 5, JSON_FALSE, out);
    case 'n':
        return parse_word(r, "null", 4, JSON_NULL, out);
    default:
        if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
            return parse_number(r, out);
        return fail(r, r->p, "expected a value");
    }
}

/* --- the entrance --------------------------------------------------------------------------- */

/* Columns count characters, so that an editor's cursor agrees. */
static bool report(const struct reader *r, struct error *err)
{
    size_t line = 1, column = 1;
    for (const char *p = r->start; p < r->p; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++;
        }
    }
    return error_set(err, ERROR_CONTENT, "line %zu, column %zu: %s", line, column, r->what);
}

bool json_parse(struct arena *arena, const struct symtab *st, const char *text, size_t len,
                const struct json_limits *limits, struct json_value *out, struct error *err)
{
    struct json_limits most = limits != NULL ? *limits : JSON_LIMITS_DEFAULT;
    if (most.bytes > UINT32_MAX)
        most.bytes = UINT32_MAX;
    if (len > most.bytes)
        return error_set(err, ERROR_CONTENT,
                         "line 1, column 1: %zu bytes of JSON, at most %zu allowed", len,
                         most.bytes);
    _Alignas(16) char first_scratch[8192];
    struct known_name known[CACHE_SIZE];
    if (st != NULL && st->count != 0)
        memset(known, 0, sizeof(known));
    struct reader r = {
        .p = text,
        .end = text + len,
        .start = text,
        .arena = arena,
        .st = st != NULL && st->count != 0 ? st : NULL,
        .known = known,
        .depth = most.depth < DEPTH_MAX ? most.depth : DEPTH_MAX,
        .scratch = first_scratch,
        .scratch_alloc = sizeof(first_scratch),
        .first_scratch = first_scratch,
    };
    bool ok;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        ok = fail(&r, r.p, "begins with a byte order mark; save it as UTF-8 without one");
    else
        ok = parse_value(&r, out);
    if (ok) {
        skip_space(&r);
        if (r.p != r.end)
            ok = fail(&r, r.p, "more text behind the value");
    }
    if (r.scratch != first_scratch)
        free(r.scratch);
    return ok || report(&r, err);
}

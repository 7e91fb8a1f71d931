#include "base/glob.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

enum star {
    NO_STAR,
    ONE_STAR,
    TWO_STARS, /* the first of two */
    IN_STARS   /* the second: characters stay here */
};

/* A glob taken apart. A state is a place in its text: what stands before it has matched. */
struct glob {
    const char *text;
    size_t len;
    uint8_t star[GLOB_MAX + 1]; /* enum star */
    uint8_t next[GLOB_MAX + 1]; /* of '{' and ',' in braces: the next ',' of the same; 0: none */
    uint8_t end[GLOB_MAX + 1];  /* of ',' and '}' that belong to braces: behind them; 0: plain */
};

struct states {
    bool has[GLOB_MAX + 1];
    uint8_t list[GLOB_MAX + 1];
    size_t n;
};

/* A whole folder "**" + "/" may also stand for no folder at all. */
static bool is_any_folder(const struct glob *g, size_t at)
{
    return g->text[at + 2] == '/' && (at == 0 || strchr("/{,", g->text[at - 1]) != NULL);
}

static void find_stars(struct glob *g)
{
    memset(g->star, NO_STAR, sizeof(g->star));
    for (size_t i = 0; i < g->len; i++) {
        if (g->text[i] != '*')
            continue;
        bool two = g->text[i + 1] == '*';
        g->star[i] = two ? TWO_STARS : ONE_STAR;
        if (two)
            g->star[++i] = IN_STARS;
    }
}

struct open_brace {
    uint8_t first, last; /* of its '{' and ',' */
};

static const char *take_apart(struct glob *g, const char *text)
{
    struct open_brace open[GLOB_DEPTH_MAX];
    size_t depth = 0;
    g->text = text;
    g->len = strlen(text);
    find_stars(g);
    memset(g->next, 0, sizeof(g->next));
    memset(g->end, 0, sizeof(g->end));
    for (size_t i = 0; i < g->len; i++) {
        uint8_t at = (uint8_t)i;
        if (text[i] == '{') {
            if (depth == GLOB_DEPTH_MAX)
                return "has more than 16 braces in each other";
            open[depth++] = (struct open_brace){at, at};
        } else if (text[i] == ',' && depth > 0) {
            g->next[open[depth - 1].last] = at;
            open[depth - 1].last = at;
        } else if (text[i] == '}') {
            if (depth == 0)
                return "has a '}' without '{'";
            g->end[i] = (uint8_t)(i + 1);
            for (size_t j = g->next[open[--depth].first]; j != 0; j = g->next[j])
                g->end[j] = (uint8_t)(i + 1);
        }
    }
    return depth > 0 ? "has a '{' without '}'" : NULL;
}

const char *glob_fault(const char *glob)
{
    struct glob g;
    size_t len = strlen(glob);
    if (len == 0)
        return "is empty";
    if (len > GLOB_MAX)
        return "is longer than 255 bytes";
    if (utf8_valid_prefix(glob, len) != len)
        return "is not valid UTF-8";
    if (glob[0] == '/')
        return "must not begin with '/': paths do not";
    if (strpbrk(glob, "[\\") != NULL)
        return "must not hold '[' or '\\'; '?' stands for any one character";
    return take_apart(&g, glob);
}

static void put(struct states *s, size_t at)
{
    if (s->has[at])
        return;
    s->has[at] = true;
    s->list[s->n++] = (uint8_t)at;
}

/* Adds the states that are reached without a character. The list grows while it is walked. */
static void close_over(const struct glob *g, struct states *s)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t at = s->list[i];
        char c = g->text[at];
        if (c == '{') {
            put(s, at + 1);
            for (size_t j = g->next[at]; j != 0; j = g->next[j])
                put(s, j + 1);
        } else if ((c == ',' || c == '}') && g->end[at] != 0) {
            put(s, g->end[at]);
        } else if (c == '*') {
            put(s, at + 1);
            if (g->star[at] == TWO_STARS && is_any_folder(g, at))
                put(s, at + 3);
        }
    }
}

/* The states after one character of the path. */
static void step(const struct glob *g, const struct states *from, struct states *to,
                 const char *text, size_t len)
{
    to->n = 0;
    memset(to->has, 0, g->len + 1);
    for (size_t i = 0; i < from->n; i++) {
        size_t at = from->list[i];
        char c = g->text[at];
        if (c == '{' || ((c == ',' || c == '}') && g->end[at] != 0))
            continue;
        if (c == '*') {
            if (g->star[at] == IN_STARS || (g->star[at] == ONE_STAR && text[0] != '/'))
                put(to, at);
        } else if (c == '?') {
            if (text[0] != '/')
                put(to, at + 1);
        } else if (strncmp(g->text + at, text, len) == 0) {
            put(to, at + len);
        }
    }
    close_over(g, to);
}

bool glob_match(const char *glob, const char *path)
{
    struct glob g;
    struct states a, b, *now = &a, *then = &b;
    if (glob_fault(glob) != NULL)
        return false;
    (void)take_apart(&g, glob);
    now->n = 0;
    memset(now->has, 0, g.len + 1);
    put(now, 0);
    close_over(&g, now);
    for (size_t i = 0, left = strlen(path); left > 0 && now->n > 0;) {
        size_t len = utf8_char_len(path + i, left);
        if (len == 0)
            len = 1;
        step(&g, now, then, path + i, len);
        struct states *swap = now;
        now = then;
        then = swap;
        i += len;
        left -= len;
    }
    return now->n > 0 && now->has[g.len];
}

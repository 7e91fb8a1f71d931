#include "template/escape.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct entity {
    char text[7];
    uint8_t len; /* 0: the byte stands for itself */
};

static const struct entity entities[256] = {
    ['&'] = {"&amp;", 5},  ['<'] = {"&lt;", 4},   ['>'] = {"&gt;", 4},
    ['"'] = {"&quot;", 6}, ['\''] = {"&#39;", 5},
};

static inline char *put_byte(char *out, char c)
{
    const struct entity *e = &entities[(unsigned char)c];
    if (e->len == 0) {
        *out = c;
        return out + 1;
    }
    memcpy(out, e->text, TEMPLATE_ESCAPE_MOST); /* fixed size: there is room for the longest */
    return out + e->len;
}

#ifdef __SSE2__
/* One bit for each byte that may need an entity: the five, and '#', which shares their bits.
 * With bit 0 and 2 set, " & ' # become '; with bit 1 set, < > become >. */
static inline unsigned suspects(__m128i x)
{
    __m128i quotes = _mm_cmpeq_epi8(_mm_or_si128(x, _mm_set1_epi8(5)), _mm_set1_epi8('\''));
    __m128i angles = _mm_cmpeq_epi8(_mm_or_si128(x, _mm_set1_epi8(2)), _mm_set1_epi8('>'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(quotes, angles));
}

/* Copies and escapes whole blocks of 16 bytes; *sp moves to what is left. */
static char *escape_blocks(char *out, const char **sp, const char *end)
{
    const char *s = *sp;
    while (end - s >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)s);
        unsigned mask = suspects(x);
        if (mask == 0) {
            _mm_storeu_si128((__m128i *)(void *)out, x);
            out += 16;
            s += 16;
            continue;
        }
        /* Between two suspects: at most 15 bytes, all of them inside this block. */
        unsigned done = 0;
        do {
            unsigned at = (unsigned)__builtin_ctz(mask);
            memcpy(out, s + done, at - done);
            out = put_byte(out + (at - done), s[at]);
            done = at + 1;
            mask &= mask - 1;
        } while (mask != 0);
        memcpy(out, s + done, 16 - done);
        out += 16 - done;
        s += 16;
    }
    *sp = s;
    return out;
}

/* 8 to 15 bytes without suspects, the usual short name, in two overlapping halves. */
static inline int copy_clean_half(char *out, const char *s, size_t len)
{
    __m128i head = _mm_loadl_epi64((const __m128i *)(const void *)s);
    __m128i tail = _mm_loadl_epi64((const __m128i *)(const void *)(s + len - 8));
    if (suspects(_mm_unpacklo_epi64(head, tail)) != 0)
        return 0;
    _mm_storel_epi64((__m128i *)(void *)out, head);
    _mm_storel_epi64((__m128i *)(void *)(out + len - 8), tail);
    return 1;
}
#endif

size_t template_escape_html(char *out, const char *s, size_t len)
{
    char *start = out;
    const char *end = s + len;
#ifdef __SSE2__
    out = escape_blocks(out, &s, end);
    size_t left = (size_t)(end - s);
    if (left >= 8 && copy_clean_half(out, s, left))
        return (size_t)(out - start) + left;
#endif
    while (s < end)
        out = put_byte(out, *s++);
    return (size_t)(out - start);
}

/* The loop that reading and writing JSON strings spend their time in. Private to base/json_*.c. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The first byte from p on that is a quote, a backslash, a control character or, unless `any`, not
 * ASCII; end when there is none. 16 bytes at a time while that many are left. */
static inline const char *json_scan(const char *p, const char *end, bool any)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' '), control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed, bytes from 0x80 on are less than a space, too. */
        __m128i low = any ? _mm_cmpeq_epi8(_mm_min_epu8(x, control), x) : _mm_cmplt_epi8(x, space);
        __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, backslash));
        unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(low, mark));
        if (mask != 0)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20 || (!any && c >= 0x80))
            break;
        p++;
    }
    return p;
}

#endif

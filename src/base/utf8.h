/* UTF-8 as RFC 3629 has it: no surrogates, no over-long forms, nothing above U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* Length in bytes of the valid character at s (1..4), or 0 when the bytes there are not valid. */
size_t utf8_char_len(const char *s, size_t len);

/* Offset of the first invalid byte, or len when all of s is valid. */
size_t utf8_valid_prefix(const char *s, size_t len);

#endif

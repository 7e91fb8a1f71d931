#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Newlines stay: messages may have several lines. What is no UTF-8, such as half a character where
 * quoted data was cut, would make the JSON that carries the message wrong. */
static void defuse(char *text)
{
    size_t n, left = strlen(text);
    for (char *p = text; left > 0; p += n, left -= n) {
        unsigned char c = (unsigned char)*p;
        n = utf8_char_len(p, left);
        if (n == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            *p = '?';
            n = 1;
        }
    }
}

/* A cut must not leave half a character at the end. */
static void trim_partial_char(char *text, size_t len)
{
    while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
        len--;
    if (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0xc0)
        len--;
    text[len] = '\0';
}

static void format_text(char *out, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(out, size, fmt, ap);
    if (n < 0)
        out[0] = '\0';
    else if ((size_t)n >= size)
        trim_partial_char(out, size - 1);
    defuse(out);
}

bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->kind = kind;
    format_text(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return false;
}

bool error_errno(struct error *err, const char *fmt, ...)
{
    char reason[128];
    const char *text = strerror_r(errno, reason, sizeof(reason));
    char what[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    format_text(what, sizeof(what), fmt, ap);
    va_end(ap);
    return error_set(err, ERROR_FAILED, "%s: %s", what, text);
}

bool error_context(struct error *err, const char *fmt, ...)
{
    char what[ERROR_TEXT_MAX];
    char old[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    format_text(what, sizeof(what), fmt, ap);
    va_end(ap);
    memcpy(old, err->text, sizeof(old));
    return error_set(err, err->kind, "%s: %s", what, old);
}

#include "base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

char strbuf_empty[1] = "";

void strbuf_init(struct strbuf *sb, size_t cap)
{
    size_t most = (size_t)PTRDIFF_MAX - 1;
    *sb = (struct strbuf){.buf = strbuf_empty, .cap = cap < most ? cap : most};
}

void strbuf_release(struct strbuf *sb)
{
    if (sb->alloc != 0)
        free(sb->buf);
    strbuf_init(sb, sb->cap);
}

bool strbuf_reserve(struct strbuf *sb, size_t extra)
{
    if (sb->overflow || extra > sb->cap || sb->len > sb->cap - extra) {
        sb->overflow = true;
        return false;
    }
    size_t want = sb->len + extra + 1;
    if (want > sb->alloc) {
        size_t next = sb->alloc < 64 ? 128 : sb->alloc + sb->alloc / 2;
        if (next < want)
            next = want;
        if (next > sb->cap + 1) /* strbuf_room() trusts alloc alone */
            next = sb->cap + 1;
        char *old = sb->alloc != 0 ? sb->buf : NULL;
        sb->buf = mem_realloc(old, next);
        sb->alloc = next;
        sb->buf[sb->len] = '\0';
    }
    return true;
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n <= 0 || !strbuf_reserve(sb, (size_t)n))
        return;
    vsnprintf(sb->buf + sb->len, (size_t)n + 1, fmt, ap);
    sb->len += (size_t)n;
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(sb, fmt, ap);
    va_end(ap);
}

char *strbuf_detach(struct strbuf *sb, size_t *len)
{
    if (len != NULL)
        *len = sb->len;
    char *out = sb->alloc != 0 ? sb->buf : mem_strndup("", 0);
    strbuf_init(sb, sb->cap);
    return out;
}

/* A growing byte buffer: always terminated, capped, with an error that sticks.
 *
 * For: every piece of output that is put together. A renderer appends freely and asks once at the
 * end whether everything fitted: after an append that would exceed `cap`, `overflow` is set, the
 * append and all later ones do nothing.
 * Not for: text of fixed length, and not for sharing between threads.
 *
 * Order: struct strbuf sb = STRBUF_INIT; (or strbuf_init(&sb, cap)) ... strbuf_release(&sb).
 * `buf` is never NULL and buf[len] is always '\0'; contents may hold NUL bytes. Callers may read
 * buf and len; only the functions here write them. strbuf_reset() keeps the memory for reuse.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define STRBUF_CAP_DEFAULT ((size_t)256 << 20)

struct strbuf {
    char *buf;
    size_t len;
    size_t alloc; /* private; 0 while buf is the shared empty string */
    size_t cap;   /* most bytes of content */
    bool overflow;
};

extern char strbuf_empty[1]; /* never written: what buf points at before the first append */

#define STRBUF_INIT                                                                                \
    {                                                                                              \
        .buf = strbuf_empty, .cap = STRBUF_CAP_DEFAULT                                             \
    }

void strbuf_init(struct strbuf *sb, size_t cap);
void strbuf_release(struct strbuf *sb);

/* Empties the buffer and clears overflow; keeps the memory. */
static inline void strbuf_reset(struct strbuf *sb)
{
    sb->len = 0;
    sb->overflow = false;
    if (sb->alloc != 0)
        sb->buf[0] = '\0';
}

/* Makes room for `extra` more bytes; false (and overflow set) when that would exceed cap. */
bool strbuf_reserve(struct strbuf *sb, size_t extra);

/* For writers that fill the reserved room themselves: sets the new length (<= reserved). */
static inline void strbuf_setlen(struct strbuf *sb, size_t len)
{
    if (sb->alloc != 0) {
        sb->len = len;
        sb->buf[len] = '\0';
    }
}

static inline bool strbuf_room(struct strbuf *sb, size_t extra)
{
    if (!sb->overflow && sb->alloc > sb->len && extra < sb->alloc - sb->len)
        return true;
    return strbuf_reserve(sb, extra);
}

static inline void strbuf_add(struct strbuf *sb, const char *data, size_t len)
{
    if (len == 0 || !strbuf_room(sb, len))
        return;
    memcpy(sb->buf + sb->len, data, len);
    sb->len += len;
    sb->buf[sb->len] = '\0';
}

static inline void strbuf_addch(struct strbuf *sb, char c)
{
    if (!strbuf_room(sb, 1))
        return;
    sb->buf[sb->len++] = c;
    sb->buf[sb->len] = '\0';
}

static inline void strbuf_addstr(struct strbuf *sb, const char *s)
{
    strbuf_add(sb, s, strlen(s));
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap);

/* Hands the malloc'ed, terminated content to the caller, who frees it; the buffer is empty after.
 */
char *strbuf_detach(struct strbuf *sb, size_t *len);

#endif

#include "source/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_SIZE ((size_t)128 << 10)

void lines_init(struct lines *r, int fd, uint64_t offset, size_t max)
{
    *r = (struct lines){.fd = fd, .max = max < LINES_HEAD ? LINES_HEAD : max, .offset = offset};
    r->alloc = 2 * READ_SIZE;
    r->buf = mem_alloc(r->alloc);
}

void lines_release(struct lines *r)
{
    free(r->buf);
    r->buf = NULL;
}

/* Makes room behind `end` and reads once. */
static bool fill(struct lines *r, struct error *err)
{
    if (r->start > 0) {
        memmove(r->buf, r->buf + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    if (r->alloc - r->end < READ_SIZE) {
        r->alloc = r->alloc * 2 > r->end + READ_SIZE ? r->alloc * 2 : r->end + READ_SIZE;
        r->buf = mem_realloc(r->buf, r->alloc);
    }
    for (;;) {
        ssize_t n = pread(r->fd, r->buf + r->end, r->alloc - r->end, (off_t)(r->offset + r->end));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read");
        r->eof = n == 0;
        r->end += (size_t)n;
        return true;
    }
}

static void consume(struct lines *r, size_t len)
{
    r->start += len;
    r->offset += len;
}

/* Drops the buffer's content, all of it part of the overlong line, until its end comes. */
static enum lines_status pass_over(struct lines *r, struct line *out, struct error *err)
{
    memcpy(r->head, r->buf + r->start, LINES_HEAD);
    out->text = r->head;
    out->len = LINES_HEAD;
    out->overlong = true;
    out->size = 0;
    for (;;) {
        size_t held = r->end - r->start;
        const char *nl = memchr(r->buf + r->start, '\n', held);
        size_t part = nl != NULL ? (size_t)(nl - (r->buf + r->start)) : held;
        out->size += part;
        consume(r, part + (nl != NULL));
        if (nl != NULL || r->eof)
            break;
        if (!fill(r, err))
            return LINES_FAILED;
    }
    return LINES_LINE;
}

enum lines_status lines_next(struct lines *r, struct line *out, struct error *err)
{
    size_t seen = 0;
    *out = (struct line){.offset = r->offset};
    for (;;) {
        const char *begin = r->buf + r->start;
        size_t held = r->end - r->start;
        const char *nl = held > seen ? memchr(begin + seen, '\n', held - seen) : NULL;
        if (nl != NULL || (r->eof && held > 0)) {
            out->text = begin;
            out->len = nl != NULL ? (size_t)(nl - begin) : held;
            out->size = out->len;
            out->overlong = out->len > r->max;
            consume(r, out->len + (nl != NULL));
            return LINES_LINE;
        }
        if (r->eof)
            return LINES_END;
        if (held > r->max)
            return pass_over(r, out, err);
        seen = held;
        if (!fill(r, err))
            return LINES_FAILED;
    }
}

/* Lines of a large file, one after another, in memory that one line needs.
 *
 * For: exported files. Lines end in '\n'; a longer line than allowed is passed over, not read in.
 * Not for anybody outside src/source/.
 */
#ifndef SOURCE_LINES_H
#define SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* As much of an overlong line as is kept. */
#define LINES_HEAD 512

struct lines {
    int fd; /* the caller's */
    size_t max;
    char *buf; /* private from here */
    size_t alloc, start, end;
    uint64_t offset; /* in the file, of buf[start] */
    bool eof;
    char head[LINES_HEAD];
};

struct line {
    const char
        *text;     /* until the next call; not terminated; of an overlong line at least its head */
    size_t len;    /* without '\n' */
    uint64_t size; /* the whole length, also of an overlong line */
    uint64_t offset; /* where it begins */
    bool overlong;
};

enum lines_status { LINES_LINE, LINES_END, LINES_FAILED };

/* Reads fd (by pread) from `offset` on. */
void lines_init(struct lines *r, int fd, uint64_t offset, size_t max);
void lines_release(struct lines *r);
enum lines_status lines_next(struct lines *r, struct line *out, struct error *err);

#endif

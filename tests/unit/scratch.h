/* A folder of its own for a test that touches the disk, and the shortest ways to fill and look at
 * it.
 *
 * Order: assert_int_equal(scratch_make(&s), 0) ... scratch_remove(&s). Paths are relative to s.fd.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct scratch {
    char path[256];
    int fd;
};

static inline int scratch_make(struct scratch *s)
{
    const char *base = getenv("TMPDIR");
    snprintf(s->path, sizeof(s->path), "%s/platen-unit-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(s->path) == NULL)
        return -1;
    s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->fd >= 0 ? 0 : -1;
}

static inline void scratch_remove(struct scratch *s)
{
    struct error err = ERROR_INIT;
    close(s->fd);
    if (!file_remove_tree(AT_FDCWD, s->path, &err))
        fprintf(stderr, "%s\n", err.text);
}

static inline void scratch_write(const struct scratch *s, const char *path, const char *text)
{
    struct error err = ERROR_INIT;
    int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || !file_write_all(fd, path, text, strlen(text), &err) || close(fd) < 0) {
        perror(path);
        abort();
    }
}

static inline bool scratch_has(const struct scratch *s, const char *path)
{
    struct stat st;
    return fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether the file holds exactly this text. */
static inline bool scratch_is(const struct scratch *s, const char *path, const char *text)
{
    struct strbuf sb = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    bool same = file_read(s->fd, path, 1 << 20, &sb, &ignored) && strcmp(sb.buf, text) == 0;
    strbuf_release(&sb);
    return same;
}

static inline struct stat scratch_stat(const struct scratch *s, const char *path)
{
    struct stat st = {0};
    if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        perror(path);
        abort();
    }
    return st;
}

#endif

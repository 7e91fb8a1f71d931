#include "store/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strbuf.h"

#define OBJECT_MAX ((size_t)1 << 30)

void object_writer_init(struct object_writer *w, const struct store *s)
{
    w->store = s;
    for (size_t i = 0; i < 256; i++)
        w->fd[i] = -1;
}

void object_writer_release(struct object_writer *w)
{
    for (size_t i = 0; i < 256; i++) {
        if (w->fd[i] >= 0)
            close(w->fd[i]);
        w->fd[i] = -1;
    }
}

static bool open_fan(struct object_writer *w, uint8_t first, struct error *err)
{
    char name[4];
    int objects = w->store->objects_fd;
    if (w->fd[first] >= 0)
        return true;
    snprintf(name, sizeof(name), "%02x", first);
    if (mkdirat(objects, name, 0777) < 0 && errno != EEXIST)
        return error_errno(err, "creating folder %s/objects/%s", w->store->out, name);
    w->fd[first] = openat(objects, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return w->fd[first] >= 0 ||
           error_errno(err, "opening folder %s/objects/%s", w->store->out, name);
}

/* Where link(2) is not to be had: a temporary name, flushed, then the final one. */
static bool keep_copy(int fan, const char *object, int dirfd, const char *name, struct error *err)
{
    struct strbuf data;
    strbuf_init(&data, OBJECT_MAX);
    bool ok = file_read(dirfd, name, OBJECT_MAX - 8192, &data, err);
    int fd =
        ok ? openat(fan, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666) : -1;
    if (ok && fd < 0)
        ok = error_errno(err, "creating object %s", object);
    if (ok)
        ok = file_write_all(fd, object, data.buf, data.len, err);
    if (ok && fsync(fd) < 0)
        ok = error_errno(err, "flushing object %s", object);
    if (fd >= 0 && close(fd) < 0 && ok)
        ok = error_errno(err, "closing object %s", object);
    if (ok && renameat(fan, ".new", fan, object) < 0)
        ok = error_errno(err, "renaming object %s", object);
    strbuf_release(&data);
    return ok;
}

bool object_keep(struct object_writer *w, const uint8_t sha256[DIGEST_SIZE], int dirfd,
                 const char *name, struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1];
    if (!open_fan(w, sha256[0], err))
        return false;
    int fan = w->fd[sha256[0]];
    digest_hex(sha256, hex);
    if (linkat(dirfd, name, fan, hex + 2, 0) == 0 || errno == EEXIST)
        return true;
    if (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == ENOENT)
        return error_errno(err, "%s/objects: keeping %s", w->store->out, hex);
    return keep_copy(fan, hex + 2, dirfd, name, err) ||
           error_context(err, "%s/objects", w->store->out);
}

bool object_sync(const struct object_writer *w, struct error *err)
{
    for (size_t i = 0; i < 256; i++)
        if (w->fd[i] >= 0 && fsync(w->fd[i]) < 0)
            return error_errno(err, "flushing %s/objects/%02zx", w->store->out, i);
    return true;
}

bool object_remove(const struct store *s, const uint8_t sha256[DIGEST_SIZE], struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1], path[DIGEST_HEX_SIZE + 2];
    digest_hex(sha256, hex);
    snprintf(path, sizeof(path), "%.2s/%s", hex, hex + 2);
    if (unlinkat(s->objects_fd, path, 0) < 0 && errno != ENOENT)
        return error_errno(err, "removing %s/objects/%s", s->out, path);
    return true;
}

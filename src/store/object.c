#include "store/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/strbuf.h"

#define OBJECT_MAX ((size_t)1 << 30)
#define TEMPORARY ".new" /* in objects/ */

void object_writer_init(struct object_writer *w, const struct store *s)
{
    w->store = s;
    w->cleared = false;
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

static bool clear_temporary(struct object_writer *w, struct error *err)
{
    if (w->cleared)
        return true;
    if (unlinkat(w->store->objects_fd, TEMPORARY, 0) < 0 && errno != ENOENT)
        return error_errno(err, "removing %s", TEMPORARY);
    w->cleared = true;
    return true;
}

/* Where link(2) is not to be had: the same bytes, flushed, under the temporary name. */
static bool copy(int objects, int dirfd, const char *name, struct error *err)
{
    struct strbuf data;
    strbuf_init(&data, OBJECT_MAX);
    int fd = -1;
    bool ok = file_read(dirfd, name, OBJECT_MAX - 8192, &data, err);
    if (ok) {
        fd = openat(objects, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        ok = fd >= 0 || error_errno(err, "creating %s", TEMPORARY);
    }
    ok = ok && file_write_all(fd, TEMPORARY, data.buf, data.len, err);
    if (ok && fsync(fd) < 0)
        ok = error_errno(err, "flushing %s", TEMPORARY);
    if (fd >= 0 && close(fd) < 0 && ok)
        ok = error_errno(err, "closing %s", TEMPORARY);
    strbuf_release(&data);
    return ok;
}

/* What the reason is when link(2) fails and a copy would, too. */
static bool is_final(int reason)
{
    return reason == ENOSPC || reason == EDQUOT || reason == EROFS || reason == ENOENT;
}

/* Puts the file under its object's name by way of the temporary one, replacing what is there. */
static bool replace(struct object_writer *w, int fan, const char *object, int dirfd,
                    const char *name, struct error *err)
{
    int objects = w->store->objects_fd;
    if (!clear_temporary(w, err))
        return false;
    w->cleared = false;
    if (linkat(dirfd, name, objects, TEMPORARY, 0) < 0) {
        if (is_final(errno))
            return error_errno(err, "linking");
        if (!copy(objects, dirfd, name, err))
            return false;
    }
    if (renameat(objects, TEMPORARY, fan, object) < 0)
        return error_errno(err, "renaming %s", TEMPORARY);
    w->cleared = true;
    return true;
}

bool object_add(struct object_writer *w, const uint8_t sha256[DIGEST_SIZE], int dirfd,
                const char *name, bool *added, struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1];
    *added = false;
    if (!open_fan(w, sha256[0], err))
        return false;
    digest_hex(sha256, hex);
    *added = linkat(dirfd, name, w->fd[sha256[0]], hex + 2, 0) == 0;
    if (!*added && is_final(errno))
        return error_errno(err, "%s/objects: keeping %s: linking", w->store->out, hex);
    return true;
}

bool object_keep(struct object_writer *w, const uint8_t sha256[DIGEST_SIZE], int dirfd,
                 const char *name, struct error *err)
{
    bool added;
    char hex[DIGEST_HEX_SIZE + 1];
    if (!object_add(w, sha256, dirfd, name, &added, err))
        return false;
    digest_hex(sha256, hex);
    return added || replace(w, w->fd[sha256[0]], hex + 2, dirfd, name, err) ||
           error_context(err, "%s/objects: keeping %s", w->store->out, hex);
}

bool object_sync(const struct object_writer *w, struct error *err)
{
    for (size_t i = 0; i < 256; i++)
        if (w->fd[i] >= 0 && fsync(w->fd[i]) < 0)
            return error_errno(err, "flushing %s/objects/%02zx", w->store->out, i);
    return fsync(w->store->objects_fd) == 0 ||
           error_errno(err, "flushing %s/objects", w->store->out);
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

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new folder is no safer on the disk than its name above it. Where that cannot be opened to read,
 * nothing can be done. */
static bool flush_parent(int fd, const char *name, struct error *err)
{
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return true;
    bool ok = fsync(parent) == 0 || error_errno(err, "flushing the folder of %s", name);
    close(parent);
    return ok;
}

static bool open_folder(int parent, const char *name, bool create, int *fd, struct error *err)
{
    *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0 || (errno == ENOENT && !create))
        return true;
    if (errno != ENOENT)
        return error_errno(err, "opening folder %s", name);
    if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST)
        return error_errno(err, "creating folder %s", name);
    *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, "opening folder %s", name);
    return flush_parent(*fd, name, err);
}

bool store_open(struct store *s, const char *out, bool read_only, struct error *err)
{
    *s = (struct store){.out = out,
                        .out_fd = -1,
                        .public_fd = -1,
                        .releases_fd = -1,
                        .objects_fd = -1,
                        .lock_fd = -1};
    if (!open_folder(AT_FDCWD, out, !read_only, &s->out_fd, err)) {
        store_close(s);
        return false;
    }
    if (s->out_fd < 0)
        return true;
    bool ok = open_folder(s->out_fd, "public", !read_only, &s->public_fd, err) &&
              open_folder(s->out_fd, "releases", !read_only, &s->releases_fd, err) &&
              open_folder(s->out_fd, "objects", !read_only, &s->objects_fd, err);
    if (!ok) {
        error_context(err, "%s", out);
        store_close(s);
    }
    return ok;
}

void store_close(struct store *s)
{
    int *fds[] = {&s->public_fd, &s->releases_fd, &s->objects_fd, &s->lock_fd, &s->out_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

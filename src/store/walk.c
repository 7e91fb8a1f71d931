#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void walk_init(struct walk *w, int root_fd)
{
    w->root_fd = root_fd;
    w->depth = 0;
    w->path[0] = '\0';
}

static void pop_to(struct walk *w, size_t depth)
{
    while (w->depth > depth)
        close(w->fd[--w->depth]);
}

void walk_release(struct walk *w)
{
    pop_to(w, 0);
}

/* How many components of the open folders the new path starts with too. */
static size_t shared_depth(const struct walk *w, const char *path, size_t folder_len)
{
    size_t depth = 0;
    while (depth < w->depth) {
        size_t end = w->end[depth];
        if (end > folder_len || memcmp(path, w->path, end) != 0 ||
            (end < folder_len && path[end] != '/'))
            break;
        depth++;
    }
    return depth;
}

static int open_component(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 1 = entered, 0 = not there and not to be created, -1 = error in *err. */
static int enter(struct walk *w, size_t start, size_t end, bool create, struct error *err)
{
    int parent = w->depth == 0 ? w->root_fd : w->fd[w->depth - 1];
    char name[ROUTE_PATH_MAX + 1];
    memcpy(name, w->path + start, end - start);
    name[end - start] = '\0';
    int fd = open_component(parent, name);
    if (fd < 0 && errno == ENOENT) {
        if (!create)
            return 0;
        if (mkdirat(parent, name, 0777) < 0 && errno != EEXIST) {
            error_errno(err, "creating folder %.*s", (int)end, w->path);
            return -1;
        }
        fd = open_component(parent, name);
    }
    if (fd < 0) {
        /* To somebody who only removes, a link or file in the way means: nothing of ours there. */
        if (!create && (errno == ENOTDIR || errno == ELOOP))
            return 0;
        error_errno(err, "opening folder %.*s (a file or link in its place?)", (int)end, w->path);
        return -1;
    }
    w->fd[w->depth] = fd;
    w->end[w->depth] = end;
    w->depth++;
    return 1;
}

bool walk_to(struct walk *w, const char *path, bool create, int *dirfd, const char **name,
             struct error *err)
{
    const char *slash = strrchr(path, '/');
    size_t folder_len = slash != NULL ? (size_t)(slash - path) : 0;
    *dirfd = -1;
    *name = slash != NULL ? slash + 1 : path;
    if (folder_len > ROUTE_PATH_MAX)
        return error_set(err, ERROR_FAILED, "path too long");
    pop_to(w, shared_depth(w, path, folder_len));
    size_t start = w->depth == 0 ? 0 : w->end[w->depth - 1] + 1;
    memcpy(w->path, path, folder_len);
    w->path[folder_len] = '\0';
    while (start < folder_len) {
        const char *next = memchr(w->path + start, '/', folder_len - start);
        size_t end = next != NULL ? (size_t)(next - w->path) : folder_len;
        if (w->depth == WALK_DEPTH_MAX)
            return error_set(err, ERROR_FAILED, "path '%s' has more than %d folders", path,
                             WALK_DEPTH_MAX);
        int rc = enter(w, start, end, create, err);
        if (rc <= 0)
            return rc == 0;
        start = end + 1;
    }
    *dirfd = w->depth == 0 ? w->root_fd : w->fd[w->depth - 1];
    return true;
}

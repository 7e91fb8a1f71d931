#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read(int dirfd, const char *path, size_t cap, struct strbuf *sb, struct error *err)
{
    bool ok = false;
    struct stat st;
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_errno(err, "%s", path);
    if (fstat(fd, &st) < 0) {
        error_errno(err, "%s", path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        error_set(err, ERROR_FAILED, "%s: not a regular file", path);
        goto out;
    }
    size_t start = sb->len;
    if ((size_t)st.st_size > cap) {
        error_set(err, ERROR_FAILED, "%s: larger than %zu bytes", path, cap);
        goto out;
    }
    for (;;) {
        size_t left =
            (size_t)st.st_size > sb->len - start ? (size_t)st.st_size - (sb->len - start) : 0;
        if (sb->len - start > cap || !strbuf_reserve(sb, left + 4096)) {
            error_set(err, ERROR_FAILED, "%s: larger than %zu bytes", path, cap);
            goto out;
        }
        ssize_t n = read(fd, sb->buf + sb->len, left + 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_errno(err, "reading %s", path);
            goto out;
        }
        strbuf_setlen(sb, sb->len + (size_t)n);
        if (n == 0)
            break;
    }
    ok = true;
out:
    close(fd);
    return ok;
}

bool file_write_all(int fd, const char *what, const void *data, size_t len, struct error *err)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "writing %s", what);
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool make_dir(int dirfd, const char *path, struct error *err)
{
    struct stat st;
    if (mkdirat(dirfd, path, 0777) == 0)
        return true;
    if (errno != EEXIST)
        return error_errno(err, "creating folder %s", path);
    if (fstatat(dirfd, path, &st, 0) < 0)
        return error_errno(err, "%s", path);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERROR_FAILED,
                         "creating folder %s: something that is no folder is there", path);
    return true;
}

bool file_make_dirs(int dirfd, const char *path, struct error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof(part))
        return error_set(err, ERROR_FAILED, "path too long (%zu bytes)", len);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (!make_dir(dirfd, part, err))
            return false;
        part[i] = '/';
    }
    return make_dir(dirfd, part, err);
}

bool file_sync_dir(int dirfd, const char *path, struct error *err)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "%s", path);
    bool ok = fsync(fd) == 0 || error_errno(err, "flushing folder %s", path);
    close(fd);
    return ok;
}

bool file_remove_tree(int dirfd, const char *path, struct error *err)
{
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            return true;
        if (unlinkat(dirfd, path, 0) == 0)
            return true;
        return error_errno(err, "removing %s", path);
    }
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        error_errno(err, "%s", path);
        close(fd);
        return false;
    }
    bool ok = true;
    struct dirent *e;
    while (ok && (errno = 0, e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (e->d_type != DT_DIR && unlinkat(fd, e->d_name, 0) == 0)
            continue;
        ok = file_remove_tree(fd, e->d_name, err) || error_context(err, "%s", path);
    }
    if (ok && errno != 0)
        ok = error_errno(err, "reading folder %s", path);
    closedir(dir);
    if (ok && unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
        ok = error_errno(err, "removing %s", path);
    return ok;
}

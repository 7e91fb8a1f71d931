#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "template/code.h"

#define FOLDERS_MAX 32 /* inside each other */

struct loader {
    struct template_set *set;
    const char *dir;    /* as the user wrote it */
    struct strbuf path; /* below dir; empty: dir itself */
    struct strbuf text;
    unsigned depth;
    struct error *err;
};

static bool load_folder(struct loader *ld, int parent, const char *name);

static bool is_template(const char *name)
{
    static const char suffix[] = ".mustache";
    size_t len = strlen(name), n = sizeof(suffix) - 1;
    return len > n && memcmp(name + len - n, suffix, n) == 0;
}

static bool read_all(struct loader *ld, int fd, const char *shown)
{
    strbuf_reset(&ld->text);
    for (;;) {
        if (!strbuf_reserve(&ld->text, 16384))
            return error_set(ld->err, ERROR_USAGE, "%s: more than %u bytes", shown,
                             TEMPLATE_BYTES_MAX);
        ssize_t n = read(fd, ld->text.buf + ld->text.len, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(ld->err, "cannot read %s", shown);
        if (n == 0)
            return true;
        strbuf_setlen(&ld->text, ld->text.len + (size_t)n);
    }
}

static bool folder_error(struct loader *ld, const char *what)
{
    return error_errno(ld->err, "cannot %s the folder %s%s%s", what, ld->dir,
                       ld->path.len != 0 ? "/" : "", ld->path.buf);
}

static bool load_file(struct loader *ld, int folder, const char *name)
{
    struct strbuf shown = STRBUF_INIT;
    strbuf_addf(&shown, "%s/%s", ld->dir, ld->path.buf);
    bool ok = false;
    /* Not blocking: somebody may have put a pipe here. */
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        error_errno(ld->err, "cannot open %s", shown.buf);
    else if (!S_ISREG(st.st_mode))
        error_set(ld->err, ERROR_USAGE, "%s: not a regular file", shown.buf);
    else
        ok =
            read_all(ld, fd, shown.buf) && template_set_add_as(ld->set, ld->path.buf, shown.buf,
                                                               ld->text.buf, ld->text.len, ld->err);
    if (fd >= 0)
        close(fd);
    strbuf_release(&shown);
    return ok;
}

/* Links to files count as files; links to folders are passed over, as they may go in circles. */
static bool load_entry(struct loader *ld, int folder, const char *name)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return error_errno(ld->err, "cannot look at %s/%s", ld->dir, ld->path.buf);
    if (S_ISDIR(st.st_mode))
        return load_folder(ld, folder, name);
    if (!is_template(name))
        return true;
    if (S_ISLNK(st.st_mode) && fstatat(folder, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
        return true;
    return load_file(ld, folder, name);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in byte order, so that messages do not depend on the file system. Takes over fd. */
static bool list_folder(struct loader *ld, int fd, char ***names, size_t *count)
{
    size_t alloc = 0;
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        folder_error(ld, "read");
        close(fd);
        return false;
    }
    errno = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL; errno = 0) {
        if (e->d_name[0] == '.')
            continue;
        MEM_GROW(*names, *count + 1, alloc);
        (*names)[(*count)++] = mem_strdup(e->d_name);
    }
    bool ok = errno == 0;
    if (!ok)
        folder_error(ld, "read");
    closedir(d);
    if (*count != 0)
        qsort(*names, *count, sizeof(**names), compare_strings);
    return ok;
}

static bool load_entries(struct loader *ld, int folder)
{
    char **names = NULL;
    size_t count = 0, len = ld->path.len;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 ? list_folder(ld, fd, &names, &count) : folder_error(ld, "read");
    for (size_t i = 0; i < count; i++) {
        if (ok) {
            strbuf_addf(&ld->path, "%s%s", len != 0 ? "/" : "", names[i]);
            ok = load_entry(ld, folder, names[i]);
            strbuf_setlen(&ld->path, len);
        }
        free(names[i]);
    }
    free(names);
    return ok;
}

static bool load_folder(struct loader *ld, int parent, const char *name)
{
    if (ld->depth == FOLDERS_MAX)
        return error_set(ld->err, ERROR_USAGE, "%s/%s: more than %d folders inside each other",
                         ld->dir, ld->path.buf, FOLDERS_MAX);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return folder_error(ld, "open");
    ld->depth++;
    bool ok = load_entries(ld, fd);
    ld->depth--;
    close(fd);
    return ok;
}

bool template_set_load_dir(struct template_set *set, const char *dir, struct error *err)
{
    struct loader ld = {.set = set, .dir = dir, .path = STRBUF_INIT, .err = err};
    strbuf_init(&ld.text, TEMPLATE_BYTES_MAX + 16384);
    bool ok = load_folder(&ld, AT_FDCWD, dir);
    strbuf_release(&ld.path);
    strbuf_release(&ld.text);
    return ok;
}

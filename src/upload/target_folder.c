#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "upload/target_ops.h"

/* Ours in the folder, and no keys. The lock is held while a file is written, so one name does. */
#define LOCK_NAME ".platen.lock"
#define NEW_NAME ".platen.new"
#define READ_AT_ONCE ((size_t)64 << 10)
#define DEPTH_MAX 64

struct folder {
    struct target base;
    int fd, lock_fd;
    struct digest digest;
    char *buffer; /* READ_AT_ONCE */
    const atomic_bool *stop;
    uint64_t requests;
};

/* ---- keys and files ---- */

/* Only names that mean the same to a file system and to a bucket. */
static bool check_key(const char *key, struct error *err)
{
    if (!target_key_check(key, err))
        return false;
    bool ok = strcmp(key, LOCK_NAME) != 0 && strcmp(key, NEW_NAME) != 0;
    for (const char *segment = key; ok && segment != NULL;) {
        size_t len = strcspn(segment, "/");
        ok = len != 0 && !(len == 1 && segment[0] == '.') &&
             !(len == 2 && segment[0] == '.' && segment[1] == '.');
        segment = segment[len] == '/' ? segment + len + 1 : NULL;
    }
    return ok || error_set(err, ERROR_CONTENT, "'%s' is no file's name in a folder", key);
}

/* The folder that holds the key's file, and the file's name in it. Symbolic links are not followed:
 * what is below the folder stays there. -1 and errno: it cannot be opened. */
static int open_parent(const struct folder *f, const char *key, bool make, const char **name)
{
    char segment[TARGET_KEY_MAX + 1];
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    for (size_t len; fd >= 0 && key[len = strcspn(key, "/")] == '/'; key += len + 1) {
        memcpy(segment, key, len);
        segment[len] = '\0';
        if (make && mkdirat(fd, segment, 0777) < 0 && errno != EEXIST) {
            int why = errno;
            close(fd);
            errno = why;
            return -1;
        }
        int below = openat(fd, segment, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int why = errno;
        close(fd);
        errno = why;
        fd = below;
    }
    *name = key;
    return fd;
}

static bool is_nothing(int why)
{
    return why == ENOENT || why == ENOTDIR || why == ELOOP;
}

static bool failed(const struct folder *f, const char *key, struct error *err)
{
    return error_errno(err, "%s/%s", f->base.name, key);
}

/* -1 and *missing, or an error. */
static int open_file(const struct folder *f, const char *key, struct stat *st, bool *missing,
                     struct error *err)
{
    const char *name;
    int parent = open_parent(f, key, false, &name);
    int fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int why = errno;
    if (parent >= 0)
        close(parent);
    *missing = fd < 0 && is_nothing(why);
    if (fd < 0) {
        errno = why;
        if (!*missing)
            failed(f, key, err);
        return -1;
    }
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    *missing = true; /* a folder is no object */
    return -1;
}

/* Digest of the file, and its bytes where they are wanted. */
static bool read_file(struct folder *f, const char *key, int fd, size_t cap, struct strbuf *body,
                      struct target_found *found, struct error *err)
{
    uint8_t sha256[DIGEST_SIZE];
    ssize_t n;
    found->size = 0;
    digest_begin(&f->digest);
    while ((n = read(fd, f->buffer, READ_AT_ONCE)) > 0) {
        digest_add(&f->digest, f->buffer, (size_t)n);
        found->size += (uint64_t)n;
        if (found->size > cap)
            break;
        if (body != NULL)
            strbuf_add(body, f->buffer, (size_t)n);
    }
    digest_end(&f->digest, sha256);
    if (n < 0)
        return failed(f, key, err);
    if (n > 0 || (body != NULL && body->overflow))
        return error_set(err, ERROR_FAILED, "%s/%s is longer than %zu bytes", f->base.name, key,
                         cap);
    digest_hex(sha256, found->etag);
    strcpy(found->identity, found->etag);
    return true;
}

static bool look(struct folder *f, const char *key, size_t cap, struct strbuf *body,
                 struct target_found *found, enum target_outcome *outcome, struct error *err)
{
    struct stat st;
    bool missing;
    int fd = open_file(f, key, &st, &missing, err);
    if (fd < 0) {
        *outcome = TARGET_MISSING;
        return missing;
    }
    bool ok = read_file(f, key, fd, cap, body, found, err);
    *outcome = ok ? TARGET_DONE : TARGET_FAILED;
    close(fd);
    return ok;
}

static bool lock(struct folder *f, struct error *err)
{
    while (flock(f->lock_fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return error_errno(err, "%s: cannot be locked", f->base.name);
    return true;
}

static void unlock(struct folder *f)
{
    flock(f->lock_fd, LOCK_UN);
}

/* ---- get, head ---- */

static bool get_folder(struct target *t, const char *key, size_t cap, const char *known_etag,
                       struct strbuf *body, struct target_found *found, bool *unchanged,
                       enum target_outcome *outcome, struct error *err)
{
    struct folder *f = (struct folder *)t;
    size_t before = body->len;
    f->requests++;
    if (!check_key(key, err) || !look(f, key, cap, body, found, outcome, err))
        return false;
    *unchanged =
        *outcome == TARGET_DONE && known_etag != NULL && strcmp(known_etag, found->etag) == 0;
    if (*unchanged)
        strbuf_setlen(body, before);
    return true;
}

static bool head_folder(struct target *t, const char *key, struct target_found *found,
                        enum target_outcome *outcome, struct error *err)
{
    struct folder *f = (struct folder *)t;
    f->requests++;
    return check_key(key, err) && look(f, key, SIZE_MAX, NULL, found, outcome, err);
}

/* ---- put ---- */

/* An empty folder in the way is what an upload that was killed has left behind, or nobody's. */
static bool appear(const struct folder *f, int parent, const char *name)
{
    return renameat(f->fd, NEW_NAME, parent, name) == 0 ||
           (errno == EISDIR && unlinkat(parent, name, AT_REMOVEDIR) == 0 &&
            renameat(f->fd, NEW_NAME, parent, name) == 0);
}

static bool write_new(struct folder *f, const struct target_object *o, struct error *err)
{
    const char *name;
    int fd = openat(f->fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return failed(f, NEW_NAME, err);
    bool ok = file_write_all(fd, o->key, o->body, o->len, err);
    if (close(fd) < 0 && ok)
        ok = failed(f, o->key, err);
    int parent = ok ? open_parent(f, o->key, true, &name) : -1;
    if (ok && (parent < 0 || !appear(f, parent, name)))
        ok = failed(f, o->key, err);
    if (parent >= 0)
        close(parent);
    if (!ok)
        unlinkat(f->fd, NEW_NAME, 0);
    return ok;
}

/* A file that has these bytes already stays as it is: servers make ETags of its time. */
static enum target_outcome put_locked(struct folder *f, const struct target_object *o,
                                      const char *etag, struct error *err)
{
    struct target_found found = {0};
    enum target_outcome there;
    struct error unread = ERROR_INIT;
    bool known = look(f, o->key, SIZE_MAX, NULL, &found, &there, &unread);
    if (!known && o->condition != TARGET_ALWAYS) {
        *err = unread;
        return TARGET_FAILED;
    }
    if (o->condition == TARGET_IF_NEW && there != TARGET_MISSING)
        return TARGET_CONFLICT;
    if (o->condition == TARGET_IF_SAME &&
        (there != TARGET_DONE || strcmp(found.etag, o->etag) != 0))
        return TARGET_CONFLICT;
    if (known && there == TARGET_DONE && strcmp(found.etag, etag) == 0)
        return TARGET_DONE;
    return write_new(f, o, err) ? TARGET_DONE : TARGET_FAILED;
}

static enum target_outcome put_one(struct folder *f, const struct target_object *o,
                                   char etag[DIGEST_HEX_SIZE + 1], struct error *err)
{
    uint8_t sha256[DIGEST_SIZE];
    f->requests++;
    if (!check_key(o->key, err))
        return TARGET_FAILED;
    if (o->condition == TARGET_IF_SAME && o->etag == NULL) {
        error_set(err, ERROR_CONTENT, "%s: no ETag to compare with", o->key);
        return TARGET_FAILED;
    }
    if (o->body_sha256 == NULL)
        digest_of(&f->digest, o->body, o->len, sha256);
    digest_hex(o->body_sha256 != NULL ? o->body_sha256 : sha256, etag);
    if (!lock(f, err))
        return TARGET_FAILED;
    enum target_outcome outcome = target_may(&f->base) ? put_locked(f, o, etag, err) : TARGET_HELD;
    unlock(f);
    return outcome;
}

static bool put_many_folder(struct target *t, target_next_fn *next, target_done_fn *done,
                            void *payload, struct error *err)
{
    struct folder *f = (struct folder *)t;
    bool more = true;
    for (struct target_object *o; more;) {
        struct error why = ERROR_INIT;
        char etag[DIGEST_HEX_SIZE + 1] = "";
        if (f->stop != NULL && atomic_load(f->stop))
            return error_set(err, ERROR_FAILED, "interrupted");
        if (!next(payload, &o))
            break;
        enum target_outcome outcome = put_one(f, o, etag, &why);
        more = done(payload, o, outcome, etag, &why);
    }
    /* All of it before whatever is put next: the order of an upload holds through a power cut. */
    return syncfs(f->fd) == 0 || error_errno(err, "%s: cannot be synced", f->base.name);
}

/* ---- delete ---- */

/* x/ beside x/index.html: there is no such object in a folder. */
static bool names_folder(const char *key)
{
    size_t len = strlen(key);
    return len > 1 && key[len - 1] == '/';
}

/* With the folders that are empty then. */
static bool delete_one(struct folder *f, const char *key, struct error *err)
{
    char path[TARGET_KEY_MAX + 1];
    const char *name;
    memcpy(path, key, strlen(key) + 1);
    for (int flags = 0;; flags = AT_REMOVEDIR) {
        int parent = open_parent(f, path, false, &name);
        int why = parent >= 0 && unlinkat(parent, name, flags) == 0 ? 0 : errno;
        if (parent >= 0)
            close(parent);
        errno = why;
        if (why != 0 && flags == 0 && !is_nothing(why) && why != EISDIR)
            return failed(f, key, err);
        char *slash = strrchr(path, '/');
        if (slash == NULL || (why != 0 && why != ENOENT))
            return true;
        *slash = '\0';
    }
}

static bool delete_folder(struct target *t, const char *const *keys, size_t n, struct error *err)
{
    struct folder *f = (struct folder *)t;
    f->requests++;
    if (!lock(f, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = names_folder(keys[i]) ||
             ((target_may(t) ||
               error_set(err, ERROR_FAILED, "the claim on the origin has lapsed")) &&
              check_key(keys[i], err) && delete_one(f, keys[i], err));
    unlock(f);
    return ok;
}

/* ---- list ---- */

struct walk {
    struct folder *f;
    const char *prefix;
    struct arena arena;
    const char **keys;
    size_t n, alloc;
};

static bool walk(struct walk *w, int fd, const char *above, int depth, struct error *err);

static bool walk_below(struct walk *w, int fd, const char *name, const char *key, int depth,
                       struct error *err)
{
    int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        return is_nothing(errno) || failed(w->f, key, err);
    return walk(w, below, arena_printf(&w->arena, "%s/", key), depth + 1, err);
}

static bool walk_entry(struct walk *w, int fd, const char *above, const char *name, int depth,
                       struct error *err)
{
    struct stat st;
    struct error ignored = ERROR_INIT;
    char *key = arena_printf(&w->arena, "%s%s", above, name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || !check_key(key, &ignored))
        return true;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT || failed(w->f, key, err);
    if (S_ISDIR(st.st_mode))
        return depth == DEPTH_MAX || walk_below(w, fd, name, key, depth, err);
    if (S_ISREG(st.st_mode) && strncmp(key, w->prefix, strlen(w->prefix)) == 0) {
        MEM_GROW(w->keys, w->n + 1, w->alloc);
        w->keys[w->n++] = key;
    }
    return true;
}

/* Takes fd over. */
static bool walk(struct walk *w, int fd, const char *above, int depth, struct error *err)
{
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return failed(w->f, above, err);
    }
    bool ok = true;
    errno = 0;
    for (struct dirent *e; ok && (e = readdir(dir)) != NULL; errno = 0)
        ok = walk_entry(w, fd, above, e->d_name, depth, err);
    if (ok && errno != 0)
        ok = failed(w->f, above, err);
    closedir(dir);
    return ok;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool tell_all(struct walk *w, target_take_fn *take, void *payload, struct error *err)
{
    qsort(w->keys, w->n, sizeof(*w->keys), by_text);
    for (size_t i = 0; i < w->n; i++) {
        struct target_found found;
        enum target_outcome outcome;
        if (!look(w->f, w->keys[i], SIZE_MAX, NULL, &found, &outcome, err))
            return false;
        if (outcome == TARGET_DONE && !take(payload, w->keys[i], found.etag, found.size))
            break;
    }
    return true;
}

static bool list_folder(struct target *t, const char *prefix, target_take_fn *take, void *payload,
                        struct error *err)
{
    struct walk w = {.f = (struct folder *)t, .prefix = prefix};
    w.f->requests++;
    int fd = openat(w.f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(w.f, "", err);
    arena_init(&w.arena);
    bool ok = walk(&w, fd, "", 0, err) && tell_all(&w, take, payload, err);
    free(w.keys);
    arena_release(&w.arena);
    return ok;
}

/* ---- the rest ---- */

static int64_t now_folder(const struct target *t)
{
    (void)t;
    return (int64_t)time(NULL);
}

static uint64_t requests_folder(const struct target *t)
{
    return ((const struct folder *)t)->requests;
}

static void close_folder(struct target *t)
{
    struct folder *f = (struct folder *)t;
    if (f->lock_fd >= 0)
        close(f->lock_fd);
    if (f->fd >= 0)
        close(f->fd);
    digest_release(&f->digest);
    free(f->buffer);
    free(f->base.name);
    free(f);
}

struct target *target_open_folder(const char *path, const struct target_options *options,
                                  struct error *err)
{
    static const struct target_ops ops = {
        .is_folder = true,
        .close = close_folder,
        .get = get_folder,
        .head = head_folder,
        .put_many = put_many_folder,
        .delete = delete_folder,
        .list = list_folder,
        .now = now_folder,
        .requests = requests_folder,
    };
    struct folder *f = mem_calloc(1, sizeof(*f));
    *f = (struct folder){.base = {.ops = &ops, .name = mem_strdup(path)},
                         .fd = -1,
                         .lock_fd = -1,
                         .buffer = mem_alloc(READ_AT_ONCE),
                         .stop = options->stop};
    digest_init(&f->digest);
    bool ok = file_make_dirs(AT_FDCWD, path, err);
    if (ok && (f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        ok = error_errno(err, "%s", path);
    if (ok && (f->lock_fd =
                   openat(f->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666)) < 0)
        ok = failed(f, LOCK_NAME, err);
    if (ok)
        return &f->base;
    close_folder(&f->base);
    return NULL;
}

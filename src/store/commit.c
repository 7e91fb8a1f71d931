#include "store/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "store/object.h"
#include "store/ready.h"
#include "store/walk.h"

#define FLUSHERS 6

static int by_kind_and_path(const struct manifest_file *x, const struct manifest_file *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int compare_changes(const void *a, const void *b)
{
    const struct commit_change *x = a, *y = b;
    return by_kind_and_path(x->file, y->file);
}

static int compare_removals(const void *a, const void *b)
{
    const struct manifest_file *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

static bool is_small(const struct commit *c)
{
    return c->n_changes + c->n_removals <= COMMIT_FSYNC_MAX;
}

static bool sync_all(const struct commit *c, struct error *err)
{
    return syncfs(c->store->out_fd) == 0 ||
           error_errno(err, "flushing the file system of %s", c->store->out);
}

/* --- the intent --------------------------------------------------------------------------- */

static void intent_name(const struct commit *c, char name[40])
{
    snprintf(name, 40, "%" PRIu64 ".pending", c->next->generation);
}

/* The intent's time is the latest it gives to a file: see store/release.h. */
static bool set_intent_time(const struct commit *c, int fd)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 0}};
    for (size_t i = 0; i < c->n_changes; i++)
        if (c->changes[i].file->mtime > times[1].tv_sec)
            times[1].tv_sec = c->changes[i].file->mtime;
    return futimens(fd, times) == 0;
}

static bool write_intent(const struct commit *c, struct error *err)
{
    char name[40];
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, INTENT_BEGIN "\n", c->next->generation);
    for (size_t i = 0; i < c->n_changes; i++)
        strbuf_addf(&sb, "%s\n", c->changes[i].file->path);
    for (size_t i = 0; i < c->n_removals; i++)
        strbuf_addf(&sb, "%s\n", c->removals[i]->path);
    strbuf_addstr(&sb, "end\n");
    intent_name(c, name);
    int fd = openat(c->store->releases_fd, name,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    bool ok = fd >= 0 || error_errno(err, "creating %s", name);
    if (ok && sb.overflow)
        ok = error_set(err, ERROR_FAILED, "writing %s: too many paths", name);
    ok = ok && file_write_all(fd, name, sb.buf, sb.len, err);
    if (ok && !set_intent_time(c, fd))
        ok = error_errno(err, "setting the time of %s", name);
    if (ok && is_small(c) && fsync(fd) < 0)
        ok = error_errno(err, "flushing %s", name);
    if (fd >= 0 && close(fd) < 0 && ok)
        ok = error_errno(err, "closing %s", name);
    if (ok && is_small(c))
        ok = file_sync_dir(c->store->releases_fd, ".", err);
    strbuf_release(&sb);
    return ok || error_context(err, "%s/releases", c->store->out);
}

/* For a release that failed before anything of it was public: it leaves nothing to write again. */
static void drop_intent(const struct commit *c)
{
    char name[40];
    intent_name(c, name);
    unlinkat(c->store->releases_fd, name, 0);
}

static bool flush_staged(const struct commit *c, const struct commit_change *change, bool twin,
                         struct error *err)
{
    char name[STAGE_NAME_SIZE];
    stage_name(change->ref, change->file->path, twin, name);
    int fd = openat(stage_folder(c->stage, change->ref), name, O_RDONLY | O_CLOEXEC);
    bool ok = (fd >= 0 && fsync(fd) == 0) ||
              error_errno(err, "%s/.stage: flushing what becomes %s%s", c->store->out,
                          change->file->path, twin ? ".gz" : "");
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A few files, each flushed by whichever thread comes to it: a file system writes its journal once
 * for all that wait at the same time. */
struct flush {
    const struct commit *c;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock;
    struct error err; /* of the first that failed */
};

static bool flush_change(const struct flush *f, size_t i, struct error *err)
{
    const struct commit_change *change = &f->c->changes[i];
    return flush_staged(f->c, change, false, err) &&
           (change->file->gz_size == 0 || flush_staged(f->c, change, true, err));
}

static void flush_some(void *payload, unsigned worker)
{
    struct flush *f = payload;
    size_t i;
    (void)worker;
    while (!atomic_load(&f->failed) && (i = atomic_fetch_add(&f->next, 1)) < f->c->n_changes) {
        struct error err = ERROR_INIT;
        if (flush_change(f, i, &err))
            continue;
        pthread_mutex_lock(&f->lock);
        if (!atomic_exchange(&f->failed, true))
            f->err = err;
        pthread_mutex_unlock(&f->lock);
    }
}

static bool flush_few(const struct commit *c, struct error *err)
{
    struct flush f = {.c = c, .err = ERROR_INIT};
    struct error no_threads = ERROR_INIT;
    pthread_mutex_init(&f.lock, NULL);
    struct pool *pool = c->n_changes > 1 ? pool_new(FLUSHERS, FLUSHERS, &no_threads) : NULL;
    for (unsigned i = 0; pool != NULL && i < FLUSHERS; i++)
        pool_submit(pool, flush_some, &f);
    flush_some(&f, 0);
    pool_free(pool);
    pthread_mutex_destroy(&f.lock);
    if (atomic_load(&f.failed))
        *err = f.err;
    return !atomic_load(&f.failed);
}

/* Nothing may be renamed before its bytes and the intent are on the disk. */
static bool flush_before(const struct commit *c, struct error *err)
{
    return is_small(c) ? flush_few(c, err) : sync_all(c, err);
}

/* --- files -------------------------------------------------------------------------------- */

/* The folder of a path and the name in it; see walk_to(). */
static bool find(const struct commit *c, struct walk *w, const char *path, bool create, int *dirfd,
                 const char **name, struct error *err)
{
    return walk_to(w, path, create, dirfd, name, err) ||
           error_context(err, "%s/public", c->store->out);
}

/* Removes `name` + `suffix`, which is the file `path` + `suffix`. A folder of that name is the
 * successor of a file that is gone already, or was never ours. */
static bool remove_name(const struct commit *c, const char *path, int dirfd, const char *name,
                        const char *suffix, struct error *err)
{
    char full[ROUTE_SEGMENT_MAX + 16];
    snprintf(full, sizeof(full), "%s%s", name, suffix);
    if (unlinkat(dirfd, full, 0) == 0 || errno == ENOENT || errno == EISDIR)
        return true;
    return error_errno(err, "removing %s/public/%s%s", c->store->out, path, suffix);
}

static bool remove_twins(const struct commit *c, const char *path, int dirfd, const char *name,
                         struct error *err)
{
    return remove_name(c, path, dirfd, name, ".gz", err) &&
           remove_name(c, path, dirfd, name, ".br", err);
}

/* Gives a staged file the name `name` + `suffix`, which makes it the file `path` + `suffix`. */
static bool put(const struct commit *c, const struct commit_change *change, int dirfd,
                const char *name, bool twin, struct error *err)
{
    char from[STAGE_NAME_SIZE], to[ROUTE_SEGMENT_MAX + 16];
    const char *path = change->file->path, *suffix = twin ? ".gz" : "";
    stage_name(change->ref, path, twin, from);
    snprintf(to, sizeof(to), "%s%s", name, suffix);
    if (renameat(stage_folder(c->stage, change->ref), from, dirfd, to) == 0)
        return true;
    if (errno == EISDIR)
        return error_set(err, ERROR_FAILED,
                         "%s/public/%s%s: a folder stands there, with files that platen did not "
                         "write; move it out of the way",
                         c->store->out, path, suffix);
    if (errno == EXDEV)
        return error_set(
            err, ERROR_FAILED,
            "%s/public/%s%s: that folder is on another file system than %s, and a file "
            "appears there whole only by a rename: mount or link all of %s instead",
            c->store->out, path, suffix, c->store->out, c->store->out);
    return error_errno(err, "putting %s/public/%s%s in place", c->store->out, path, suffix);
}

static bool place(const struct commit *c, const struct commit_change *change, bool fresh,
                  struct walk *w, struct error *err)
{
    const struct manifest_file *f = change->file;
    int dirfd;
    const char *name;
    return find(c, w, f->path, true, &dirfd, &name, err) &&
           (fresh || remove_twins(c, f->path, dirfd, name, err)) &&
           put(c, change, dirfd, name, false, err) &&
           (f->gz_size == 0 || put(c, change, dirfd, name, true, err));
}

/* How many changes, from this one on, are a staged set: all of its files, and nothing between. */
static size_t set_at(const struct commit *c, size_t i)
{
    uint64_t ref = c->changes[i].ref;
    size_t size = stage_set_size(c->stage, ref), n = 0;
    if (size == 0 || size > c->n_changes - i || is_small(c))
        return 0;
    while (n < size && c->changes[i + n].ref == ref)
        n++;
    return n == size ? n : 0;
}

/* Puts a whole set in place, as a folder that is not there yet. False, without an error: that
 * cannot be, and file by file it shows why, if that cannot be either. */
static bool place_set(const struct commit *c, const struct commit_change *first, struct walk *w)
{
    char folder[ROUTE_PATH_MAX + 1], from[STAGE_NAME_SIZE];
    const char *path = first->file->path, *name;
    struct error unused = ERROR_INIT;
    int dirfd;
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    stage_set_name(first->ref, from);
    return find(c, w, folder, true, &dirfd, &name, &unused) &&
           renameat2(stage_folder(c->stage, first->ref), from, dirfd, name, RENAME_NOREPLACE) == 0;
}

static bool remove_file(const struct commit *c, const struct manifest_file *f, struct walk *w,
                        struct error *err)
{
    int dirfd;
    const char *name;
    if (!find(c, w, f->path, false, &dirfd, &name, err))
        return false;
    return dirfd < 0 || (remove_twins(c, f->path, dirfd, name, err) &&
                         remove_name(c, f->path, dirfd, name, "", err));
}

/* Removes a folder of public/ if it is empty: rmdir decides. *gone: there is none of that name. */
static bool remove_folder(const struct commit *c, const char *folder, bool *gone, struct error *err)
{
    struct walk w;
    int dirfd;
    const char *name;
    walk_init(&w, c->store->public_fd);
    bool ok = find(c, &w, folder, false, &dirfd, &name, err);
    *gone = ok && (dirfd < 0 || unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT);
    /* Not empty, a file or a link by now, or somebody's mount: it stays. */
    if (ok && !*gone && errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR && errno != EBUSY)
        ok = error_errno(err, "removing folder %s/public/%s", c->store->out, folder);
    walk_release(&w);
    return ok;
}

/* The folders above a removed file go when they are empty. */
static bool remove_empty_folders(const struct commit *c, const char *path, struct error *err)
{
    char folder[ROUTE_PATH_MAX + 1];
    bool ok = true, gone = true;
    memcpy(folder, path, strlen(path) + 1);
    for (char *slash; ok && gone && (slash = strrchr(folder, '/')) != NULL;) {
        *slash = '\0';
        ok = remove_folder(c, folder, &gone, err);
    }
    return ok;
}

/* --- what stands in the way --------------------------------------------------------------- */

/* Whether a folder above `path` is a key of the map. */
static bool has_ancestor_in(const struct map *map, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        if (map_get(map, path, (size_t)(slash - path)) != NULL)
            return true;
    return false;
}

static void map_folders(struct map *map, const char *path)
{
    bool added;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        map_put(map, path, (size_t)(slash - path), &added);
}

/* A file that became a folder, or a folder that became a file, has to go before its successor can
 * come; everything else is removed only after all that is new stands. */
static bool remove_displaced(const struct commit *c, struct error *err)
{
    struct map files, folders;
    struct walk w;
    bool ok = true;
    map_init(&files);
    map_init(&folders);
    walk_init(&w, c->store->public_fd);
    for (size_t i = 0; c->n_removals > 0 && i < c->n_changes; i++) {
        bool added;
        const char *path = c->changes[i].file->path;
        map_put(&files, path, strlen(path), &added);
        map_folders(&folders, path);
    }
    for (size_t i = 0; ok && i < c->n_removals; i++) {
        const char *path = c->removals[i]->path;
        if (map_get(&folders, path, strlen(path)) == NULL && !has_ancestor_in(&files, path))
            continue;
        ok = remove_file(c, c->removals[i], &w, err);
        walk_release(&w);
        ok = ok && remove_empty_folders(c, path, err);
    }
    walk_release(&w);
    map_release(&files);
    map_release(&folders);
    return ok;
}

/* --- the release -------------------------------------------------------------------------- */

static bool place_all(const struct commit *c, struct ready *ready, struct error *err)
{
    struct walk w;
    bool ok = true;
    walk_init(&w, c->store->public_fd);
    for (size_t i = 0, told = 0, set; ok && i < c->n_changes; i++) {
        bool fresh;
        set = set_at(c, i);
        if (set > 0 && ready_wait(ready, i + set - 1, &fresh, err) &&
            place_set(c, &c->changes[i], &w))
            i += set - 1;
        else
            ok = ready_wait(ready, i, &fresh, err) && place(c, &c->changes[i], fresh, &w, err);
        if (c->progress != NULL && (i / 256 > told || i + 1 == c->n_changes))
            c->progress(c->payload, i + 1, c->n_changes);
        told = i / 256;
    }
    walk_release(&w);
    return ok;
}

static bool remove_all(const struct commit *c, struct error *err)
{
    struct walk w;
    bool ok = true;
    walk_init(&w, c->store->public_fd);
    for (size_t i = 0; ok && i < c->n_removals; i++)
        ok = remove_file(c, c->removals[i], &w, err);
    walk_release(&w);
    for (size_t i = 0; ok && i < c->n_removals; i++)
        ok = remove_empty_folders(c, c->removals[i]->path, err);
    return ok;
}

/* Every folder from public/ down to the file's own. Few files: doing one twice is no matter. */
static bool flush_folders_of(const struct commit *c, const char *path, struct error *err)
{
    char folder[ROUTE_PATH_MAX + 1];
    memcpy(folder, path, strlen(path) + 1);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
        *slash = '\0';
        int fd =
            openat(c->store->public_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            continue; /* removed with its last file; by now it may be a file itself */
        bool ok = (fd >= 0 && fsync(fd) == 0) ||
                  error_errno(err, "flushing folder %s/public/%s", c->store->out, folder);
        if (fd >= 0)
            close(fd);
        if (!ok)
            return false;
    }
    return true;
}

static bool same_folder(const char *a, const char *b)
{
    const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
    size_t n = x != NULL ? (size_t)(x - a) : 0, m = y != NULL ? (size_t)(y - b) : 0;
    return n == m && memcmp(a, b, n) == 0;
}

static bool flush_after(const struct commit *c, const struct object_writer *objects,
                        struct error *err)
{
    const char *last = NULL;
    for (size_t i = 0; i < c->n_changes + c->n_removals; i++) {
        const char *path =
            i < c->n_changes ? c->changes[i].file->path : c->removals[i - c->n_changes]->path;
        if (last != NULL && same_folder(last, path))
            continue;
        if (!flush_folders_of(c, path, err))
            return false;
        last = path;
    }
    if (fsync(c->store->public_fd) < 0)
        return error_errno(err, "flushing folder %s/public", c->store->out);
    return object_sync(objects, err);
}

/* *public_changed: something of out/public may have. */
static bool flush_and_place(const struct commit *c, struct object_writer *objects,
                            bool *public_changed, struct error *err)
{
    struct ready ready;
    ready_begin(&ready, c, objects);
    bool ok = flush_before(c, err);
    *public_changed = ok;
    ok = ok && remove_displaced(c, err);
    if (ok)
        ready_flushed(&ready);
    ok = ok && place_all(c, &ready, err);
    ready_end(&ready);
    return ok;
}

bool commit_run(struct commit *c, struct error *err)
{
    bool ok = false, small = is_small(c), public_changed = false;
    struct object_writer objects;
    object_writer_init(&objects, c->store);
    if (c->n_changes > 1)
        qsort(c->changes, c->n_changes, sizeof(*c->changes), compare_changes);
    if (c->n_removals > 1)
        qsort(c->removals, c->n_removals, sizeof(*c->removals), compare_removals);
    bool intended = write_intent(c, err);
    ok = intended && flush_and_place(c, &objects, &public_changed, err);
    /* Of many files objects are made early: then the intent has the next look sweep them. */
    if (!intended || (!ok && !public_changed && small))
        drop_intent(c);
    ok = ok && remove_all(c, err);
    /* Many files: the manifest rides on the same syncfs as the renames. Should the power go before
     * that ends, the intent still stands and its paths are written again. */
    if (small)
        ok = ok && flush_after(c, &objects, err);
    ok = ok && release_write(c->store, c->next, small, err);
    if (!small)
        ok = ok && sync_all(c, err);
    ok = ok && release_settle(c->store, c->releases, c->next->generation, err);
    object_writer_release(&objects);
    return ok;
}

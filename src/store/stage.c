#include "store/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define FOLDER_FILES 32 /* in one folder: finding a name in a small one is cheap */
#define FOLDERS_KEPT 256
#define REF_BITS 40 /* number of the file; the worker's number stands above */
#define REF_SET ((uint64_t)1 << (REF_BITS - 1)) /* the number is that of a set */
#define REF_NUMBER (REF_SET - 1)

void stage_init(struct stage *st, const struct store *store, unsigned workers)
{
    *st = (struct stage){.store = store, .fd = -1, .n_workers = workers};
    pthread_mutex_init(&st->lock, NULL);
    st->workers = mem_calloc(workers, sizeof(*st->workers));
    for (unsigned i = 0; i < workers; i++) {
        st->workers[i].fd = -1;
        strbuf_init(&st->workers[i].set, STRBUF_CAP_DEFAULT);
    }
}

static void close_all(struct stage *st)
{
    for (unsigned i = 0; i < st->n_workers; i++) {
        if (st->workers[i].fd >= 0)
            close(st->workers[i].fd);
        st->workers[i].fd = -1;
    }
    if (st->fd >= 0)
        close(st->fd);
    st->fd = -1;
}

void stage_release(struct stage *st)
{
    close_all(st);
    for (unsigned i = 0; i < st->n_workers; i++) {
        strbuf_release(&st->workers[i].set);
        free(st->workers[i].sets);
    }
    free(st->workers);
    st->workers = NULL;
    pthread_mutex_destroy(&st->lock);
}

/* --- emptying ------------------------------------------------------------------------------- */

/* Whether the folder `name` is one the next look will use again: .stage/WORKER/NUMBER. */
static bool is_kept(const char *name, size_t below)
{
    char *end;
    if (name[0] < '0' || name[0] > '9' || strlen(name) > 9)
        return false;
    return strtoul(name, &end, 10) < below && *end == '\0';
}

/* Empties a folder; *files: something but folders was in it. `below`: how many folders of it stay,
 * at each depth; the deepest keep none. */
static bool empty_folder(int dirfd, const char *name, const size_t *below, bool *files,
                         struct error *err)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return true;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return file_remove_tree(dirfd, name, err); /* no folder: a link, or a file */
    }
    bool ok = true;
    struct dirent *e;
    while (ok && (errno = 0, e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (e->d_type == DT_DIR && is_kept(e->d_name, *below)) {
            ok = empty_folder(fd, e->d_name, below + 1, files, err);
        } else {
            *files = true;
            ok = file_remove_tree(fd, e->d_name, err);
        }
    }
    if (ok && errno != 0)
        ok = error_errno(err, "reading folder");
    closedir(dir);
    return ok || error_context(err, "%s", name);
}

static bool empty_stage(struct stage *st, struct error *err)
{
    const size_t below[] = {FOLDERS_KEPT, FOLDERS_KEPT, 0};
    if (st->empty)
        return true;
    bool files = false, ok = empty_folder(st->store->out_fd, ".stage", below, &files, err);
    st->had_files = st->had_files || (files && !st->used);
    st->empty = ok;
    return ok;
}

/* --- staging -------------------------------------------------------------------------------- */

static bool open_stage(struct stage *st, struct error *err)
{
    int out_fd = st->store->out_fd;
    if (st->fd >= 0)
        return true;
    if (!empty_stage(st, err)) /* left by a look that was killed */
        return false;
    if (mkdirat(out_fd, ".stage", 0777) < 0 && errno != EEXIST)
        return error_errno(err, "creating folder .stage");
    st->used = true;
    st->empty = false;
    st->fd = openat(out_fd, ".stage", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return st->fd >= 0 || error_errno(err, "opening folder .stage");
}

static bool open_worker(struct stage *st, unsigned worker, struct error *err)
{
    char name[16];
    pthread_mutex_lock(&st->lock);
    bool ok = open_stage(st, err);
    pthread_mutex_unlock(&st->lock);
    if (!ok)
        return error_context(err, "%s", st->store->out);
    snprintf(name, sizeof(name), "%u", worker);
    if (mkdirat(st->fd, name, 0777) < 0 && errno != EEXIST)
        return error_errno(err, "creating folder %s/.stage/%s", st->store->out, name);
    st->workers[worker].fd = openat(st->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return st->workers[worker].fd >= 0 ||
           error_errno(err, "opening folder %s/.stage/%s", st->store->out, name);
}

static bool add_folder(const struct stage_worker *w, struct error *err)
{
    char name[32];
    snprintf(name, sizeof(name), "%" PRIu64, w->count / FOLDER_FILES);
    return mkdirat(w->fd, name, 0777) == 0 || errno == EEXIST ||
           error_errno(err, "creating a folder in .stage");
}

/* *taken: it fails because there is one of that name. */
static bool write_file(int dirfd, const char *name, const char *data, size_t len, int64_t mtime,
                       bool *taken, struct error *err)
{
    int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *taken = fd < 0 && errno == EEXIST;
    if (fd < 0)
        return error_errno(err, "creating a file in .stage");
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = mtime}};
    bool ok = file_write_all(fd, "a file in .stage", data, len, err);
    if (ok && futimens(fd, times) < 0)
        ok = error_errno(err, "setting the time of a file in .stage");
    if (close(fd) < 0 && ok)
        ok = error_errno(err, "closing a file in .stage");
    return ok;
}

/* The set for the folder of `path`: the last one, or a new one. */
static bool take_set(struct stage_worker *w, unsigned worker, const char *path, uint64_t *ref,
                     struct error *err)
{
    char name[STAGE_NAME_SIZE];
    size_t len = (size_t)(strrchr(path, '/') - path);
    bool last = w->n_sets > 0 && w->set.len == len && memcmp(w->set.buf, path, len) == 0;
    *ref = (uint64_t)worker << REF_BITS | REF_SET | (last ? w->n_sets - 1 : w->n_sets);
    if (last)
        return true;
    stage_set_name(*ref, name);
    if (mkdirat(w->fd, name, 0777) < 0)
        return error_errno(err, "creating a folder in .stage");
    MEM_GROW(w->sets, w->n_sets + 1, w->alloc_sets);
    w->sets[w->n_sets++] = 0;
    strbuf_reset(&w->set);
    strbuf_add(&w->set, path, len);
    return true;
}

static bool take_number(struct stage_worker *w, unsigned worker, uint64_t *ref, struct error *err)
{
    if (w->count % FOLDER_FILES == 0 && !add_folder(w, err))
        return false;
    *ref = (uint64_t)worker << REF_BITS | w->count++;
    return true;
}

static bool write_both(const struct stage_worker *w, const struct staged *file, uint64_t ref,
                       bool *taken, struct error *err)
{
    char name[STAGE_NAME_SIZE];
    stage_name(ref, file->path, false, name);
    if (!write_file(w->fd, name, file->data, file->len, file->mtime, taken, err))
        return false;
    stage_name(ref, file->path, true, name);
    return file->gz_len == 0 ||
           write_file(w->fd, name, file->gz, file->gz_len, file->mtime, taken, err);
}

/* Two files of one name are a mistake that is told later and better. Then what lies in the set is
 * no longer what public/ should have: *taken, and the set is spoilt. */
static bool put_in_set(struct stage_worker *w, unsigned worker, const struct staged *file,
                       uint64_t *ref, bool *taken, struct error *err)
{
    if (!take_set(w, worker, file->path, ref, err))
        return false;
    size_t *size = &w->sets[w->n_sets - 1];
    *taken = *size == STAGE_SPOILT;
    bool ok = !*taken && write_both(w, file, *ref, taken, err);
    *size = *taken ? STAGE_SPOILT : *size + 1;
    if (*taken)
        error_clear(err);
    return ok || *taken;
}

bool stage_put(struct stage *st, unsigned worker, const struct staged *file, uint64_t *ref,
               struct error *err)
{
    struct stage_worker *w = &st->workers[worker];
    bool ok = true, taken = true;
    if (w->fd < 0 && !open_worker(st, worker, err))
        return false;
    if (file->path != NULL && strchr(file->path, '/') != NULL)
        ok = put_in_set(w, worker, file, ref, &taken, err);
    if (ok && taken)
        ok = take_number(w, worker, ref, err) && write_both(w, file, *ref, &taken, err);
    return ok || error_context(err, "%s", st->store->out);
}

int stage_folder(const struct stage *st, uint64_t ref)
{
    return st->workers[ref >> REF_BITS].fd;
}

void stage_name(uint64_t ref, const char *path, bool twin, char name[STAGE_NAME_SIZE])
{
    uint64_t number = ref & REF_NUMBER;
    const char *suffix = twin ? ".gz" : "";
    if ((ref & REF_SET) != 0)
        snprintf(name, STAGE_NAME_SIZE, "set%" PRIu64 "%s%s", number, strrchr(path, '/'), suffix);
    else
        snprintf(name, STAGE_NAME_SIZE, "%" PRIu64 "/%u%s", number / FOLDER_FILES,
                 (unsigned)(number % FOLDER_FILES), suffix);
}

size_t stage_set_size(const struct stage *st, uint64_t ref)
{
    return (ref & REF_SET) != 0 ? st->workers[ref >> REF_BITS].sets[ref & REF_NUMBER] : 0;
}

void stage_set_name(uint64_t ref, char name[STAGE_NAME_SIZE])
{
    snprintf(name, STAGE_NAME_SIZE, "set%" PRIu64, ref & REF_NUMBER);
}

bool stage_discard(struct stage *st, struct error *err)
{
    close_all(st);
    for (unsigned i = 0; i < st->n_workers; i++)
        st->workers[i].count = st->workers[i].n_sets = 0;
    return empty_stage(st, err) || error_context(err, "%s", st->store->out);
}

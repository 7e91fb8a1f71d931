#include "store/ready.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/pool.h"

#define STRIDE 32 /* changes between two words to the one who waits */

/* False when there is nothing to wait for any more. */
static bool wait_for_flush(struct ready *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->flushed && !atomic_load(&r->stop))
        pthread_cond_wait(&r->flush, &r->lock);
    bool flushed = r->flushed;
    pthread_mutex_unlock(&r->lock);
    return flushed;
}

/* --- one change ----------------------------------------------------------------------------- */

static size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) : 0;
}

/* *fresh: it was not there. What else may stand under its name shows when it is opened. */
static bool make_folder(struct ready *r, const char *path, size_t len, bool *fresh,
                        struct error *err)
{
    int dirfd;
    const char *name;
    char folder[ROUTE_PATH_MAX + 1];
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (!walk_to(&r->walk, folder, true, &dirfd, &name, err))
        return error_context(err, "%s/public", r->c->store->out);
    *fresh = mkdirat(dirfd, name, 0777) == 0;
    return *fresh || errno == EEXIST ||
           error_errno(err, "creating folder %s/public/%s", r->c->store->out, folder);
}

/* Files of one folder follow each other, within their kind. */
static bool ready_folder(struct ready *r, size_t i, struct error *err)
{
    const char *path = r->c->changes[i].file->path;
    size_t len = folder_len(path);
    if (i > 0) {
        const char *last = r->c->changes[i - 1].file->path;
        if (folder_len(last) == len && memcmp(last, path, len) == 0) {
            r->fresh[i] = r->fresh[i - 1];
            return true;
        }
    }
    if (stage_set_size(r->c->stage, r->c->changes[i].ref) > 0)
        return true; /* comes with its folder */
    return len == 0 || make_folder(r, path, len, &r->fresh[i], err);
}

static bool ready_object(struct ready *r, size_t i, struct error *err)
{
    const struct commit_change *change = &r->c->changes[i];
    char name[STAGE_NAME_SIZE];
    int folder = stage_folder(r->c->stage, change->ref);
    stage_name(change->ref, change->file->path, false, name);
    bool added;
    if (!object_add(r->objects, change->file->sha256, folder, name, &added, err))
        return false;
    return added || !wait_for_flush(r) ||
           object_keep(r->objects, change->file->sha256, folder, name, err);
}

/* --- running ahead -------------------------------------------------------------------------- */

static void tell(struct ready *r, struct ready_runner *runner, size_t done, bool failed)
{
    pthread_mutex_lock(&r->lock);
    runner->done = done;
    runner->failed = failed;
    pthread_cond_signal(&r->progress);
    pthread_mutex_unlock(&r->lock);
}

static void run(struct ready *r, struct ready_runner *runner,
                bool (*one)(struct ready *, size_t, struct error *))
{
    size_t i = 0, n = r->c->n_changes;
    bool ok = true;
    while (ok && i < n && !atomic_load(&r->stop)) {
        ok = one(r, i, &runner->err);
        if (ok && ++i % STRIDE == 0)
            tell(r, runner, i, false);
    }
    tell(r, runner, i, !ok);
}

static void run_folders(void *payload, unsigned worker)
{
    struct ready *r = payload;
    (void)worker;
    if (r->c->n_removals == 0 || wait_for_flush(r))
        run(r, &r->folders, ready_folder);
}

static void run_keeper(void *payload, unsigned worker)
{
    struct ready *r = payload;
    (void)worker;
    run(r, &r->keeper, ready_object);
}

void ready_begin(struct ready *r, const struct commit *c, struct object_writer *objects)
{
    struct error no_threads = ERROR_INIT;
    *r = (struct ready){.c = c, .objects = objects};
    r->fresh = mem_calloc(c->n_changes + 1, sizeof(*r->fresh));
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->progress, NULL);
    pthread_cond_init(&r->flush, NULL);
    walk_init(&r->walk, c->store->public_fd);
    if (c->n_changes <= COMMIT_FSYNC_MAX)
        return;
    r->pool = pool_new(2, 2, &no_threads);
    if (r->pool != NULL) {
        pool_submit(r->pool, run_folders, r);
        pool_submit(r->pool, run_keeper, r);
    }
}

void ready_flushed(struct ready *r)
{
    pthread_mutex_lock(&r->lock);
    r->flushed = true;
    pthread_cond_broadcast(&r->flush);
    pthread_mutex_unlock(&r->lock);
}

/* The runner whose failure is the reason that change i never gets ready, or NULL. */
static const struct ready_runner *failed_before(const struct ready *r, size_t i)
{
    if (r->folders.failed && r->folders.done <= i)
        return &r->folders;
    return r->keeper.failed && r->keeper.done <= i ? &r->keeper : NULL;
}

bool ready_wait(struct ready *r, size_t i, bool *fresh, struct error *err)
{
    const struct ready_runner *failed = NULL;
    if (r->pool == NULL) {
        bool ok = ready_folder(r, i, err) && ready_object(r, i, err);
        *fresh = r->fresh[i];
        return ok;
    }
    if (i >= r->known) {
        pthread_mutex_lock(&r->lock);
        while ((failed = failed_before(r, i)) == NULL &&
               (r->folders.done <= i || r->keeper.done <= i))
            pthread_cond_wait(&r->progress, &r->lock);
        r->known = r->folders.done < r->keeper.done ? r->folders.done : r->keeper.done;
        pthread_mutex_unlock(&r->lock);
    }
    if (failed != NULL) {
        *err = failed->err;
        return false;
    }
    *fresh = r->fresh[i];
    return true;
}

void ready_end(struct ready *r)
{
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->stop, true);
    pthread_cond_broadcast(&r->flush);
    pthread_mutex_unlock(&r->lock);
    pool_free(r->pool); /* waits */
    walk_release(&r->walk);
    free(r->fresh);
    pthread_cond_destroy(&r->progress);
    pthread_cond_destroy(&r->flush);
    pthread_mutex_destroy(&r->lock);
}

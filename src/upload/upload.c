#include "upload/upload.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "upload/upload_pass.h"

#define BUSY_PAUSE_MS 500
#define AGAIN_MAX 10 /* passes that found another record or release than before */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool upload_open(struct upload **out, const struct config *config, const atomic_bool *stop,
                 struct error *err)
{
    struct upload *u = mem_calloc(1, sizeof(*u));
    *out = NULL;
    u->config = config;
    u->stop = stop;
    arena_init(&u->arena);
    u->store = (struct store){
        .out_fd = -1, .public_fd = -1, .releases_fd = -1, .objects_fd = -1, .lock_fd = -1};
    claim_owner(u->owner);
    record_init(&u->record);
    if (!store_open(&u->store, config->out, true, err) || !upload_open_targets(u, err)) {
        upload_close(u);
        return false;
    }
    if (u->store.out_fd < 0 || u->store.releases_fd < 0) {
        upload_close(u);
        return error_set(err, ERROR_FAILED, "%s: nothing has been printed yet: platen build",
                         config->out);
    }
    content_open(&u->content, &u->store);
    *out = u;
    return true;
}

void upload_close(struct upload *u)
{
    if (u == NULL)
        return;
    if (u->state != u->pages)
        target_close(u->state);
    target_close(u->pages);
    if (u->content.store != NULL)
        content_close(&u->content);
    store_close(&u->store);
    record_release(&u->record);
    upload_forget_purges(u);
    http_free(u->http);
    credentials_free(u->credentials);
    arena_release(&u->arena);
    free(u);
}

static void pass_begin(struct pass *p, struct upload *u, const struct upload_options *options,
                       struct upload_result *result)
{
    *p = (struct pass){.u = u, .options = options, .result = result};
    arena_init(&p->arena);
    map_init(&p->unknown);
    result->held = false; /* what the pass before has found is past */
    result->n_held = 0;
    result->pin = (struct pin){0};
}

static void pass_end(struct pass *p)
{
    if (p->has_delta)
        delta_release(&p->delta);
    if (p->has_release)
        release_state_release(&p->release);
    map_release(&p->unknown);
    arena_release(&p->arena);
}

static bool pause_for(double seconds, const atomic_bool *stop)
{
    double until = now() + seconds;
    while (now() < until) {
        struct timespec tick = {.tv_nsec = 50 * 1000000};
        if (stop != NULL && atomic_load(stop))
            return false;
        nanosleep(&tick, NULL);
    }
    return true;
}

static bool passes(struct upload *u, const struct upload_options *options,
                   struct upload_result *result, struct error *err)
{
    double patience = now() + (double)options->wait_ms / 1000;
    enum pass_end end = PASS_AGAIN;
    bool ok = true;
    for (unsigned again = 0; ok && end != PASS_DONE;) {
        struct pass p;
        struct error why = ERROR_INIT;
        pass_begin(&p, u, options, result);
        ok = pass_run(&p, &end, &why);
        pass_end(&p);
        if (!ok || end == PASS_BUSY) /* busy: why says who */
            *err = why;
        if (ok && end == PASS_BUSY)
            ok = now() < patience && pause_for(BUSY_PAUSE_MS / 1000.0, u->stop);
        if (ok && end == PASS_AGAIN && ++again == AGAIN_MAX)
            ok = error_set(err, ERROR_FAILED,
                           "%s: the origin changes all the time; who else "
                           "uploads there?",
                           target_name(u->state));
        u->known = u->known && end == PASS_DONE && ok;
    }
    return ok;
}

static uint64_t requests(const struct upload *u)
{
    return target_requests(u->pages) + (u->state != u->pages ? target_requests(u->state) : 0);
}

bool upload_run(struct upload *u, const struct upload_options *options,
                struct upload_result *result, struct error *err)
{
    double began = now();
    uint64_t before = requests(u);
    int lock = -1;
    *result = (struct upload_result){0};
    arena_init(&result->arena);
    result->origin = target_name(u->pages);
    if (!marker_lock(&u->store, options->wait_ms, &lock, err))
        return false;
    marker_read(&u->store, target_name(u->state), &u->marker);
    bool ok = passes(u, options, result, err);
    close(lock);
    result->requests = requests(u) - before;
    result->seconds = now() - began;
    return ok;
}

void upload_result_release(struct upload_result *result)
{
    free(result->changes);
    arena_release(&result->arena);
    *result = (struct upload_result){0};
}

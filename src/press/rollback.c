#include "press/rollback.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "press/pinned.h"
#include "press/recorded.h"
#include "press/report.h"
#include "press/setup.h"

static bool is_kept(const struct press *p, uint64_t generation)
{
    for (size_t i = 0; i < p->releases.n_manifests; i++)
        if (p->releases.manifests[i] == generation)
            return true;
    return false;
}

/* Going back twice in a hurry must not end where it began: what is pinned is meant again. */
static uint64_t default_generation(const struct press *p)
{
    const struct pin *pin = p->result->pin;
    uint64_t before = 0;
    if (pin != NULL && pin->by == PIN_BY_ROLLBACK && is_kept(p, pin->generation))
        return pin->generation;
    for (size_t i = 0; i < p->releases.n_manifests; i++)
        if (p->releases.manifests[i] < p->recorded.manifest.generation)
            before = p->releases.manifests[i];
    return before;
}

static bool choose(const struct press *p, struct rollback *r, struct error *err)
{
    if (p->recorded.manifest.generation == 0 && r->generation == 0)
        return error_set(err, ERROR_FAILED, "%s: there is no release yet", p->store.out);
    if (r->generation != 0)
        return is_kept(p, r->generation) ||
               error_set(err, ERROR_USAGE,
                         "release %" PRIu64 " is not kept in %s; 'platen rollback --list' shows "
                         "those that are",
                         r->generation, p->store.out);
    r->generation = default_generation(p);
    return r->generation != 0 ||
           error_set(err, ERROR_FAILED,
                     "%s: no release before the newest, %" PRIu64 ", is kept: there is nothing to "
                     "go back to",
                     p->store.out, p->recorded.manifest.generation);
}

/* Who ends a rollback that was cut short has not begun another: `before` may say what this one
 * says. */
static bool pin_it(struct press *p, const struct rollback *r, const struct pin *before,
                   struct error *err)
{
    struct press_result *result = p->result;
    struct pin *pin = arena_calloc(&result->arena, 1, sizeof(*pin));
    char reason[PIN_REASON_MAX + 1];
    bool again =
        before != NULL && before->by == PIN_BY_ROLLBACK && before->generation == r->generation;
    snprintf(reason, sizeof(reason), "rolled back from release %" PRIu64 " to release %" PRIu64,
             p->recorded.manifest.generation, r->generation);
    if (again)
        *pin = *before;
    else
        pin_set_time(pin, p->now);
    pin->generation = r->generation;
    pin->by = PIN_BY_ROLLBACK;
    if (again && r->reason == NULL)
        snprintf(reason, sizeof(reason), "%s", before->reason);
    if (!pin_set_reason(pin, r->reason != NULL ? r->reason : reason, err))
        return false;
    result->pin = pin;
    return p->options->dry_run || pin_write(&p->store, pin, err);
}

/* *before: what was pinned until now, or NULL. */
static bool prepare(struct press *p, struct rollback *r, const struct pin **before,
                    struct error *err)
{
    if (!recorded_lock(p, err) || !setup_workers(p, err) || !recorded_load(p, err) ||
        !choose(p, r, err))
        return false;
    *before = p->result->pin;
    p->result->pin = NULL;
    p->result->warning = NULL;
    return (p->options->dry_run || stage_discard(&p->stage, err)) &&
           pinned_open(p, r->generation, err);
}

static bool print(struct press *p, const struct rollback *r, const struct pin *before,
                  struct error *err)
{
    if (!pinned_gather(p, err) || !pinned_settle(p, err) || !pin_it(p, r, before, err))
        return false;
    return press_finish(p, true, err) ||
           error_context(err,
                         "%s is pinned to release %" PRIu64 ", but not all of it is there: run "
                         "the rollback again (or 'platen unpin' to give it up)",
                         p->store.out, r->generation);
}

static bool go_back(struct press *p, struct rollback *r, struct error *err)
{
    struct error ignored = ERROR_INIT;
    const struct pin *before;
    if (!prepare(p, r, &before, err))
        return false;
    bool ok = print(p, r, before, err);
    if (!ok && !p->options->dry_run) /* what was printed in vain must not fill the disk */
        stage_discard(&p->stage, &ignored);
    return ok;
}

bool press_rollback(const struct config *config, const struct press_options *options,
                    struct rollback *rollback, struct press_result *result, struct error *err)
{
    struct press p;
    struct theme none = {0};
    struct pin checked;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    *result = (struct press_result){.content = ""};
    arena_init(&result->arena);
    if (rollback->reason != NULL && !pin_set_reason(&checked, rollback->reason, err))
        return false;
    setup_init(&p, config, options, result);
    p.theme = &none;
    bool ok = go_back(&p, rollback, err);
    setup_release(&p);
    clock_gettime(CLOCK_MONOTONIC, &end);
    result->seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    return ok;
}

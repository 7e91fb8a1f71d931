/* The walk of press/press.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "press/batch.h"
#include "press/describe.h"
#include "press/files.h"
#include "press/pinned.h"
#include "press/recorded.h"
#include "press/report.h"
#include "press/scope.h"
#include "press/session.h"
#include "press/settle.h"
#include "press/setup.h"
#include "press/site.h"
#include "store/commit.h"
#include "store/retain.h"

#define PASSES_MAX 16
#define CATCH_UP_MS 2000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void progress(const struct press *p, const char *step, uint64_t done, uint64_t total)
{
    if (p->options->progress != NULL)
        p->options->progress(p->options->payload, step, done, total);
}

/* --- passes ---------------------------------------------------------------------------------- */

static void forget(struct press_problems *list)
{
    list->n = 0;
    list->more = 0;
    list->omitted = false;
}

static bool needs_recorded_pages(const struct press *p)
{
    return verdict_any_at_all(&p->assumed) || p->config->guard_content == CONFIG_KEEP ||
           p->config->n_only_locales > 0 || p->partial;
}

/* Back to before the first row; the snapshot stays open. What made earlier passes withdraw pages is
 * not found again once these are left out, so that stays. */
static bool start_over(struct press *p, struct error *err)
{
    verdict_copy(&p->found, &p->withheld);
    memset(p->rows, 0, p->config->n_sets * MANIFEST_MAX_NAMES * sizeof(*p->rows));
    memset(p->unlisted, 0, p->config->n_sets * sizeof(*p->unlisted));
    p->rows_total = 0;
    p->deletions_held = false;
    p->next_change_at = NULL;
    p->groups = 0;
    forget(&p->problems);
    map_release(&p->gone);
    map_release(&p->kept);
    manifest_release(&p->next);
    for (unsigned i = 0; i <= p->n_workers; i++) {
        manifest_release(&p->workers[i].out);
        p->workers[i].bytes_written = 0;
    }
    if (needs_recorded_pages(p))
        recorded_index_pages(p);
    return p->options->dry_run || stage_discard(&p->stage, err);
}

/* A tag nobody has: most likely a slip of the finger, and nothing would be printed. */
static bool check_asked_for(const struct press *p, struct error *err)
{
    for (size_t i = 0; i < p->config->n_only_locales; i++)
        if (locale_table_find(&p->locales, p->config->only_locales[i]) == MANIFEST_NONE)
            return error_set(err, ERROR_USAGE, "--locale %s: no page set has a row in this locale",
                             p->config->only_locales[i]);
    return true;
}

static bool read_all(struct press *p, struct error *err)
{
    bool ok = true;
    for (uint16_t set = 0; ok && set < p->config->n_sets; set++)
        ok = batch_read_set(p, set, err);
    pool_wait(p->pool);
    if (atomic_load(&p->failed)) {
        *err = p->error;
        ok = false;
    }
    return ok && check_asked_for(p, err);
}

/* scope: release — one held pair holds them all; tombstones still act. */
static void widen_verdict(struct press *p)
{
    if (p->config->guard_scope != CONFIG_SCOPE_RELEASE || !verdict_any_at_all(&p->found))
        return;
    for (uint16_t set = 0; set < p->config->n_sets; set++)
        verdict_hold(&p->found, set, MANIFEST_NONE);
}

static bool one_pass(struct press *p, struct error *err)
{
    if (!start_over(p, err) || !read_all(p, err))
        return false;
    if (p->pinned != NULL)
        return pinned_gather(p, err);
    if (p->partial)
        return settle_gather(p, err);
    if (!files_put_static(p, err) || !files_put_assets(p, err) || !files_carry_assets(p, err))
        return false;
    settle_count(p);
    widen_verdict(p);
    if (verdict_any_at_all(&p->found))
        recorded_index_pages(p);
    return settle_gather(p, err);
}

/* What is held has to be known before the first page is printed, and is known only after the last
 * one was: so the look is repeated, from the same snapshot, until it finds what it assumed.
 *
 * The first assumption, what the last release held, is only a guess. Pages withdrawn under a wrong
 * one may have clashed with pages that were wrongly thought to stay: that is forgotten. */
static void assume_found(struct press *p, bool guessed)
{
    bool withdrawn = press_take_withdrawals(p);
    widen_verdict(p);
    verdict_copy(&p->assumed, &p->found);
    if (guessed && withdrawn) {
        map_release(&p->withdrawn);
        forget(&p->late);
        verdict_clear(&p->withheld);
        verdict_clear(&p->assumed);
    }
}

/* *why: an incremental look has to become a full one. */
static bool read_and_print(struct press *p, const char **why, struct error *err)
{
    bool guessed = verdict_any_at_all(&p->assumed);
    if (p->partial) {
        if (!one_pass(p, err))
            return false;
        *why = scope_insufficient(p);
        p->next_change_at = session_due(p->session, p->next_change_at);
        describe_names(p);
        return *why != NULL || site_put(p, err);
    }
    for (unsigned pass = 0; pass < PASSES_MAX; pass++, guessed = false) {
        if (!one_pass(p, err))
            return false;
        if (p->n_withdrawals == 0 && verdict_equal(&p->assumed, &p->found, p->locales.count)) {
            if (p->pinned != NULL)
                return pinned_settle(p, err);
            describe_names(p);
            return settle_deletions(p, err) && site_put(p, err);
        }
        assume_found(p, guessed);
    }
    return error_set(err, ERROR_FAILED,
                     "what is held keeps changing with each reading of one snapshot");
}

/* --- the release ------------------------------------------------------------------------------ */

static struct commit_change *list_changes(const struct press *p, size_t *count)
{
    struct commit_change *list = NULL;
    size_t n = 0, alloc = 0;
    for (size_t i = 0; i < p->next.n_files; i++) {
        if (p->next.files[i].staged == MANIFEST_NOT_STAGED)
            continue;
        MEM_GROW(list, n + 1, alloc);
        list[n++] = (struct commit_change){&p->next.files[i], p->next.files[i].staged};
    }
    *count = n;
    return list;
}

static void on_placing(void *payload, size_t done, size_t total)
{
    progress(payload, "placing", done, total);
}

/* --- the look --------------------------------------------------------------------------------- */

bool press_finish(struct press *p, bool always, struct error *err)
{
    size_t n_changes, n_removals;
    const struct manifest_file **removals;
    struct commit_change *changes = list_changes(p, &n_changes);
    settle_removals(p, &removals, &n_removals);
    bool ok = true, anything = always || n_changes + n_removals > 0 || p->releases.n_intents > 0;
    report_changes(p, changes, n_changes, removals, n_removals);
    if (anything && !p->options->dry_run) {
        describe_release(p);
        struct commit c = {.store = &p->store,
                           .stage = &p->stage,
                           .releases = &p->releases,
                           .next = &p->next,
                           .changes = changes,
                           .n_changes = n_changes,
                           .removals = removals,
                           .n_removals = n_removals,
                           .progress = on_placing,
                           .payload = p};
        /* After a look that was cut short there may be objects that no manifest names. */
        bool sweep = p->releases.n_intents > 0 || p->recorded.all_unknown || p->stage.had_files;
        ok = commit_run(&c, err) && stage_discard(&p->stage, err) &&
             (!(sweep || session_may_retain(p->session, p->now)) ||
              retain_apply(&p->store, p->now, sweep, err));
        p->result->released = ok;
    }
    if (ok)
        report_release(p, p->result->released ? &p->next : &p->recorded.manifest);
    free(changes);
    free(removals);
    return ok;
}

struct opening {
    struct press *p;
    struct error err;
    bool ok;
};

static void open_source(void *payload, unsigned worker)
{
    struct opening *o = payload;
    (void)worker;
    o->ok = source_open(&o->p->source, o->p->config, &o->p->theme->symtab, &o->err);
}

static bool load_theme(struct press *p, struct error *err)
{
    struct press_session *s = p->session;
    if (s != NULL && s->has_theme)
        return true;
    bool ok = theme_load(p->theme, p->config, err);
    if (s != NULL)
        s->has_theme = ok;
    return ok;
}

/* What the look was asked for may not have come to a standby yet. */
static bool catch_up(struct press *p, struct error *err)
{
    p->result->in_recovery = source_info(p->source)->in_recovery;
    return p->options->after == NULL ||
           source_catch_up(p->source, p->options->after, CATCH_UP_MS, &p->result->behind, err);
}

/* The server is met while templates and the last release are read. None comes before the lock: who
 * waited for another platen must see what that one printed, and a snapshot that is not older. */
static bool begin(struct press *p, struct error *err)
{
    struct opening o = {.p = p, .err = ERROR_INIT};
    if (!recorded_lock(p, err) || !setup_workers(p, err))
        return false;
    pool_submit(p->pool, open_source, &o);
    bool ok = load_theme(p, err) && recorded_load(p, err);
    pool_wait(p->pool);
    if (ok && !o.ok)
        *err = o.err;
    return ok && o.ok && catch_up(p, err);
}

/* Whether the look before this one is still what out/ was printed from. */
static const char *why_not_recorded(const struct press *p)
{
    if (p->pinned != NULL)
        return "a release is pinned";
    if (p->releases.n_intents > 0 || p->recorded.all_unknown)
        return "a release was cut short";
    if (p->recorded.manifest.generation != p->session->generation)
        return "somebody else has printed to the same folder";
    return p->repack || p->recorded.manifest.n_held > 0 ? "the last release was another kind"
                                                        : NULL;
}

/* *why: what forbids an incremental look after all. */
static bool begin_partial(struct press *p, const char **why, struct error *err)
{
    struct press_session *s = p->session;
    if (!recorded_lock(p, err) || !setup_workers(p, err) || !recorded_load(p, err))
        return false;
    p->source = s->source;
    *why = why_not_recorded(p);
    return *why != NULL ||
           (source_again(p->source, err) && catch_up(p, err) && scope_find(p, &s->mark, why, err));
}

/* Whether still the same is watched is asked when the pages are out: it takes as long as printing
 * one, and the answer hardly ever is no. Then all is read at once, and nothing is built on this. */
static void confirm(struct press *p, struct source_mark *mark)
{
    struct error lost = ERROR_INIT;
    const char *before = p->session->mark.log;
    if (!source_mark(p->source, &p->shared, mark, &lost))
        *mark = (struct source_mark){0};
    p->too_narrow = mark->log == NULL || strcmp(mark->log, before) != 0;
}

static bool may_build_on(const struct press *p)
{
    return p->result->n_problems == 0 && p->pinned == NULL && !p->too_narrow;
}

/* *why: reason to begin again with a full look; then nothing was changed. */
static bool look(struct press *p, const char **why, struct error *err)
{
    bool partial = p->partial;
    progress(p, "reading", 0, 0);
    *why = NULL;
    p->partial = false;
    if (partial ? !begin_partial(p, why, err) : !begin(p, err))
        return false;
    if (*why != NULL)
        return true;
    struct source_mark mark = {0};
    bool ok = p->partial || p->session == NULL || source_mark(p->source, &p->shared, &mark, err);
    if (p->partial)
        p->next_change_at = session_due(p->session, NULL);
    if (p->partial && !scope_any(p)) {
        report_release(p, &p->recorded.manifest);
    } else {
        ok = ok && read_and_print(p, why, err) &&
             (*why != NULL || p->partial || source_end(p->source, err)) &&
             (*why != NULL || press_finish(p, false, err));
    }
    if (ok && p->partial && *why == NULL)
        confirm(p, &mark);
    if (!ok || *why != NULL) {
        /* What was printed in vain must not fill the disk until the next look. */
        struct error ignored = ERROR_INIT;
        if (!p->options->dry_run)
            stage_discard(&p->stage, &ignored);
        return ok;
    }
    report_problems(p);
    p->result->incremental = p->partial;
    if (p->partial)
        p->result->changed_ms = source_info(p->source)->changed_ms;
    if (p->session != NULL)
        session_note(p->session, p, may_build_on(p) ? &mark : NULL);
    return true;
}

/* --- sessions --------------------------------------------------------------------------------- */

static void begin_result(struct press_result *result)
{
    *result = (struct press_result){.content = ""};
    arena_init(&result->arena);
}

bool press_look(const struct config *config, const struct press_options *options,
                struct press_result *result, struct error *err)
{
    struct press p;
    struct theme theme = {0};
    const char *why;
    double began = now();
    begin_result(result);
    setup_init(&p, config, options, result);
    p.theme = &theme;
    bool ok = look(&p, &why, err);
    setup_release(&p);
    result->seconds = now() - began;
    return ok;
}

/* One attempt. *why: nothing was changed, and the look has to read everything. */
static bool attempt(struct press_session *s, bool partial, const struct press_options *options,
                    struct press_result *result, char why[200], struct error *err)
{
    struct press p;
    const char *reason = NULL;
    begin_result(result);
    setup_init(&p, s->config, options, result);
    p.session = s;
    p.theme = &s->theme;
    p.partial = partial;
    bool ok = look(&p, &reason, err);
    if (reason == NULL && p.too_narrow)
        reason = "what is watched has changed";
    snprintf(why, 200, "%s", reason != NULL ? reason : "");
    s->source = p.source;
    struct error ignored = ERROR_INIT;
    if (!ok || reason != NULL || !source_end(s->source, &ignored))
        session_disconnect(s);
    if (!ok)
        s->generation = 0;
    setup_release(&p);
    return ok;
}

static const char *why_full(const struct press_session *s, const struct press_options *options)
{
    if (options->full)
        return "asked for";
    if (s->source == NULL || !session_is_comparable(s))
        return "the last look left nothing to build on";
    return NULL;
}

bool press_session_look(struct press_session *s, const struct press_options *options,
                        struct press_result *result, struct error *err)
{
    char why[200] = "";
    double began = now();
    const char *full = why_full(s, options);
    bool ok = true, partial = full == NULL, printed = false;
    if (partial) {
        struct error lost = ERROR_INIT;
        ok = attempt(s, true, options, result, why, &lost);
        if (!ok)
            snprintf(why, sizeof(why), "%.190s", lost.text);
        full = !ok || why[0] != '\0' ? why : NULL;
    }
    if (full != NULL) {
        char unused[200];
        struct session_past past;
        session_recall(s, &past);
        printed = partial && result->released;
        if (partial)
            press_result_release(result);
        session_disconnect(s);
        ok = attempt(s, false, options, result, unused, err);
        result->full_because = arena_strdup(&result->arena, full);
        result->unnamed = ok && session_is_unnamed(s, &past);
        result->released = result->released || printed;
        arena_release(&past.arena);
    }
    if (s->next_change_at != NULL)
        result->next_change_at = arena_strdup(&result->arena, s->next_change_at);
    result->seconds = now() - began;
    return ok;
}

void press_result_release(struct press_result *result)
{
    arena_release(&result->arena);
    *result = (struct press_result){0};
}

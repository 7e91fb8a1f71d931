/* The walk of press/press.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/version.h"
#include "plan/route.h"
#include "press/batch.h"
#include "press/files.h"
#include "press/settle.h"
#include "press/site.h"
#include "store/commit.h"
#include "store/retain.h"

#define PASSES_MAX 16
#define THREADS_MAX 64

static void progress(const struct press *p, const char *step, uint64_t done, uint64_t total)
{
    if (p->options->progress != NULL)
        p->options->progress(p->options->payload, step, done, total);
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void init(struct press *p, const struct config *config, const struct press_options *options,
                 struct press_result *result)
{
    *p = (struct press){.config = config, .options = options, .result = result};
    p->now = (int64_t)time(NULL);
    p->store = (struct store){
        .out_fd = -1, .public_fd = -1, .releases_fd = -1, .objects_fd = -1, .lock_fd = -1};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->batch_returned, NULL);
    arena_init(&p->shared);
    map_init(&p->gone);
    map_init(&p->kept);
    map_init(&p->withdrawn);
    map_init(&p->recorded_index);
    map_init(&p->recorded_pages);
    map_init(&p->recorded.unknown);
    arena_init(&p->recorded.arena);
    manifest_init(&p->recorded.manifest);
    manifest_init(&p->next);
    verdict_init(&p->assumed, config->n_sets);
    verdict_init(&p->found, config->n_sets);
    verdict_init(&p->withheld, config->n_sets);
    p->unlisted = mem_calloc(config->n_sets + 1, sizeof(*p->unlisted));
    p->rows = mem_calloc(config->n_sets * MANIFEST_MAX_NAMES + 1, sizeof(*p->rows));
    locale_table_init(&p->locales, config);
}

static bool init_worker(struct press *p, struct press_worker *w, struct error *err)
{
    arena_init(&w->scratch);
    strbuf_init(&w->page, (size_t)p->config->max_page_bytes);
    strbuf_init(&w->packed, STRBUF_CAP_DEFAULT);
    digest_init(&w->digest);
    manifest_init(&w->out);
    return gzip_init(&w->gzip, err);
}

static bool init_workers(struct press *p, struct error *err)
{
    p->n_workers = p->config->threads > 0 ? (unsigned)p->config->threads : pool_cores(THREADS_MAX);
    p->workers = mem_calloc(p->n_workers + 1, sizeof(*p->workers));
    p->site = &p->workers[p->n_workers];
    for (unsigned i = 0; i <= p->n_workers; i++)
        if (!init_worker(p, &p->workers[i], err))
            return false;
    /* Site files are made by the looking thread and may be larger than pages. */
    strbuf_release(&p->site->page);
    strbuf_init(&p->site->page, STRBUF_CAP_DEFAULT);
    stage_init(&p->stage, &p->store, p->n_workers + 1);
    p->pool = pool_new(p->n_workers, 2 * (size_t)p->n_workers, err);
    return p->pool != NULL;
}

static void release_workers(struct press *p)
{
    pool_free(p->pool);
    batch_free_all(p);
    if (p->stage.workers != NULL)
        stage_release(&p->stage);
    for (unsigned i = 0; p->workers != NULL && i <= p->n_workers; i++) {
        struct press_worker *w = &p->workers[i];
        if (w->digest.ctx == NULL)
            continue; /* never started */
        gzip_release(&w->gzip);
        digest_release(&w->digest);
        strbuf_release(&w->page);
        strbuf_release(&w->packed);
        arena_release(&w->scratch);
        manifest_release(&w->out);
    }
    free(p->workers);
}

static void release(struct press *p)
{
    release_workers(p);
    source_close(p->source);
    theme_release(&p->theme);
    manifest_release(&p->next);
    release_state_release(&p->recorded);
    release_list_free(&p->releases);
    store_close(&p->store);
    locale_table_release(&p->locales);
    verdict_release(&p->assumed);
    verdict_release(&p->found);
    verdict_release(&p->withheld);
    free(p->rows);
    free(p->unlisted);
    free(p->problems.items);
    free(p->late.items);
    map_release(&p->gone);
    map_release(&p->kept);
    map_release(&p->withdrawn);
    free(p->withdrawals);
    map_release(&p->recorded_index);
    map_release(&p->recorded_pages);
    arena_release(&p->shared);
    pthread_cond_destroy(&p->batch_returned);
    pthread_mutex_destroy(&p->lock);
}

/* --- what is recorded ------------------------------------------------------------------------ */

static const char *packing(const struct config *c)
{
    return c->gzip ? GZIP_METHOD : "";
}

/* What the names of the last release are now. Only then do workers begin to ask. */
static void index_recorded(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    manifest_index(m, &p->recorded_index);
    for (size_t i = 0; i < m->n_locales; i++) {
        struct error ignored = ERROR_INIT;
        bool known = route_check_locale(m->locales[i], &ignored);
        p->recorded_locales[i] =
            known ? locale_table_intern(&p->locales, m->locales[i]) : MANIFEST_NONE;
    }
    for (size_t i = 0; i < m->n_sets; i++) {
        p->recorded_sets[i] = MANIFEST_NONE;
        for (uint16_t set = 0; set < p->config->n_sets; set++)
            if (strcmp(p->config->sets[set].name, m->sets[i]) == 0)
                p->recorded_sets[i] = set;
    }
    p->repack = m->generation != 0 && strcmp(m->packing, packing(p->config)) != 0;
}

/* Pages by name, for those that stay while others change. */
static void index_recorded_pages(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    if (p->recorded_pages.count > 0)
        return;
    for (size_t i = 0; i < m->n_files; i++) {
        const struct manifest_file *f = &m->files[i];
        uint16_t set = press_recorded_set(p, f->set);
        uint16_t locale = press_recorded_locale(p, f->locale);
        bool added;
        if (f->kind != MANIFEST_PAGE || f->key == NULL || set == MANIFEST_NONE ||
            locale == MANIFEST_NONE)
            continue;
        const char *name = press_page_name(&p->shared, p, set, locale, f->key);
        *map_put(&p->recorded_pages, name, strlen(name), &added) = i;
    }
}

/* What was held last time probably still is: then one pass is enough. */
static void assume_recorded(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    for (size_t i = 0; i < m->n_held; i++) {
        uint16_t set = press_recorded_set(p, m->held[i].set);
        uint16_t locale = press_recorded_locale(p, m->held[i].locale);
        if (set != MANIFEST_NONE && locale != MANIFEST_NONE && press_is_asked_for(p, locale))
            verdict_hold(&p->assumed, set, locale);
    }
}

static bool lock_store(struct press *p, struct error *err)
{
    const struct config *c = p->config;
    if (!store_open(&p->store, c->out, p->options->dry_run, err))
        return false;
    if (!p->options->dry_run && !store_lock(&p->store, c->lock_wait_ms, err))
        return false;
    p->now = (int64_t)time(NULL); /* not before the lock is ours: releases follow in time */
    return true;
}

static bool load_recorded(struct press *p, struct error *err)
{
    if (!release_list(&p->store, &p->releases, err) ||
        !release_load(&p->store, &p->releases, &p->recorded, err))
        return false;
    if (p->recorded.warning[0] != '\0')
        p->result->warning = arena_strdup(&p->result->arena, p->recorded.warning);
    index_recorded(p);
    if (!p->options->accept)
        assume_recorded(p);
    return true;
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
           p->config->n_only_locales > 0;
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
        index_recorded_pages(p);
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
    if (!start_over(p, err) || !read_all(p, err) || !files_put_static(p, err) ||
        !files_put_assets(p, err) || !files_carry_assets(p, err))
        return false;
    settle_count(p);
    widen_verdict(p);
    if (verdict_any_at_all(&p->found))
        index_recorded_pages(p);
    return settle_gather(p, err);
}

/* The names its files' numbers stand for: the sitemap wants them, too. */
static void name_release(struct press *p)
{
    struct manifest *m = &p->next;
    m->sets = arena_calloc(&m->arena, p->config->n_sets, sizeof(*m->sets));
    for (size_t i = 0; i < p->config->n_sets; i++)
        m->sets[i] = p->config->sets[i].name;
    m->n_sets = p->config->n_sets;
    m->locales = p->locales.codes;
    m->n_locales = p->locales.count;
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

static bool read_and_print(struct press *p, struct error *err)
{
    bool guessed = verdict_any_at_all(&p->assumed);
    for (unsigned pass = 0; pass < PASSES_MAX; pass++, guessed = false) {
        if (!one_pass(p, err))
            return false;
        if (p->n_withdrawals == 0 && verdict_equal(&p->assumed, &p->found, p->locales.count)) {
            name_release(p);
            return settle_deletions(p, err) && site_put(p, err);
        }
        assume_found(p, guessed);
    }
    return error_set(err, ERROR_FAILED,
                     "what is held keeps changing with each reading of one snapshot");
}

/* --- the release ------------------------------------------------------------------------------ */

static const char *timestamp(struct arena *arena, int64_t seconds)
{
    struct tm tm;
    char text[40] = "";
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_strdup(arena, text);
}

static void add_member(struct strbuf *sb, const char *name, const char *value)
{
    strbuf_addf(sb, "%s\"%s\":", sb->len > 1 ? "," : "", name);
    if (value == NULL)
        strbuf_addstr(sb, "null");
    else
        json_write_string(sb, value, strlen(value));
}

/* Which database a snapshot belongs to: what a later look compares before it trusts the snapshot.
 */
static void describe_source(struct press *p)
{
    const struct source_info *info = source_info(p->source);
    struct strbuf sb = STRBUF_INIT;
    if (info->snapshot == NULL)
        return;
    p->next.snapshot = arena_strdup(&p->next.arena, info->snapshot);
    strbuf_addch(&sb, '{');
    add_member(&sb, "system_identifier", info->system_identifier);
    add_member(&sb, "timeline", info->timeline);
    add_member(&sb, "database", info->database);
    add_member(&sb, "postmaster_start", info->postmaster_start);
    strbuf_addf(&sb, ",\"in_recovery\":%s}", info->in_recovery ? "true" : "false");
    p->next.database = arena_strndup(&p->next.arena, sb.buf, sb.len);
    strbuf_release(&sb);
}

static void list_held(struct press *p)
{
    struct manifest *m = &p->next;
    size_t most = p->config->n_sets * p->locales.count;
    m->held = arena_calloc(&m->arena, most, sizeof(*m->held));
    for (uint16_t set = 0; set < p->config->n_sets; set++)
        for (uint16_t l = 0; l < p->locales.count; l++)
            if (verdict_is_held(&p->found, set, l))
                m->held[m->n_held++] = (struct manifest_pair){set, l};
}

static void describe_release(struct press *p)
{
    struct manifest *m = &p->next;
    m->generation = release_next(&p->releases);
    m->created = timestamp(&m->arena, p->now);
    m->version = PLATEN_VERSION;
    m->packing = packing(p->config);
    m->next_change_at = p->next_change_at;
    list_held(p);
    describe_source(p);
}

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

/* --- the result ------------------------------------------------------------------------------- */

static void add_change(struct press_result *r, enum press_change_kind kind, const char *path,
                       uint32_t old_size, uint32_t size)
{
    r->changes[r->n_changes++] = (struct press_change){
        .path = arena_strdup(&r->arena, path), .kind = kind, .old_size = old_size, .size = size};
    r->added += kind == PRESS_ADDED;
    r->changed += kind == PRESS_CHANGED;
    r->removed += kind == PRESS_REMOVED;
}

static void report_changes(struct press *p, const struct commit_change *changes, size_t n_changes,
                           const struct manifest_file *const *removals, size_t n_removals)
{
    struct press_result *r = p->result;
    r->changes = arena_calloc(&r->arena, n_changes + n_removals, sizeof(*r->changes));
    for (size_t i = 0; i < n_changes; i++) {
        const struct manifest_file *f = changes[i].file;
        const uint64_t *old = map_get(&p->recorded_index, f->path, strlen(f->path));
        add_change(r, old != NULL ? PRESS_CHANGED : PRESS_ADDED, f->path,
                   old != NULL ? p->recorded.manifest.files[*old].size : 0, f->size);
    }
    for (size_t i = 0; i < n_removals; i++)
        add_change(r, PRESS_REMOVED, removals[i]->path, removals[i]->size, 0);
}

static int by_text(const void *a, const void *b)
{
    const struct press_problem *x = a, *y = b;
    int c = strcmp(x->set, y->set);
    if (c == 0)
        c = strcmp(x->locale, y->locale);
    if (c == 0)
        c = strcmp(x->key, y->key);
    if (c == 0)
        c = (int)x->action - (int)y->action;
    return c != 0 ? c : strcmp(x->text, y->text);
}

static void copy_problems(struct press_result *r, const struct press_problems *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct press_problem *from = &list->items[i];
        r->problems[r->n_problems++] = (struct press_problem){
            .set = arena_strdup(&r->arena, from->set),
            .locale = arena_strdup(&r->arena, from->locale),
            .key = arena_strdup(&r->arena, from->key),
            .text = arena_strdup(&r->arena, from->text),
            .action = from->action,
        };
    }
    r->more_problems += list->more;
    r->omitted = r->omitted || list->omitted;
}

/* A row that several locales borrow is told for each of them; one is enough. */
static void drop_repeated(struct press_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_problems; i++)
        if (i == 0 || by_text(&r->problems[n - 1], &r->problems[i]) != 0)
            r->problems[n++] = r->problems[i];
    r->n_problems = n;
}

static void report_problems(struct press *p)
{
    struct press_result *r = p->result;
    r->problems = arena_calloc(&r->arena, p->problems.n + p->late.n, sizeof(*r->problems));
    copy_problems(r, &p->problems);
    copy_problems(r, &p->late);
    if (r->n_problems > 1)
        qsort(r->problems, r->n_problems, sizeof(*r->problems), by_text);
    drop_repeated(r);
    r->held = verdict_any_at_all(&p->found) || p->deletions_held;
}

static void report_release(struct press *p, const struct manifest *m)
{
    struct press_result *r = p->result;
    r->generation = m->generation;
    r->content = arena_strdup(&r->arena, m->content);
    r->files = m->n_files;
    for (size_t i = 0; i < m->n_files; i++)
        r->pages += m->files[i].kind == MANIFEST_PAGE;
    for (unsigned i = 0; i <= p->n_workers; i++)
        r->bytes_written += p->workers[i].bytes_written;
}

/* --- the look --------------------------------------------------------------------------------- */

static bool finish(struct press *p, struct error *err)
{
    size_t n_changes, n_removals;
    const struct manifest_file **removals;
    struct commit_change *changes = list_changes(p, &n_changes);
    settle_removals(p, &removals, &n_removals);
    bool ok = true, anything = n_changes + n_removals > 0 || p->releases.n_intents > 0;
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
        bool sweep = p->releases.n_intents > 0 || p->recorded.all_unknown;
        ok = commit_run(&c, err) && stage_discard(&p->stage, err) &&
             retain_apply(&p->store, p->now, sweep, err);
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
    o->ok = source_open(&o->p->source, o->p->config, &o->p->theme.symtab, &o->err);
}

/* The server is met while the last release is read. Neither comes before the lock: who waited for
 * another platen must see what that one printed, and a snapshot that is not older than that. */
static bool begin(struct press *p, struct error *err)
{
    struct opening o = {.p = p, .err = ERROR_INIT};
    if (!theme_load(&p->theme, p->config, err) || !lock_store(p, err) || !init_workers(p, err))
        return false;
    pool_submit(p->pool, open_source, &o);
    bool ok = load_recorded(p, err);
    pool_wait(p->pool);
    if (ok && !o.ok)
        *err = o.err;
    return ok && o.ok;
}

static bool look(struct press *p, struct error *err)
{
    progress(p, "reading", 0, 0);
    if (!begin(p, err))
        return false;
    if (!read_and_print(p, err) || !finish(p, err)) {
        /* What was printed in vain must not fill the disk until the next look. */
        struct error ignored = ERROR_INIT;
        if (!p->options->dry_run)
            stage_discard(&p->stage, &ignored);
        return false;
    }
    report_problems(p);
    return true;
}

bool press_look(const struct config *config, const struct press_options *options,
                struct press_result *result, struct error *err)
{
    struct press p;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    *result = (struct press_result){.content = ""};
    arena_init(&result->arena);
    init(&p, config, options, result);
    bool ok = look(&p, err);
    release(&p);
    clock_gettime(CLOCK_MONOTONIC, &end);
    result->seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    return ok;
}

void press_result_release(struct press_result *result)
{
    arena_release(&result->arena);
    *result = (struct press_result){0};
}

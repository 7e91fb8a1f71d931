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

#define PASSES_MAX 8
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
    map_init(&p->recorded_index);
    map_init(&p->recorded_pages);
    map_init(&p->recorded.unknown);
    arena_init(&p->recorded.arena);
    manifest_init(&p->recorded.manifest);
    manifest_init(&p->next);
    verdict_init(&p->assumed, config->n_sets);
    verdict_init(&p->found, config->n_sets);
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
    free(p->rows);
    free(p->problems);
    map_release(&p->gone);
    map_release(&p->kept);
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

/* Pages by name, for those that stay while others change. */
static void index_recorded(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    manifest_index(m, &p->recorded_index);
    for (size_t i = 0; i < m->n_locales; i++) {
        struct error ignored = ERROR_INIT;
        if (route_check_locale(m->locales[i], &ignored))
            locale_table_intern(&p->locales, m->locales[i]);
    }
    p->repack = m->generation != 0 && strcmp(m->packing, packing(p->config)) != 0;
}

static void index_recorded_pages(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    for (size_t i = 0; p->recorded_pages.count == 0 && i < m->n_files; i++) {
        const struct manifest_file *f = &m->files[i];
        bool added;
        if (f->kind != MANIFEST_PAGE || f->key == NULL || f->set == MANIFEST_NONE ||
            f->from == MANIFEST_NONE || (f->flags & MANIFEST_FALLBACK) != 0)
            continue;
        const char *name =
            press_page_name(&p->shared, m->sets[f->set], m->locales[f->from], f->key);
        *map_put(&p->recorded_pages, name, strlen(name), &added) = i;
    }
}

/* What was held last time probably still is: then one pass is enough. */
static void assume_recorded(struct press *p)
{
    const struct manifest *m = &p->recorded.manifest;
    for (size_t i = 0; i < m->n_held; i++) {
        uint16_t locale = locale_table_find(&p->locales, m->locales[m->held[i].locale]);
        for (uint16_t set = 0; locale != MANIFEST_NONE && set < p->config->n_sets; set++)
            if (strcmp(p->config->sets[set].name, m->sets[m->held[i].set]) == 0)
                verdict_hold(&p->assumed, set, locale);
    }
}

static bool load_recorded(struct press *p, struct error *err)
{
    const struct config *c = p->config;
    if (!store_open(&p->store, c->out, p->options->dry_run, err))
        return false;
    if (!p->options->dry_run && !store_lock(&p->store, c->lock_wait_ms, err))
        return false;
    p->now = (int64_t)time(NULL); /* not before the lock is ours: releases follow in time */
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

/* Back to before the first row; the snapshot stays open. Problems found stay: told twice, they are
 * reported once. */
static bool start_over(struct press *p, bool sticky, struct error *err)
{
    verdict_clear(&p->found);
    if (sticky)
        verdict_copy(&p->found, &p->assumed);
    memset(p->rows, 0, p->config->n_sets * MANIFEST_MAX_NAMES * sizeof(*p->rows));
    p->rows_total = 0;
    p->omitted = p->deletions_held = false;
    p->next_change_at = NULL;
    p->groups = 0;
    map_release(&p->gone);
    map_release(&p->kept);
    manifest_release(&p->next);
    for (unsigned i = 0; i <= p->n_workers; i++) {
        manifest_release(&p->workers[i].out);
        p->workers[i].bytes_written = 0;
    }
    if (verdict_any_at_all(&p->assumed) || p->config->guard_content == CONFIG_KEEP)
        index_recorded_pages(p);
    return p->options->dry_run || stage_discard(&p->stage, err);
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
    return ok;
}

/* scope: release — one held pair holds them all; tombstones still act. */
static void widen_verdict(struct press *p)
{
    if (p->config->guard_scope != CONFIG_SCOPE_RELEASE || !verdict_any_at_all(&p->found))
        return;
    for (uint16_t set = 0; set < p->config->n_sets; set++)
        verdict_hold(&p->found, set, MANIFEST_NONE);
}

static bool one_pass(struct press *p, bool sticky, struct error *err)
{
    if (!start_over(p, sticky, err) || !read_all(p, err) || !files_put_static(p, err) ||
        !files_put_assets(p, err) || !files_carry_assets(p, err))
        return false;
    settle_count(p);
    widen_verdict(p);
    if (verdict_any_at_all(&p->found))
        index_recorded_pages(p);
    if (!settle_gather(p, err))
        return false;
    widen_verdict(p);
    return true;
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

/* Problems that show only while a page is printed (two rows with one path) are not found again once
 * their locales are held, so after the first pass what was found held stays so. What was held by
 * the last release is different: it has to be found anew. */
static bool read_and_print(struct press *p, struct error *err)
{
    for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
        if (!one_pass(p, pass > 0, err))
            return false;
        if (verdict_equal(&p->assumed, &p->found)) {
            name_release(p);
            return settle_deletions(p, err) && site_put(p, err);
        }
        verdict_copy(&p->assumed, &p->found);
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
    return c != 0 ? c : strcmp(x->text, y->text);
}

static void report_problem(struct press_result *r, const struct press_problem *from)
{
    if (r->n_problems > 0 && by_text(&r->problems[r->n_problems - 1], from) == 0)
        return; /* found by an earlier pass too */
    r->problems[r->n_problems++] = (struct press_problem){
        .set = arena_strdup(&r->arena, from->set),
        .locale = arena_strdup(&r->arena, from->locale),
        .key = arena_strdup(&r->arena, from->key),
        .text = arena_strdup(&r->arena, from->text),
        .action = from->action,
    };
}

static void report_problems(struct press *p)
{
    struct press_result *r = p->result;
    if (p->n_problems > 1)
        qsort(p->problems, p->n_problems, sizeof(*p->problems), by_text);
    r->problems = arena_calloc(&r->arena, p->n_problems, sizeof(*r->problems));
    for (size_t i = 0; i < p->n_problems; i++)
        report_problem(r, &p->problems[i]);
    r->more_problems = p->more_problems;
    r->held = verdict_any_at_all(&p->found) || p->deletions_held;
    r->omitted = p->omitted;
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

static bool look(struct press *p, struct error *err)
{
    progress(p, "reading", 0, 0);
    if (!theme_load(&p->theme, p->config, err) || !load_recorded(p, err) || !init_workers(p, err) ||
        !source_open(&p->source, p->config, &p->theme.symtab, err))
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

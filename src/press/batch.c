#include "press/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/route.h"
#include "press/group.h"
#include "press/print.h"

#define BATCH_BYTES ((size_t)128 << 10)
#define BATCH_ROWS 128
#define GROUP_BYTES_MAX ((size_t)512 << 20)
#define GROUP_ROWS_MAX 4096
#define SPLIT_BYTES ((size_t)32 << 10) /* a single group of more is printed by several workers */

struct reader {
    struct press *p;
    struct press_batch *batch; /* being filled */
    uint16_t set;
    size_t arena_before; /* the row began to be read */
};

/* --- batches ------------------------------------------------------------------------------ */

static struct press_batch *take_batch(struct press *p, uint16_t set)
{
    struct press_batch *b;
    pthread_mutex_lock(&p->lock);
    while (p->free_batches == NULL && p->n_batches >= 2 * p->n_workers + 2)
        pthread_cond_wait(&p->batch_returned, &p->lock);
    b = p->free_batches;
    if (b != NULL) {
        p->free_batches = b->next_free;
    } else {
        b = mem_calloc(1, sizeof(*b));
        arena_init(&b->arena);
        b->press = p;
        p->n_batches++;
    }
    pthread_mutex_unlock(&p->lock);
    b->set = set;
    atomic_store(&b->users, 1);
    atomic_store(&b->jobs, 1);
    return b;
}

/* One of those who need the batch's arena is done with it. */
static void let_go(struct press_batch *b)
{
    struct press *p = b->press;
    if (atomic_fetch_sub(&b->users, 1) != 1)
        return;
    arena_reset(&b->arena);
    b->n_rows = b->n_groups = b->bytes = b->n_pages = 0;
    b->pages = NULL;
    pthread_mutex_lock(&p->lock);
    b->next_free = p->free_batches;
    p->free_batches = b;
    pthread_cond_signal(&p->batch_returned);
    pthread_mutex_unlock(&p->lock);
}

/* The last job of a batch sets free the one it leans on as well: no chain grows. */
static void end_job(struct press_batch *b)
{
    if (atomic_fetch_sub(&b->jobs, 1) != 1)
        return;
    if (b->leans_on != NULL)
        let_go(b->leans_on);
    b->leans_on = NULL;
    let_go(b);
}

void batch_free_all(struct press *p)
{
    while (p->free_batches != NULL) {
        struct press_batch *b = p->free_batches;
        p->free_batches = b->next_free;
        arena_release(&b->arena);
        free(b->rows);
        free(b->groups);
        free(b);
    }
    p->n_batches = 0;
}

/* --- jobs --------------------------------------------------------------------------------- */

static void print_pages(struct press *p, unsigned worker, const struct press_page *pages, size_t n)
{
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < n && !atomic_load(&p->failed); i++)
        if (!print_page(p, &p->workers[worker], &pages[i], &err))
            press_fail(p, &err);
}

/* Many small groups: prepared and printed where they are. */
static void batch_job(void *payload, unsigned worker)
{
    struct press_batch *b = payload;
    for (size_t i = 0; i < b->n_groups && !atomic_load(&b->press->failed); i++) {
        size_t n;
        struct press_page *pages = group_prepare(b, &b->groups[i], &b->press->workers[worker], &n);
        print_pages(b->press, worker, pages, n);
    }
    end_job(b);
}

/* One large group, prepared already: several of these jobs share its pages. */
static void pages_job(void *payload, unsigned worker)
{
    struct press_batch *b = payload;
    size_t i;
    while ((i = atomic_fetch_add(&b->next_page, 1)) < b->n_pages)
        print_pages(b->press, worker, &b->pages[i], 1);
    end_job(b);
}

static void submit(struct press *p, struct press_batch *b)
{
    b->n_locales = p->locales.count;
    if (b->n_groups != 1 || b->n_rows <= 1 || b->bytes < SPLIT_BYTES || p->n_workers == 1) {
        pool_submit(p->pool, batch_job, b);
        return;
    }
    b->pages = group_prepare(b, &b->groups[0], p->site, &b->n_pages);
    atomic_store(&b->next_page, 0);
    atomic_store(&b->jobs, p->n_workers);
    for (unsigned i = 0; i < p->n_workers; i++)
        pool_submit(p->pool, pages_job, b);
}

/* --- rows --------------------------------------------------------------------------------- */

static struct arena *next_arena(void *payload)
{
    struct reader *r = payload;
    r->arena_before = r->batch->arena.total;
    return &r->batch->arena;
}

/* The arena of a row is chosen before its key is known. The row that begins a new key when the
 * batch is full therefore lies in the old batch's arena while it belongs to the new batch, which
 * leans on the old one until it is done. */
static void change_batch(struct reader *r)
{
    struct press_batch *old = r->batch;
    atomic_fetch_add(&old->users, 1);
    submit(r->p, old);
    r->batch = take_batch(r->p, r->set);
    r->batch->leans_on = old;
}

static void begin_group(struct reader *r, const char *key)
{
    struct press_batch *b = r->batch;
    if (b->bytes >= BATCH_BYTES || b->n_rows >= BATCH_ROWS) {
        change_batch(r);
        b = r->batch;
    }
    MEM_GROW(b->groups, b->n_groups + 1, b->alloc_groups);
    b->groups[b->n_groups++] =
        (struct press_group){.key = key, .first = b->n_rows, .number = ++r->p->groups};
}

/* Every row enters a group, also one that gives no page: its memory is given back with the batch,
 * and its locale counts as having a row. */
static bool enter(struct reader *r, const struct press_row *row, size_t bytes, struct error *err)
{
    struct press_batch *b = r->batch;
    const char *key = row->row.key != NULL ? row->row.key : "";
    if (b->n_groups == 0 || *key == '\0' || strcmp(b->groups[b->n_groups - 1].key, key) != 0)
        begin_group(r, key);
    b = r->batch;
    struct press_group *g = &b->groups[b->n_groups - 1];
    if (g->count == GROUP_ROWS_MAX || b->bytes > GROUP_BYTES_MAX)
        return error_set(err, ERROR_USAGE,
                         "page set '%s': more than %d rows or %zu MiB have the key '%.80s'; a key "
                         "names one page and its translations",
                         r->p->config->sets[r->set].name, GROUP_ROWS_MAX, GROUP_BYTES_MAX >> 20,
                         key);
    b->bytes += bytes;
    if (row->locale == MANIFEST_NONE)
        return true;
    MEM_GROW(b->rows, b->n_rows + 1, b->alloc_rows);
    b->rows[b->n_rows++] = *row;
    g->count++;
    return true;
}

/* The number of a row's locale, or MANIFEST_NONE when the row is none of this look's business. A
 * tag that is none could never have been a page: leaving it out loses nothing, under any policy. */
static uint16_t locale_of(struct reader *r, const struct source_row *row)
{
    struct press *p = r->p;
    struct error problem = ERROR_INIT;
    if (!route_check_locale(row->locale, &problem)) {
        press_record(p, PRESS_OMITTED, r->set, MANIFEST_NONE, row->key, problem.text);
        return MANIFEST_NONE;
    }
    uint16_t locale = locale_table_intern(&p->locales, row->locale);
    if (locale == MANIFEST_NONE && p->config->locales_auto)
        press_record(p, PRESS_OMITTED, r->set, MANIFEST_NONE, row->key, "too many locales");
    else if (locale == MANIFEST_NONE)
        p->unlisted[r->set]++;
    return locale;
}

static void note_due(struct press *p, const char *next_change_at)
{
    if (next_change_at == NULL)
        return;
    /* One form of time: text order is time order. */
    if (p->next_change_at == NULL || strcmp(next_change_at, p->next_change_at) < 0)
        p->next_change_at = arena_strdup(&p->next.arena, next_change_at);
}

static void count_row(struct reader *r, uint16_t locale)
{
    struct press *p = r->p;
    if (locale != MANIFEST_NONE)
        p->rows[(size_t)r->set * MANIFEST_MAX_NAMES + locale]++;
    if (p->options->progress != NULL && ++p->rows_total % 1024 == 0)
        p->options->progress(p->options->payload, "printing", p->rows_total, 0);
}

static bool take_row(void *payload, struct source_row *row, struct error *err)
{
    struct reader *r = payload;
    if (atomic_load(&r->p->failed))
        return error_set(err, ERROR_FAILED, "stopped");
    note_due(r->p, row->next_change_at);
    struct press_row taken = {.row = *row, .locale = locale_of(r, row)};
    count_row(r, taken.locale);
    return enter(r, &taken, row->bytes, err);
}

/* A row that cannot be read may be a page that is live now: it counts as there, and the policy
 * decides what becomes of its locale. */
static bool take_bad_row(void *payload, const struct source_row *row, const struct error *problem)
{
    struct reader *r = payload;
    struct press *p = r->p;
    struct press_row taken = {.row = *row, .locale = MANIFEST_NONE, .bad = true};
    enum press_action action = press_policy(p);
    bool told = false;
    if (row->locale != NULL) {
        taken.locale = locale_of(r, row);
        told = taken.locale == MANIFEST_NONE || !press_is_asked_for(p, taken.locale);
    }
    const struct press_where page = {
        .set = r->set, .locale = taken.locale, .from = taken.locale, .key = row->key, .live = true};
    if (taken.locale != MANIFEST_NONE && row->key != NULL)
        action = press_page_policy(p, &p->site->scratch, &page);
    else if (action == PRESS_KEPT)
        action = PRESS_OMITTED; /* nobody knows which page it was */
    if (!told)
        press_record(p, action, r->set, taken.locale, row->key, problem->text);
    taken.keeps = action == PRESS_KEPT;
    count_row(r, taken.locale);
    arena_reset(&p->site->scratch);
    /* How large it is only its arena knows: row->bytes may tell what was never sent. */
    size_t grown = r->batch->arena.total - r->arena_before;
    struct error unused = ERROR_INIT;
    if (enter(r, &taken, grown + sizeof(taken), &unused))
        return true;
    press_fail(p, &unused);
    return true;
}

bool batch_read_set(struct press *p, uint16_t set, struct error *err)
{
    struct reader r = {.p = p, .set = set, .batch = take_batch(p, set)};
    bool ok = source_read(p->source, set, p->partial ? &p->scopes[set] : NULL, next_arena, take_row,
                          take_bad_row, &r, err);
    if (ok && r.batch->n_rows > 0)
        submit(p, r.batch);
    else
        end_job(r.batch);
    return ok;
}

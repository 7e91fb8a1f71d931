#include "press/setup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "press/batch.h"
#include "press/pinned.h"
#include "press/scope.h"

#define THREADS_MAX 64

void setup_init(struct press *p, const struct config *config, const struct press_options *options,
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

bool setup_workers(struct press *p, struct error *err)
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

void setup_release(struct press *p)
{
    release_workers(p);
    if (p->session == NULL) {
        source_close(p->source);
        theme_release(p->theme);
    }
    manifest_release(&p->next);
    pinned_release(p);
    release_state_release(&p->recorded);
    scope_release(p);
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

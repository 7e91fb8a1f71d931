/* Any other cache: what changed, as JSON, to an address. */
#include <string.h>

#include "base/json.h"
#include "upload/purge_provider.h"

static void add_list(struct strbuf *body, const char *name, const char *prefix,
                     const char *const *items, size_t n)
{
    struct strbuf one = STRBUF_INIT;
    strbuf_addf(body, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        strbuf_reset(&one);
        strbuf_addstr(&one, prefix);
        strbuf_addstr(&one, items[i]);
        strbuf_addstr(body, i == 0 ? "" : ",");
        json_write_string(body, one.buf, one.len);
    }
    strbuf_addch(body, ']');
    strbuf_release(&one);
}

/* The state: for each path where its addresses begin, as it may have none, one or two. */
static bool make(struct purge_job *job, size_t i, struct purge_slot *slot, struct error *err)
{
    const size_t *starts = job->state;
    size_t from = i * PURGE_WEBHOOK_PATHS, n = 0, urls_from = 0, n_urls = 0;
    if (!job->everything) {
        n = job->request->n_paths - from;
        n = n < PURGE_WEBHOOK_PATHS ? n : PURGE_WEBHOOK_PATHS;
        urls_from = starts[from];
        n_urls = starts[from + n] - urls_from;
    }
    if (job->entry->method != NULL && job->entry->method[0] != '\0')
        slot->http.method = job->entry->method;
    strbuf_addstr(&slot->url, job->entry->url);
    strbuf_addstr(&slot->body, "{\"release\":");
    json_write_string(&slot->body, job->request->release, strlen(job->request->release));
    strbuf_addf(&slot->body, ",\"all\":%s", job->everything ? "true" : "false");
    add_list(&slot->body, "paths", "", job->request->paths + from, n);
    add_list(&slot->body, "urls", purge_site(job), job->urls + urls_from, n_urls);
    strbuf_addch(&slot->body, '}');
    return purge_set(slot, "Content-Type", "application/json", err);
}

bool purge_webhook(struct purge_job *job, struct error *err)
{
    size_t n = job->request->n_paths, at = 0;
    if (job->everything)
        return purge_send(job, 1, make, purge_judge_status, err);
    size_t *starts = arena_calloc(job->arena, n + 1, sizeof(*starts));
    for (size_t i = 0; i < n; i++) {
        starts[i] = at;
        at += purge_urls_of(job->request->paths[i]);
    }
    starts[n] = at;
    job->state = starts;
    return purge_send(job, (n + PURGE_WEBHOOK_PATHS - 1) / PURGE_WEBHOOK_PATHS, make,
                      purge_judge_status, err);
}

/* Cloudflare: POST /client/v4/zones/ZONE/purge_cache, by URL, by tag or everything. */
#include <string.h>

#include "base/json.h"
#include "upload/purge_answer.h"
#include "upload/purge_provider.h"
#include "upload/sigv4.h"

#define ADDRESS "https://api.cloudflare.com"
#define TAG_MAX 1024 /* of a tag in a request */

/* Commas separate the tags of a header. */
static void add_tag(struct strbuf *sb, const char *url)
{
    for (; *url != '\0'; url++)
        if (*url == ',')
            strbuf_addstr(sb, "%2C");
        else
            strbuf_addch(sb, *url);
}

static void add_items(struct purge_job *job, size_t from, struct strbuf *body)
{
    bool by_tag = job->entry->by_tag;
    struct strbuf one = STRBUF_INIT;
    const char *site = purge_site(job);
    strbuf_addf(body, "{\"%s\":[", by_tag ? "tags" : "files");
    for (size_t i = from; i < job->n_urls && i < from + PURGE_CLOUDFLARE_ITEMS; i++) {
        strbuf_reset(&one);
        if (by_tag) {
            add_tag(&one, job->urls[i]);
        } else {
            strbuf_addstr(&one, site);
            strbuf_addstr(&one, job->urls[i]);
        }
        strbuf_addstr(body, i == from ? "" : ",");
        json_write_string(body, one.buf, one.len);
    }
    strbuf_addstr(body, "]}");
    strbuf_release(&one);
}

static bool make(struct purge_job *job, size_t i, struct purge_slot *slot, struct error *err)
{
    const char *url = job->entry->url;
    purge_add_base(&slot->url, url != NULL && url[0] != '\0' ? url : ADDRESS);
    strbuf_addstr(&slot->url, "/client/v4/zones/");
    sigv4_encode(&slot->url, job->entry->id, strlen(job->entry->id), true);
    strbuf_addstr(&slot->url, "/purge_cache");
    if (job->everything)
        strbuf_addstr(&slot->body, "{\"purge_everything\":true}");
    else
        add_items(job, i * PURGE_CLOUDFLARE_ITEMS, &slot->body);
    return purge_set(slot, "Content-Type", "application/json", err);
}

static bool judge(struct purge_job *job, const struct http_answer *a, struct error *err)
{
    struct purge_answer answer;
    (void)job;
    purge_answer_cloudflare(a->body.buf, a->body.len, &answer);
    if (a->status == 200 && answer.accepted)
        return true;
    if (answer.message[0] != '\0')
        return error_set(err, ERROR_FAILED, "answered %ld: %s (code %s)", a->status, answer.message,
                         answer.code);
    return purge_refused(a, err);
}

static bool has_long_tag(const struct purge_job *job)
{
    bool found = false;
    struct strbuf tag = STRBUF_INIT;
    for (size_t i = 0; i < job->n_urls && !found; i++) {
        strbuf_reset(&tag);
        add_tag(&tag, job->urls[i]);
        found = tag.len > TAG_MAX;
    }
    strbuf_release(&tag);
    return found;
}

bool purge_cloudflare(struct purge_job *job, struct error *err)
{
    if (!job->everything && job->entry->by_tag && has_long_tag(job))
        job->everything = true;
    size_t n = (job->n_urls + PURGE_CLOUDFLARE_ITEMS - 1) / PURGE_CLOUDFLARE_ITEMS;
    return purge_send(job, job->everything ? 1 : n, make, judge, err);
}

#include "upload/purge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/route.h"
#include "upload/purge_provider.h"

#define FAILURES_MOST 16 /* of one provider; then it is asked no more */
#define TOKEN_MAX 4096
#define EXCERPT 200 /* bytes of an answer that are told */

/* --- texts ------------------------------------------------------------------------------------ */

const char *purge_host(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    return arena_strndup(arena, host, strcspn(host, "/?#"));
}

const char *purge_site(const struct purge_job *job)
{
    const char *url = job->config->base_url, *host = strstr(url, "://");
    size_t scheme = host == NULL ? 0 : (size_t)(host - url) + 3;
    return arena_strndup(job->arena, url, scheme + strcspn(url + scheme, "/?#"));
}

void purge_add_base(struct strbuf *sb, const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    strbuf_add(sb, url, len);
}

bool purge_set(struct purge_slot *slot, const char *name, const char *value, struct error *err)
{
    if (http_request_set(&slot->http, name, value))
        return true;
    return error_set(err, ERROR_FAILED, "no room for the header %s", name);
}

bool purge_refused(const struct http_answer *a, struct error *err)
{
    if (a->status == 0)
        return error_set(err, ERROR_FAILED, "%s", a->err.text);
    size_t len = a->body.len < EXCERPT ? a->body.len : EXCERPT;
    if (len == 0)
        return error_set(err, ERROR_FAILED, "answered %ld", a->status);
    return error_set(err, ERROR_FAILED, "answered %ld: %.*s", a->status, (int)len, a->body.buf);
}

bool purge_judge_status(struct purge_job *job, const struct http_answer *a, struct error *err)
{
    (void)job;
    return (a->status >= 200 && a->status <= 299) || purge_refused(a, err);
}

/* An answer may repeat what it was sent. */
static void hide_token(const char *token, char *text, size_t len)
{
    size_t n = token == NULL ? 0 : strlen(token);
    char *at = text;
    while (n > 0 && (at = memmem(at, len - (size_t)(at - text), token, n)) != NULL) {
        memset(at, '*', n);
        at += n;
    }
}

/* --- sending ---------------------------------------------------------------------------------- */

static void done(struct http_request *r, struct http_answer *a)
{
    struct purge_slot *slot = (struct purge_slot *)r->payload;
    struct purge_job *job = slot->job;
    struct error err = ERROR_INIT;
    hide_token(job->token, a->body.buf, a->body.len);
    hide_token(job->token, a->err.text, strlen(a->err.text));
    if (!job->judge(job, a, &err) && job->failed++ == 0)
        *job->err = err;
    slot->next = job->free;
    job->free = slot;
}

static struct purge_slot *take_slot(struct purge_job *job)
{
    struct purge_slot *slot = job->free;
    if (slot != NULL) {
        job->free = slot->next;
    } else {
        slot = mem_calloc(1, sizeof(*slot));
        strbuf_init(&slot->url, STRBUF_CAP_DEFAULT);
        strbuf_init(&slot->body, STRBUF_CAP_DEFAULT);
        strbuf_init(&slot->pattern, STRBUF_CAP_DEFAULT);
        slot->other = job->slots;
        job->slots = slot;
    }
    strbuf_reset(&slot->url);
    strbuf_reset(&slot->body);
    strbuf_reset(&slot->pattern);
    slot->http = (struct http_request){
        .answer_max = PURGE_ANSWER_MAX, .method = "POST", .done = done, .payload = slot};
    slot->job = job;
    return slot;
}

/* Also those whose request was dropped, when the run was stopped. */
static void free_slots(struct purge_job *job)
{
    while (job->slots != NULL) {
        struct purge_slot *slot = job->slots;
        job->slots = slot->other;
        strbuf_release(&slot->url);
        strbuf_release(&slot->body);
        strbuf_release(&slot->pattern);
        free(slot);
    }
    job->free = NULL;
}

static struct http_request *next(void *payload, int64_t *wait_ms)
{
    struct purge_job *job = payload;
    struct error err = ERROR_INIT;
    (void)wait_ms;
    if (job->next == job->n || job->failed >= FAILURES_MOST)
        return NULL;
    struct purge_slot *slot = take_slot(job);
    bool made =
        job->authorization == NULL || purge_set(slot, "Authorization", job->authorization, &err);
    made = made && job->make(job, job->next, slot, &err);
    if (made && (slot->url.overflow || slot->body.overflow))
        made = error_set(&err, ERROR_FAILED, "the request would be too large");
    if (!made) {
        if (job->failed++ == 0)
            *job->err = err;
        job->next = job->n;
        return NULL;
    }
    slot->http.url = slot->url.buf;
    if (slot->body.len > 0) {
        slot->http.body = slot->body.buf;
        slot->http.body_len = slot->body.len;
    }
    job->next++;
    job->requests++;
    return &slot->http;
}

bool purge_send(struct purge_job *job, size_t n, purge_make_fn *make, purge_judge_fn *judge,
                struct error *err)
{
    struct error first = ERROR_INIT;
    job->make = make;
    job->judge = judge;
    job->next = job->failed = 0;
    job->n = n;
    job->err = &first;
    bool ran = http_run(job->http, next, job, err);
    free_slots(job);
    job->err = NULL;
    if (!ran)
        return false;
    if (job->failed == 0)
        return true;
    *err = first;
    if (job->failed == 1 && n == 1)
        return false;
    return error_context(err, "%zu of %zu requests failed", job->failed, n);
}

/* --- entries ---------------------------------------------------------------------------------- */

static const char *token_name(const struct config_purge *entry)
{
    if (entry->token_env != NULL && entry->token_env[0] != '\0')
        return entry->token_env;
    return entry->type == CONFIG_CLOUDFLARE ? "CLOUDFLARE_API_TOKEN" : NULL;
}

static bool find_token(struct purge_job *job, struct error *err)
{
    const char *name = token_name(job->entry);
    if (name == NULL || job->entry->type == CONFIG_CLOUDFRONT)
        return true;
    const char *token = getenv(name);
    if (token == NULL || token[0] == '\0')
        return error_set(err, ERROR_USAGE, "the environment variable %s holds no token", name);
    size_t len = strlen(token);
    for (size_t i = 0; i < len; i++)
        if (len > TOKEN_MAX || token[i] <= ' ' || token[i] >= 0x7f)
            return error_set(err, ERROR_USAGE,
                             "what the environment variable %s holds is no token: blanks, line "
                             "ends or more than %d bytes",
                             name, TOKEN_MAX);
    job->token = token;
    job->authorization = arena_printf(job->arena, "Bearer %s", token);
    return true;
}

static bool run_entry(struct purge_job *job, struct error *err)
{
    if (!find_token(job, err))
        return false;
    switch (job->entry->type) {
    case CONFIG_CLOUDFRONT:
        return purge_cloudfront(job, err);
    case CONFIG_CLOUDFLARE:
        return purge_cloudflare(job, err);
    case CONFIG_VARNISH:
        return purge_varnish(job, err);
    case CONFIG_WEBHOOK:
        return purge_webhook(job, err);
    }
    return error_set(err, ERROR_USAGE, "no such kind of cache");
}

/* Hosts tell two Varnishes apart, and nothing else of an address may be told: webhooks like to have
 * their secret in it. */
static void tell(struct purge_job *job, struct error *err)
{
    static const char *const names[] = {"CloudFront", "Cloudflare", "Varnish", "webhook"};
    const struct config_purge *e = job->entry;
    if (e->type == CONFIG_CLOUDFRONT || e->type == CONFIG_CLOUDFLARE) {
        error_context(err, "purge: %s %s", names[e->type], e->id);
        return;
    }
    const char *host = purge_host(job->arena, e->url), *at = strrchr(host, '@');
    error_context(err, "purge: %s %s", names[e->type], at == NULL ? host : at + 1);
}

/* --- addresses -------------------------------------------------------------------------------- */

#define INDEX "index.html"

size_t purge_urls_of(const char *path)
{
    size_t len = strlen(path), n = sizeof(INDEX) - 1;
    if (len > 3 && strcmp(path + len - 3, ".gz") == 0)
        return 0;
    bool ends = len >= n && strcmp(path + len - n, INDEX) == 0;
    return ends && (len == n || path[len - n - 1] == '/') ? 2 : 1;
}

static size_t add_urls(struct arena *arena, const char *base, const char *path,
                       struct strbuf *scratch, const char **urls)
{
    size_t n = purge_urls_of(path);
    strbuf_reset(scratch);
    route_url(scratch, base, path); /* leaves index.html out */
    for (size_t i = 0; i < n; i++) {
        urls[i] = arena_strndup(arena, scratch->buf, scratch->len);
        strbuf_addstr(scratch, INDEX);
    }
    return n;
}

static const char *const *collect(struct arena *arena, const struct config *c,
                                  const struct purge_request *request, size_t *n)
{
    const char **urls =
        arena_calloc(arena, request->n_paths * PURGE_URLS_OF_A_FILE + 1, sizeof(*urls));
    struct strbuf scratch = STRBUF_INIT;
    *n = 0;
    for (size_t i = 0; i < request->n_paths; i++)
        *n += add_urls(arena, config_base_path(c), request->paths[i], &scratch, urls + *n);
    strbuf_release(&scratch);
    return urls;
}

bool purge_run(const struct config *c, struct http *http, struct credentials *credentials,
               const struct purge_request *request, struct purge_result *result, struct error *err)
{
    struct arena arena;
    size_t n_urls = 0;
    *result = (struct purge_result){0};
    if (c->n_purges == 0 || (!request->all && request->n_paths == 0))
        return true;
    arena_init(&arena);
    const char *const *urls = collect(&arena, c, request, &n_urls);
    for (size_t i = 0; i < c->n_purges; i++) {
        const struct config_purge *entry = &c->purges[i];
        struct error why = ERROR_INIT;
        struct purge_job job = {.config = c,
                                .entry = entry,
                                .http = http,
                                .credentials = credentials,
                                .request = request,
                                .arena = &arena,
                                .urls = urls,
                                .n_urls = n_urls,
                                .everything =
                                    request->all || (int64_t)request->n_paths > entry->threshold};
        if (!run_entry(&job, &why)) {
            tell(&job, &why);
            if (result->failed++ == 0)
                *err = why;
        }
        result->requests += job.requests;
        if (job.authorization != NULL)
            explicit_bzero((char *)(uintptr_t)job.authorization, strlen(job.authorization));
    }
    arena_release(&arena);
    return result->failed == 0;
}

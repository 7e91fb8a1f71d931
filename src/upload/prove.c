#include "upload/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "plan/route.h"
#include "upload/prove_body.h"

#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 10000
#define IDENTITY "x-amz-meta-platen-sha256"

struct item {
    const struct prove_path *path;
    int64_t due;
    char *why; /* what came last, where that was not it */
    bool live;
};

/* A request in flight. */
struct asking {
    struct http_request http;
    struct prover *prover;
    size_t item;
    struct strbuf url;
    struct asking *next, *other; /* free ones; all */
};

struct prover {
    const struct config *config;
    struct item *items;
    size_t n;
    size_t *queue; /* a ring of those not live and not in flight, in the order of `due` */
    size_t first, waiting;
    int64_t start, deadline, last_live;
    struct asking *free, *all;
    struct prove_result *result;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the queue -------------------------------------------------------------------------------- */

/* The pause follows from the time that has passed, not from the attempts: so it never shrinks, and
 * who is put at the end of the queue is due last. */
static void put_back(struct prover *p, size_t item)
{
    int64_t now = now_ms(), pause = (now - p->start) / 4;
    pause = pause < PAUSE_MIN_MS ? PAUSE_MIN_MS : pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
    p->items[item].due = now + pause;
    p->queue[(p->first + p->waiting++) % p->n] = item;
}

static size_t take(struct prover *p)
{
    size_t item = p->queue[p->first];
    p->first = (p->first + 1) % p->n;
    p->waiting--;
    return item;
}

/* --- what came -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static bool came(struct strbuf *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(why, fmt, ap);
    va_end(ap);
    return false;
}

static bool judge_gone(const struct http_answer *a, struct strbuf *why)
{
    if (a->status == 404 || a->status == 410)
        return true;
    if (a->status == 403)
        return came(why, "expected 404 or 410, got 403: S3 answers so for what is missing where "
                         "the bucket may not be listed (s3:ListBucket)");
    return came(why, "expected 404 or 410, got %ld", a->status);
}

static bool judge_status(const struct http_answer *a, struct strbuf *why)
{
    const char *location = http_answer_header(a, "location");
    if (a->status == 200)
        return true;
    if (a->status >= 300 && a->status <= 399 && location != NULL)
        return came(why, "expected 200, got %ld to %.200s", a->status, location);
    return came(why, "expected 200, got %ld", a->status);
}

static bool judge_header(const struct http_answer *a, const char *want, struct strbuf *why)
{
    const char *have = http_answer_header(a, IDENTITY);
    if (have == NULL)
        return came(why, "the answer has no " IDENTITY ": the cache or the server in front of the "
                         "origin does not pass it on");
    return strcasecmp(have, want) == 0 ||
           came(why, "expected " IDENTITY " %.12s, got %.12s", want, have);
}

static bool judge_content(const struct http_answer *a, const char *want, struct strbuf *why)
{
    uint8_t sha256[DIGEST_SIZE];
    char have[DIGEST_HEX_SIZE + 1];
    struct error err = ERROR_INIT;
    const char *encoding = http_answer_header(a, "content-encoding");
    if (!prove_body_digest(a->body.buf, a->body.len, encoding, PROVE_BYTES_MAX, sha256, &err))
        return came(why, "%s", err.text);
    digest_hex(sha256, have);
    if (strcmp(have, want) == 0)
        return true;
    came(why, "expected sha-256 %.12s, got %.12s", want, have);
    if (encoding == NULL && a->body.len > 2 && memcmp(a->body.buf, "\x1f\x8b", 2) == 0)
        came(why, " (the answer is gzip and does not say so)");
    return false;
}

static void add_facts(const struct http_answer *a, struct strbuf *why)
{
    static const char *const names[] = {"age", "x-cache", "cf-cache-status"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = http_answer_header(a, names[i]);
        if (value != NULL)
            strbuf_addf(why, ", %s %.60s", names[i], value);
    }
}

static bool judge(const struct prover *p, const struct item *item, const struct http_answer *a,
                  struct strbuf *why)
{
    char want[DIGEST_HEX_SIZE + 1];
    bool ok;
    if (a->status == 0)
        return came(why, "%s", a->err.text);
    if (item->path->sha256 == NULL) {
        ok = judge_gone(a, why);
    } else {
        digest_hex(item->path->sha256, want);
        ok = judge_status(a, why) &&
             (p->config->prove == CONFIG_PROVE_HEADER ? judge_header(a, want, why)
                                                      : judge_content(a, want, why));
    }
    if (!ok)
        add_facts(a, why);
    return ok;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void done(struct http_request *r, struct http_answer *a)
{
    struct asking *asking = (struct asking *)r->payload;
    struct prover *p = asking->prover;
    struct item *item = &p->items[asking->item];
    struct strbuf why = STRBUF_INIT;
    free(item->why);
    item->why = NULL;
    item->live = judge(p, item, a, &why);
    if (item->live) {
        p->last_live = now_ms();
        p->result->live++;
    } else {
        item->why = mem_strndup(why.buf, why.len);
        put_back(p, asking->item);
    }
    strbuf_release(&why);
    asking->next = p->free;
    p->free = asking;
}

static struct asking *take_asking(struct prover *p)
{
    struct asking *asking = p->free;
    if (asking != NULL) {
        p->free = asking->next;
    } else {
        asking = mem_calloc(1, sizeof(*asking));
        strbuf_init(&asking->url, STRBUF_CAP_DEFAULT);
        asking->prover = p;
        asking->other = p->all;
        p->all = asking;
    }
    strbuf_reset(&asking->url);
    return asking;
}

static void add_url(const struct config *c, const char *path, struct strbuf *sb)
{
    bool own = c->prove_url != NULL && c->prove_url[0] != '\0';
    route_url(sb, own ? c->prove_url : c->base_url, path);
}

static struct http_request *ask(struct prover *p)
{
    struct asking *asking = take_asking(p);
    asking->item = take(p);
    add_url(p->config, p->items[asking->item].path->path, &asking->url);
    asking->http = (struct http_request){.method = "GET",
                                         .url = asking->url.buf,
                                         .answer_max = PROVE_BYTES_MAX,
                                         .done = done,
                                         .payload = asking};
    if (p->config->prove == CONFIG_PROVE_HEADER)
        asking->http.method = "HEAD";
    http_request_set(&asking->http, "Accept-Encoding", "gzip");
    return &asking->http;
}

static struct http_request *next(void *payload, int64_t *wait_ms)
{
    struct prover *p = payload;
    int64_t now = now_ms();
    if (now >= p->deadline || p->waiting == 0)
        return NULL; /* asked again after each done(), which may put one back */
    int64_t due = p->items[p->queue[p->first]].due;
    if (due <= now)
        return ask(p);
    *wait_ms = due < p->deadline ? due - now : p->deadline - now;
    return NULL;
}

/* --- choosing and telling --------------------------------------------------------------------- */

static size_t first_gone(const struct prove_path *paths, size_t n)
{
    size_t i = 0;
    while (i < n && paths[i].sha256 != NULL)
        i++;
    return i;
}

/* Evenly from the first to the last; one that must be gone is among them where there is any. */
static void choose(struct prover *p, const struct prove_path *paths, size_t n, size_t most)
{
    size_t gone = first_gone(paths, n);
    bool has_gone = gone == n;
    p->n = n < most ? n : most;
    p->items = mem_calloc(p->n, sizeof(*p->items));
    p->queue = mem_calloc(p->n, sizeof(*p->queue));
    for (size_t i = 0; i < p->n; i++) {
        size_t at = p->n == n ? i : i * (n - 1) / (most > 1 ? most - 1 : 1);
        if (i + 1 == p->n && !has_gone)
            at = gone;
        has_gone = has_gone || paths[at].sha256 == NULL;
        p->items[i].path = &paths[at];
        p->queue[i] = i;
    }
    p->waiting = p->n;
}

static bool tell(const struct prover *p, struct error *err)
{
    size_t i = 0;
    struct strbuf url = STRBUF_INIT;
    while (p->items[i].live)
        i++;
    add_url(p->config, p->items[i].path->path, &url);
    const char *why = p->items[i].why != NULL ? p->items[i].why : "it was not asked for in time";
    error_set(err, ERROR_FAILED, "%s is not live after %.1f s: %s", url.buf,
              (double)(now_ms() - p->start) / 1000, why);
    if (p->result->missing > 1)
        error_context(err, "%zu of %zu paths are not live", p->result->missing, p->n);
    strbuf_release(&url);
    return false;
}

static void release(struct prover *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].why);
    free(p->items);
    free(p->queue);
    while (p->all != NULL) {
        struct asking *asking = p->all;
        p->all = asking->other;
        strbuf_release(&asking->url);
        free(asking);
    }
}

bool prove_run(const struct config *c, struct http *http, const struct prove_path *paths, size_t n,
               struct prove_result *result, struct error *err)
{
    struct prover p = {.config = c, .result = result, .start = now_ms()};
    *result = (struct prove_result){0};
    if (n == 0)
        return true;
    p.deadline = p.start + c->prove_deadline_ms;
    p.last_live = p.start;
    choose(&p, paths, n, c->prove_most < 1 ? 1 : (size_t)c->prove_most);
    bool ok = http_run(http, next, &p, err);
    result->missing = p.n - result->live;
    result->seconds = (double)(p.last_live - p.start) / 1000;
    if (ok && result->missing > 0)
        ok = tell(&p, err);
    release(&p);
    return ok;
}

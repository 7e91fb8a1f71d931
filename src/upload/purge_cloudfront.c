/* CloudFront: CreateInvalidation of API version 2020-05-31, signed for us-east-1, where the service
 * has its one home. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "upload/purge_answer.h"
#include "upload/purge_provider.h"
#include "upload/sigv4.h"

#define ADDRESS "https://cloudfront.amazonaws.com"
#define VERSION "2020-05-31"
#define SKEW_S 60 /* a clock that is off by less is not why a signature was refused */

struct state {
    struct strbuf path, body; /* of the request */
    const char *host;
    char sha256[DIGEST_HEX_SIZE + 1]; /* of the body */
    struct sigv4_key key;
    char time[17];
    struct strbuf authorization;
    bool renewed; /* signed once more after a refusal */
    bool crowded; /* refused for others in progress, or as too large */
};

/* --- the batch -------------------------------------------------------------------------------- */

static void add_xml(struct strbuf *sb, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        switch (text[i]) {
        case '&':
            strbuf_addstr(sb, "&amp;");
            break;
        case '<':
            strbuf_addstr(sb, "&lt;");
            break;
        case '>':
            strbuf_addstr(sb, "&gt;");
            break;
        default:
            strbuf_addch(sb, text[i]);
        }
}

/* One path. A '*' is a wildcard where it is the last character, and only there. */
static void add_path(struct strbuf *sb, const char *url, bool wildcard)
{
    size_t len = wildcard ? strcspn(url, "~") : strlen(url);
    bool star = !wildcard && len > 0 && url[len - 1] == '*';
    strbuf_addstr(sb, "<Path>");
    add_xml(sb, url, star ? len - 1 : len);
    strbuf_addstr(sb, star ? "%2A" : wildcard ? "*" : "");
    strbuf_addstr(sb, "</Path>");
}

static bool has_tilde(const char *url)
{
    return strchr(url, '~') != NULL;
}

/* Two paths that were cut to the same. Addresses are in order, so equal ones stand together. */
static bool is_same_cut(const char *a, const char *b)
{
    size_t len = strcspn(a, "~");
    return has_tilde(a) && has_tilde(b) && strcspn(b, "~") == len && memcmp(a, b, len) == 0;
}

static size_t add_paths(struct purge_job *job, struct strbuf *items, size_t *wildcards)
{
    size_t n = 0;
    const char *before = NULL;
    *wildcards = 0;
    for (size_t i = 0; i < job->n_urls; i++) {
        const char *url = job->urls[i];
        bool wildcard = has_tilde(url);
        if (before != NULL && is_same_cut(before, url))
            continue;
        add_path(items, url, wildcard);
        before = url;
        *wildcards += wildcard;
        n++;
    }
    return n;
}

/* What the whole purge is about, wildcard or not: two purges of one release are two invalidations
 * even where both come down to the same wildcard. */
static void add_reference(struct purge_job *job, const struct strbuf *items, struct strbuf *body)
{
    struct digest d;
    uint8_t sha256[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    digest_init(&d);
    digest_begin(&d);
    for (size_t i = 0; i < job->request->n_paths; i++)
        digest_add(&d, job->request->paths[i], strlen(job->request->paths[i]) + 1);
    digest_add(&d, items->buf, items->len);
    digest_end(&d, sha256);
    digest_release(&d);
    digest_hex(sha256, hex);
    add_xml(body, job->request->release, strlen(job->request->release));
    strbuf_addf(body, "-%.32s", hex);
}

static void make_body(struct purge_job *job, struct state *s)
{
    struct strbuf items = STRBUF_INIT;
    size_t wildcards = 0, n = job->everything ? 0 : add_paths(job, &items, &wildcards);
    if (n > PURGE_CLOUDFRONT_PATHS || wildcards > PURGE_CLOUDFRONT_WILDCARDS)
        job->everything = true;
    if (job->everything) {
        strbuf_reset(&items);
        add_path(&items, config_base_path(job->config), true);
        n = 1;
    }
    strbuf_reset(&s->body);
    strbuf_addstr(&s->body,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InvalidationBatch "
                  "xmlns=\"http://cloudfront.amazonaws.com/doc/" VERSION "/\"><CallerReference>");
    add_reference(job, &items, &s->body);
    strbuf_addf(&s->body, "</CallerReference><Paths><Quantity>%zu</Quantity><Items>%s</Items>", n,
                items.buf);
    strbuf_addstr(&s->body, "</Paths></InvalidationBatch>");
    strbuf_release(&items);
}

/* --- the request ------------------------------------------------------------------------------ */

static bool sign(struct http_request *r, struct state *s, const struct credentials_value *v,
                 struct error *err)
{
    struct sigv4_header headers[] = {
        {"content-type", "text/xml"}, {"x-amz-date", s->time}, {"x-amz-security-token", v->token}};
    struct sigv4_request request = {.method = "POST",
                                    .host = s->host,
                                    .path = s->path.buf,
                                    .query = "",
                                    .payload_sha256 = s->sha256,
                                    .headers = headers,
                                    .n_headers = v->token == NULL ? 2 : 3};
    struct sigv4_scope scope = {v->access_key, v->secret_key, "us-east-1", "cloudfront"};
    strbuf_reset(&s->authorization);
    sigv4_sign(&request, &scope, s->time, &s->key, &s->authorization);
    bool room = http_request_set(r, "Authorization", s->authorization.buf);
    for (size_t i = 0; i < request.n_headers; i++)
        room = room && http_request_set(r, headers[i].name, headers[i].value);
    return room || error_set(err, ERROR_FAILED, "no room for the headers of a signature");
}

static bool prepare(struct http_request *r, int64_t clock_skew_s, struct error *err)
{
    struct purge_slot *slot = r->payload;
    struct state *s = slot->job->state;
    struct credentials_value v;
    if (slot->job->credentials == NULL)
        return error_set(err, ERROR_USAGE, "there are no AWS credentials");
    if (!credentials_get(slot->job->credentials, &v, err))
        return false;
    sigv4_time((int64_t)time(NULL) + clock_skew_s, s->time);
    return sign(r, s, &v, err);
}

/* Once: with new credentials where these have expired, with the server's time where ours is off. */
static bool again(struct http_request *r, const struct http_answer *a)
{
    struct purge_slot *slot = r->payload;
    struct purge_job *job = slot->job;
    struct state *s = job->state;
    struct purge_answer answer;
    if (s->renewed || (a->status != 400 && a->status != 403))
        return false;
    purge_answer_cloudfront(a->body.buf, a->body.len, &answer);
    if (strncmp(answer.code, "Expired", strlen("Expired")) == 0)
        s->renewed = credentials_refused(job->credentials);
    else if (strcmp(answer.code, "RequestTimeTooSkewed") == 0 ||
             strcmp(answer.code, "RequestExpired") == 0 ||
             strcmp(answer.code, "SignatureDoesNotMatch") == 0)
        s->renewed = llabs(http_clock_skew(job->http)) > SKEW_S;
    return s->renewed;
}

static bool make(struct purge_job *job, size_t i, struct purge_slot *slot, struct error *err)
{
    struct state *s = job->state;
    struct digest d;
    uint8_t sha256[DIGEST_SIZE];
    (void)i, (void)err;
    const char *url = job->entry->url;
    purge_add_base(&slot->url, url != NULL && url[0] != '\0' ? url : ADDRESS);
    strbuf_addstr(&slot->url, s->path.buf);
    make_body(job, s);
    strbuf_add(&slot->body, s->body.buf, s->body.len);
    digest_init(&d);
    digest_of(&d, s->body.buf, s->body.len, sha256);
    digest_release(&d);
    digest_hex(sha256, s->sha256);
    slot->http.prepare = prepare;
    slot->http.again = again;
    slot->http.answer_max += s->body.len; /* it repeats the batch */
    return true;
}

static bool judge(struct purge_job *job, const struct http_answer *a, struct error *err)
{
    struct state *s = job->state;
    struct purge_answer answer;
    purge_answer_cloudfront(a->body.buf, a->body.len, &answer);
    if ((a->status == 201 || a->status == 200) && answer.accepted)
        return true;
    s->crowded = strcmp(answer.code, "TooManyInvalidationsInProgress") == 0 ||
                 strcmp(answer.code, "BatchTooLarge") == 0;
    if (answer.code[0] == '\0')
        return purge_refused(a, err);
    error_set(err, ERROR_FAILED, "answered %ld %s: %s", a->status, answer.code, answer.message);
    if (a->status != 403)
        return false;
    struct credentials_value v;
    struct error none = ERROR_INIT;
    int64_t skew = http_clock_skew(job->http);
    if (credentials_get(job->credentials, &v, &none))
        error_context(err, "key %s (%s)", v.access_key, v.from);
    if (llabs(skew) > SKEW_S)
        error_context(err, "this machine's clock is %" PRId64 " s off", skew);
    return false;
}

bool purge_cloudfront(struct purge_job *job, struct error *err)
{
    const char *url = job->entry->url;
    struct state s = {.path = STRBUF_INIT, .body = STRBUF_INIT, .authorization = STRBUF_INIT};
    s.host = purge_host(job->arena, url != NULL && url[0] != '\0' ? url : ADDRESS);
    strbuf_addstr(&s.path, "/" VERSION "/distribution/");
    sigv4_encode(&s.path, job->entry->id, strlen(job->entry->id), true);
    strbuf_addstr(&s.path, "/invalidation");
    job->state = &s;
    bool ok = purge_send(job, 1, make, judge, err);
    if (!ok && s.crowded && !job->everything) {
        job->everything = true; /* wildcards are counted apart */
        ok = purge_send(job, 1, make, judge, err);
    }
    job->state = NULL;
    strbuf_release(&s.path);
    strbuf_release(&s.body);
    strbuf_release(&s.authorization);
    return ok;
}

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "upload/s3.h"

#define URL_MAX ((size_t)16 << 10)

void s3_call_init(struct s3_call *c, struct s3 *s3)
{
    *c = (struct s3_call){.s3 = s3};
    strbuf_init(&c->url, URL_MAX);
    strbuf_init(&c->names, URL_MAX);
}

void s3_call_release(struct s3_call *c)
{
    strbuf_release(&c->url);
    strbuf_release(&c->names);
}

static bool is_signed(const char *name)
{
    return strncasecmp(name, "x-amz-", 6) == 0 || strcasecmp(name, "content-type") == 0 ||
           strcasecmp(name, "content-md5") == 0;
}

/* The path is cut out of the URL, where the query follows it. */
static void sign(struct s3_call *c, const struct credentials_value *who)
{
    struct s3 *s3 = c->s3;
    struct http_request *r = &c->request;
    struct sigv4_header headers[HTTP_MAX_HEADERS];
    size_t n = 0;
    for (size_t i = 0; i < r->n_headers; i++)
        if (is_signed(r->headers[i].name))
            headers[n++] = (struct sigv4_header){r->headers[i].name, r->headers[i].value};
    char *mark = c->query_at != 0 ? c->url.buf + c->query_at - 1 : NULL;
    if (mark != NULL)
        *mark = '\0';
    struct sigv4_request request = {
        .method = r->method,
        .host = s3->host,
        .path = c->url.buf + c->path_at,
        .query = mark != NULL ? mark + 1 : "",
        .payload_sha256 = c->payload_sha256,
        .headers = headers,
        .n_headers = n,
    };
    struct sigv4_scope scope = {who->access_key, who->secret_key, s3->region, "s3"};
    strbuf_reset(&s3->authorization);
    sigv4_sign(&request, &scope, c->time, &s3->key, &s3->authorization);
    if (mark != NULL)
        *mark = '?';
}

/* Before every attempt: by the server's clock, with credentials that are good now. What they and
 * the signature are is borrowed until the attempt has begun. */
static bool prepare(struct http_request *r, int64_t clock_skew_s, struct error *err)
{
    struct s3_call *c = r->payload;
    struct s3 *s3 = c->s3;
    struct credentials_value who;
    c->held = c->writes && !target_may(&s3->base);
    if (c->held)
        return error_set(err, ERROR_FAILED, "the claim on the origin has lapsed");
    if (!credentials_get(s3->credentials, &who, err))
        return false;
    c->renewals = s3->renewals;
    snprintf(s3->access_key, sizeof(s3->access_key), "%s", who.access_key);
    sigv4_time((int64_t)time(NULL) + clock_skew_s, c->time);
    if (!s3_call_header(c, "x-amz-date", c->time, err) ||
        !s3_call_header(c, "x-amz-security-token", who.token, err))
        return false;
    sign(c, &who);
    return s3_call_header(c, "authorization", s3->authorization.buf, err);
}

static bool again(struct http_request *r, const struct http_answer *a)
{
    return s3_error_again(r->payload, a);
}

void s3_call_begin(struct s3_call *c, const char *method, const char *key)
{
    struct s3 *s3 = c->s3;
    c->renewed = 0;
    c->skewed = c->writes = c->held = false;
    c->query_at = 0;
    c->request = (struct http_request){
        .method = method,
        .answer_max = S3_ANSWER_MAX,
        .prepare = prepare,
        .again = again,
        .payload = c,
    };
    strbuf_reset(&c->url);
    strbuf_reset(&c->names);
    strbuf_addstr(&c->url, s3->site);
    c->path_at = c->url.len;
    strbuf_addstr(&c->url, s3->root);
    if (key != NULL) {
        strbuf_addch(&c->url, '/');
        sigv4_encode(&c->url, s3->prefix, strlen(s3->prefix), false);
        sigv4_encode(&c->url, key, strlen(key), false);
    } else if (s3->root[0] == '\0') {
        strbuf_addch(&c->url, '/');
    }
    c->request.url = c->url.buf;
    s3_call_body(c, NULL, 0, NULL);
}

void s3_call_query(struct s3_call *c, const char *name, const char *value)
{
    if (c->query_at == 0) {
        strbuf_addch(&c->url, '?');
        c->query_at = c->url.len;
        struct strbuf first = STRBUF_INIT; /* without a '&' in front */
        sigv4_add_query(&first, name, value);
        strbuf_add(&c->url, first.buf, first.len);
        strbuf_release(&first);
    } else {
        sigv4_add_query(&c->url, name, value);
    }
    c->request.url = c->url.buf;
}

void s3_call_body(struct s3_call *c, const void *body, size_t len, const uint8_t *sha256)
{
    uint8_t own[DIGEST_SIZE];
    c->request.body = body;
    c->request.body_len = len;
    if (body == NULL) {
        memcpy(c->payload_sha256, SIGV4_EMPTY_SHA256, sizeof(c->payload_sha256));
    } else {
        if (sha256 == NULL)
            digest_of(&c->s3->digest, body, len, own);
        digest_hex(sha256 != NULL ? sha256 : own, c->payload_sha256);
    }
    http_request_set(&c->request, "x-amz-content-sha256", c->payload_sha256);
}

bool s3_call_header(struct s3_call *c, const char *name, const char *value, struct error *err)
{
    if (value == NULL || value[0] == '\0' || http_request_set(&c->request, name, value))
        return true;
    return error_set(err, ERROR_USAGE, "an object has at most %d headers", HTTP_MAX_HEADERS);
}

bool s3_call_one(struct s3_call *c, struct http_answer *a, struct error *err)
{
    if (http_one(c->s3->http, &c->request, a, err))
        return true;
    return error_context(err, "%s", c->s3->base.name);
}

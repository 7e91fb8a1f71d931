#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "upload/s3.h"
#include "upload/s3_xml.h"

#define LIST_MAX ((size_t)16 << 20) /* of a page: a thousand keys of 1024 bytes, encoded */
#define DELETE_AT_ONCE 1000

/* ---- opening ---- */

static bool is_made_of(const char *text, const char *more)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
              strchr(more, *c) != NULL))
            return false;
    return text[0] != '\0';
}

static void aws_endpoint(const char *region, struct strbuf *out)
{
    strbuf_addf(out, "https://s3.%s.amazonaws.com%s", region,
                strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

/* Where the host begins; its end is cut to what goes into the Host header: no '/' and no port that
 * is the scheme's own. 0: no endpoint. */
static size_t trim_endpoint(struct strbuf *e)
{
    size_t host = strncmp(e->buf, "https://", 8) == 0  ? 8
                  : strncmp(e->buf, "http://", 7) == 0 ? 7
                                                       : 0;
    if (host == 0)
        return 0;
    const char *own_port = host == 8 ? ":443" : ":80";
    size_t own_len = strlen(own_port);
    if (e->len > host && e->buf[e->len - 1] == '/')
        strbuf_setlen(e, e->len - 1);
    if (e->len > host + own_len && strcmp(e->buf + e->len - own_len, own_port) == 0)
        strbuf_setlen(e, e->len - own_len);
    return is_made_of(e->buf + host, ".-_:[]") ? host : 0;
}

static bool set_address(struct s3 *s3, const struct target_s3 *where, struct error *err)
{
    struct strbuf endpoint = STRBUF_INIT, text = STRBUF_INIT;
    if (where->endpoint != NULL)
        strbuf_addstr(&endpoint, where->endpoint);
    else
        aws_endpoint(s3->region, &endpoint);
    size_t host = trim_endpoint(&endpoint);
    if (host == 0) {
        error_set(err, ERROR_USAGE,
                  "the endpoint '%.200s' is not of the form https://HOST or http://HOST:PORT",
                  endpoint.buf);
    } else {
        strbuf_add(&text, endpoint.buf, host);
        if (!where->path_style)
            strbuf_addf(&text, "%s.", s3->bucket);
        strbuf_addstr(&text, endpoint.buf + host);
        s3->site = mem_strdup(text.buf);
        s3->host = mem_strdup(text.buf + host);
        strbuf_reset(&text);
        if (where->path_style)
            strbuf_addf(&text, "/%s", s3->bucket);
        s3->root = mem_strdup(text.buf);
    }
    strbuf_release(&endpoint);
    strbuf_release(&text);
    return host != 0;
}

static bool open_s3(struct s3 *s3, const struct target_s3 *where,
                    const struct target_options *options, struct error *err)
{
    struct http_options http = {.concurrency = options->concurrency,
                                .connect_timeout_ms = options->connect_timeout_ms,
                                .stall_ms = options->stall_ms,
                                .give_up_ms = options->give_up_ms,
                                .ca_file = options->ca_file,
                                .stop = options->stop};
    struct strbuf name = STRBUF_INIT;
    strbuf_addf(&name, "s3://%s/%s", where->bucket, where->prefix);
    s3->base.name = strbuf_detach(&name, NULL);
    s3->base.conditions = (struct target_conditions){true, TARGET_MATCH_QUOTED};
    s3->bucket = mem_strdup(where->bucket);
    s3->prefix = mem_strdup(where->prefix);
    s3->region =
        mem_strdup(where->region != NULL && where->region[0] != '\0' ? where->region : "us-east-1");
    strbuf_init(&s3->authorization, 4096);
    digest_init(&s3->digest);
    if (!is_made_of(s3->bucket, ".-_") || strlen(s3->bucket) > 255)
        return error_set(err, ERROR_USAGE, "'%.80s' is no name of a bucket", s3->bucket);
    if (!is_made_of(s3->region, "-_"))
        return error_set(err, ERROR_USAGE, "'%.80s' is no region", s3->region);
    if (!set_address(s3, where, err))
        return false;
    s3->credentials = credentials_new();
    s3->http = http_new(&http, err);
    return s3->http != NULL;
}

static void close_s3(struct target *t)
{
    struct s3 *s3 = (struct s3 *)t;
    http_free(s3->http);
    credentials_free(s3->credentials);
    digest_release(&s3->digest);
    strbuf_release(&s3->authorization);
    free(s3->bucket);
    free(s3->prefix);
    free(s3->region);
    free(s3->site);
    free(s3->host);
    free(s3->root);
    free(s3->base.name);
    OPENSSL_cleanse(&s3->key, sizeof(s3->key));
    free(s3);
}

/* ---- get, head ---- */

static bool read_found(const struct http_answer *a, struct target_found *found)
{
    const char *identity = http_answer_header(a, S3_IDENTITY_HEADER);
    const char *length = http_answer_header(a, "content-length");
    if (identity != NULL && strlen(identity) < sizeof(found->identity))
        strcpy(found->identity, identity);
    if (length != NULL)
        found->size = strtoull(length, NULL, 10);
    return target_etag_read(http_answer_header(a, "etag"), found->etag);
}

/* A missing object, unless it is the bucket that is missing. A HEAD does not tell. */
static bool is_missing(const struct http_answer *a)
{
    struct s3_xml_error e;
    if (a->status != 404)
        return false;
    return !s3_xml_error(a->body.buf, a->body.len, &e) || strcmp(e.code, "NoSuchKey") == 0;
}

static bool read_answer(const struct s3 *s3, const struct http_answer *a, const char *key,
                        struct target_found *found, enum target_outcome *outcome, struct error *err)
{
    if (is_missing(a)) {
        *outcome = TARGET_MISSING;
        return true;
    }
    if (a->status != 200) {
        s3_error_of(s3, a, err);
        return error_context(err, "%s", key);
    }
    *outcome = TARGET_DONE;
    return read_found(a, found) ||
           error_set(err, ERROR_FAILED, "%s%s: the server tells no ETag", s3->base.name, key);
}

static bool get_s3(struct target *t, const char *key, size_t cap, const char *known_etag,
                   struct strbuf *body, struct target_found *found, bool *unchanged,
                   enum target_outcome *outcome, struct error *err)
{
    struct s3 *s3 = (struct s3 *)t;
    struct s3_call c;
    struct http_answer a;
    char quoted[TARGET_ETAG_MAX + 3];
    s3_call_init(&c, s3);
    s3_call_begin(&c, "GET", key);
    c.request.answer_max = cap;
    if (known_etag != NULL) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", known_etag);
        http_request_set(&c.request, "if-none-match", quoted);
    }
    bool ok = s3_call_one(&c, &a, err);
    if (ok && known_etag != NULL && a.status == 304) {
        *unchanged = true;
        *outcome = TARGET_DONE;
        snprintf(found->etag, sizeof(found->etag), "%s", known_etag);
    } else if (ok) {
        ok = read_answer(s3, &a, key, found, outcome, err);
        if (ok && *outcome == TARGET_DONE) {
            found->size = a.body.len;
            strbuf_add(body, a.body.buf, a.body.len);
            if (body->overflow)
                ok = error_set(err, ERROR_FAILED, "%s%s is too long", s3->base.name, key);
        }
    }
    http_answer_release(&a);
    s3_call_release(&c);
    return ok;
}

static bool head_s3(struct target *t, const char *key, struct target_found *found,
                    enum target_outcome *outcome, struct error *err)
{
    struct s3 *s3 = (struct s3 *)t;
    struct s3_call c;
    struct http_answer a;
    s3_call_init(&c, s3);
    s3_call_begin(&c, "HEAD", key);
    bool ok = s3_call_one(&c, &a, err) && read_answer(s3, &a, key, found, outcome, err);
    http_answer_release(&a);
    s3_call_release(&c);
    return ok;
}

/* ---- delete ---- */

static bool content_md5(const struct strbuf *body, char out[32], struct error *err)
{
    unsigned char md5[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(body->buf, body->len, md5, &len, EVP_md5(), NULL) != 1 || len != 16)
        return error_set(err, ERROR_FAILED, "libcrypto refuses MD5, which S3 asks for here");
    EVP_EncodeBlock((unsigned char *)out, md5, (int)len);
    return true;
}

static bool read_deleted(const struct s3 *s3, const struct http_answer *a, struct error *err)
{
    struct s3_xml_deleted deleted;
    if (a->status != 200)
        return s3_error_of(s3, a, err) && false;
    struct s3_xml_error e;
    if (s3_xml_error(a->body.buf, a->body.len, &e))
        return s3_error_of(s3, a, err) && false;
    if (!s3_xml_deleted(a->body.buf, a->body.len, &deleted, err))
        return error_context(err, "%s", s3->base.name);
    return !deleted.refused ||
           error_set(err, ERROR_FAILED, "s3://%s/%s cannot be deleted: %s (%s)", s3->bucket,
                     deleted.key, deleted.error.message, deleted.error.code);
}

static bool delete_some(struct s3 *s3, struct s3_call *c, const char *const *keys, size_t n,
                        struct strbuf *body, struct error *err)
{
    char md5[32];
    strbuf_reset(body);
    strbuf_addstr(body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        "<Quiet>true</Quiet>");
    for (size_t i = 0; i < n; i++) {
        strbuf_addstr(body, "<Object><Key>");
        s3_xml_escape(body, s3->prefix);
        s3_xml_escape(body, keys[i]);
        strbuf_addstr(body, "</Key></Object>");
    }
    strbuf_addstr(body, "</Delete>");
    if (!content_md5(body, md5, err))
        return false;
    s3_call_begin(c, "POST", NULL);
    c->writes = true;
    s3_call_query(c, "delete", "");
    s3_call_body(c, body->buf, body->len, NULL);
    c->request.answer_max = LIST_MAX;
    http_request_set(&c->request, "content-type", "application/xml");
    http_request_set(&c->request, "content-md5", md5);
    struct http_answer a;
    bool ok = s3_call_one(c, &a, err) && read_deleted(s3, &a, err);
    http_answer_release(&a);
    return ok;
}

static bool delete_s3(struct target *t, const char *const *keys, size_t n, struct error *err)
{
    struct s3 *s3 = (struct s3 *)t;
    struct s3_call c;
    struct strbuf body = STRBUF_INIT;
    bool ok = true;
    s3_call_init(&c, s3);
    for (size_t i = 0; ok && i < n; i += DELETE_AT_ONCE)
        ok = delete_some(s3, &c, keys + i, n - i < DELETE_AT_ONCE ? n - i : DELETE_AT_ONCE, &body,
                         err);
    strbuf_release(&body);
    s3_call_release(&c);
    return ok;
}

/* ---- list ---- */

struct list {
    const struct s3 *s3;
    target_take_fn *take;
    void *payload;
    char last[TARGET_KEY_MAX + 1]; /* with the prefix */
    const char *fault;
};

static bool list_take(void *payload, const char *key, size_t len, const char *etag, uint64_t size)
{
    struct list *l = payload;
    size_t prefix_len = strlen(l->s3->prefix);
    if (len > TARGET_KEY_MAX || memchr(key, '\0', len) != NULL ||
        strncmp(key, l->s3->prefix, prefix_len) != 0)
        l->fault = "the listing holds a key that was not asked for";
    else if (strcmp(key, l->last) <= 0)
        l->fault = "the listing is not in the order of the keys";
    if (l->fault != NULL)
        return false;
    memcpy(l->last, key, len + 1);
    return key[prefix_len] == '\0' || /* a folder's marker, not of ours */
           l->take(l->payload, key + prefix_len, etag, size);
}

static bool list_page(struct list *l, struct s3_call *c, const char *prefix,
                      struct s3_xml_page *page, struct error *err)
{
    struct s3 *s3 = c->s3;
    struct http_answer a;
    s3_call_begin(c, "GET", NULL);
    if (page->token[0] != '\0')
        s3_call_query(c, "continuation-token", page->token);
    s3_call_query(c, "encoding-type", "url");
    s3_call_query(c, "list-type", "2");
    s3_call_query(c, "max-keys", "1000");
    s3_call_query(c, "prefix", prefix);
    c->request.answer_max = LIST_MAX;
    bool ok = s3_call_one(c, &a, err);
    if (ok && a.status != 200)
        ok = s3_error_of(s3, &a, err) && false;
    else if (ok)
        ok = s3_xml_list(a.body.buf, a.body.len, list_take, l, page, err) ||
             error_context(err, "%s", s3->base.name);
    http_answer_release(&a);
    return ok;
}

static bool list_s3(struct target *t, const char *prefix, target_take_fn *take, void *payload,
                    struct error *err)
{
    struct s3 *s3 = (struct s3 *)t;
    struct list l = {.s3 = s3, .take = take, .payload = payload};
    struct s3_xml_page page = {0};
    struct s3_call c;
    struct strbuf whole = STRBUF_INIT;
    strbuf_addstr(&whole, s3->prefix);
    strbuf_addstr(&whole, prefix);
    s3_call_init(&c, s3);
    bool ok;
    do {
        ok = list_page(&l, &c, whole.buf, &page, err);
    } while (ok && page.truncated && !page.ended);
    if (ok && l.fault != NULL)
        ok = error_set(err, ERROR_FAILED, "%s: %s: %.200s", s3->base.name, l.fault, l.last);
    s3_call_release(&c);
    strbuf_release(&whole);
    return ok;
}

/* ---- the rest ---- */

static int64_t now_s3(const struct target *t)
{
    return (int64_t)time(NULL) + http_clock_skew(((const struct s3 *)t)->http);
}

static uint64_t requests_s3(const struct target *t)
{
    return http_requests_sent(((const struct s3 *)t)->http);
}

struct target *target_open_s3(const struct target_s3 *where, const struct target_options *options,
                              struct error *err)
{
    static const struct target_ops ops = {
        .close = close_s3,
        .get = get_s3,
        .head = head_s3,
        .put_many = s3_put_many,
        .delete = delete_s3,
        .list = list_s3,
        .now = now_s3,
        .requests = requests_s3,
    };
    struct s3 *s3 = mem_calloc(1, sizeof(*s3));
    s3->base.ops = &ops;
    if (open_s3(s3, where, options, err))
        return &s3->base;
    error_context(err, "%s", s3->base.name);
    close_s3(&s3->base);
    return NULL;
}

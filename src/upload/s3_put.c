#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "upload/s3.h"
#include "upload/s3_xml.h"

/* An object on its way. */
struct put {
    struct s3_call call;
    struct target_object *object;
    char condition[TARGET_ETAG_MAX + 3];
    char identity[DIGEST_HEX_SIZE + 1];
    bool settling; /* its condition was refused after an attempt in doubt: a HEAD asks */
    struct run *run;
    struct put *next;
};

struct run {
    struct s3 *s3;
    target_next_fn *next;
    target_done_fn *done;
    void *payload;
    bool over; /* no more are given */
    bool fatal;
    struct error err; /* fatal */
    struct put *idle;
    struct put *to_settle;
};

static struct put *take_put(struct run *run)
{
    struct put *p = run->idle;
    if (p != NULL) {
        run->idle = p->next;
        return p;
    }
    p = mem_calloc(1, sizeof(*p));
    p->run = run;
    s3_call_init(&p->call, run->s3);
    return p;
}

static void free_puts(struct put *list)
{
    for (struct put *p; (p = list) != NULL;) {
        list = p->next;
        s3_call_release(&p->call);
        free(p);
    }
}

/* ---- requests ---- */

/* In the form that the store honours; one that honours none is written without. */
static bool set_condition(struct put *p, struct error *err)
{
    const struct target_object *o = p->object;
    struct target_conditions takes = p->run->s3->base.conditions;
    if (o->condition == TARGET_IF_NEW && takes.none_match)
        return s3_call_header(&p->call, "if-none-match", "*", err);
    if (o->condition != TARGET_IF_SAME || takes.match == TARGET_MATCH_NONE)
        return true;
    size_t len = o->etag != NULL ? strlen(o->etag) : 0;
    if (len == 0 || len > TARGET_ETAG_MAX)
        return error_set(err, ERROR_CONTENT, "%s: no ETag to compare with", o->key);
    const char *quote = takes.match == TARGET_MATCH_QUOTED ? "\"" : "";
    stpcpy(stpcpy(stpcpy(p->condition, quote), o->etag), quote);
    return s3_call_header(&p->call, "if-match", p->condition, err);
}

static bool set_meta(struct s3_call *c, const struct target_headers *h, struct error *err)
{
    static const char prefix[] = "x-amz-meta-";
    size_t room = 0;
    for (size_t i = 0; i < h->n_meta; i++)
        room += sizeof(prefix) + strlen(h->meta[i].name);
    if (!strbuf_reserve(&c->names, room)) /* all at once: names are pointed to */
        return error_set(err, ERROR_USAGE, "the names of the metadata are too long");
    for (size_t i = 0; i < h->n_meta; i++) {
        const char *name = c->names.buf + c->names.len;
        strbuf_addstr(&c->names, prefix);
        strbuf_add(&c->names, h->meta[i].name, strlen(h->meta[i].name) + 1);
        if (!s3_call_header(c, name, h->meta[i].value, err))
            return false;
    }
    return true;
}

static bool build(struct put *p, struct error *err)
{
    const struct target_object *o = p->object;
    const struct target_headers *h = o->headers;
    struct s3_call *c = &p->call;
    if (!target_key_check(o->key, err))
        return false;
    if (strlen(c->s3->prefix) + strlen(o->key) > TARGET_KEY_MAX)
        return error_set(err, ERROR_CONTENT, "%s: with the prefix longer than %d bytes", o->key,
                         TARGET_KEY_MAX);
    s3_call_begin(c, "PUT", o->key);
    c->writes = true;
    s3_call_body(c, o->len != 0 ? o->body : "", o->len, o->body_sha256);
    /* What has no identity of its own is known by its bytes. */
    snprintf(p->identity, sizeof(p->identity), "%s",
             o->identity != NULL ? o->identity : c->payload_sha256);
    return (h == NULL ||
            (s3_call_header(c, "content-type", h->content_type, err) &&
             s3_call_header(c, "content-encoding", h->content_encoding, err) &&
             s3_call_header(c, "cache-control", h->cache_control, err) && set_meta(c, h, err))) &&
           s3_call_header(c, S3_IDENTITY_HEADER, p->identity, err) && set_condition(p, err);
}

/* ---- ends ---- */

static void end(struct put *p, enum target_outcome outcome, const char *etag,
                const struct error *why)
{
    struct run *run = p->run;
    struct target_object *object = p->object;
    p->next = run->idle;
    run->idle = p;
    if (!run->done(run->payload, object, outcome, etag, why))
        run->over = true;
}

static void end_failed(struct put *p, const struct http_answer *a)
{
    struct run *run = p->run;
    struct error err = ERROR_INIT;
    if (s3_error_of(run->s3, a, &err) && !run->fatal) {
        run->fatal = run->over = true;
        run->err = err;
    }
    error_context(&err, "%s", p->object->key);
    end(p, TARGET_FAILED, NULL, &err);
}

/* 200 with an error inside has stored nothing. */
static bool is_stored(const struct http_answer *a, char etag[TARGET_ETAG_MAX + 1])
{
    struct s3_xml_error e;
    return a->status >= 200 && a->status <= 299 &&
           (a->body.len == 0 || !s3_xml_error(a->body.buf, a->body.len, &e)) &&
           target_etag_read(http_answer_header(a, "etag"), etag);
}

static bool is_refused_by_condition(const struct put *p, const struct http_answer *a)
{
    if (p->object->condition == TARGET_ALWAYS)
        return false;
    if (a->status == 412)
        return true;
    struct s3_xml_error e; /* AWS answers so where there is nothing for If-Match to match */
    return a->status == 404 && s3_xml_error(a->body.buf, a->body.len, &e) &&
           strcmp(e.code, "NoSuchKey") == 0;
}

static void end_settled(struct put *p, const struct http_answer *a)
{
    char etag[TARGET_ETAG_MAX + 1];
    const char *identity = http_answer_header(a, S3_IDENTITY_HEADER);
    const char *length = http_answer_header(a, "content-length");
    if (a->status == 200 && identity != NULL && strcmp(identity, p->identity) == 0 &&
        length != NULL && strtoull(length, NULL, 10) == p->object->len &&
        target_etag_read(http_answer_header(a, "etag"), etag))
        end(p, TARGET_DONE, etag, NULL);
    else if (a->status == 200 || a->status == 404)
        end(p, TARGET_CONFLICT, NULL, NULL);
    else
        end_failed(p, a);
}

static void put_done(struct http_request *r, struct http_answer *a);

static void settle(struct put *p)
{
    s3_call_begin(&p->call, "HEAD", p->object->key);
    p->call.request.done = put_done;
    p->call.payload = p;
    p->settling = true;
    p->next = p->run->to_settle;
    p->run->to_settle = p;
}

static void put_done(struct http_request *r, struct http_answer *a)
{
    struct s3_call *c = r->payload;
    struct put *p = c->payload;
    char etag[TARGET_ETAG_MAX + 1];
    if (c->held)
        end(p, TARGET_HELD, NULL, &a->err);
    else if (p->settling)
        end_settled(p, a);
    else if (is_stored(a, etag))
        end(p, TARGET_DONE, etag, NULL);
    else if (is_refused_by_condition(p, a) && a->doubt)
        settle(p);
    else if (is_refused_by_condition(p, a))
        end(p, TARGET_CONFLICT, NULL, NULL);
    else
        end_failed(p, a);
}

/* ---- the run ---- */

static struct http_request *next_put(void *payload, int64_t *wait_ms)
{
    struct run *run = payload;
    struct put *p = run->to_settle;
    (void)wait_ms;
    if (p != NULL) {
        run->to_settle = p->next;
        return &p->call.request;
    }
    while (!run->over) {
        struct target_object *object = NULL;
        struct error err = ERROR_INIT;
        if (!run->next(run->payload, &object)) {
            run->over = true;
            break;
        }
        p = take_put(run);
        p->object = object;
        p->settling = false;
        if (build(p, &err)) {
            p->call.request.done = put_done;
            p->call.payload = p;
            return &p->call.request;
        }
        end(p, TARGET_FAILED, NULL, &err);
    }
    return NULL;
}

bool s3_put_many(struct target *t, target_next_fn *next, target_done_fn *done, void *payload,
                 struct error *err)
{
    struct run run = {.s3 = (struct s3 *)t, .next = next, .done = done, .payload = payload};
    bool ok = http_run(run.s3->http, next_put, &run, err);
    for (struct put *p; (p = run.to_settle) != NULL;) { /* the run has failed */
        run.to_settle = p->next;
        end(p, TARGET_FAILED, NULL, err);
    }
    free_puts(run.idle);
    if (ok && run.fatal) {
        *err = run.err;
        return false;
    }
    return ok;
}

/* HTTP transfers, many at once (libcurl's multi interface).
 *
 * For: everything platen asks of servers: objects put to an origin, purges, credentials, the proof
 * that a page is live. One thread works off any number of requests over `concurrency` connections
 * that are reused; memory is that of the requests in flight. Not for: what a request means; how it
 * is signed (upload/sigv4.h).
 *
 * Each request is tried again on its own: after 429, 500, 502, 503, 504, a connection that breaks,
 * an answer cut short and a stall it waits, longer each time and by chance (full jitter, or what
 * Retry-After asks for, within bounds and not at a first 503), while all others go on. It ends with
 * the last answer when `give_up_ms` have passed since the server was last heard to do anything
 * right for any request of this run (an outage ends all requests together, a slow key none), or
 * after `attempts_max`.
 *
 * TLS is verified, redirects are not followed, only http and https are spoken, `Expect` is off, the
 * path goes out as it is, and no header but those of the request, Host, User-Agent and
 * Content-Length. Proxies as the environment says (https_proxy, no_proxy).
 *
 * Order: http_new(); http_run() or http_one() as often as wanted, from one thread; http_free().
 * Errors: a server's refusal is an answer, not an error. http_run() fails when it cannot go on at
 * all, or was stopped. Secrets stay out of every text: header values are never quoted in errors,
 * queries of URLs neither.
 */
#ifndef UPLOAD_HTTP_H
#define UPLOAD_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define HTTP_MAX_HEADERS 32
#define HTTP_ANSWER_HEADERS_MAX (16 << 10) /* of an answer; beyond: it is refused */

struct http;

struct http_options {
    unsigned concurrency;       /* transfers at once, 1..256 */
    int64_t connect_timeout_ms; /* 0: 10 s */
    int64_t stall_ms;           /* an attempt without any byte for so long has failed; 0: 30 s */
    int64_t give_up_ms;         /* see above; 0: no attempt but the first */
    unsigned attempts_max;      /* of one request; 0: no limit */
    const char *ca_file;        /* PEM, or NULL: the system's */
    bool direct;                /* by no proxy, whatever the environment says */
    const atomic_bool *stop; /* becomes true: nothing new begins, what is in flight is dropped; or
                                NULL */
};

struct http_header {
    const char *name, *value;
};

struct http_answer {
    long status; /* 0: there was none; see err */
    struct strbuf body;
    struct strbuf headers; /* "name\0value\0"...; names in lower case */
    unsigned attempts;
    bool doubt; /* an earlier attempt ended without a clear answer: it may have been carried out */
    struct error err; /* status 0: what went wrong, with the host's name */
};

/* The value, trimmed, or NULL. The first one where a header came twice. */
const char *http_answer_header(const struct http_answer *a, const char *lower_case_name);

/* A request stands still from the moment it is given until its done() was called. */
struct http_request {
    const char *method; /* "GET", "PUT", "PURGE", ... */
    const char *url;    /* already encoded; http or https */
    struct http_header headers[HTTP_MAX_HEADERS];
    size_t n_headers;
    const void *body; /* NULL: none. PUT and POST without one send Content-Length: 0 */
    size_t body_len;
    size_t
        answer_max; /* most bytes of the answer's body that are wanted; a longer one is no answer */
    /* Called before every attempt: what each needs anew, such as a signature with its time. Sets
     * or replaces headers in `headers`; `clock_skew_s` is what the server's clock is ahead, as far
     * as an answer has told. Texts must live until the next call or done(). May be NULL. */
    bool (*prepare)(struct http_request *r, int64_t clock_skew_s, struct error *err);
    /* Whether this answer deserves another attempt, beyond the statuses above. May be NULL. */
    bool (*again)(struct http_request *r, const struct http_answer *a);
    void (*done)(struct http_request *r, struct http_answer *a); /* may take a->body; NULL: none */
    void *payload;
};

struct http *http_new(const struct http_options *options, struct error *err);
void http_free(struct http *h); /* accepts NULL */

/* Sets a header of the request or replaces it (names compare without case). False: no room. */
bool http_request_set(struct http_request *r, const char *name, const char *value);

/* Takes requests from next() whenever there is a free transfer, until it returns NULL and all are
 * done; it is asked again after each done(), which may have made another request necessary. next()
 * may set *wait_ms to be asked again later instead (it returns NULL then). Every request that was
 * taken gets its done(), also when the run fails. Requests that wait for another attempt hold no
 * transfer; a thousand of them, or 8 MB of their bodies, and no new ones are taken. */
typedef struct http_request *http_next_fn(void *payload, int64_t *wait_ms);
bool http_run(struct http *h, http_next_fn *next, void *payload, struct error *err);

/* One request, whose done() is not called. False: no answer (err says why). The answer is the
 * caller's in both cases. Not from within http_run(). */
bool http_one(struct http *h, struct http_request *r, struct http_answer *a, struct error *err);
void http_answer_init(struct http_answer *a);
void http_answer_release(struct http_answer *a);

/* Attempts so far, over all requests: what benchmarks and tests count. */
uint64_t http_requests_sent(const struct http *h);
/* What the server's clock is ahead of ours in seconds, by the last answer that had a Date. */
int64_t http_clock_skew(const struct http *h);

#endif

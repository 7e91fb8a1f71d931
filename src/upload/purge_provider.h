/* One entry of purge[] at work: what the providers share. For upload/purge*.c alone.
 *
 * A provider says how many requests there are, makes each when its turn comes (so that memory is
 * that of the requests in flight) and judges the answers.
 */
#ifndef UPLOAD_PURGE_PROVIDER_H
#define UPLOAD_PURGE_PROVIDER_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "upload/purge.h"

#define PURGE_ANSWER_MAX ((size_t)256 << 10)

struct purge_job;

/* A request in flight with the texts it points to. */
struct purge_slot {
    struct http_request http;
    struct strbuf url, body, pattern; /* pattern: of Varnish's BAN */
    struct purge_job *job;
    struct purge_slot *next;  /* free ones */
    struct purge_slot *other; /* all of this run */
};

/* Fills url, body and headers of request number i. False: err says why; nothing more is sent. */
typedef bool purge_make_fn(struct purge_job *job, size_t i, struct purge_slot *slot,
                           struct error *err);
/* False: err says what the provider answered. */
typedef bool purge_judge_fn(struct purge_job *job, const struct http_answer *a, struct error *err);

struct purge_job {
    const struct config *config;
    const struct config_purge *entry;
    struct http *http;
    struct credentials *credentials;
    const struct purge_request *request;
    struct arena *arena;
    const char *const *urls; /* paths of addresses, encoded; each begins with base_url's path */
    size_t n_urls;
    bool everything;           /* urls do not matter */
    const char *token;         /* NULL: none */
    const char *authorization; /* "Bearer TOKEN", or NULL */
    size_t requests;           /* made so far */
    void *state;               /* the provider's */
    /* Of purge_send(). */
    purge_make_fn *make;
    purge_judge_fn *judge;
    size_t next, n, failed;
    struct purge_slot *free, *slots;
    struct error *err;
};

/* Sends requests 0..n-1. err is that of the first that failed. */
bool purge_send(struct purge_job *job, size_t n, purge_make_fn *make, purge_judge_fn *judge,
                struct error *err);

/* Tells the answer: its status and how it begins, or why there was none. Returns false. */
bool purge_refused(const struct http_answer *a, struct error *err);
/* A judge: any 2xx will do. */
bool purge_judge_status(struct purge_job *job, const struct http_answer *a, struct error *err);

/* Sets a header whose value lives as long as the request. False: too many. */
bool purge_set(struct purge_slot *slot, const char *name, const char *value, struct error *err);

/* "https://host:port" of an address, in the arena; the host with its port behind "://". */
const char *purge_site(const struct purge_job *job);
const char *purge_host(struct arena *arena, const char *url);
/* Appends `url` without the slashes at its end. */
void purge_add_base(struct strbuf *sb, const char *url);

/* At how many addresses a file is shown: 0 for a twin, 1 or 2. */
size_t purge_urls_of(const char *path);

bool purge_cloudfront(struct purge_job *job, struct error *err);
bool purge_cloudflare(struct purge_job *job, struct error *err);
bool purge_varnish(struct purge_job *job, struct error *err);
bool purge_webhook(struct purge_job *job, struct error *err);

#endif

/* A bucket of an S3 server: what the files of this kind of target share.
 *
 * s3_call.c    one request: its address, its headers, its signature, whether it is repeated
 * s3_error.c   what an answer means, in words
 * s3_put.c     objects, many at once
 * target_s3.c  all else
 *
 * Source: Amazon S3 API reference. What other servers do differently is said where it matters.
 */
#ifndef UPLOAD_S3_H
#define UPLOAD_S3_H

#include "base/digest.h"
#include "upload/credentials.h"
#include "upload/http.h"
#include "upload/sigv4.h"
#include "upload/target_ops.h"

#define S3_IDENTITY_HEADER "x-amz-meta-platen-sha256"
#define S3_ANSWER_MAX ((size_t)64 << 10) /* of a PUT or an error */

struct s3 {
    struct target base;
    struct http *http;
    struct credentials *credentials;
    struct sigv4_key key;
    struct digest digest;
    char *bucket, *prefix, *region;
    char *site; /* "https://host[:port]" */
    char *host; /* the part behind "//" */
    char *root; /* path of the bucket: "" or "/BUCKET" */
    struct strbuf authorization;
    unsigned renewals;    /* of the credentials, after a server called them expired */
    char access_key[129]; /* last used: for messages */
};

/* ---- s3_call.c ---- */

/* One request with all its texts; used again and again. */
struct s3_call {
    struct http_request request;
    struct s3 *s3;
    struct strbuf url, names;
    size_t path_at, query_at; /* in url; query_at 0: none */
    char payload_sha256[DIGEST_HEX_SIZE + 1];
    char time[17];
    unsigned renewals; /* of the credentials it was signed with */
    unsigned renewed;  /* how often it was signed anew because of them */
    bool skewed;       /* it was repeated by the server's clock */
    bool writes;       /* it asks the gate before each attempt */
    bool held;         /* the gate was closed */
    void *payload;
};

void s3_call_init(struct s3_call *c, struct s3 *s3);
void s3_call_release(struct s3_call *c);

/* Begins anew: of the object `key` (relative to the prefix), or of the bucket if it is NULL. The
 * query is appended by s3_call_query(), in order. */
void s3_call_begin(struct s3_call *c, const char *method, const char *key);
void s3_call_query(struct s3_call *c, const char *name, const char *value);
/* sha256 NULL: computed here. */
void s3_call_body(struct s3_call *c, const void *body, size_t len, const uint8_t *sha256);
/* Headers whose text must live as long as the call. Empty and NULL values are left out. */
bool s3_call_header(struct s3_call *c, const char *name, const char *value, struct error *err);

/* Sends it and waits. False: no answer, or one that ends all (see s3_error_of()). */
bool s3_call_one(struct s3_call *c, struct http_answer *a, struct error *err);

/* ---- s3_error.c ---- */

/* Whether this refusal may become something else if it is sent again. */
bool s3_error_again(struct s3_call *c, const struct http_answer *a);

/* What an answer that is none of those expected means. Returns true if nothing can be done with
 * this target any more. */
bool s3_error_of(const struct s3 *s3, const struct http_answer *a, struct error *err);

/* ---- s3_put.c ---- */

bool s3_put_many(struct target *t, target_next_fn *next, target_done_fn *done, void *payload,
                 struct error *err);

#endif

/* Where objects go: a bucket of an S3 server, or a folder.
 *
 * For: the small set of operations that an upload needs, with one meaning for both kinds. Keys are
 * relative to the target's prefix, decoded, UTF-8, without a leading '/'. Not for: which objects,
 * and in which order (upload/upload.h).
 *
 * Order: target_open_s3() or target_open_folder(); operations from one thread; target_close().
 *
 * Conditions fence, they do not identify: a put may be bound to the state that its caller knows. A
 * store that ignores them (struct target_conditions, found by probing) is written without.
 * A put that was refused by its condition after an earlier attempt was lost is settled by asking
 * what is there: if it is ours by the stored SHA-256, it is done.
 *
 * Errors: an operation fails (false) when the target cannot be worked with at all: no credentials,
 * refused ones (named by key id, with the clock's skew), no such bucket, wrong region, wrong
 * certificate, given up after an outage. What became of one object is its outcome.
 */
#ifndef UPLOAD_TARGET_H
#define UPLOAD_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define TARGET_ETAG_MAX 127 /* bytes; a longer one is refused */
#define TARGET_KEY_MAX 1024

struct target;

enum target_outcome {
    TARGET_DONE,
    TARGET_MISSING,  /* get, head: nothing there */
    TARGET_CONFLICT, /* put: the condition does not hold: somebody else was there */
    TARGET_FAILED,   /* see the error text that comes with it */
    TARGET_HELD,     /* put: not sent, or not again: the gate was closed */
};

enum target_match { TARGET_MATCH_NONE, TARGET_MATCH_QUOTED, TARGET_MATCH_BARE };

/* What the store honours. */
struct target_conditions {
    bool none_match;         /* If-None-Match: * */
    enum target_match match; /* If-Match, with or without quotes around the ETag */
};

enum target_if {
    TARGET_ALWAYS,
    TARGET_IF_NEW,  /* only where there is no object */
    TARGET_IF_SAME, /* only over the one with this ETag */
};

/* Headers an object is stored with. NULL: not sent. Texts are borrowed. */
struct target_headers {
    const char *content_type, *content_encoding, *cache_control;
    const struct target_meta {
        const char *name, *value;
    } * meta; /* x-amz-meta-NAME */
    size_t n_meta;
};

struct target_object {
    const char *key;
    const void *body;
    size_t len;
    const uint8_t *body_sha256; /* of the body as stored; NULL: computed here */
    const char *identity;       /* hex SHA-256 of the content: x-amz-meta-platen-sha256;
                                   NULL: that of the body */
    const struct target_headers *headers;
    enum target_if condition;
    const char *etag; /* of TARGET_IF_SAME, without quotes */
    void *payload;    /* the caller's */
};

struct target_found {
    char etag[TARGET_ETAG_MAX + 1]; /* without quotes */
    char identity[65];              /* "" = not stored by platen */
    uint64_t size;
};

struct target_options {
    unsigned concurrency;
    int64_t connect_timeout_ms, stall_ms, give_up_ms;
    const char *ca_file; /* or NULL */
    const atomic_bool *stop;
};

struct target_s3 {
    const char *bucket, *prefix; /* prefix: "" or "a/b/" */
    const char *endpoint;        /* "https://host[:port]"; NULL: AWS, by region */
    const char *region;
    bool path_style; /* https://host/BUCKET/KEY instead of https://BUCKET.host/KEY */
};

struct target *target_open_s3(const struct target_s3 *where, const struct target_options *options,
                              struct error *err);
/* Files appear by rename, headers are not kept, ETags are digests of the bytes; conditions hold
 * among platens on one machine (flock). A file that has the same bytes already is not written.
 * Symbolic links below the folder are not followed; keys that are no plain path of a file are
 * refused, and ".platen.lock" and ".platen.new" are the target's own. */
struct target *target_open_folder(const char *path, const struct target_options *options,
                                  struct error *err);
void target_close(struct target *t); /* accepts NULL */

/* "s3://bucket/prefix/" or the folder: for messages. */
const char *target_name(const struct target *t);

/* Keys are paths of a file system: `a` and `a/b` cannot both be there. */
bool target_is_folder(const struct target *t);

/* Sets how conditions are sent; before: as AWS takes them. */
void target_set_conditions(struct target *t, struct target_conditions c);
/* Whether a PUT can be bound to what stands there. */
bool target_can_match(const struct target *t);

/* Until it is set to NULL again, `may` is asked before every single attempt to put or delete,
 * those of repetition included: a process may have slept for any time since the one before. */
typedef bool target_may_fn(void *payload);
void target_set_gate(struct target *t, target_may_fn *may, void *payload);

/* Appends the object's body (at most `cap` bytes, else an error). DONE or MISSING. `known_etag` may
 * be NULL; *unchanged: it still has that ETag, and nothing was appended. */
bool target_get(struct target *t, const char *key, size_t cap, const char *known_etag,
                struct strbuf *body, struct target_found *found, bool *unchanged,
                enum target_outcome *outcome, struct error *err);
bool target_head(struct target *t, const char *key, struct target_found *found,
                 enum target_outcome *outcome, struct error *err);
/* DONE (etag filled) or CONFLICT. */
bool target_put(struct target *t, const struct target_object *object,
                char etag[TARGET_ETAG_MAX + 1], enum target_outcome *outcome, struct error *err);

/* Many, side by side. next() fills *object and returns true, or returns false when there are no
 * more; object and body must live until done() gets the same object back, which it does exactly
 * once, in any order. `why` says what failed. done() returning false ends the run: nothing new
 * begins, what is in flight is waited for. */
typedef bool target_next_fn(void *payload, struct target_object **object);
typedef bool target_done_fn(void *payload, struct target_object *object,
                            enum target_outcome outcome, const char *etag, const struct error *why);
bool target_put_many(struct target *t, target_next_fn *next, target_done_fn *done, void *payload,
                     struct error *err);

/* Removes objects; a missing one is done. One call removes any number (a thousand a request). Fails
 * at the first that cannot be removed. */
bool target_delete(struct target *t, const char *const *keys, size_t n, struct error *err);

/* Every object whose key begins with `prefix`, in the order of their keys. take() returning false
 * ends it well. */
typedef bool target_take_fn(void *payload, const char *key, const char *etag, uint64_t size);
bool target_list(struct target *t, const char *prefix, target_take_fn *take, void *payload,
                 struct error *err);

/* Seconds since 1970 by the target's own clock, as far as an answer has told; else by ours. */
int64_t target_now(const struct target *t);
/* Requests sent so far. */
uint64_t target_requests(const struct target *t);

#endif

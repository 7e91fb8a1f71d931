/* AWS Signature Version 4: signing requests (HMAC-SHA256 of libcrypto).
 *
 * For: S3 and its compatibles, and CloudFront. Source: "Signature Version 4 signing process" and
 * "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API reference. S3 takes the
 * path as it was encoded once; other services encode each segment twice.
 * Not for: presigned queries, chunked bodies, Signature Version 4A.
 *
 * Ownership: results are written to the caller's buffers. Pure functions; the key of a day is kept
 * in struct sigv4_key by the caller, one per thread, who wipes it (OPENSSL_cleanse) in the end.
 *
 * A session token is a header like others (x-amz-security-token). Headers are signed with their
 * values trimmed, runs of blanks within as one space, and those of one name joined by commas in
 * their order; the query is signed in the order that it has to be signed in.
 */
#ifndef UPLOAD_SIGV4_H
#define UPLOAD_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sigv4_header {
    const char *name, *value; /* name in any case, value as sent */
};

struct sigv4_request {
    const char *method;
    const char *host;  /* as in the Host header, port included where it is no standard one */
    const char *path;  /* as sent: encoded once, begins with '/' */
    const char *query; /* as sent: made with sigv4_add_query(); "" = none */
    const char *payload_sha256;         /* lower-case hex, or "UNSIGNED-PAYLOAD" */
    const struct sigv4_header *headers; /* those to sign besides host; any order */
    size_t n_headers;
};

struct sigv4_scope {
    const char *access_key, *secret_key;
    const char *region, *service; /* "us-east-1", "s3" */
};

/* The signing key of the day that was last signed for; zero it before first use. */
struct sigv4_key {
    char date[9];
    uint8_t key[32];
    uint8_t of[32]; /* digest of secret, region and service */
};

/* Formats seconds since 1970 as YYYYMMDDTHHMMSSZ. */
void sigv4_time(int64_t seconds, char out[17]);

/* Appends the value of the Authorization header. `time` is what the signed x-amz-date header says.
 */
void sigv4_sign(const struct sigv4_request *r, const struct sigv4_scope *scope, const char time[17],
                struct sigv4_key *key, struct strbuf *out);

/* The steps, for tests and for messages. */
void sigv4_canonical_request(const struct sigv4_request *r, bool is_s3, struct strbuf *out);

/* Appends `text` percent-encoded: all bytes but A-Z a-z 0-9 - . _ ~, and '/' unless `slash` says to
 * encode it, too. Upper-case hex. */
void sigv4_encode(struct strbuf *out, const char *text, size_t len, bool slash);

/* Appends one query parameter, with "&" in front unless `out` is empty. */
void sigv4_add_query(struct strbuf *out, const char *name, const char *value);

#endif

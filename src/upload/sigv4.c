#include "upload/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/digest.h"
#include "base/mem.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TEXT_USUAL 4096 /* a request within it is put together without moving */

static void must(bool ok)
{
    if (!ok) {
        fprintf(stderr, "platen: libcrypto cannot compute HMAC-SHA256\n");
        abort();
    }
}

static void sha256(const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

static void hmac(const void *key, size_t key_len, const void *data, size_t len,
                 uint8_t out[DIGEST_SIZE])
{
    must(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL) != NULL);
}

/* --- text ---------------------------------------------------------------------------------- */

void sigv4_time(int64_t seconds, char out[17])
{
    struct tm tm;
    char wide[96]; /* what the compiler cannot know: a year has four digits here */
    time_t t = (time_t)(seconds < 0 ? 0 : seconds > INT64_C(253402300799) ? 253402300799 : seconds);
    gmtime_r(&t, &tm);
    snprintf(wide, sizeof(wide), "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, wide, 16);
    out[16] = '\0';
}

/* Not isalnum(): what is unreserved does not hang on a locale. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void sigv4_encode(struct strbuf *out, const char *text, size_t len, bool slash)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_unreserved(c) || (c == '/' && !slash)) {
            strbuf_addch(out, (char)c);
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            strbuf_add(out, escape, sizeof(escape));
        }
    }
}

void sigv4_add_query(struct strbuf *out, const char *name, const char *value)
{
    if (out->len > 0)
        strbuf_addch(out, '&');
    sigv4_encode(out, name, strlen(name), true);
    strbuf_addch(out, '=');
    sigv4_encode(out, value, strlen(value), true);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* --- path ---------------------------------------------------------------------------------- */

/* Without empty segments, "." and "..", as all services but S3 see a path. */
static void add_normal_path(struct strbuf *out, const char *path)
{
    size_t start = out->len, len = strlen(path);
    for (const char *at = path; *at != '\0';) {
        size_t n = strcspn(at, "/");
        if (n == 2 && memcmp(at, "..", 2) == 0) {
            while (out->len > start && out->buf[out->len - 1] != '/')
                strbuf_setlen(out, out->len - 1);
            if (out->len > start)
                strbuf_setlen(out, out->len - 1);
        } else if (n > 0 && !(n == 1 && *at == '.')) {
            strbuf_addch(out, '/');
            sigv4_encode(out, at, n, true);
        }
        at += n + (at[n] == '/');
    }
    if (out->len == start || path[len - 1] == '/')
        strbuf_addch(out, '/');
}

/* --- query --------------------------------------------------------------------------------- */

struct parameter {
    const char *name, *value;
    size_t name_len, value_len;
};

static int compare_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* By name, then by value: "a=1" comes before "a-b=1", though '-' comes before '='. */
static int compare_parameters(const void *left, const void *right)
{
    const struct parameter *a = left, *b = right;
    int order = compare_text(a->name, a->name_len, b->name, b->name_len);
    return order != 0 ? order : compare_text(a->value, a->value_len, b->value, b->value_len);
}

static size_t split_query(const char *query, struct parameter *parameters)
{
    size_t n = 0;
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        struct parameter p = {.name = query, .name_len = len, .value = query + len};
        const char *equals = memchr(query, '=', len);
        if (equals != NULL) {
            p.name_len = (size_t)(equals - query);
            p.value = equals + 1;
            p.value_len = len - p.name_len - 1;
        }
        if (len > 0)
            parameters[n++] = p;
        query += len + (query[len] == '&');
    }
    return n;
}

static void add_sorted_query(struct strbuf *out, const char *query)
{
    size_t n = 1;
    for (const char *c = query; *c != '\0'; c++)
        n += *c == '&';
    struct parameter *parameters = mem_calloc(n, sizeof(*parameters));
    n = split_query(query, parameters);
    qsort(parameters, n, sizeof(*parameters), compare_parameters);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            strbuf_addch(out, '&');
        strbuf_add(out, parameters[i].name, parameters[i].name_len);
        strbuf_addch(out, '=');
        strbuf_add(out, parameters[i].value, parameters[i].value_len);
    }
    free(parameters);
}

/* --- headers ------------------------------------------------------------------------------- */

/* Those of a request and its host, in the order of their names. */
struct sorted {
    const struct sigv4_header **headers;
    size_t n;
    struct sigv4_header host;
};

static int compare_names(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

/* By insertion: there are few, and those of one name must keep their order. */
static void sort_headers(const struct sigv4_request *r, struct sorted *sorted)
{
    sorted->host = (struct sigv4_header){"host", r->host};
    sorted->n = r->n_headers + 1;
    sorted->headers = mem_calloc(sorted->n, sizeof(*sorted->headers));
    for (size_t i = 0; i < sorted->n; i++) {
        const struct sigv4_header *h = i == 0 ? &sorted->host : &r->headers[i - 1];
        size_t at = i;
        for (; at > 0 && compare_names(sorted->headers[at - 1]->name, h->name) > 0; at--)
            sorted->headers[at] = sorted->headers[at - 1];
        sorted->headers[at] = h;
    }
}

static bool is_same_as_before(const struct sorted *sorted, size_t i)
{
    return i > 0 && compare_names(sorted->headers[i - 1]->name, sorted->headers[i]->name) == 0;
}

static void add_name(struct strbuf *out, const char *name)
{
    for (; *name != '\0'; name++)
        strbuf_addch(out, lower(*name));
}

/* Without blanks at its ends, and with one space for each run of them within. */
static void add_value(struct strbuf *out, const char *value)
{
    static const char blanks[] = " \t";
    value += strspn(value, blanks);
    while (*value != '\0') {
        size_t word = strcspn(value, blanks);
        strbuf_add(out, value, word);
        value += word;
        value += strspn(value, blanks);
        if (*value != '\0')
            strbuf_addch(out, ' ');
    }
}

static void add_headers(struct strbuf *out, const struct sorted *sorted)
{
    for (size_t i = 0; i < sorted->n; i++) {
        if (is_same_as_before(sorted, i)) {
            strbuf_addch(out, ',');
        } else {
            if (i > 0)
                strbuf_addch(out, '\n');
            add_name(out, sorted->headers[i]->name);
            strbuf_addch(out, ':');
        }
        add_value(out, sorted->headers[i]->value);
    }
    strbuf_addch(out, '\n');
}

static void add_signed_names(struct strbuf *out, const struct sorted *sorted)
{
    for (size_t i = 0; i < sorted->n; i++) {
        if (is_same_as_before(sorted, i))
            continue;
        if (i > 0)
            strbuf_addch(out, ';');
        add_name(out, sorted->headers[i]->name);
    }
}

/* --- signing ------------------------------------------------------------------------------- */

static void add_canonical_request(const struct sigv4_request *r, bool is_s3,
                                  const struct sorted *sorted, struct strbuf *out)
{
    strbuf_addstr(out, r->method);
    strbuf_addch(out, '\n');
    if (is_s3)
        strbuf_addstr(out, r->path);
    else
        add_normal_path(out, r->path);
    strbuf_addch(out, '\n');
    add_sorted_query(out, r->query);
    strbuf_addch(out, '\n');
    add_headers(out, sorted);
    strbuf_addch(out, '\n');
    add_signed_names(out, sorted);
    strbuf_addch(out, '\n');
    strbuf_addstr(out, r->payload_sha256);
}

void sigv4_canonical_request(const struct sigv4_request *r, bool is_s3, struct strbuf *out)
{
    struct sorted sorted;
    sort_headers(r, &sorted);
    add_canonical_request(r, is_s3, &sorted, out);
    free(sorted.headers);
}

/* What a day's key hangs on besides the day, each with its end. */
static void digest_scope(const struct sigv4_scope *scope, uint8_t out[DIGEST_SIZE])
{
    const char *parts[] = {scope->secret_key, scope->region, scope->service};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        must(EVP_DigestUpdate(ctx, parts[i], strlen(parts[i]) + 1) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
}

static void derive_key(const struct sigv4_scope *scope, struct sigv4_key *key)
{
    const char *steps[] = {key->date, scope->region, scope->service, "aws4_request"};
    uint8_t last[DIGEST_SIZE], next[DIGEST_SIZE];
    size_t len = strlen(scope->secret_key) + 4;
    char *secret = mem_alloc(len + 1);
    memcpy(secret, "AWS4", 4);
    memcpy(secret + 4, scope->secret_key, len - 4 + 1);
    hmac(secret, len, steps[0], strlen(steps[0]), last);
    for (size_t i = 1; i < sizeof(steps) / sizeof(steps[0]); i++) {
        hmac(last, sizeof(last), steps[i], strlen(steps[i]), next);
        memcpy(last, next, sizeof(last));
    }
    memcpy(key->key, last, sizeof(key->key));
    OPENSSL_cleanse(secret, len);
    OPENSSL_cleanse(last, sizeof(last));
    OPENSSL_cleanse(next, sizeof(next));
    free(secret);
}

static void find_key(const struct sigv4_scope *scope, const char time[17], struct sigv4_key *key)
{
    uint8_t of[DIGEST_SIZE];
    digest_scope(scope, of);
    if (memcmp(key->date, time, 8) != 0 || memcmp(key->of, of, sizeof(of)) != 0) {
        memcpy(key->date, time, 8);
        key->date[8] = '\0';
        memcpy(key->of, of, sizeof(of));
        derive_key(scope, key);
    }
    OPENSSL_cleanse(of, sizeof(of));
}

/* Appends "20260101/us-east-1/s3/aws4_request". */
static void add_scope(struct strbuf *out, const struct sigv4_scope *scope,
                      const struct sigv4_key *key)
{
    strbuf_addstr(out, key->date);
    strbuf_addch(out, '/');
    strbuf_addstr(out, scope->region);
    strbuf_addch(out, '/');
    strbuf_addstr(out, scope->service);
    strbuf_addstr(out, "/aws4_request");
}

/* Writes the hex signature over `text`, which holds the canonical request and is used up. */
static void sign_text(struct strbuf *text, const struct sigv4_scope *scope, const char time[17],
                      const struct sigv4_key *key, char out[DIGEST_HEX_SIZE + 1])
{
    uint8_t digest[DIGEST_SIZE];
    sha256(text->buf, text->len, digest);
    digest_hex(digest, out);
    /* It may hold a session token. */
    OPENSSL_cleanse(text->buf, text->len);
    strbuf_reset(text);
    strbuf_addstr(text, ALGORITHM "\n");
    strbuf_add(text, time, 16);
    strbuf_addch(text, '\n');
    add_scope(text, scope, key);
    strbuf_addch(text, '\n');
    strbuf_add(text, out, DIGEST_HEX_SIZE);
    hmac(key->key, sizeof(key->key), text->buf, text->len, digest);
    digest_hex(digest, out);
}

void sigv4_sign(const struct sigv4_request *r, const struct sigv4_scope *scope, const char time[17],
                struct sigv4_key *key, struct strbuf *out)
{
    struct strbuf text = STRBUF_INIT;
    struct sorted sorted;
    char signature[DIGEST_HEX_SIZE + 1];
    strbuf_reserve(&text, TEXT_USUAL);
    sort_headers(r, &sorted);
    add_canonical_request(r, strcmp(scope->service, "s3") == 0, &sorted, &text);
    find_key(scope, time, key);
    sign_text(&text, scope, time, key, signature);
    strbuf_addstr(out, ALGORITHM " Credential=");
    strbuf_addstr(out, scope->access_key);
    strbuf_addch(out, '/');
    add_scope(out, scope, key);
    strbuf_addstr(out, ", SignedHeaders=");
    add_signed_names(out, &sorted);
    strbuf_addstr(out, ", Signature=");
    strbuf_add(out, signature, DIGEST_HEX_SIZE);
    strbuf_release(&text);
    free(sorted.headers);
}

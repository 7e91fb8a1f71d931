#include <stdlib.h>
#include <string.h>

#include "upload/s3.h"
#include "upload/s3_xml.h"

#define RENEWALS_MAX 3 /* of one request's credentials */
#define SKEW_TOLD_S 60 /* less explains nothing */

enum meaning {
    OTHER,
    FATAL,   /* of no use to go on */
    AGAIN,   /* passes */
    SKEWED,  /* our clock */
    EXPIRED, /* the credentials */
    REGION,  /* the bucket is elsewhere */
};

static const struct {
    const char *code;
    enum meaning meaning;
    const char *words; /* NULL: those of the server */
} codes[] = {
    {"SignatureDoesNotMatch", FATAL, "the secret key does not belong to this access key"},
    {"InvalidAccessKeyId", FATAL, "the server does not know this access key"},
    {"RequestTimeTooSkewed", SKEWED, "the server does not accept our clock"},
    {"RequestExpired", SKEWED, "the server does not accept our clock"},
    {"ExpiredToken", EXPIRED, "the credentials have expired"},
    {"ExpiredTokenException", EXPIRED, "the credentials have expired"},
    {"TokenRefreshRequired", EXPIRED, "the credentials have expired"},
    {"InvalidToken", EXPIRED, "the session token is not valid"},
    {"NoSuchBucket", FATAL, "there is no such bucket"},
    {"InvalidBucketName", FATAL, "that is no name of a bucket"},
    {"QuotaExceeded", FATAL, "the quota is full"},
    {"EntityTooLarge", OTHER, NULL},
    {"AccountProblem", FATAL, NULL},
    {"AllAccessDisabled", FATAL, NULL},
    {"NotSignedUp", FATAL, NULL},
    {"PermanentRedirect", REGION, "the bucket is in another region or at another endpoint"},
    {"TemporaryRedirect", REGION, "the bucket is in another region or at another endpoint"},
    {"AuthorizationHeaderMalformed", REGION, "the server does not accept the signature's form"},
    {"IllegalLocationConstraintException", REGION, "the bucket is in another region"},
    {"ConditionalRequestConflict", AGAIN, NULL},
    {"OperationAborted", AGAIN, NULL},
    {"ConcurrentModification", AGAIN, NULL},
    {"RequestTimeout", AGAIN, NULL},
    {"IncompleteBody", AGAIN, NULL},
    {"XAmzContentSHA256Mismatch", AGAIN, NULL}, /* damaged on its way */
    {"BadDigest", AGAIN, NULL},
    {"InternalError", AGAIN, NULL},
    {"SlowDown", AGAIN, NULL},
    {"ServiceUnavailable", AGAIN, NULL},
};

static size_t find(const char *code)
{
    size_t n = sizeof(codes) / sizeof(codes[0]), i = 0;
    while (i < n && strcmp(codes[i].code, code) != 0)
        i++;
    return i;
}

static enum meaning meaning_of(const char *code)
{
    size_t i = find(code);
    return i < sizeof(codes) / sizeof(codes[0]) ? codes[i].meaning : OTHER;
}

/* The error an answer holds, if any; in a 200, too, where the server had begun to answer before it
 * knew. */
static bool read_error(const struct http_answer *a, struct s3_xml_error *e)
{
    *e = (struct s3_xml_error){0};
    return a->body.len != 0 && s3_xml_error(a->body.buf, a->body.len, e);
}

static bool again_renewed(struct s3_call *c)
{
    struct s3 *s3 = c->s3;
    if (c->renewed == RENEWALS_MAX)
        return false;
    c->renewed++;
    if (c->renewals != s3->renewals) /* another request has had them renewed meanwhile */
        return true;
    if (!credentials_refused(s3->credentials))
        return false;
    s3->renewals++;
    return true;
}

/* A deletion that was refused in part for a reason that passes is repeated as a whole. */
static bool again_deleted(const struct http_answer *a)
{
    struct s3_xml_deleted deleted;
    struct error ignored = ERROR_INIT;
    return s3_xml_deleted(a->body.buf, a->body.len, &deleted, &ignored) && deleted.refused &&
           meaning_of(deleted.error.code) == AGAIN;
}

bool s3_error_again(struct s3_call *c, const struct http_answer *a)
{
    struct s3_xml_error e;
    const char *method = c->request.method;
    if (a->status == 200 && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0))
        return false;
    if (!read_error(a, &e))
        return a->status == 200 && strcmp(method, "POST") == 0 && again_deleted(a);
    switch (meaning_of(e.code)) {
    case AGAIN:
        return true;
    case SKEWED: /* by the Date of this answer */
        if (c->skewed || http_clock_skew(c->s3->http) == 0)
            return false;
        c->skewed = true;
        return true;
    case EXPIRED:
        return again_renewed(c);
    default:
        return false;
    }
}

/* ---- words ---- */

static void add_region(const struct http_answer *a, const struct s3_xml_error *e,
                       const struct s3 *s3, struct strbuf *text)
{
    const char *region = e->region[0] != '\0' ? e->region : NULL;
    if (region == NULL)
        region = http_answer_header(a, "x-amz-bucket-region");
    if (region != NULL && strcmp(region, s3->region) != 0)
        strbuf_addf(text, "; the bucket's region is %.64s, not %s: set origin.region or AWS_REGION",
                    region, s3->region);
    else
        strbuf_addf(text, "; asked was %s in region %s", s3->host, s3->region);
}

static void add_who(const struct s3 *s3, struct strbuf *text)
{
    int64_t skew = http_clock_skew(s3->http);
    strbuf_addf(text, "; access key %s", s3->access_key);
    if (skew > SKEW_TOLD_S || skew < -SKEW_TOLD_S)
        strbuf_addf(text, "; the server's clock is %lld s %s ours", (long long)llabs(skew),
                    skew > 0 ? "ahead of" : "behind");
}

bool s3_error_of(const struct s3 *s3, const struct http_answer *a, struct error *err)
{
    struct s3_xml_error e;
    if (a->status == 0) {
        *err = a->err;
        error_context(err, "%s", s3->base.name);
        return true;
    }
    struct strbuf text = STRBUF_INIT;
    read_error(a, &e);
    size_t i = find(e.code);
    bool known = i < sizeof(codes) / sizeof(codes[0]);
    enum meaning meaning = known ? codes[i].meaning : OTHER;
    const char *words = known && codes[i].words != NULL ? codes[i].words : e.message;
    bool redirect = a->status >= 300 && a->status <= 399;
    if (words[0] == '\0' && redirect)
        words = "the server sends us elsewhere; redirects are not followed";
    else if (words[0] == '\0' && a->status <= 299)
        words = "the server answers without an ETag";
    else if (words[0] == '\0')
        words = "the server refuses";
    strbuf_addf(&text, "%s (%ld%s%s)", words, a->status, e.code[0] != '\0' ? " " : "", e.code);
    if (meaning == REGION || redirect)
        add_region(a, &e, s3, &text);
    if (a->status == 401 || a->status == 403 || meaning == EXPIRED || meaning == SKEWED)
        add_who(s3, &text);
    if (a->attempts > 1)
        strbuf_addf(&text, "; %u attempts", a->attempts);
    error_set(err, ERROR_FAILED, "%s: %s", s3->base.name, text.buf);
    strbuf_release(&text);
    /* What is still overloaded or out of order was given up. */
    return (meaning != OTHER && meaning != AGAIN) || redirect || a->status >= 500 ||
           a->status == 401 || a->status == 429;
}

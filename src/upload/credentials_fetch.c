#include "upload/credentials_fetch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/file.h"
#include "upload/sigv4.h"

#define ECS_HOST "169.254.170.2"
#define EC2_ENDPOINT "http://169.254.169.254"
#define SMALL_ANSWER_MAX 4096 /* a metadata token, names of roles */
#define ROLE_MAX 128
#define URL_MAX 8192

/* --- who may be asked ---------------------------------------------------------------------- */

struct place {
    bool https;
    char host[256]; /* as libcurl will look it up; IPv6 in brackets */
};

static bool take_part(CURLU *parsed, CURLUPart part, char *out, size_t size)
{
    char *text = NULL;
    bool ok = curl_url_get(parsed, part, &text, 0) == CURLUE_OK && strlen(text) < size;
    if (ok)
        memcpy(out, text, strlen(text) + 1);
    curl_free(text);
    return ok;
}

/* Read by libcurl, which goes there afterwards: another reader might take another host from it. */
static bool find_place(const char *url, struct place *place)
{
    char scheme[16];
    CURLU *parsed = curl_url();
    bool ok = parsed != NULL && strlen(url) < URL_MAX &&
              curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
              take_part(parsed, CURLUPART_SCHEME, scheme, sizeof(scheme)) &&
              take_part(parsed, CURLUPART_HOST, place->host, sizeof(place->host));
    curl_url_cleanup(parsed);
    if (!ok)
        return false;
    place->https = strcmp(scheme, "https") == 0;
    return place->https || strcmp(scheme, "http") == 0;
}

static bool is_loopback(const char *host)
{
    struct in_addr four;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* As the AWS tools have it: in the open only to the machine itself, ECS and EKS. */
static bool is_allowed(const struct place *place)
{
    static const char *const hosts[] = {ECS_HOST, "169.254.170.23", "[fd00:ec2::23]"};
    if (place->https || is_loopback(place->host))
        return true;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        if (strcasecmp(place->host, hosts[i]) == 0)
            return true;
    return false;
}

/* --- asking -------------------------------------------------------------------------------- */

static bool ask(struct http *http, struct http_request *r, struct http_answer *a, const char *what,
                struct error *err)
{
    if (!http_one(http, r, a, err))
        return error_context(err, "%s", what);
    if (a->status != 200)
        return error_set(err, ERROR_FAILED, "%s: it answered with status %ld", what, a->status);
    return true;
}

static void wipe_answer(struct http_answer *a)
{
    OPENSSL_cleanse(a->body.buf, a->body.len);
    http_answer_release(a);
}

static void wipe(struct strbuf *sb)
{
    OPENSSL_cleanse(sb->buf, sb->len);
    strbuf_release(sb);
}

static void trim_end(struct strbuf *sb)
{
    while (sb->len > 0 && strchr(" \t\r\n", sb->buf[sb->len - 1]) != NULL)
        strbuf_setlen(sb, sb->len - 1);
}

static bool ask_for_set(struct http *http, struct http_request *r, const char *what,
                        struct credentials_set *set, struct error *err)
{
    struct http_answer a;
    http_answer_init(&a);
    r->answer_max = CREDENTIALS_JSON_MAX;
    bool ok = ask(http, r, &a, what, err);
    if (ok && !credentials_json_parse(a.body.buf, a.body.len, set, err))
        ok = error_context(err, "%s", what);
    wipe_answer(&a);
    return ok;
}

/* --- a container's endpoint ---------------------------------------------------------------- */

static bool find_url(const struct credentials_container *where, struct strbuf *url,
                     struct place *place, struct error *err)
{
    if (where->relative_uri != NULL) {
        if (where->relative_uri[0] != '/')
            return error_set(err, ERROR_USAGE,
                             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'");
        strbuf_addstr(url, "http://" ECS_HOST);
        strbuf_addstr(url, where->relative_uri);
    } else {
        strbuf_addstr(url, where->full_uri);
    }
    if (!find_place(url->buf, place))
        return error_set(err, ERROR_USAGE, "%s is no http or https address",
                         where->relative_uri != NULL ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
                                                     : "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!is_allowed(place))
        return error_set(err, ERROR_USAGE,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI names %s: only https, this machine "
                         "itself and the hosts of ECS and EKS are asked for credentials",
                         place->host);
    return true;
}

static bool find_token(const struct credentials_container *where, struct strbuf *token,
                       struct error *err)
{
    const char *name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    if (where->token_file != NULL) {
        name = "the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
        if (!file_read(AT_FDCWD, where->token_file, CREDENTIALS_TOKEN_MAX, token, err))
            return error_context(err, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        trim_end(token);
    } else if (where->token != NULL) {
        strbuf_addstr(token, where->token);
    } else {
        return true;
    }
    /* "Basic ..." and "Bearer ..." hold a blank; a line's end would begin another header. */
    for (size_t i = 0; i < token->len; i++) {
        unsigned char c = (unsigned char)token->buf[i];
        if (c < 0x20 || c >= 0x7f)
            return error_set(err, ERROR_USAGE,
                             "%s holds a line's end, a control character or one that is not ASCII",
                             name);
    }
    if (token->len == 0 || token->len > CREDENTIALS_TOKEN_MAX)
        return error_set(err, ERROR_USAGE, "%s is %s", name,
                         token->len == 0 ? "empty" : "too long");
    return true;
}

bool credentials_fetch_container(struct http *http, const struct credentials_container *where,
                                 struct credentials_set *set, struct error *err)
{
    struct strbuf url = STRBUF_INIT, token = STRBUF_INIT;
    struct place place;
    char what[sizeof(place.host) + 64] = "the container's endpoint ";
    bool ok = find_url(where, &url, &place, err) && find_token(where, &token, err);
    if (!ok)
        goto out;
    strcat(what, place.host);
    struct http_request r = {.method = "GET", .url = url.buf};
    http_request_set(&r, "Accept", "application/json");
    if (token.len > 0)
        http_request_set(&r, "Authorization", token.buf);
    ok = ask_for_set(http, &r, what, set, err);
out:
    wipe(&url);
    wipe(&token);
    return ok;
}

/* --- EC2's instance metadata service, version 2 --------------------------------------------- */

#define ROLES "/latest/meta-data/iam/security-credentials/"

struct instance {
    struct http *http;
    struct strbuf base, url, token, role;
    struct place place;
    char what[sizeof(((struct place *)NULL)->host) + 64];
};

static const char *instance_url(struct instance *i, const char *path)
{
    strbuf_reset(&i->url);
    strbuf_add(&i->url, i->base.buf, i->base.len);
    strbuf_addstr(&i->url, path);
    return i->url.buf;
}

static bool instance_begin(struct instance *i, const char *endpoint, struct error *err)
{
    strbuf_addstr(&i->base, endpoint != NULL ? endpoint : EC2_ENDPOINT);
    while (i->base.len > 0 && i->base.buf[i->base.len - 1] == '/')
        strbuf_setlen(&i->base, i->base.len - 1);
    if (strpbrk(i->base.buf, "?#") != NULL || !find_place(i->base.buf, &i->place))
        return error_set(err, ERROR_USAGE,
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https address");
    strcpy(i->what, "the instance metadata service ");
    strcat(i->what, i->place.host);
    return true;
}

/* A short answer, its end trimmed. */
static bool ask_for_text(struct instance *i, struct http_request *r, struct strbuf *out,
                         struct error *err)
{
    struct http_answer a;
    http_answer_init(&a);
    r->answer_max = SMALL_ANSWER_MAX;
    bool ok = ask(i->http, r, &a, i->what, err);
    if (!ok && a.status == 404)
        error_set(err, ERROR_FAILED, "%s: no role is attached to this instance", i->what);
    if (ok)
        strbuf_add(out, a.body.buf, a.body.len);
    trim_end(out);
    wipe_answer(&a);
    return ok;
}

static bool ask_for_token(struct instance *i, struct error *err)
{
    struct http_request r = {.method = "PUT", .url = instance_url(i, "/latest/api/token")};
    http_request_set(&r, "X-aws-ec2-metadata-token-ttl-seconds", "300");
    if (!ask_for_text(i, &r, &i->token, err))
        return false;
    const char *fault = credentials_fault(i->token.buf, i->token.len, SMALL_ANSWER_MAX, true);
    return fault == NULL ||
           error_set(err, ERROR_CONTENT, "%s: the token that it answered %s", i->what, fault);
}

/* The first line: an instance has one role. */
static bool ask_for_role(struct instance *i, struct error *err)
{
    struct http_request r = {.method = "GET", .url = instance_url(i, ROLES)};
    http_request_set(&r, "X-aws-ec2-metadata-token", i->token.buf);
    if (!ask_for_text(i, &r, &i->role, err))
        return false;
    strbuf_setlen(&i->role, strcspn(i->role.buf, "\r\n"));
    if (i->role.len == 0)
        return error_set(err, ERROR_FAILED, "%s: no role is attached to this instance", i->what);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789+=,.@_-";
    if (i->role.len > ROLE_MAX || strspn(i->role.buf, allowed) != i->role.len ||
        strcmp(i->role.buf, ".") == 0 || strcmp(i->role.buf, "..") == 0)
        return error_set(err, ERROR_CONTENT, "%s: it answered no name of a role", i->what);
    return true;
}

static bool ask_for_credentials(struct instance *i, struct credentials_set *set, struct error *err)
{
    struct http_request r = {.method = "GET"};
    instance_url(i, ROLES);
    sigv4_encode(&i->url, i->role.buf, i->role.len, true);
    r.url = i->url.buf;
    http_request_set(&r, "X-aws-ec2-metadata-token", i->token.buf);
    return ask_for_set(i->http, &r, i->what, set, err);
}

bool credentials_fetch_instance(struct http *http, const char *endpoint,
                                struct credentials_set *set, struct error *err)
{
    struct instance i = {.http = http,
                         .base = STRBUF_INIT,
                         .url = STRBUF_INIT,
                         .token = STRBUF_INIT,
                         .role = STRBUF_INIT};
    bool ok = instance_begin(&i, endpoint, err) && ask_for_token(&i, err) &&
              ask_for_role(&i, err) && ask_for_credentials(&i, set, err);
    strbuf_release(&i.base);
    strbuf_release(&i.url);
    wipe(&i.token);
    strbuf_release(&i.role);
    return ok;
}

#include "upload/http_attempt.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/version.h"

/* Answers slower than this over a long time are taken for stalled ones: a byte now and then does
 * not hold a connection for ever. */
#define BYTES_PER_MS 4
#define STALLS_IN_ALL 20

/* What curl would add by itself. */
static const char *const unwanted[] = {"Accept", "Expect", "Content-Type"};

void http_attempt_host(const char *url, char host[256])
{
    const char *begin = strstr(url, "://");
    begin = begin != NULL ? begin + 3 : url;
    size_t len = strcspn(begin, "/?#");
    for (size_t i = len; i > 0; i--)
        if (begin[i - 1] == '@') {
            begin += i;
            len -= i;
            break;
        }
    snprintf(host, 256, "%.*s", (int)(len < 255 ? len : 255), begin);
}

/* ---- what curl calls ---- */

static int before_sending(void *payload, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    struct http_attempt *a = payload;
    a->sent++;
    return CURL_PREREQFUNC_OK;
}

static void add_header(struct strbuf *headers, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || line[0] == ' ' || line[0] == '\t' || memchr(line, '\0', len) != NULL)
        return;
    for (const char *c = line; c < colon; c++)
        strbuf_addch(headers, (char)tolower((unsigned char)*c));
    strbuf_addch(headers, '\0');
    const char *value = colon + 1, *end = line + len;
    while (value < end && isspace((unsigned char)*value))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    strbuf_add(headers, value, (size_t)(end - value));
    strbuf_addch(headers, '\0');
}

static size_t take_header(char *line, size_t size, size_t n, void *payload)
{
    struct http_attempt *a = payload;
    struct strbuf *headers = &a->task->answer.headers;
    size_t len = size * n;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        strbuf_reset(headers); /* those of a 1xx are over */
    else
        add_header(headers, line, len);
    if (!headers->overflow)
        return len;
    a->too_long = true;
    return 0;
}

static size_t take_body(char *data, size_t size, size_t n, void *payload)
{
    struct http_attempt *a = payload;
    struct strbuf *body = &a->task->answer.body;
    size_t len = size * n, most = a->task->request->answer_max;
    long status = 0;
    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
        most = HTTP_REFUSAL_MAX;
        strbuf_add(body, data, len <= most - body->len ? len : most - body->len);
        return len;
    }
    if (len > most - body->len) {
        a->too_long = true;
        return 0;
    }
    strbuf_add(body, data, len);
    return len;
}

/* ---- a handle ---- */

bool http_attempt_init(struct http_attempt *a, const struct http_options *options,
                       struct error *err)
{
    *a = (struct http_attempt){.easy = curl_easy_init()};
    strbuf_init(&a->text, (size_t)64 << 10);
    CURL *e = a->easy;
    bool ok = e != NULL;
#define SET(option, value) ok = ok && curl_easy_setopt(e, option, value) == CURLE_OK
    SET(CURLOPT_PRIVATE, a);
    SET(CURLOPT_ERRORBUFFER, a->error);
    SET(CURLOPT_PREREQFUNCTION, before_sending);
    SET(CURLOPT_PREREQDATA, a);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, a);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, a);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROGRESS, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_USERAGENT, "platen/" PLATEN_VERSION);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->direct)
        SET(CURLOPT_PROXY, "");
    if (options->ca_file != NULL) { /* these and no others */
        SET(CURLOPT_CAINFO, options->ca_file);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_PROXY_CAINFO, options->ca_file);
        SET(CURLOPT_PROXY_CAPATH, NULL);
    }
#undef SET
    return ok || error_set(err, ERROR_FAILED, "libcurl cannot be set up");
}

void http_attempt_release(struct http_attempt *a)
{
    curl_easy_cleanup(a->easy);
    strbuf_release(&a->text);
}

/* ---- before ---- */

static bool has_header(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool check_request(const struct http_request *r, struct error *err)
{
    if (strncmp(r->url, "http://", 7) != 0 && strncmp(r->url, "https://", 8) != 0)
        return error_set(err, ERROR_USAGE, "only http:// and https:// are spoken");
    for (size_t i = 0; i < r->n_headers; i++) {
        const struct http_header *h = &r->headers[i];
        if (strpbrk(h->value, "\r\n") != NULL || h->name[strcspn(h->name, "\r\n: ")] != '\0')
            return error_set(err, ERROR_USAGE, "the header %s holds a line break or a blank name",
                             h->name);
    }
    return true;
}

/* Text first, pointers after: the buffer may move while it grows. */
static bool set_headers(struct http_attempt *a, const struct http_request *r, struct error *err)
{
    size_t starts[HTTP_ATTEMPT_LINES], n = 0;
    strbuf_reset(&a->text);
    for (size_t i = 0; i < r->n_headers; i++) {
        starts[n++] = a->text.len;
        strbuf_addstr(&a->text, r->headers[i].name);
        /* A header without a value is written with a semicolon. */
        strbuf_addstr(&a->text, r->headers[i].value[0] != '\0' ? ": " : ";");
        strbuf_addstr(&a->text, r->headers[i].value);
        strbuf_addch(&a->text, '\0');
    }
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        if (has_header(r, unwanted[i]))
            continue;
        starts[n++] = a->text.len;
        strbuf_addstr(&a->text, unwanted[i]);
        strbuf_add(&a->text, ":", 2);
    }
    if (a->text.overflow)
        return error_set(err, ERROR_USAGE, "the headers are too long");
    for (size_t i = 0; i < n; i++)
        a->lines[i] = (struct curl_slist){.data = a->text.buf + starts[i],
                                          .next = i + 1 < n ? &a->lines[i + 1] : NULL};
    curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, &a->lines[0]);
    return true;
}

/* A body goes as the fields of a POST with another name: then curl writes it with the headers at
 * once instead of copying it piece by piece through an upload buffer. */
static void set_method(CURL *e, const struct http_request *r)
{
    bool is_head = strcmp(r->method, "HEAD") == 0;
    bool with_body =
        r->body != NULL || strcmp(r->method, "PUT") == 0 || strcmp(r->method, "POST") == 0;
    curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(e, CURLOPT_NOBODY, is_head ? 1L : 0L);
    if (with_body) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body != NULL ? r->body : "");
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                         r->body != NULL ? (curl_off_t)r->body_len : 0);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, is_head && !with_body ? NULL : r->method);
}

bool http_attempt_begin(struct http_attempt *a, struct http_task *task, int64_t now_ms,
                        struct error *err)
{
    const struct http_request *r = task->request;
    if (!check_request(r, err) || !set_headers(a, r, err))
        return false;
    if (curl_easy_setopt(a->easy, CURLOPT_URL, r->url) != CURLE_OK)
        return error_set(err, ERROR_FAILED, "libcurl does not take the URL");
    set_method(a->easy, r);
    strbuf_reset(&task->answer.body);
    strbuf_reset(&task->answer.headers);
    task->answer.status = 0;
    task->answer.attempts++;
    a->task = task;
    a->begun_ms = a->moved_ms = now_ms;
    a->moved = 0;
    a->sent = 0;
    a->too_long = false;
    a->error[0] = '\0';
    return true;
}

/* ---- meanwhile ---- */

bool http_attempt_stalled(struct http_attempt *a, int64_t stall_ms, int64_t now_ms)
{
    if (a->sent == 0) { /* connecting has its own limit */
        a->begun_ms = a->moved_ms = now_ms;
        return false;
    }
    curl_off_t up = 0, down = 0;
    curl_easy_getinfo(a->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(a->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    int64_t moved = up + down + (int64_t)a->task->answer.headers.len;
    if (moved != a->moved) {
        a->moved = moved;
        a->moved_ms = now_ms;
    }
    return now_ms - a->moved_ms >= stall_ms ||
           now_ms - a->begun_ms >= stall_ms * STALLS_IN_ALL + moved / BYTES_PER_MS;
}

/* ---- after ---- */

static bool is_hopeless(CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
        return true;
    default:
        return false;
    }
}

enum http_verdict http_attempt_end(struct http_attempt *a, CURLcode code)
{
    struct http_answer *answer = &a->task->answer;
    if (a->sent > 1)
        answer->doubt = true;
    if (code == CURLE_OK) {
        curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &answer->status);
        if (answer->status > 0)
            return HTTP_ANSWERED;
    }
    char host[256];
    http_attempt_host(a->task->request->url, host);
    const char *why = a->error[0] != '\0' ? a->error : curl_easy_strerror(code);
    answer->status = 0;
    strbuf_reset(&answer->body);
    if (a->too_long)
        error_set(&answer->err, ERROR_FAILED, "%s: the answer is longer than it may be (%zu bytes)",
                  host, a->task->request->answer_max);
    else
        error_set(&answer->err, ERROR_FAILED, "%s: %s", host, why);
    return is_hopeless(code) ? HTTP_HOPELESS : HTTP_BROKEN;
}

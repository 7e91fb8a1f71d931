/* One attempt of a request: a libcurl easy handle, used again and again.
 *
 * For: upload/http.c alone. Translates a request into curl's options without allocating for its
 * headers, and what came back into an answer. Not for: whether to try again.
 *
 * Order: http_attempt_init(); then http_attempt_begin(), the handle into the multi, and when curl
 * is done with it http_attempt_end(), as often as wanted; http_attempt_release().
 */
#ifndef UPLOAD_HTTP_ATTEMPT_H
#define UPLOAD_HTTP_ATTEMPT_H

#include <curl/curl.h>

#include "upload/http.h"

#define HTTP_REFUSAL_MAX ((size_t)64 << 10) /* of an answer but 2xx; the rest is not kept */

/* Beyond the request's own: those of curl that are switched off. */
#define HTTP_ATTEMPT_LINES (HTTP_MAX_HEADERS + 4)

/* A request with what has become of it so far. */
struct http_task {
    struct http_request *request;
    struct http_answer answer;
    int64_t due_ms; /* when waiting */
    struct http_task *next_free;
};

enum http_verdict {
    HTTP_ANSWERED, /* answer.status says how */
    HTTP_BROKEN,   /* no answer; another attempt may get one */
    HTTP_HOPELESS, /* no answer, and there will not be one */
};

struct http_attempt {
    CURL *easy;
    struct http_task *task; /* NULL: free */
    int64_t begun_ms, moved_ms;
    int64_t moved; /* bytes, both ways */
    unsigned sent; /* how often curl has sent it: once more where a kept connection was dead */
    bool too_long; /* the answer or its headers */
    char error[CURL_ERROR_SIZE];
    struct strbuf text; /* what lines[] point to */
    struct curl_slist lines[HTTP_ATTEMPT_LINES];
};

bool http_attempt_init(struct http_attempt *a, const struct http_options *options,
                       struct error *err);
void http_attempt_release(struct http_attempt *a);

/* False: this request cannot be sent at all. */
bool http_attempt_begin(struct http_attempt *a, struct http_task *task, int64_t now_ms,
                        struct error *err);
/* Fills task->answer.status, or its err. The handle must be out of the multi. */
enum http_verdict http_attempt_end(struct http_attempt *a, CURLcode code);

/* True: no byte for stall_ms, or for long next to nothing. */
bool http_attempt_stalled(struct http_attempt *a, int64_t stall_ms, int64_t now_ms);

/* "host[:port]" of a URL, without anything secret. */
void http_attempt_host(const char *url, char host[256]);

#endif

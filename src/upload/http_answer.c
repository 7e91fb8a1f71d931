#include <string.h>

#include "upload/http.h"

void http_answer_init(struct http_answer *a)
{
    *a = (struct http_answer){.err = ERROR_INIT};
    strbuf_init(&a->body, STRBUF_CAP_DEFAULT);
    strbuf_init(&a->headers, HTTP_ANSWER_HEADERS_MAX);
}

void http_answer_release(struct http_answer *a)
{
    strbuf_release(&a->body);
    strbuf_release(&a->headers);
}

const char *http_answer_header(const struct http_answer *a, const char *lower_case_name)
{
    const char *end = a->headers.buf + a->headers.len;
    for (const char *name = a->headers.buf; name < end;) {
        const char *value = name + strlen(name) + 1;
        if (strcmp(name, lower_case_name) == 0)
            return value;
        name = value + strlen(value) + 1;
    }
    return NULL;
}

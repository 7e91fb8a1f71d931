/* Requests that wait for another attempt, by the time they are due; and how long they wait.
 *
 * For: upload/http.c alone. A binary heap; nothing is allocated once it has grown.
 * Order: http_queue_init(); ... http_queue_release(), when it is empty.
 */
#ifndef UPLOAD_HTTP_QUEUE_H
#define UPLOAD_HTTP_QUEUE_H

#include "upload/http_attempt.h"

struct http_queue {
    struct http_task **heap; /* private */
    size_t n, alloc;
    size_t bytes; /* of the waiting requests' bodies */
    uint64_t chance;
};

void http_queue_init(struct http_queue *q);
void http_queue_release(struct http_queue *q);

/* task->due_ms is set. */
void http_queue_add(struct http_queue *q, struct http_task *task);
struct http_task *http_queue_first(const struct http_queue *q); /* NULL: empty */
struct http_task *http_queue_take(struct http_queue *q);        /* the first; NULL: empty */

/* Milliseconds until the next attempt: by chance between 0 and a bound that doubles with each
 * attempt ("full jitter"), or a little more than what the server asked for. */
int64_t http_queue_pause(struct http_queue *q, unsigned attempts, const char *retry_after);

#endif

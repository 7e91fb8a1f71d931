#include "upload/http_queue.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"

#define FIRST_MS 100
#define MOST_MS 3000         /* so that little time is lost once an outage is over */
#define RETRY_AFTER_MOST_S 5 /* a server that asks for more is asked in between */

void http_queue_init(struct http_queue *q)
{
    *q = (struct http_queue){0};
    if (getrandom(&q->chance, sizeof(q->chance), GRND_NONBLOCK) != (ssize_t)sizeof(q->chance))
        q->chance = (uint64_t)time(NULL) * 2654435761u;
    q->chance |= 1;
}

void http_queue_release(struct http_queue *q)
{
    free(q->heap);
    *q = (struct http_queue){0};
}

void http_queue_add(struct http_queue *q, struct http_task *task)
{
    MEM_GROW(q->heap, q->n + 1, q->alloc);
    size_t i = q->n++;
    for (; i > 0 && q->heap[(i - 1) / 2]->due_ms > task->due_ms; i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = task;
    q->bytes += task->request->body_len;
}

struct http_task *http_queue_first(const struct http_queue *q)
{
    return q->n != 0 ? q->heap[0] : NULL;
}

struct http_task *http_queue_take(struct http_queue *q)
{
    if (q->n == 0)
        return NULL;
    struct http_task *first = q->heap[0], *last = q->heap[--q->n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < q->n; i = child) {
        if (child + 1 < q->n && q->heap[child + 1]->due_ms < q->heap[child]->due_ms)
            child++;
        if (q->heap[child]->due_ms >= last->due_ms)
            break;
        q->heap[i] = q->heap[child];
    }
    if (q->n != 0)
        q->heap[i] = last;
    q->bytes -= first->request->body_len;
    return first;
}

static int64_t draw(struct http_queue *q, int64_t most)
{
    q->chance ^= q->chance << 13; /* xorshift: spreads requests, no more */
    q->chance ^= q->chance >> 7;
    q->chance ^= q->chance << 17;
    return (int64_t)(q->chance % (uint64_t)(most + 1));
}

int64_t http_queue_pause(struct http_queue *q, unsigned attempts, const char *retry_after)
{
    if (retry_after != NULL && retry_after[0] >= '0' && retry_after[0] <= '9') {
        unsigned long seconds = strtoul(retry_after, NULL, 10);
        int64_t ms = 1000 * (int64_t)(seconds < RETRY_AFTER_MOST_S ? seconds : RETRY_AFTER_MOST_S);
        return ms + draw(q, FIRST_MS + ms / 8);
    }
    int64_t bound = FIRST_MS;
    for (unsigned i = 1; i < attempts && bound < MOST_MS; i++)
        bound *= 2;
    return draw(q, bound < MOST_MS ? bound : MOST_MS);
}

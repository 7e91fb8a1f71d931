#include "upload/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "upload/http_attempt.h"
#include "upload/http_queue.h"

#define CONNECT_TIMEOUT_MS 10000
#define STALL_MS 30000
#define STOP_LOOK_MS 100  /* how often `stop` is looked at */
#define STALL_LOOK_MS 250 /* and stalls, at least */

/* Requests that wait do not hold a transfer, but they hold their bodies. */
#define WAITING_MAX 1024
#define WAITING_BYTES_MAX ((size_t)8 << 20)

/* Nothing has gone well for so long, in spite of attempts enough: an outage. Then a few requests
 * ask whether it is over, and all others wait for them. */
#define OUTAGE_MS 1000
#define OUTAGE_FAILURES 8
#define OUTAGE_PROBES 2
#define OUTAGE_PROBE_EVERY_MS 250

struct http {
    struct http_options options;
    CURLM *multi;
    struct http_attempt *attempts; /* concurrency of them */
    struct http_attempt **free;
    size_t n_free, active;
    struct http_task *free_tasks;
    struct http_queue waiting;
    int64_t good_ms;   /* when the server last did anything right; the beginning of the run */
    unsigned failures; /* since then */
    int64_t probe_ms;  /* when the last attempt of an outage began */
    int64_t look_ms;   /* when stalls were last looked for */
    uint64_t sent;
    int64_t skew_s;
    char date[40]; /* the last Date header, which is the same for many answers */
    time_t date_s;
    const struct http_request *one; /* of http_one(): its answer goes to ... */
    struct http_answer *one_answer;
};

/* A run: where requests come from. */
struct run {
    http_next_fn *next;
    void *payload;
    bool dry; /* next() has had nothing, and nothing was done since */
    int64_t ask_ms;
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool http_request_set(struct http_request *r, const char *name, const char *value)
{
    size_t i = 0;
    while (i < r->n_headers && strcasecmp(r->headers[i].name, name) != 0)
        i++;
    if (i == HTTP_MAX_HEADERS)
        return false;
    r->headers[i] = (struct http_header){name, value};
    if (i == r->n_headers)
        r->n_headers++;
    return true;
}

/* ---- the handles ---- */

static bool set_up(struct http *h, struct error *err)
{
    unsigned n = h->options.concurrency;
    h->attempts = mem_calloc(n, sizeof(*h->attempts));
    h->free = mem_calloc(n, sizeof(struct http_attempt *));
    for (unsigned i = 0; i < n; i++) {
        if (!http_attempt_init(&h->attempts[i], &h->options, err))
            return false;
        h->free[h->n_free++] = &h->attempts[i];
    }
    h->multi = curl_multi_init();
    return (h->multi != NULL &&
            curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)n) == CURLM_OK) ||
           error_set(err, ERROR_FAILED, "libcurl cannot be set up");
}

struct http *http_new(const struct http_options *options, struct error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(err, ERROR_FAILED, "libcurl cannot be set up");
        return NULL;
    }
    struct http *h = mem_calloc(1, sizeof(*h));
    h->options = *options;
    struct http_options *o = &h->options;
    o->concurrency = o->concurrency < 1 ? 1 : o->concurrency > 256 ? 256 : o->concurrency;
    if (o->connect_timeout_ms <= 0)
        o->connect_timeout_ms = CONNECT_TIMEOUT_MS;
    if (o->stall_ms <= 0)
        o->stall_ms = STALL_MS;
    if (o->ca_file != NULL)
        o->ca_file = mem_strdup(o->ca_file);
    http_queue_init(&h->waiting);
    if (!set_up(h, err)) {
        http_free(h);
        return NULL;
    }
    return h;
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    for (unsigned i = 0; i < h->options.concurrency && h->attempts != NULL; i++)
        if (h->attempts[i].easy != NULL)
            http_attempt_release(&h->attempts[i]);
    curl_multi_cleanup(h->multi);
    for (struct http_task *t; (t = h->free_tasks) != NULL;) {
        h->free_tasks = t->next_free;
        http_answer_release(&t->answer);
        free(t);
    }
    http_queue_release(&h->waiting);
    free(h->attempts);
    free(h->free);
    free((void *)(uintptr_t)h->options.ca_file);
    free(h);
    curl_global_cleanup();
}

/* ---- the end of a request ---- */

static struct http_task *new_task(struct http *h, struct http_request *r)
{
    struct http_task *t = h->free_tasks;
    if (t != NULL) {
        h->free_tasks = t->next_free;
    } else {
        t = mem_alloc(sizeof(*t));
        http_answer_init(&t->answer);
    }
    t->request = r;
    t->answer.status = 0;
    t->answer.attempts = 0;
    t->answer.doubt = false;
    error_clear(&t->answer.err);
    return t;
}

/* Memory of a task is kept but for a body that was large, or was taken. */
static void finish(struct http *h, struct http_task *t)
{
    struct http_request *r = t->request;
    if (h->one == r) {
        http_answer_release(h->one_answer);
        *h->one_answer = t->answer;
        http_answer_init(&t->answer);
    } else if (r->done != NULL) {
        r->done(r, &t->answer);
    }
    if (t->answer.body.alloc > HTTP_REFUSAL_MAX || t->answer.body.alloc == 0) {
        strbuf_release(&t->answer.body);
        strbuf_init(&t->answer.body, STRBUF_CAP_DEFAULT);
    }
    t->request = NULL;
    t->next_free = h->free_tasks;
    h->free_tasks = t;
}

/* Without an answer, because of `why`. */
static void finish_failed(struct http *h, struct http_task *t, const struct error *why)
{
    t->answer.status = 0;
    t->answer.err = *why;
    finish(h, t);
}

static bool is_overload(long status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

static void learn_skew(struct http *h, const struct http_answer *a)
{
    const char *date = http_answer_header(a, "date");
    if (date == NULL || http_answer_header(a, "age") != NULL) /* of a cache: from long ago */
        return;
    if (strcmp(date, h->date) != 0) {
        time_t t = curl_getdate(date, NULL);
        if (t <= 0)
            return;
        snprintf(h->date, sizeof(h->date), "%s", date);
        h->date_s = t;
    }
    h->skew_s = (int64_t)h->date_s - (int64_t)time(NULL);
}

static bool gave_up(const struct http *h, int64_t now_ms)
{
    return now_ms - h->good_ms >= h->options.give_up_ms;
}

static bool try_again(struct http *h, struct http_task *t, enum http_verdict verdict,
                      int64_t now_ms)
{
    struct http_request *r = t->request;
    struct http_answer *a = &t->answer;
    bool overload = verdict == HTTP_BROKEN || is_overload(a->status);
    bool wanted = verdict != HTTP_HOPELESS &&
                  (overload || (a->status != 0 && r->again != NULL && r->again(r, a)));
    if (!wanted && verdict == HTTP_ANSWERED) {
        h->good_ms = now_ms;
        h->failures = 0;
    } else if (overload) {
        h->failures++;
    }
    return wanted && !gave_up(h, now_ms) &&
           (h->options.attempts_max == 0 || a->attempts < h->options.attempts_max);
}

/* What Retry-After asks for. Not the first time with 503: a server that refuses single requests by
 * chance or to slow us down sends it, too, and a second for each of them is more than it takes. */
static const char *wished_pause(const struct http_answer *a)
{
    return a->status == 503 && a->attempts == 1 ? NULL : http_answer_header(a, "retry-after");
}

/* An attempt is over: an answer, or another attempt later. */
static void settle(struct http *h, struct http_attempt *attempt, CURLcode code, struct run *run)
{
    struct http_task *t = attempt->task;
    int64_t now_ms = clock_ms();
    curl_multi_remove_handle(h->multi, attempt->easy);
    enum http_verdict verdict = http_attempt_end(attempt, code);
    bool unclear = attempt->sent > 0 && (t->answer.status == 0 || t->answer.status >= 500);
    h->sent += attempt->sent;
    attempt->task = NULL;
    h->free[h->n_free++] = attempt;
    h->active--;
    if (verdict == HTTP_ANSWERED)
        learn_skew(h, &t->answer);
    if (try_again(h, t, verdict, now_ms)) {
        t->answer.doubt = t->answer.doubt || unclear;
        t->due_ms =
            now_ms + http_queue_pause(&h->waiting, t->answer.attempts, wished_pause(&t->answer));
        http_queue_add(&h->waiting, t);
        return;
    }
    run->dry = false;
    finish(h, t);
}

/* ---- beginning attempts ---- */

static bool is_outage(const struct http *h, int64_t now_ms)
{
    return h->failures >= OUTAGE_FAILURES && now_ms - h->good_ms >= OUTAGE_MS;
}

static bool may_begin(const struct http *h, int64_t now_ms)
{
    if (h->n_free == 0)
        return false;
    return !is_outage(h, now_ms) ||
           (h->active < OUTAGE_PROBES && now_ms - h->probe_ms >= OUTAGE_PROBE_EVERY_MS);
}

static bool may_ask(const struct http *h, const struct run *run, int64_t now_ms)
{
    return !run->dry && now_ms >= run->ask_ms && h->waiting.n < WAITING_MAX &&
           h->waiting.bytes < WAITING_BYTES_MAX && (h->waiting.n == 0 || !is_outage(h, now_ms));
}

static struct http_task *take_task(struct http *h, struct run *run, int64_t now_ms)
{
    struct http_task *due = http_queue_first(&h->waiting);
    if (due != NULL && due->due_ms <= now_ms)
        return http_queue_take(&h->waiting);
    if (!may_ask(h, run, now_ms))
        return NULL;
    int64_t wait_ms = 0;
    struct http_request *r = run->next(run->payload, &wait_ms);
    if (r != NULL)
        return new_task(h, r);
    if (wait_ms > 0)
        run->ask_ms = now_ms + wait_ms;
    else
        run->dry = true;
    return NULL;
}

static void begin(struct http *h, struct http_task *t, struct run *run, int64_t now_ms)
{
    struct error err = ERROR_INIT;
    struct http_request *r = t->request;
    struct http_attempt *a = h->free[h->n_free - 1];
    bool ok = (r->prepare == NULL || r->prepare(r, h->skew_s, &err)) &&
              http_attempt_begin(a, t, now_ms, &err);
    if (ok && curl_multi_add_handle(h->multi, a->easy) != CURLM_OK)
        ok = error_set(&err, ERROR_FAILED, "libcurl does not take the transfer");
    if (!ok) {
        a->task = NULL;
        run->dry = false;
        finish_failed(h, t, &err);
        return;
    }
    h->n_free--;
    h->active++;
    h->probe_ms = now_ms;
}

static void begin_all(struct http *h, struct run *run)
{
    int64_t now_ms = clock_ms();
    for (struct http_task *t; may_begin(h, now_ms) && (t = take_task(h, run, now_ms)) != NULL;)
        begin(h, t, run, now_ms);
}

/* ---- the run ---- */

/* True: something has ended. */
static bool settle_all(struct http *h, struct run *run)
{
    bool any = false;
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left)) != NULL;) {
        struct http_attempt *a = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&a);
        if (m->msg == CURLMSG_DONE) {
            settle(h, a, m->data.result, run);
            any = true;
        }
    }
    return any;
}

static int64_t stall_look_ms(const struct http *h)
{
    return h->options.stall_ms / 4 < STALL_LOOK_MS ? h->options.stall_ms / 4 + 1 : STALL_LOOK_MS;
}

static void end_stalled(struct http *h, struct run *run)
{
    int64_t now_ms = clock_ms();
    if (now_ms - h->look_ms < stall_look_ms(h))
        return;
    h->look_ms = now_ms;
    for (unsigned i = 0; i < h->options.concurrency; i++) {
        struct http_attempt *a = &h->attempts[i];
        if (a->task == NULL || !http_attempt_stalled(a, h->options.stall_ms, now_ms))
            continue;
        snprintf(a->error, sizeof(a->error), "no answer for %lld s",
                 (long long)((h->options.stall_ms + 999) / 1000));
        settle(h, a, CURLE_OPERATION_TIMEDOUT, run);
    }
}

/* What waits when time is up ends with its last answer. */
static void end_waiting(struct http *h, struct run *run)
{
    if (h->waiting.n == 0 || !gave_up(h, clock_ms()))
        return;
    for (struct http_task *t; (t = http_queue_take(&h->waiting)) != NULL;)
        finish(h, t);
    run->dry = false;
}

static void drop_all(struct http *h, const struct error *why)
{
    for (unsigned i = 0; i < h->options.concurrency; i++) {
        struct http_attempt *a = &h->attempts[i];
        struct http_task *t = a->task;
        if (t == NULL)
            continue;
        curl_multi_remove_handle(h->multi, a->easy);
        h->sent += a->sent;
        a->task = NULL;
        h->free[h->n_free++] = a;
        h->active--;
        finish_failed(h, t, why);
    }
    for (struct http_task *t; (t = http_queue_take(&h->waiting)) != NULL;)
        finish_failed(h, t, why);
}

static int poll_ms(const struct http *h, const struct run *run)
{
    int64_t now_ms = clock_ms(), ms = h->options.stop != NULL ? STOP_LOOK_MS : STALL_LOOK_MS;
    if (h->active > 0 && stall_look_ms(h) < ms)
        ms = stall_look_ms(h);
    const struct http_task *due = http_queue_first(&h->waiting);
    if (due != NULL && h->n_free > 0 && !is_outage(h, now_ms) && due->due_ms - now_ms < ms)
        ms = due->due_ms - now_ms;
    if (!run->dry && h->n_free > 0 && run->ask_ms > now_ms && run->ask_ms - now_ms < ms)
        ms = run->ask_ms - now_ms;
    return ms > 0 ? (int)ms : 0;
}

static bool work_off(struct http *h, struct run *run, struct error *err)
{
    for (;;) {
        if (h->options.stop != NULL && atomic_load(h->options.stop))
            return error_set(err, ERROR_FAILED, "interrupted");
        begin_all(h, run);
        if (h->active == 0 && h->waiting.n == 0 && run->dry)
            return true;
        int running;
        CURLMcode code = curl_multi_perform(h->multi, &running);
        if (code != CURLM_OK)
            return error_set(err, ERROR_FAILED, "libcurl: %s", curl_multi_strerror(code));
        if (settle_all(h, run))
            continue;
        end_stalled(h, run);
        end_waiting(h, run);
        code = curl_multi_poll(h->multi, NULL, 0, poll_ms(h, run), NULL);
        if (code != CURLM_OK)
            return error_set(err, ERROR_FAILED, "libcurl: %s", curl_multi_strerror(code));
    }
}

bool http_run(struct http *h, http_next_fn *next, void *payload, struct error *err)
{
    struct run run = {.next = next, .payload = payload};
    h->good_ms = clock_ms();
    h->failures = 0;
    if (work_off(h, &run, err))
        return true;
    drop_all(h, err);
    return false;
}

static struct http_request *only_one(void *payload, int64_t *wait_ms)
{
    (void)wait_ms;
    struct http_request **r = payload, *one = *r;
    *r = NULL;
    return one;
}

bool http_one(struct http *h, struct http_request *r, struct http_answer *a, struct error *err)
{
    struct http_request *once = r;
    http_answer_init(a);
    h->one = r;
    h->one_answer = a;
    bool ok = http_run(h, only_one, &once, err);
    h->one = NULL;
    if (ok && a->status == 0) {
        *err = a->err;
        return false;
    }
    return ok;
}

uint64_t http_requests_sent(const struct http *h)
{
    return h->sent;
}

int64_t http_clock_skew(const struct http *h)
{
    return h->skew_s;
}

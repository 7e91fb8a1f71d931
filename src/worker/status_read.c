/* The status from JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "worker/instant.h"
#include "worker/status.h"
#include "worker/status_fields.h"

#define NUMBER_MAX 1e12

/* One object of the text. `ok` sticks: members are read one after the other and asked once. */
struct reading {
    const struct json_value *object;
    bool ok;
    struct error *err;
};

static const struct json_value *member(struct reading *r, const char *name)
{
    const struct json_value *v = r->ok ? json_gets(r->object, name) : NULL;
    if (r->ok && v == NULL)
        r->ok = error_set(r->err, ERROR_CONTENT, "%s is missing", name);
    return v;
}

static void refuse(struct reading *r, const char *name, const char *wanted)
{
    r->ok = error_set(r->err, ERROR_CONTENT, "%s is not %s", name, wanted);
}

static bool as_text(const struct json_value *v, char *to, size_t size)
{
    char raw[STATUS_TEXT_MAX];
    if (v->type != JSON_STRING || v->len >= size || v->len >= sizeof(raw) ||
        memchr(v->text, '\0', v->len) != NULL)
        return false;
    memcpy(raw, v->text, v->len);
    raw[v->len] = '\0';
    status_text(to, size, raw);
    return true;
}

static bool as_count(const struct json_value *v, uint64_t *out)
{
    char raw[24];
    char *end;
    if (v->type != JSON_NUMBER || v->len >= sizeof(raw) || v->text[0] == '-')
        return false;
    memcpy(raw, v->text, v->len);
    raw[v->len] = '\0';
    errno = 0;
    unsigned long long n = strtoull(raw, &end, 10);
    *out = n;
    return errno == 0 && *end == '\0' && n <= INT64_MAX;
}

static void take_text(struct reading *r, const char *name, char *to, size_t size)
{
    const struct json_value *v = member(r, name);
    if (v != NULL && !as_text(v, to, size))
        refuse(r, name, "a text, or is too long");
}
#define TAKE_TEXT(r, name, array) take_text(r, name, array, sizeof(array))

static void take_count(struct reading *r, const char *name, uint64_t *to)
{
    const struct json_value *v = member(r, name);
    if (v != NULL && !as_count(v, to))
        refuse(r, name, "a whole number");
}

static void take_within(struct reading *r, const char *name, int64_t low, int64_t high, int64_t *to)
{
    uint64_t n = 0;
    take_count(r, name, &n);
    *to = (int64_t)n;
    if (r->ok && (*to < low || *to > high))
        refuse(r, name, "in its range");
}

static void take_known(struct reading *r, const char *name, int64_t *to)
{
    const struct json_value *v = member(r, name);
    uint64_t n = 0;
    if (v == NULL)
        return;
    if (v->type != JSON_NULL && !as_count(v, &n))
        refuse(r, name, "a whole number or null");
    *to = v->type == JSON_NULL ? -1 : (int64_t)n;
}

static void take_decimal(struct reading *r, const char *name, double *to)
{
    const struct json_value *v = member(r, name);
    char raw[40];
    if (v == NULL)
        return;
    if (v->type != JSON_NUMBER || v->len >= sizeof(raw)) {
        refuse(r, name, "a number");
        return;
    }
    memcpy(raw, v->text, v->len);
    raw[v->len] = '\0';
    *to = strtod(raw, NULL);
    if (!(*to >= 0 && *to <= NUMBER_MAX))
        refuse(r, name, "in its range");
}

static void take_flag(struct reading *r, const char *name, bool *to)
{
    const struct json_value *v = member(r, name);
    if (v != NULL && v->type != JSON_TRUE && v->type != JSON_FALSE)
        refuse(r, name, "true or false");
    *to = v != NULL && v->type == JSON_TRUE;
}

static void take_moment(struct reading *r, const char *name, int64_t *to)
{
    const struct json_value *v = member(r, name);
    *to = 0;
    if (v != NULL && v->type != JSON_NULL &&
        (v->type != JSON_STRING || !instant_parse(v->text, v->len, to)))
        refuse(r, name, "a moment such as 2026-03-01T09:30:00.250Z");
}

static unsigned take_word(struct reading *r, const char *name, const char *(*word)(unsigned),
                          unsigned n)
{
    const struct json_value *v = member(r, name);
    for (unsigned i = 0; v != NULL && i < n; i++)
        if (json_is(v, word(i)))
            return i;
    if (v != NULL)
        refuse(r, name, "a word it can be");
    return 0;
}

static const char *mode_word(unsigned i)
{
    return status_mode_name((enum status_mode)i);
}

static const char *upload_word(unsigned i)
{
    return status_upload_name((enum status_upload)i);
}

static const char *result_word(unsigned i)
{
    return status_result_name((enum status_result)i);
}

static struct reading inner(struct reading *r, const char *name)
{
    const struct json_value *v = member(r, name);
    if (v != NULL && v->type != JSON_OBJECT)
        refuse(r, name, "an object");
    return (struct reading){.object = v, .ok = r->ok, .err = r->err};
}

/* Context for what went wrong inside. */
static void leave(struct reading *r, const struct reading *in, const char *name)
{
    if (r->ok && !in->ok)
        r->ok = error_context(r->err, "%s", name);
}

static void read_worker(struct reading *r, struct worker_status *s)
{
    struct reading w = inner(r, "worker");
    TAKE_TEXT(&w, "id", s->id);
    TAKE_TEXT(&w, "host", s->host);
    take_within(&w, "pid", 1, INT32_MAX, &s->pid);
    take_count(&w, "pid_start", &s->pid_start);
    TAKE_TEXT(&w, "place", s->place);
    TAKE_TEXT(&w, "version", s->version);
    take_moment(&w, "started", &s->started);
    take_within(&w, "heartbeat_ms", 1, 3600000, &s->heartbeat_ms);
    leave(r, &w, "worker");
}

static void read_look(struct reading *r, struct worker_status *s)
{
    struct reading l = inner(r, "look");
    take_moment(&l, "at", &s->look.at);
    TAKE_TEXT(&l, "reason", s->look.reason);
    take_flag(&l, "incremental", &s->look.incremental);
    take_decimal(&l, "seconds", &s->look.seconds);
    s->look.result = (enum status_result)take_word(&l, "result", result_word, STATUS_RESULTS);
    take_flag(&l, "held", &s->look.held);
    take_flag(&l, "omitted", &s->look.omitted);
    TAKE_TEXT(&l, "error", s->look.error);
    leave(r, &l, "look");
}

static void read_latency(struct reading *r, struct latency_summary *to)
{
    struct reading l = inner(r, "latency");
    take_count(&l, "count", &to->count);
    take_decimal(&l, "p50_ms", &to->p50_ms);
    take_decimal(&l, "p99_ms", &to->p99_ms);
    take_decimal(&l, "max_ms", &to->max_ms);
    leave(r, &l, "latency");
}

static void read_field(struct reading *r, const struct status_field *f, void *to)
{
    switch (f->type) {
    case STATUS_FIELD_TEXT:
        take_text(r, f->name, to, STATUS_TEXT_MAX);
        break;
    case STATUS_FIELD_COUNT:
        take_count(r, f->name, to);
        break;
    case STATUS_FIELD_MOMENT:
        take_moment(r, f->name, to);
        break;
    case STATUS_FIELD_FLAG:
        take_flag(r, f->name, to);
        break;
    case STATUS_FIELD_SECONDS:
        take_decimal(r, f->name, to);
        break;
    }
}

static void read_counters(struct reading *r, struct worker_status *s)
{
    struct reading c = inner(r, "counters");
    for (size_t i = 0; i < STATUS_COUNTERS; i++)
        read_field(&c, &status_counters[i], (char *)&s->counters + status_counters[i].offset);
    leave(r, &c, "counters");
}

/* A worker of before there were origins has none. */
static void read_origin(struct reading *r, struct status_origin *o)
{
    const struct json_value *v = r->ok ? json_gets(r->object, "origin") : NULL;
    if (v == NULL || v->type == JSON_NULL)
        return;
    struct reading in = inner(r, "origin");
    TAKE_TEXT(&in, "name", o->name);
    if (in.ok && o->name[0] == '\0')
        refuse(&in, "name", "the name of an origin");
    o->state = (enum status_upload)take_word(&in, "state", upload_word, STATUS_UPLOADS);
    for (size_t i = 0; i < STATUS_ORIGIN_FIELDS; i++)
        read_field(&in, &status_origin_fields[i], (char *)o + status_origin_fields[i].offset);
    read_latency(&in, &o->latency);
    leave(r, &in, "origin");
}

static const struct json_value *take_list(struct reading *r, const char *name, size_t most)
{
    const struct json_value *v = member(r, name);
    if (v != NULL && (v->type != JSON_ARRAY || v->len > most))
        refuse(r, name, "a list, or is too long");
    return r->ok ? v : NULL;
}

static void read_held(struct reading *r, struct worker_status *s)
{
    const struct json_value *list = take_list(r, "held", STATUS_HELD_MAX);
    for (size_t i = 0; list != NULL && r->ok && i < list->len; i++) {
        struct reading pair = {.object = &list->items[i], .ok = true, .err = r->err};
        struct status_held *held = &s->held[s->n_held++];
        TAKE_TEXT(&pair, "page_set", held->set);
        TAKE_TEXT(&pair, "locale", held->locale);
        leave(r, &pair, "held");
    }
    take_count(r, "more_held", &s->more_held);
}

static void read_problems(struct reading *r, struct worker_status *s)
{
    const struct json_value *list = take_list(r, "problems", STATUS_PROBLEMS_MAX);
    for (size_t i = 0; list != NULL && r->ok && i < list->len; i++)
        if (!as_text(&list->items[i], s->problems[s->n_problems++], STATUS_TEXT_MAX))
            refuse(r, "problems", "a list of texts, or one is too long");
    take_count(r, "more_problems", &s->more_problems);
}

static void read_format(struct reading *r)
{
    uint64_t format = 0;
    if (r->object->type != JSON_OBJECT || json_gets(r->object, "platen_status") == NULL)
        r->ok = error_set(r->err, ERROR_CONTENT, "not the status of a worker");
    take_count(r, "platen_status", &format);
    if (r->ok && format > STATUS_FORMAT)
        r->ok = error_set(r->err, ERROR_USAGE,
                          "written by a newer platen, in format %" PRIu64 " (this one reads %d): "
                          "ask that one",
                          format, STATUS_FORMAT);
    if (r->ok && format != STATUS_FORMAT)
        refuse(r, "platen_status", "a format there is");
}

static void read_all(struct reading *r, struct worker_status *s)
{
    read_format(r);
    take_moment(r, "written", &s->written);
    read_worker(r, s);
    s->mode = (enum status_mode)take_word(r, "mode", mode_word, STATUS_MODES);
    TAKE_TEXT(r, "why", s->why);
    take_flag(r, "leader", &s->leader);
    take_count(r, "generation", &s->generation);
    read_look(r, s);
    take_moment(r, "looking_since", &s->looking_since);
    take_flag(r, "stuck", &s->stuck);
    read_latency(r, &s->latency);
    take_known(r, "lag_ms", &s->lag_ms);
    take_moment(r, "next_due", &s->next_due);
    take_known(r, "overdue", &s->overdue);
    take_count(r, "failures_in_row", &s->failures_in_row);
    read_counters(r, s);
    read_held(r, s);
    read_problems(r, s);
    read_origin(r, &s->origin);
}

bool status_parse(struct worker_status *s, const char *text, size_t len, struct error *err)
{
    struct arena arena;
    struct json_value root;
    struct json_limits limits = {.depth = 8, .bytes = STATUS_BYTES_MAX};
    memset(s, 0, sizeof(*s));
    arena_init(&arena);
    bool ok = json_parse(&arena, NULL, text, len, &limits, &root, err);
    if (ok) {
        struct reading r = {.object = &root, .ok = true, .err = err};
        read_all(&r, s);
        ok = r.ok;
    }
    arena_release(&arena);
    return ok;
}

/* The status as JSON. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "worker/instant.h"
#include "worker/status.h"
#include "worker/status_fields.h"

static void add_text(struct strbuf *sb, const char *name, const char *text)
{
    strbuf_addf(sb, "\"%s\":", name);
    json_write_string(sb, text, strlen(text));
}

static void add_moment(struct strbuf *sb, const char *name, int64_t ms)
{
    char text[INSTANT_SIZE];
    strbuf_addf(sb, "\"%s\":", name);
    if (ms == 0) {
        strbuf_addstr(sb, "null");
        return;
    }
    instant_format(ms, text);
    strbuf_addf(sb, "\"%s\"", text);
}

static void add_count(struct strbuf *sb, const char *name, uint64_t n)
{
    strbuf_addf(sb, "\"%s\":%" PRIu64, name, n);
}

/* -1 is what is not known. */
static void add_known(struct strbuf *sb, const char *name, int64_t n)
{
    if (n < 0)
        strbuf_addf(sb, "\"%s\":null", name);
    else
        add_count(sb, name, (uint64_t)n);
}

static void add_flag(struct strbuf *sb, const char *name, bool flag)
{
    strbuf_addf(sb, "\"%s\":%s", name, flag ? "true" : "false");
}

static void add_worker(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_addstr(sb, ",\n\"worker\":{");
    add_text(sb, "id", s->id);
    strbuf_addch(sb, ',');
    add_text(sb, "host", s->host);
    strbuf_addf(sb, ",\"pid\":%" PRId64 ",", s->pid);
    add_count(sb, "pid_start", s->pid_start);
    strbuf_addch(sb, ',');
    add_text(sb, "place", s->place);
    strbuf_addch(sb, ',');
    add_text(sb, "version", s->version);
    strbuf_addch(sb, ',');
    add_moment(sb, "started", s->started);
    strbuf_addf(sb, ",\"heartbeat_ms\":%" PRId64 "},\n", s->heartbeat_ms);
    add_text(sb, "mode", status_mode_name(s->mode));
    strbuf_addch(sb, ',');
    add_text(sb, "why", s->why);
    strbuf_addch(sb, ',');
    add_flag(sb, "leader", s->leader);
    strbuf_addch(sb, ',');
    add_count(sb, "generation", s->generation);
}

static void add_look(struct strbuf *sb, const struct worker_status *s)
{
    const struct status_look *look = &s->look;
    strbuf_addstr(sb, ",\n\"look\":{");
    add_moment(sb, "at", look->at);
    strbuf_addch(sb, ',');
    add_text(sb, "reason", look->reason);
    strbuf_addch(sb, ',');
    add_flag(sb, "incremental", look->incremental);
    strbuf_addf(sb, ",\"seconds\":%.6f,", look->seconds);
    add_text(sb, "result", status_result_name(look->result));
    strbuf_addch(sb, ',');
    add_flag(sb, "held", look->held);
    strbuf_addch(sb, ',');
    add_flag(sb, "omitted", look->omitted);
    strbuf_addch(sb, ',');
    add_text(sb, "error", look->error);
    strbuf_addstr(sb, "},\n");
    add_moment(sb, "looking_since", s->looking_since);
    strbuf_addch(sb, ',');
    add_flag(sb, "stuck", s->stuck);
}

static void add_latency(struct strbuf *sb, const struct latency_summary *l)
{
    strbuf_addstr(sb, "\"latency\":{");
    add_count(sb, "count", l->count);
    strbuf_addf(sb, ",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", l->p50_ms, l->p99_ms,
                l->max_ms);
}

static void add_figures(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_addstr(sb, ",\n");
    add_latency(sb, &s->latency);
    strbuf_addstr(sb, ",\n");
    add_known(sb, "lag_ms", s->lag_ms);
    strbuf_addch(sb, ',');
    add_moment(sb, "next_due", s->next_due);
    strbuf_addch(sb, ',');
    add_known(sb, "overdue", s->overdue);
    strbuf_addch(sb, ',');
    add_count(sb, "failures_in_row", s->failures_in_row);
}

static void add_field(struct strbuf *sb, const struct status_field *f, const void *at)
{
    switch (f->type) {
    case STATUS_FIELD_TEXT:
        add_text(sb, f->name, at);
        break;
    case STATUS_FIELD_COUNT:
        add_count(sb, f->name, *(const uint64_t *)at);
        break;
    case STATUS_FIELD_MOMENT:
        add_moment(sb, f->name, *(const int64_t *)at);
        break;
    case STATUS_FIELD_FLAG:
        add_flag(sb, f->name, *(const bool *)at);
        break;
    case STATUS_FIELD_SECONDS:
        strbuf_addf(sb, "\"%s\":%.6f", f->name, *(const double *)at);
        break;
    }
}

static void add_counters(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_addstr(sb, ",\n\"counters\":{");
    for (size_t i = 0; i < STATUS_COUNTERS; i++) {
        if (i != 0)
            strbuf_addch(sb, ',');
        add_field(sb, &status_counters[i], (const char *)&s->counters + status_counters[i].offset);
    }
    strbuf_addch(sb, '}');
}

static void add_origin(struct strbuf *sb, const struct status_origin *o)
{
    strbuf_addstr(sb, ",\n\"origin\":");
    if (o->name[0] == '\0') {
        strbuf_addstr(sb, "null");
        return;
    }
    strbuf_addch(sb, '{');
    add_text(sb, "name", o->name);
    strbuf_addch(sb, ',');
    add_text(sb, "state", status_upload_name(o->state));
    for (size_t i = 0; i < STATUS_ORIGIN_FIELDS; i++) {
        strbuf_addch(sb, ',');
        add_field(sb, &status_origin_fields[i], (const char *)o + status_origin_fields[i].offset);
    }
    strbuf_addch(sb, ',');
    add_latency(sb, &o->latency);
    strbuf_addch(sb, '}');
}

static void add_lists(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_addstr(sb, ",\n\"held\":[");
    for (size_t i = 0; i < s->n_held; i++) {
        strbuf_addstr(sb, i != 0 ? ",{" : "{");
        add_text(sb, "page_set", s->held[i].set);
        strbuf_addch(sb, ',');
        add_text(sb, "locale", s->held[i].locale);
        strbuf_addch(sb, '}');
    }
    strbuf_addstr(sb, "],");
    add_count(sb, "more_held", s->more_held);
    strbuf_addstr(sb, ",\n\"problems\":[");
    for (size_t i = 0; i < s->n_problems; i++) {
        if (i != 0)
            strbuf_addch(sb, ',');
        json_write_string(sb, s->problems[i], strlen(s->problems[i]));
    }
    strbuf_addstr(sb, "],");
    add_count(sb, "more_problems", s->more_problems);
}

void status_write(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_addf(sb, "{\"platen_status\":%d,", STATUS_FORMAT);
    add_moment(sb, "written", s->written);
    add_worker(sb, s);
    add_look(sb, s);
    add_figures(sb, s);
    add_counters(sb, s);
    add_lists(sb, s);
    add_origin(sb, &s->origin);
    strbuf_addstr(sb, "}");
}

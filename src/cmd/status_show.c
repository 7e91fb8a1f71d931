#include "cmd/status_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cmd/result.h"
#include "cmd/status_lines.h"
#include "cmd/status_origin.h"

#define LINES_SHOWN 10 /* of problems */

/* --- the worker ------------------------------------------------------------------------------- */

static void show_absence(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    char length[STATUS_DURATION_SIZE];
    if (f->worker_fault.kind != ERROR_NONE) {
        strbuf_addf(sb, "unknown: %s", f->worker_fault.text);
    } else if (!f->has_worker) {
        strbuf_addf(sb, "none: no worker has written to %s", f->out);
    } else {
        strbuf_addf(sb, "%s: %s, pid %" PRId64 " on %s; its last word was at ",
                    status_facts_life(f), w->id, w->pid, w->host);
        status_lines_add_moment(sb, w->written, f->now);
        if (f->life == STATUS_SILENT)
            strbuf_addf(sb, " (one is due every %s)",
                        status_lines_duration(w->heartbeat_ms, length));
    }
    status_lines_show("worker", sb);
}

static void show_worker(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    char length[STATUS_DURATION_SIZE];
    strbuf_addf(sb, "alive: %s, pid %" PRId64 " on %s, platen %s, up %s%s", w->id, w->pid, w->host,
                w->version, status_lines_duration(f->now - w->started, length),
                w->leader ? ", leader" : "");
    status_lines_show("worker", sb);
    strbuf_addf(sb, "%s%s%s", status_mode_name(w->mode), w->why[0] != '\0' ? ": " : "", w->why);
    status_lines_show("mode", sb);
}

static void show_look(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    const struct status_look *look = &w->look;
    if (look->result == STATUS_NO_LOOK) {
        strbuf_addstr(sb, "none has ended yet");
    } else {
        status_lines_add_moment(sb, look->at, f->now);
        strbuf_addf(sb, ": %s, %s, %.3f s, %s", look->reason,
                    look->incremental ? "incremental" : "full", look->seconds,
                    status_result_name(look->result));
        if (look->held)
            strbuf_addstr(sb, ", held");
        if (look->omitted)
            strbuf_addstr(sb, ", content left out");
        if (w->failures_in_row > 1)
            strbuf_addf(sb, ", the last %" PRIu64, w->failures_in_row);
        if (look->error[0] != '\0')
            strbuf_addf(sb, ": %s", look->error);
    }
    status_lines_show("last look", sb);
    if (status_facts_alive(f) && w->looking_since != 0) {
        strbuf_addf(sb, "%s since ", w->stuck ? "STUCK" : "at work");
        status_lines_add_moment(sb, w->looking_since, f->now);
        status_lines_show("looking", sb);
    }
}

static void show_figures(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    const struct status_counters *n = &w->counters;
    char length[STATUS_DURATION_SIZE];
    if (w->latency.count > 0) {
        strbuf_addf(sb, "commit to page: half within %.1f ms, 99 %% within %.1f ms, all %.1f ms",
                    w->latency.p50_ms, w->latency.p99_ms, w->latency.max_ms);
        status_lines_show("latency", sb);
    }
    if (w->lag_ms >= 0) {
        if (w->lag_ms == 0)
            strbuf_addstr(sb, "none");
        else
            strbuf_addf(sb, "what was announced %s ago is not printed yet",
                        status_lines_duration(w->lag_ms, length));
        status_lines_show("lag", sb);
    }
    strbuf_addf(sb,
                "%" PRIu64 ": %" PRIu64 " full, %" PRIu64 " incremental, %" PRIu64
                " failed; %" PRIu64 " notifications, %" PRIu64 " reconnects",
                n->looks, n->full, n->incremental, n->failures, n->notifications, n->reconnects);
    if (n->unnamed > 0)
        strbuf_addf(sb, "; %" PRIu64 " found what the change log did not name", n->unnamed);
    status_lines_show("looks", sb);
}

/* --- what is there in any case ---------------------------------------------------------------- */

static void show_release(const struct status_facts *f, struct strbuf *sb)
{
    const struct manifest *m = &f->release;
    if (m->generation > 0)
        strbuf_addf(sb, "%" PRIu64 ", printed %s by platen %s", m->generation, m->created,
                    m->version);
    else
        strbuf_addf(sb, "none in %s", f->out);
    status_lines_show("release", sb);
}

static void show_due(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    bool alive = status_facts_alive(f);
    if (alive && w->next_due != 0)
        status_lines_add_moment(sb, w->next_due, f->now);
    else if (f->release.next_change_at != NULL)
        strbuf_addstr(sb, f->release.next_change_at);
    if (alive && w->overdue > 0)
        strbuf_addf(sb, "%sschedules of %" PRId64 " locale%s are past their time",
                    sb->len > 0 ? "; " : "", w->overdue, w->overdue == 1 ? "" : "s");
    if (sb->len > 0)
        status_lines_show("next due", sb);
}

static void add_held(struct strbuf *sb, const char *set, const char *locale)
{
    strbuf_addf(sb, "%s%s%s%s", sb->len > 0 ? "; " : "", set, locale[0] != '\0' ? " in " : "",
                locale);
}

static void show_held(const struct status_facts *f, struct strbuf *sb)
{
    const struct manifest *m = &f->release;
    const struct worker_status *w = &f->worker;
    if (!status_facts_held(f))
        return;
    if (status_facts_worker_looked(f)) {
        for (size_t i = 0; i < w->n_held; i++)
            add_held(sb, w->held[i].set, w->held[i].locale);
        if (w->more_held > 0)
            strbuf_addf(sb, "; and %" PRIu64 " more", w->more_held);
    } else {
        for (size_t i = 0; i < m->n_held; i++)
            add_held(sb, m->sets[m->held[i].set], m->locales[m->held[i].locale]);
    }
    if (sb->len == 0 && f->pin.generation == 0)
        strbuf_addstr(sb, "see the problems");
    if (sb->len > 0)
        status_lines_show("held", sb);
}

static void show_pin(const struct status_facts *f, struct strbuf *sb)
{
    const struct pin *pin = &f->pin;
    if (pin->generation == 0)
        return;
    strbuf_addf(sb, "release %" PRIu64 " stays since %s, by %s%s%s; 'platen unpin' ends that",
                pin->generation, pin->since, pin_by_name(pin->by),
                pin->reason[0] != '\0' ? ": " : "", pin->reason);
    status_lines_show("pinned", sb);
}

static void show_problems(const struct status_facts *f, struct strbuf *sb)
{
    const struct worker_status *w = &f->worker;
    uint64_t shown = w->n_problems < LINES_SHOWN ? w->n_problems : LINES_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        strbuf_addstr(sb, w->problems[i]);
        status_lines_show("problem", sb);
    }
    uint64_t more = w->n_problems - shown + w->more_problems;
    if (more > 0) {
        strbuf_addf(sb, "and %" PRIu64 " more", more);
        status_lines_show("problem", sb);
    }
}

void status_show_table(const struct status_facts *f)
{
    struct strbuf sb = STRBUF_INIT;
    bool alive = status_facts_alive(f);
    if (alive)
        show_worker(f, &sb);
    else
        show_absence(f, &sb);
    show_release(f, &sb);
    if (f->has_worker) {
        show_look(f, &sb);
        show_figures(f, &sb);
    }
    status_origin_show(f, &sb);
    show_due(f, &sb);
    show_held(f, &sb);
    show_pin(f, &sb);
    if (alive)
        show_problems(f, &sb);
    if (f->warning.kind != ERROR_NONE) {
        strbuf_addstr(&sb, f->warning.text);
        status_lines_show("problem", &sb);
    }
    strbuf_release(&sb);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_text(struct strbuf *sb, const char *name, const char *text)
{
    strbuf_addf(sb, ",\"%s\":", name);
    if (text != NULL)
        json_write_string(sb, text, strlen(text));
    else
        strbuf_addstr(sb, "null");
}

static void add_release(struct strbuf *sb, const struct manifest *m)
{
    if (m->generation == 0) {
        strbuf_addstr(sb, ",\"release\":null");
        return;
    }
    strbuf_addf(sb, ",\"release\":{\"generation\":%" PRIu64, m->generation);
    add_text(sb, "created", m->created);
    add_text(sb, "version", m->version);
    add_text(sb, "content", m->content);
    add_text(sb, "next_change_at", m->next_change_at);
    strbuf_addstr(sb, ",\"held\":[");
    for (size_t i = 0; i < m->n_held; i++) {
        strbuf_addf(sb, "%s{\"page_set\":", i > 0 ? "," : "");
        json_write_string(sb, m->sets[m->held[i].set], strlen(m->sets[m->held[i].set]));
        add_text(sb, "locale", m->locales[m->held[i].locale]);
        strbuf_addch(sb, '}');
    }
    strbuf_addstr(sb, "]}");
}

void status_show_json(const struct status_facts *f, int code)
{
    struct strbuf sb = STRBUF_INIT, worker = STRBUF_INIT;
    strbuf_addf(&sb, "{\"exit\":%d", code);
    add_text(&sb, "life", status_facts_life(f));
    if (f->has_worker) {
        strbuf_addf(&sb, ",\"age_ms\":%" PRId64, f->now - f->worker.written);
        status_write(&worker, &f->worker);
    } else {
        strbuf_addstr(&sb, ",\"age_ms\":null");
    }
    bool fault = f->worker_fault.kind != ERROR_NONE, warning = f->warning.kind != ERROR_NONE;
    add_text(&sb, "worker_fault", fault ? f->worker_fault.text : NULL);
    add_release(&sb, &f->release);
    result_add_pin(&sb, f->pin.generation > 0 ? &f->pin : NULL);
    add_text(&sb, "warning", warning ? f->warning.text : NULL);
    strbuf_addstr(&sb, ",\"worker\":");
    for (const char *c = worker.buf; *c != '\0'; c++) /* the file has lines for people's sake */
        if (*c != '\n')
            strbuf_addch(&sb, *c);
    if (!f->has_worker)
        strbuf_addstr(&sb, "null");
    strbuf_addstr(&sb, "}\n");
    fwrite(sb.buf, 1, sb.len, stdout);
    strbuf_release(&sb);
    strbuf_release(&worker);
}

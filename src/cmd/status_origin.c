#include "cmd/status_origin.h"

#include <inttypes.h>

#include "cmd/status_lines.h"

static void show_where(const struct status_facts *f, struct strbuf *sb)
{
    const struct status_origin *o = &f->worker.origin;
    strbuf_addf(sb, "%s: ", o->name);
    if (o->state == STATUS_UPLOAD_ELSEWHERE)
        strbuf_addstr(sb, "the worker that leads uploads");
    else if (o->release > 0)
        strbuf_addf(sb, "release %" PRIu64, o->release);
    else
        strbuf_addstr(sb, "nothing was uploaded yet");
    if (o->uploaded != 0) {
        strbuf_addstr(sb, ", last changed ");
        status_lines_add_moment(sb, o->uploaded, f->now);
        strbuf_addf(sb, ": %.3f s, %" PRIu64 " requests, %" PRIu64 " bytes", o->seconds,
                    o->requests, o->bytes);
        if (o->live_seconds > 0)
            strbuf_addf(sb, ", live after %.3f s", o->live_seconds);
    }
    status_lines_show("origin", sb);
}

static void show_work(const struct status_facts *f, struct strbuf *sb)
{
    const struct status_origin *o = &f->worker.origin;
    if (o->behind_since != 0) {
        strbuf_addf(sb, "release %" PRIu64 " is not there yet, since ", f->worker.generation);
        status_lines_add_moment(sb, o->behind_since, f->now);
        status_lines_show("behind", sb);
    }
    if (status_facts_alive(f) && o->running_since != 0) {
        strbuf_addstr(sb, "at work since ");
        status_lines_add_moment(sb, o->running_since, f->now);
        status_lines_show("upload", sb);
    }
}

static void show_trouble(const struct status_origin *o, struct strbuf *sb)
{
    if (o->failures_in_row > 0) {
        strbuf_addf(sb, "FAILED, the last %" PRIu64 ": %s", o->failures_in_row, o->error);
        status_lines_show("upload", sb);
    }
    if (o->held) {
        strbuf_addstr(sb, o->why);
        status_lines_show("not sent", sb);
    }
    if (o->purge_error[0] != '\0') {
        strbuf_addstr(sb, o->purge_error);
        status_lines_show("not purged", sb);
    }
    if (o->proof_error[0] != '\0') {
        strbuf_addstr(sb, o->proof_error);
        status_lines_show("not live", sb);
    }
}

static void show_figures(const struct status_origin *o, struct strbuf *sb)
{
    strbuf_addf(sb, "%" PRIu64 ", %" PRIu64 " failed", o->uploads, o->failures);
    if (o->latency.count > 0)
        strbuf_addf(sb, "; commit to live: half within %.1f ms, 99 %% within %.1f ms, all %.1f ms",
                    o->latency.p50_ms, o->latency.p99_ms, o->latency.max_ms);
    status_lines_show("uploads", sb);
}

void status_origin_show(const struct status_facts *f, struct strbuf *sb)
{
    const struct status_origin *o = &f->worker.origin;
    if (!f->has_worker || !status_has_origin(&f->worker))
        return;
    show_where(f, sb);
    show_work(f, sb);
    show_trouble(o, sb);
    show_figures(o, sb);
}

#include "worker/tell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "worker/due.h"
#include "worker/instant.h"

static struct worker_status *now_of(struct tell *t)
{
    return &t->file->now;
}

/* Of what can be seen from outside: the next turn writes it, or the first that may. */
static void say_state(struct tell *t)
{
    const struct worker_status *s = now_of(t);
    const struct status_origin *o = &s->origin;
    char line[STATUS_TEXT_MAX * 3];
    const char *upload = !status_origin_fails(o)     ? ""
                         : o->failures_in_row > 0    ? o->error
                         : o->purge_error[0] != '\0' ? o->purge_error
                                                     : o->proof_error;
    snprintf(line, sizeof(line), "%s%s, release %" PRIu64 "%s%s%s%s%s%s%s",
             status_mode_name(s->mode), s->leader ? ", leader" : "", s->generation,
             s->look.held ? ", held" : "", o->held ? ", upload held" : "",
             s->stuck ? ", the look is stuck" : "", s->failures_in_row > 0 ? ", failing: " : "",
             s->failures_in_row > 0 ? s->look.error : "", upload[0] != '\0' ? ", origin: " : "",
             upload);
    notify_status(&t->notify, line);
    status_file_changed(t->file);
}

void tell_open(struct tell *t, const struct config *config, const char *id, struct log *log)
{
    struct error err = ERROR_INIT;
    *t = (struct tell){.log = log, .file = mem_alloc(sizeof(*t->file))};
    status_file_init(t->file, config->out, id);
    tell_config(t, config);
    if (!notify_open(&t->notify, &err))
        log_say(log, LOG_WARNING, "no word to the service manager", err.text);
}

static void told(struct tell *t, bool ok, const struct error *err)
{
    if (!ok)
        log_say(t->log, LOG_WARNING, "status not written", err->text);
}

void tell_close(struct tell *t)
{
    struct error err = ERROR_INIT;
    if (t->file == NULL)
        return;
    told(t, status_file_stop(t->file, pg_conn_clock(), &err), &err);
    notify_close(&t->notify);
    free(t->file);
    t->file = NULL;
}

void tell_config(struct tell *t, const struct config *config)
{
    t->stuck_ms = config->connect_timeout_ms + config->statement_timeout_ms + config->lock_wait_ms +
                  config->listen_stuck_after_ms;
    t->file->out = config->out; /* what stands in another one falls silent */
    status_file_changed(t->file);
}

/* --- what happens ----------------------------------------------------------------------------- */

void tell_notified(struct tell *t, uint64_t count)
{
    now_of(t)->counters.notifications += count;
    status_file_changed(t->file);
}

void tell_listener(struct tell *t, const struct listener_state *state)
{
    static const enum status_mode modes[] = {[LISTENER_CONNECTING] = STATUS_STARTING,
                                             [LISTENER_LISTENING] = STATUS_LISTENING,
                                             [LISTENER_LOST] = STATUS_RECONNECTING,
                                             [LISTENER_DEAF] = STATUS_POLLING};
    struct worker_status *s = now_of(t);
    bool has_why = state->mode == LISTENER_LOST || state->mode == LISTENER_DEAF;
    s->mode = modes[state->mode];
    STATUS_SET(s->why, has_why ? state->why : "");
    s->counters.reconnects = state->connections > 1 ? state->connections - 1 : 0;
    say_state(t);
}

void tell_log(struct tell *t, bool has_log)
{
    t->has_log = has_log;
}

void tell_leader(struct tell *t, bool leader)
{
    now_of(t)->leader = leader;
    say_state(t);
}

void tell_due(struct tell *t, int64_t schedule, int64_t overdue)
{
    struct worker_status *s = now_of(t);
    int64_t next =
        schedule != 0 && (t->page_due == 0 || schedule < t->page_due) ? schedule : t->page_due;
    if (s->next_due == next && s->overdue == overdue)
        return;
    s->next_due = next;
    s->overdue = overdue;
    status_file_changed(t->file);
}

/* All else changes only with one of these. */
static bool same_origin(const struct status_origin *a, const struct status_origin *b)
{
    return strcmp(a->name, b->name) == 0 && a->state == b->state && a->release == b->release &&
           a->behind_since == b->behind_since && a->running_since == b->running_since &&
           a->uploads == b->uploads && a->failures == b->failures &&
           a->failures_in_row == b->failures_in_row && a->uploaded == b->uploaded &&
           strcmp(a->why, b->why) == 0 && strcmp(a->purge_error, b->purge_error) == 0 &&
           strcmp(a->proof_error, b->proof_error) == 0;
}

void tell_origin(struct tell *t, const struct status_origin *origin)
{
    struct status_origin *o = &now_of(t)->origin;
    if (same_origin(o, origin))
        return;
    bool failed = status_origin_fails(o) || o->held;
    *o = *origin;
    status_file_changed(t->file);
    if (failed || status_origin_fails(o) || o->held)
        say_state(t);
}

void tell_reloading(struct tell *t)
{
    t->reloading = true;
    notify_reloading(&t->notify);
}

void tell_stopping(struct tell *t)
{
    notify_stopping(&t->notify);
}

void tell_looking(struct tell *t)
{
    now_of(t)->looking_since = instant_now();
    status_file_changed(t->file);
}

/* --- a look ----------------------------------------------------------------------------------- */

static void take_problem(struct worker_status *s, const struct press_problem *p)
{
    static const char *const actions[] = {"held", "omitted", "kept"};
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "%s: ", actions[p->action]);
    if (p->set[0] != '\0')
        strbuf_addf(&sb, "page set '%s'", p->set);
    if (p->locale[0] != '\0')
        strbuf_addf(&sb, ", locale %s", p->locale);
    if (p->key[0] != '\0')
        strbuf_addf(&sb, ", key '%.80s'", p->key);
    strbuf_addf(&sb, "%s%s", p->set[0] != '\0' ? ": " : "", p->text);
    status_add_problem(s, sb.buf);
    if (p->action == PRESS_HELD && p->set[0] != '\0')
        status_add_held(s, p->set, p->locale);
    strbuf_release(&sb);
}

static void take_result(struct worker_status *s, const struct press_result *r)
{
    struct status_look *look = &s->look;
    s->generation = r->generation;
    look->incremental = r->incremental;
    look->seconds = r->seconds;
    look->result = r->released ? STATUS_RELEASED : STATUS_UNCHANGED;
    look->held = r->held;
    look->omitted = r->omitted;
    look->error[0] = '\0';
    if (r->incremental)
        s->counters.incremental++;
    else
        s->counters.full++;
    s->counters.unnamed += r->unnamed;
    s->failures_in_row = 0;
    status_clear_lists(s);
    for (size_t i = 0; i < r->n_problems; i++)
        take_problem(s, &r->problems[i]);
    s->more_problems += r->more_problems;
    if (r->warning != NULL)
        status_add_problem(s, r->warning);
}

static void take_success(struct tell *t, const struct looked *looked, int64_t at_ms)
{
    int64_t due = due_parse(looked->result.next_change_at);
    take_result(now_of(t), &looked->result);
    t->page_due = due == DUE_NEVER ? 0 : due;
    if (looked_latency(looked, at_ms) >= 0)
        latency_add(&t->file->latency, (double)looked_latency(looked, at_ms));
}

/* What was held or wrong before still is, as far as anybody knows. */
static void take_failure(struct worker_status *s, const struct looked *looked)
{
    s->look.result = STATUS_FAILED;
    s->look.incremental = false;
    s->look.seconds = looked->result.seconds;
    STATUS_SET(s->look.error, looked->err.text);
    s->counters.failures++;
    s->failures_in_row++;
}

static void be_ready(struct tell *t, const struct looked *looked)
{
    if (t->ready && !(t->reloading && looked->order.reload))
        return;
    notify_ready(&t->notify);
    t->ready = true;
    t->reloading = false;
}

void tell_looked(struct tell *t, const struct looked *looked, int64_t at_ms)
{
    struct worker_status *s = now_of(t);
    s->counters.looks++;
    s->looking_since = 0;
    s->stuck = false;
    s->look.at = instant_now();
    STATUS_SET(s->look.reason, look_reason_name(looked->order.reason));
    if (looked->ok)
        take_success(t, looked, at_ms);
    else
        take_failure(s, looked);
    be_ready(t, looked);
    say_state(t);
}

/* --- each time round -------------------------------------------------------------------------- */

/* Age of the oldest notification that no look has answered; unknown without notifications. */
static int64_t lag(const struct worker_status *s, const struct reasons *r, int64_t now_ms)
{
    if (s->mode != STATUS_LISTENING)
        return -1;
    if (r->looking && r->running.hints > 0)
        return now_ms - r->running.since_ms;
    return r->wanted && r->want.hints > 0 ? now_ms - r->want.since_ms : 0;
}

void tell_turn(struct tell *t, const struct reasons *r, int64_t step_ms)
{
    struct worker_status *s = now_of(t);
    struct error err = ERROR_INIT;
    int64_t now_ms = pg_conn_clock();
    bool stuck = step_ms > 0 && now_ms - step_ms > t->stuck_ms;
    if (stuck != s->stuck) {
        s->stuck = stuck;
        say_state(t);
        if (stuck)
            log_say(t->log, LOG_ERROR, "the look is stuck", "it has passed all its deadlines");
    }
    notify_watchdog(&t->notify, now_ms, !stuck);
    if (status_file_wait(t->file, now_ms) > 0)
        return;
    s->lag_ms = lag(s, r, now_ms);
    told(t, status_file_write(t->file, now_ms, false, &err), &err);
}

int64_t tell_wait(const struct tell *t)
{
    int64_t now_ms = pg_conn_clock();
    int64_t file = status_file_wait(t->file, now_ms);
    int64_t watchdog = notify_watchdog_wait(&t->notify, now_ms);
    return watchdog < 0 || file < watchdog ? file : watchdog;
}

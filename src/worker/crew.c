#include "worker/crew.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "worker/leader.h"
#include "worker/releaselog.h"

struct crew {
    struct leader *leader; /* NULL: never leads */
    struct schedule *schedule;
    struct releaselog *releaselog;
    struct uploader *uploader; /* NULL: there is no origin */
    struct mailbox *mailbox;
    struct log *log;
    const char *mode; /* for the worker's row */
    uint64_t generation;
};

/* What they write needs the primary, where whoever listens is sent as well. */
static const char *conninfo_of(const struct config *c)
{
    return c->listen_database[0] != '\0' ? c->listen_database : c->source;
}

bool crew_same(const struct config *a, const struct config *b)
{
    return strcmp(conninfo_of(a), conninfo_of(b)) == 0 &&
           a->connect_timeout_ms == b->connect_timeout_ms &&
           strcmp(a->listen_due, b->listen_due) == 0 &&
           a->listen_schedules == b->listen_schedules && a->listen_lead == b->listen_lead;
}

static bool start_uploader(struct crew *c, const struct config *config, struct error *err)
{
    struct uploader_options options = {.config = config,
                                       .conninfo = conninfo_of(config),
                                       .leader = c->leader,
                                       .releaselog = c->releaselog,
                                       .mailbox = c->mailbox,
                                       .log = c->log};
    if (config->origin[0] == '\0')
        return true;
    if (!uploader_start(&c->uploader, &options, err))
        return false;
    uploader_wake(c->uploader, c->generation, 0);
    return true;
}

bool crew_config(struct crew *c, const struct config *config, struct error *err)
{
    struct uploader *u = c->uploader;
    if (u != NULL && config->origin[0] != '\0') {
        bool ok = uploader_config(u, config, err);
        c->uploader = ok ? u : NULL;
        return ok;
    }
    uploader_stop(u);
    c->uploader = NULL;
    return start_uploader(c, config, err);
}

bool crew_start(struct crew **out, const struct crew_options *options, struct error *err)
{
    const struct config *config = options->config;
    struct leader_options leader = {
        .id = options->id, .mailbox = options->mailbox, .log = options->log};
    struct crew *c = mem_calloc(1, sizeof(*c));
    *out = NULL;
    if (config->listen_lead)
        c->leader = leader_new(&leader);
    struct schedule_options schedule = {.conninfo = conninfo_of(config),
                                        .connect_ms = config->connect_timeout_ms,
                                        .due = config->listen_due,
                                        .publish = config->listen_schedules,
                                        .leader = c->leader,
                                        .mailbox = options->mailbox,
                                        .log = options->log};
    struct releaselog_options releaselog = {.conninfo = conninfo_of(config),
                                            .id = options->id,
                                            .connect_ms = config->connect_timeout_ms,
                                            .leader = c->leader,
                                            .log = options->log};
    c->mode = "starting";
    c->mailbox = options->mailbox;
    c->log = options->log;
    if (!schedule_start(&c->schedule, &schedule, err) ||
        !releaselog_start(&c->releaselog, &releaselog, err) || !start_uploader(c, config, err)) {
        crew_stop(c);
        return false;
    }
    *out = c;
    return true;
}

void crew_stop(struct crew *c)
{
    if (c == NULL)
        return;
    uploader_stop(c->uploader);
    schedule_stop(c->schedule);
    releaselog_stop(c->releaselog);
    leader_free(c->leader);
    free(c);
}

struct listener_guest crew_guest(struct crew *c)
{
    return c->leader != NULL ? leader_guest(c->leader) : (struct listener_guest){.payload = NULL};
}

static void say(struct crew *c)
{
    bool leads = c->leader != NULL && leader_leads(c->leader);
    releaselog_say(c->releaselog, c->mode, leads, c->generation);
}

static void say_mode(struct crew *c, const char *mode)
{
    c->mode = mode;
    say(c);
}

void crew_event(struct crew *c, const struct event *event)
{
    switch (event->kind) {
    case EVENT_LISTENING:
        say_mode(c, "listening");
        break;
    case EVENT_DEAF:
        say_mode(c, "polling");
        break;
    case EVENT_LOST:
        say_mode(c, "reconnecting");
        break;
    case EVENT_LEADER:
    case EVENT_FOLLOWER:
        say(c);
        schedule_wake(c->schedule);
        if (c->uploader != NULL)
            uploader_lead(c->uploader);
        break;
    case EVENT_NOTIFIED:
        schedule_wake(c->schedule);
        break;
    case EVENT_DUE:
    case EVENT_LOOKED:
    case EVENT_UPLOAD:
    case EVENT_KINDS:
        break;
    }
}

/* Looks that found nothing to print are no part of the log: their number says nothing. */
static void log_look(struct crew *c, const struct looked *looked, int64_t ended_ms)
{
    const struct press_result *r = &looked->result;
    const struct look_order *order = &looked->order;
    struct releaselog_entry entry = {
        .ended_ms = ended_ms,
        .reason = look_reason_name(order->reason),
        .failed = !looked->ok,
        .error = looked->ok ? NULL : looked->err.text,
        .seconds = r->seconds,
        .commit_to_printed_ms = -1,
        .commit_to_live_ms = -1,
    };
    if (looked->ok && !r->released)
        return;
    if (looked->ok) {
        entry.incremental = r->incremental;
        entry.generation = r->generation;
        entry.pages = r->pages;
        entry.added = r->added;
        entry.changed = r->changed;
        entry.removed = r->removed;
        entry.bytes = r->bytes_written;
        entry.commit_to_printed_ms = looked_latency(looked, ended_ms);
    }
    releaselog_add(c->releaselog, &entry);
}

void crew_looked(struct crew *c, const struct looked *looked, int64_t began_ms, int64_t ended_ms)
{
    if (looked->ok) {
        schedule_looked(c->schedule, looked->result.next_change_at, began_ms);
        c->generation = looked->result.generation;
    }
    log_look(c, looked, ended_ms);
    if (c->uploader != NULL) {
        int64_t late = looked_latency(looked, ended_ms);
        uploader_wake(c->uploader, c->generation, late >= 0 ? ended_ms - late : 0);
    }
    say(c);
}

void crew_state(struct crew *c, struct crew_state *state)
{
    state->leads = c->leader != NULL && leader_leads(c->leader);
    schedule_state(c->schedule, &state->schedule);
    state->origin.name[0] = '\0';
    if (c->uploader != NULL)
        uploader_state(c->uploader, &state->origin);
}

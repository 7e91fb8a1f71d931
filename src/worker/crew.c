#include "worker/crew.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "worker/leader.h"

struct crew {
    struct leader *leader; /* NULL: never leads */
    struct schedule *schedule;
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
           a->listen_schedules == b->listen_schedules && a->listen_lead == b->listen_lead;
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
                                        .publish = config->listen_schedules,
                                        .leader = c->leader,
                                        .mailbox = options->mailbox,
                                        .log = options->log};
    if (!schedule_start(&c->schedule, &schedule, err)) {
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
    schedule_stop(c->schedule);
    leader_free(c->leader);
    free(c);
}

struct listener_guest crew_guest(struct crew *c)
{
    return c->leader != NULL ? leader_guest(c->leader) : (struct listener_guest){.payload = NULL};
}

void crew_event(struct crew *c, const struct event *event)
{
    switch (event->kind) {
    case EVENT_LISTENING:
        schedule_can_lead(c->schedule, true);
        break;
    case EVENT_DEAF:
        schedule_can_lead(c->schedule, false);
        break;
    case EVENT_NOTIFIED:
    case EVENT_LEADER:
    case EVENT_FOLLOWER:
        schedule_wake(c->schedule);
        break;
    case EVENT_LOST:
    case EVENT_DUE:
    case EVENT_LOOKED:
    case EVENT_KINDS:
        break;
    }
}

void crew_looked(struct crew *c, const struct looked *looked, int64_t began_ms)
{
    if (looked->ok)
        schedule_looked(c->schedule, looked->result.next_change_at, began_ms);
}

void crew_state(struct crew *c, struct crew_state *state)
{
    state->leads = c->leader != NULL && leader_leads(c->leader);
    schedule_state(c->schedule, &state->schedule);
}

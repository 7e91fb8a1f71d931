#include "worker/reasons.h"

#include <stddef.h>

#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS 30000
#define FAILING_PAUSE_MS 1000 /* between looks for notifications while looks fail */

/* Of reasons that come together, the one whose rank is highest names the look. */
static const struct {
    const char *name;
    int rank;
    bool full, reload, waits, mends;
} kinds[] = {
    [LOOK_START] = {"start", 9, .full = true},
    [LOOK_NOTIFIED] = {"notified", 4, .waits = true},
    [LOOK_DUE] = {.name = "due", .rank = 5},
    [LOOK_POLL] = {.name = "poll", .rank = 1},
    [LOOK_RECONNECT] = {"reconnect", 7, .full = true, .mends = true},
    [LOOK_RELOAD] = {"reload", 8, .full = true, .reload = true, .waits = true, .mends = true},
    [LOOK_FULL] = {"full", 3, .full = true},
    [LOOK_RETRY] = {.name = "retry", .rank = 2},
    [LOOK_COMMAND] = {"command", 6, .full = true, .mends = true},
};

const char *look_reason_name(enum look_reason reason)
{
    return kinds[reason].name;
}

void reasons_init(struct reasons *r, const struct reasons_options *options, uint64_t seed)
{
    *r = (struct reasons){.options = *options, .retry_ms = REASONS_NEVER};
    backoff_init(&r->backoff, RETRY_FIRST_MS, RETRY_MOST_MS, seed);
}

void reasons_set_options(struct reasons *r, const struct reasons_options *options)
{
    r->options = *options;
}

static void add_reason(struct look_order *order, enum look_reason reason)
{
    if (kinds[reason].rank > kinds[order->reason].rank)
        order->reason = reason;
    order->full |= kinds[reason].full;
    order->reload |= kinds[reason].reload;
}

void reasons_note(struct reasons *r, enum look_reason reason, uint64_t count, int64_t now_ms)
{
    if (!r->wanted) {
        r->want = (struct look_order){.reason = reason, .since_ms = now_ms};
        r->wanted = true;
        r->at_once = r->mends = false;
    }
    add_reason(&r->want, reason);
    if (reason == LOOK_NOTIFIED)
        r->want.hints += count;
    r->at_once |= !kinds[reason].waits;
    r->mends |= kinds[reason].mends;
    r->last_ms = now_ms;
    if (!r->begun) { /* both clocks begin with the first look */
        r->begun = true;
        r->ended_ms = r->full_ms = now_ms;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t wanted_at(const struct reasons *r)
{
    if (!r->wanted)
        return REASONS_NEVER;
    int64_t at = r->want.since_ms;
    if (!r->at_once)
        at = earlier(r->last_ms + r->options.quiet_ms, at + r->options.quiet_max_ms);
    return r->backoff.failures > 0 && !r->mends ? later(at, r->pause_until_ms) : at;
}

/* While looks fail, only the growing pauses count. */
static int64_t poll_at(const struct reasons *r)
{
    return r->backoff.failures > 0 || !r->begun ? REASONS_NEVER : r->ended_ms + r->options.poll_ms;
}

static int64_t full_at(const struct reasons *r)
{
    return r->backoff.failures > 0 || !r->begun ? REASONS_NEVER
                                                : r->full_ms + r->options.full_every_ms;
}

int64_t reasons_next(const struct reasons *r)
{
    if (r->looking)
        return REASONS_NEVER;
    return earlier(earlier(wanted_at(r), r->retry_ms), earlier(poll_at(r), full_at(r)));
}

static void add_if(struct look_order *order, bool *any, bool condition, enum look_reason reason,
                   int64_t now_ms)
{
    if (!condition)
        return;
    if (!*any)
        *order = (struct look_order){.reason = reason, .since_ms = now_ms};
    *any = true;
    add_reason(order, reason);
}

bool reasons_take(struct reasons *r, int64_t now_ms, struct look_order *order)
{
    if (r->looking || reasons_next(r) > now_ms)
        return false;
    bool any = r->wanted;
    *order = r->want;
    add_if(order, &any, full_at(r) <= now_ms, LOOK_FULL, now_ms);
    add_if(order, &any, r->retry_ms <= now_ms, LOOK_RETRY, now_ms);
    add_if(order, &any, poll_at(r) <= now_ms, LOOK_POLL, now_ms);
    order->full |= r->owes_full;
    order->reload |= r->owes_reload;
    r->retry_ms = REASONS_NEVER;
    r->wanted = false;
    r->looking = true;
    r->running = *order;
    r->running_since = now_ms;
    return true;
}

void reasons_done(struct reasons *r, bool ok, bool full, int64_t now_ms)
{
    r->looking = false;
    r->ended_ms = now_ms;
    if (ok) {
        backoff_reset(&r->backoff);
        r->owes_full = r->owes_reload = false;
        r->retry_ms = REASONS_NEVER;
        if (full)
            r->full_ms = r->running_since;
        return;
    }
    int64_t pause = backoff_next(&r->backoff);
    r->owes_full |= r->running.full;
    r->owes_reload = true; /* what is read anew may be the mend */
    r->retry_ms = now_ms + pause;
    r->pause_until_ms = now_ms + earlier(pause, FAILING_PAUSE_MS);
}

#include "worker/lease.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void lease_listening(struct lease *l, int64_t now)
{
    *l = (struct lease){.listening = true, .heard = now, .try_at = now, .stepped = now};
}

void lease_lost(struct lease *l)
{
    *l = (struct lease){.listening = false};
}

static void forget_silence(struct lease *l, int64_t now)
{
    l->heard = now;
    l->asked = 0;
    l->knock_heard = false;
    l->holder = 0;
}

static enum lease_step follow(struct lease *l, int64_t now, int64_t *at)
{
    int64_t silent = now - l->heard;
    if (now >= l->try_at)
        return LEASE_TRY;
    *at = l->try_at;
    if (silent < LEASE_KNOCK) {
        *at = earlier(*at, l->heard + LEASE_KNOCK);
        return LEASE_WAIT;
    }
    if (l->asked == 0 || now - l->asked >= LEASE_BEAT)
        return LEASE_ASK;
    if (silent > LEASE_SILENCE && l->knock_heard && l->holder != 0 &&
        now - l->holder_since >= LEASE_BEAT)
        return LEASE_END;
    *at = earlier(*at, l->asked + LEASE_BEAT);
    if (silent <= LEASE_SILENCE)
        *at = earlier(*at, l->heard + LEASE_SILENCE + 1);
    return LEASE_WAIT;
}

enum lease_step lease_next(struct lease *l, int64_t now, int64_t *at)
{
    bool slept = now - l->stepped > LEASE_GAP;
    l->stepped = now;
    *at = now + LEASE_BEAT;
    if (!l->listening)
        return LEASE_WAIT;
    if (l->leads) {
        *at = l->say_at;
        return now >= l->say_at ? LEASE_SAY : LEASE_WAIT;
    }
    if (slept) /* the beats of that time are still on their way to us */
        forget_silence(l, now);
    return follow(l, now, at);
}

void lease_gained(struct lease *l, int64_t now)
{
    l->leads = true;
    l->said = now;
    l->say_at = now; /* the others need not wonder */
}

void lease_tried(struct lease *l, int64_t now)
{
    l->try_at = now + (now < l->hurry_until ? LEASE_HURRY : LEASE_BEAT);
}

void lease_said(struct lease *l, int64_t sent)
{
    l->said = sent;
    l->say_at = sent + LEASE_BEAT;
}

void lease_asked(struct lease *l, int64_t now, int holder)
{
    if (holder != l->holder) {
        if (l->holder != 0) /* another one: its silence begins now */
            forget_silence(l, now);
        l->holder = holder;
        l->holder_since = now;
    }
    l->asked = now;
    if (holder == 0)
        l->try_at = now;
}

void lease_ended(struct lease *l, int64_t now)
{
    forget_silence(l, now);
    l->hurry_until = now + LEASE_HURRIED;
    l->try_at = now;
}

void lease_heard_beat(struct lease *l, int64_t now)
{
    forget_silence(l, now);
}

void lease_heard_knock(struct lease *l, bool own)
{
    if (own)
        l->knock_heard = true;
    else if (l->leads)
        l->say_at = 0; /* somebody wonders */
}

bool lease_leads(const struct lease *l, int64_t now)
{
    return l->leads && now - l->said < LEASE_SILENCE;
}

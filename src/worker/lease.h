/* Leadership as a worker sees it: who was heard when, and what to do now.
 *
 * For: worker/leader.h. Pure logic: no clock and no connection of its own; every moment is an
 * argument (milliseconds of a monotonic clock).
 *
 * The rule: the holder of one advisory lock leads, and says "beat" once a second. A follower tries
 * for the lock once a second. When it has heard no beat for LEASE_SILENCE, while it was awake and
 * listening all the time, it ends the session that holds the lock, and tries again at once.
 * - Before that it knocks: a notification to itself. Only if that is heard, notifications arrive at
 *   all (their queue may be full), and the silence is the holder's.
 * - With the knock it asks which session holds the lock, and ends that one only: by then another
 *   follower may have taken over.
 * - A leader counts as one as long as the server has answered its beats within LEASE_SILENCE: one
 *   that was stopped, or is cut off, knows before anybody asks it.
 */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#define LEASE_BEAT 1000    /* between beats, and between attempts */
#define LEASE_KNOCK 1500   /* of silence */
#define LEASE_SILENCE 3000 /* of it: end the holder */
#define LEASE_GAP 2000     /* not asked for so long: it was us who were asleep */
#define LEASE_HURRY 50     /* between attempts after the holder was ended ... */
#define LEASE_HURRIED 1000 /* ... for so long */

enum lease_step {
    LEASE_WAIT,
    LEASE_TRY, /* take the lock if it is free: then lease_gained() or lease_tried() */
    LEASE_SAY, /* send a beat, then lease_said() */
    LEASE_ASK, /* send a knock and ask who holds the lock: lease_asked() */
    LEASE_END, /* end the session of `holder`: lease_ended() */
};

struct lease {
    bool listening, leads;
    int64_t said;        /* when the last beat that was answered was sent */
    int64_t say_at;      /* next beat */
    int64_t heard;       /* the last beat of another; or since when there could have been one */
    int64_t try_at;      /* next attempt */
    int64_t hurry_until; /* of attempts */
    int64_t stepped;     /* when lease_next() was last called */
    int64_t asked;       /* when the last knock was sent; 0: none in this silence */
    bool knock_heard;    /* since then */
    int holder;          /* process id of the server; 0: not known */
    int64_t holder_since;
};

void lease_listening(struct lease *l, int64_t now); /* a new session, which listens */
void lease_lost(struct lease *l);                   /* it is gone, the lock with it */

/* What to do now. After LEASE_WAIT *at says when to ask again; after anything else: at once, when
 * it is done. */
enum lease_step lease_next(struct lease *l, int64_t now, int64_t *at);

void lease_gained(struct lease *l, int64_t now);
void lease_tried(struct lease *l, int64_t now);
void lease_said(struct lease *l, int64_t sent);
void lease_asked(struct lease *l, int64_t now, int holder); /* 0: nobody */
void lease_ended(struct lease *l, int64_t now);

void lease_heard_beat(struct lease *l, int64_t now);
void lease_heard_knock(struct lease *l, bool own);

/* Whether to act as the leader: it is, and the server confirmed it lately. */
bool lease_leads(const struct lease *l, int64_t now);

#endif

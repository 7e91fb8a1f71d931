/* How the threads of the worker tell its loop that something happened.
 *
 * For: events of few kinds. Posting never waits and never grows anything: of each kind only the
 * latest value is kept, with how often and when it was posted since the loop last took it. So a
 * flood costs the loop one event.
 * Not for: data; whoever posts keeps it where the loop can ask for it.
 *
 * Order: mailbox_init(); mailbox_post() from any thread; the loop polls mailbox_fd() and takes
 * until there is no more. mailbox_release() when no thread posts any longer. Events come out in the
 * order of their last posting: of two that contradict each other, such as EVENT_LISTENING and
 * EVENT_LOST, the last word is taken last.
 */
#ifndef WORKER_MAILBOX_H
#define WORKER_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum event_kind {
    EVENT_NOTIFIED,  /* somebody says that something changed */
    EVENT_LISTENING, /* connected, LISTEN committed. value: whether there is a change log */
    EVENT_LOST,      /* not connected (any more); the listener keeps trying */
    EVENT_DEAF,      /* connected, but notifications cannot arrive: poll */
    EVENT_DUE,       /* schedules ran, or a due time has come */
    EVENT_LOOKED,    /* the look has ended */
    EVENT_LEADER,
    EVENT_FOLLOWER,
    EVENT_UPLOAD, /* one began, ended, or is another worker's matter */
    EVENT_KINDS,
};

struct event {
    enum event_kind kind;
    int64_t value;             /* as last posted */
    int64_t first_ms, last_ms; /* monotonic, set by mailbox_post() */
    uint64_t count;            /* how often; 0 in a posting is once */
};

struct mailbox {
    pthread_mutex_t mutex;
    int fd;
    uint64_t sequence;
    struct event events[EVENT_KINDS]; /* count 0: none */
    uint64_t posted[EVENT_KINDS];     /* sequence of the last posting */
};

bool mailbox_init(struct mailbox *mb, struct error *err);
void mailbox_release(struct mailbox *mb);

/* Of the event, kind, value and count matter. */
void mailbox_post(struct mailbox *mb, const struct event *event);

/* False: nothing is left, and mailbox_fd() is quiet until the next posting. */
bool mailbox_take(struct mailbox *mb, struct event *event);

int mailbox_fd(const struct mailbox *mb); /* readable while there is something */

#endif

#include "worker/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "pg/conn.h"

bool mailbox_init(struct mailbox *mb, struct error *err)
{
    *mb = (struct mailbox){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&mb->mutex, NULL);
    return mb->fd >= 0 || error_errno(err, "eventfd");
}

void mailbox_release(struct mailbox *mb)
{
    if (mb->fd >= 0)
        close(mb->fd);
    pthread_mutex_destroy(&mb->mutex);
}

int mailbox_fd(const struct mailbox *mb)
{
    return mb->fd;
}

/* The counter of an eventfd cannot fill up: it is written only while nothing was posted before. */
static void signal_fd(const struct mailbox *mb)
{
    uint64_t one = 1;
    ssize_t ignored = write(mb->fd, &one, sizeof(one));
    (void)ignored;
}

static void clear_fd(const struct mailbox *mb)
{
    uint64_t count;
    ssize_t ignored = read(mb->fd, &count, sizeof(count));
    (void)ignored;
}

static bool is_empty(const struct mailbox *mb)
{
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (mb->events[kind].count > 0)
            return false;
    return true;
}

void mailbox_post(struct mailbox *mb, const struct event *event)
{
    pthread_mutex_lock(&mb->mutex);
    bool was_empty = is_empty(mb);
    struct event *kept = &mb->events[event->kind];
    kept->last_ms = pg_conn_clock();
    if (kept->count == 0)
        kept->first_ms = kept->last_ms;
    kept->kind = event->kind;
    kept->value = event->value;
    kept->count += event->count > 0 ? event->count : 1;
    mb->posted[event->kind] = ++mb->sequence;
    if (was_empty)
        signal_fd(mb);
    pthread_mutex_unlock(&mb->mutex);
}

bool mailbox_take(struct mailbox *mb, struct event *event)
{
    int next = -1;
    pthread_mutex_lock(&mb->mutex);
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        if (mb->events[kind].count > 0 && (next < 0 || mb->posted[kind] < mb->posted[next]))
            next = kind;
    if (next >= 0) {
        *event = mb->events[next];
        mb->events[next].count = 0;
        if (is_empty(mb))
            clear_fd(mb);
    }
    pthread_mutex_unlock(&mb->mutex);
    return next >= 0;
}

/* Noticing that a release was pinned, or no longer is (out/releases/pin.json, store/pin.h).
 *
 * For: rollback, pin and unpin, which are commands of their own: a worker acts on them at once and
 * not at its next poll. After a rollback that look also puts back what the kill switch holds down.
 * Not for: what the pin says; the look reads it.
 *
 * Order: watchpin_open() for an output folder, again when there is another one, and after a look
 * when watchpin_is_on() is false: the first look makes the folder. When watchpin_fd() is readable,
 * watchpin_changed(). watchpin_close(). Without it nothing is lost: the next poll finds out.
 */
#ifndef WORKER_WATCHPIN_H
#define WORKER_WATCHPIN_H

#include <stdbool.h>

struct watchpin {
    int fd; /* -1: off */
};

#define WATCHPIN_OFF                                                                               \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

void watchpin_open(struct watchpin *w, const char *out);
void watchpin_close(struct watchpin *w);

static inline bool watchpin_is_on(const struct watchpin *w)
{
    return w->fd >= 0;
}

static inline int watchpin_fd(const struct watchpin *w)
{
    return w->fd;
}

/* Takes what has happened since; true when it concerns the pin. Goes off when the folder went. */
bool watchpin_changed(struct watchpin *w);

#endif

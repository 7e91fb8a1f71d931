#include "worker/watchpin.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define NAME "pin.json"
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

void watchpin_open(struct watchpin *w, const char *out)
{
    char folder[PATH_MAX];
    int n = snprintf(folder, sizeof(folder), "%s/releases", out);
    watchpin_close(w);
    if (n < 0 || (size_t)n >= sizeof(folder))
        return;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd >= 0 && inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR) < 0)
        watchpin_close(w);
}

void watchpin_close(struct watchpin *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

bool watchpin_changed(struct watchpin *w)
{
    _Alignas(struct inotify_event) char buffer[8192];
    bool changed = false, gone = false;
    ssize_t n;
    while (w->fd >= 0 && (n = read(w->fd, buffer, sizeof(buffer))) > 0) {
        const struct inotify_event *e;
        for (const char *p = buffer; p < buffer + n; p += sizeof(*e) + e->len) {
            e = (const struct inotify_event *)(const void *)p;
            changed = changed || (e->mask & IN_Q_OVERFLOW) != 0 ||
                      (e->len > 0 && strcmp(e->name, NAME) == 0);
            gone = gone || (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
        }
    }
    if (gone)
        watchpin_close(w);
    return changed;
}

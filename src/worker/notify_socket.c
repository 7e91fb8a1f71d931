#include "worker/notify_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "worker/status.h"

/* --- what the environment says ---------------------------------------------------------------- */

/* "/run/x" is a file, "@x" a name of the abstract space, whose first byte is 0. */
static bool read_address(struct notify_socket *n, const char *text, struct error *err)
{
    size_t len = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || text[1] == '\0')
        return error_set(err, ERROR_USAGE,
                         "NOTIFY_SOCKET is '%s'; it can be a path from the root, or '@' and a name",
                         text);
    if (len >= sizeof(n->address.sun_path))
        return error_set(err, ERROR_USAGE, "NOTIFY_SOCKET is too long: %zu bytes, at most %zu", len,
                         sizeof(n->address.sun_path) - 1);
    n->address.sun_family = AF_UNIX;
    memcpy(n->address.sun_path, text, len);
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@')
        n->address.sun_path[0] = '\0';
    else
        n->address_len++;
    return true;
}

static bool read_number(const char *name, int64_t *out, struct error *err)
{
    const char *text = getenv(name);
    char *end;
    *out = 0;
    if (text == NULL)
        return true;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *out > 0)
        return true;
    *out = 0;
    return error_set(err, ERROR_USAGE, "%s is '%s', which is no number above 0", name, text);
}

/* A WATCHDOG_PID of another process: the watchdog is that one's. */
static bool read_watchdog(struct notify_socket *n, struct error *err)
{
    int64_t micros, pid;
    if (!read_number("WATCHDOG_USEC", &micros, err) || !read_number("WATCHDOG_PID", &pid, err))
        return false;
    if (micros > 0 && (pid == 0 || pid == getpid()))
        n->watchdog_ms = micros / 2000 > 0 ? micros / 2000 : 1;
    return true;
}

static bool open_socket(struct notify_socket *n, struct error *err)
{
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0)
        return error_errno(err, "a socket for NOTIFY_SOCKET");
    struct timeval wait = {.tv_sec = NOTIFY_WAIT_MS / 1000,
                           .tv_usec = NOTIFY_WAIT_MS % 1000 * 1000};
    return setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 ||
           error_errno(err, "a deadline for NOTIFY_SOCKET");
}

bool notify_open(struct notify_socket *n, struct error *err)
{
    *n = (struct notify_socket){.fd = -1};
    const char *path = getenv("NOTIFY_SOCKET");
    bool ok = true;
    if (path != NULL && path[0] != '\0')
        ok = read_address(n, path, err) && read_watchdog(n, err) && open_socket(n, err);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (!ok)
        notify_close(n);
    return ok;
}

void notify_close(struct notify_socket *n)
{
    if (n->fd >= 0)
        close(n->fd);
    *n = (struct notify_socket){.fd = -1};
}

/* --- speaking --------------------------------------------------------------------------------- */

/* Not connected, for the manager may come back with another socket of the same name. */
static bool say(const struct notify_socket *n, const char *text, int flags)
{
    if (n->fd < 0)
        return false;
    ssize_t sent;
    do {
        sent = sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | flags,
                      (const struct sockaddr *)&n->address, n->address_len);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

void notify_ready(struct notify_socket *n)
{
    say(n, "READY=1", 0);
}

void notify_reloading(struct notify_socket *n)
{
    char text[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    say(n, text, 0);
}

void notify_stopping(struct notify_socket *n)
{
    say(n, "STOPPING=1", 0);
}

void notify_status(struct notify_socket *n, const char *text)
{
    char line[sizeof(n->status)] = "STATUS=";
    const size_t label = strlen(line);
    status_text(line + label, sizeof(line) - label, text);
    if (strcmp(line, n->status) != 0 && say(n, line, MSG_DONTWAIT))
        memcpy(n->status, line, sizeof(line));
}

int64_t notify_watchdog_wait(const struct notify_socket *n, int64_t now_ms)
{
    if (n->fd < 0 || n->watchdog_ms == 0)
        return -1;
    return n->due_ms > now_ms ? n->due_ms - now_ms : 0;
}

void notify_watchdog(struct notify_socket *n, int64_t now_ms, bool progressed)
{
    if (notify_watchdog_wait(n, now_ms) != 0)
        return;
    bool said = progressed && say(n, "WATCHDOG=1", MSG_DONTWAIT);
    n->due_ms =
        now_ms + (said || n->watchdog_ms < NOTIFY_RETRY_MS ? n->watchdog_ms : NOTIFY_RETRY_MS);
}

/* The service manager's ear: the protocol of sd_notify(3) over NOTIFY_SOCKET.
 *
 * For: a worker under systemd (Type=notify, WatchdogSec), or under anything else that speaks the
 * protocol. Without NOTIFY_SOCKET in the environment every function does nothing.
 * Not for: telling people (worker/status_file.h).
 *
 * Order: notify_open() before any thread begins, for it takes NOTIFY_SOCKET, WATCHDOG_USEC and
 * WATCHDOG_PID out of the environment, so that no child speaks in our name; notify_ready() after
 * the first look; notify_watchdog() each time round the loop; notify_stopping(); notify_close().
 *
 * What changes the state of the service is waited for, up to NOTIFY_WAIT_MS; a STATUS or WATCHDOG
 * that does not go out at once is left to the next one. Nothing here is an error of a look: the
 * functions that speak tell nothing back.
 */
#ifndef WORKER_NOTIFY_SOCKET_H
#define WORKER_NOTIFY_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

#define NOTIFY_WAIT_MS 1000
#define NOTIFY_RETRY_MS 250

struct notify_socket {
    int fd; /* -1: nobody to tell */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms; /* between two words: half of what the manager waits; 0 = no watchdog */
    int64_t due_ms;      /* of the next; 0 = now */
    char status[512];    /* the last STATUS, which is not said twice */
};

/* False when the environment names what cannot be spoken to (ERROR_USAGE) or no socket is to be had
 * (ERROR_FAILED): *n then is as without one. */
bool notify_open(struct notify_socket *n, struct error *err);
void notify_close(struct notify_socket *n);

void notify_ready(struct notify_socket *n);
/* A reload begins, by the monotonic clock; notify_ready() ends it. */
void notify_reloading(struct notify_socket *n);
void notify_stopping(struct notify_socket *n);

/* One line for `systemctl status`; line ends in it become '?'. */
void notify_status(struct notify_socket *n, const char *text);

/* WATCHDOG=1, when it is time and the caller can say that its work goes on. Asked again after
 * NOTIFY_RETRY_MS when not. now_ms: a monotonic clock. Silence beyond WATCHDOG_USEC makes the
 * manager end the process and start it again. */
void notify_watchdog(struct notify_socket *n, int64_t now_ms, bool progressed);

/* Milliseconds until the next word is due, 0 = now; -1: never. */
int64_t notify_watchdog_wait(const struct notify_socket *n, int64_t now_ms);

#endif

/* The thread of the connection that listens.
 *
 * For: being told of changes. It connects, listens, and posts EVENT_LISTENING once LISTEN is
 * committed (what was committed before is then found by a look, what comes later is heard),
 * EVENT_NOTIFIED for what it hears, EVENT_LOST when the connection cannot be had or ends; then it
 * connects again, with growing pauses.
 * What a notification says is never read: anybody may send one.
 * No transaction is ever open on the connection, and every wait has a deadline.
 * Not for: deciding anything (worker/reasons.h).
 *
 * Order: listener_start(), listener_stop(), which takes no longer than some tenths of a second.
 * Ownership: options' texts are copied, mailbox and log are borrowed.
 */
#ifndef WORKER_LISTENER_H
#define WORKER_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "worker/mailbox.h"

struct listener;

struct listener_options {
    const char *conninfo;
    int64_t connect_ms;
    struct mailbox *mailbox;
    struct log *log;
};

bool listener_start(struct listener **out, const struct listener_options *options,
                    struct error *err);
void listener_stop(struct listener *l); /* accepts NULL */

#endif

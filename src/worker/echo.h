/* Notifying oneself from another session, to find out whether notifications arrive.
 *
 * For: worker/listener.h. Each echo opens a connection, sends one NOTIFY on ECHO_CHANNEL and closes
 * it, on a thread of its own: a server that does not answer must not keep the listener from
 * hearing. That it is another session is the point. What a client sends comes back to it through a
 * pooler in transaction mode too, where nobody else's notifications ever arrive.
 *
 * Order: echo_start(); echo_send(), which answers by making wake_fd readable; echo_take(). One
 * echo at a time. echo_stop() once *stop is true.
 */
#ifndef WORKER_ECHO_H
#define WORKER_ECHO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define ECHO_CHANNEL "platen_worker"
#define ECHO_TEXT_MAX 160

struct echo;

struct echo_options {
    const char *conninfo; /* borrowed */
    int64_t connect_ms, answer_ms;
    int wake_fd; /* an eventfd */
    const atomic_bool *stop;
};

enum echo_state { ECHO_NONE, ECHO_SENDING, ECHO_SENT, ECHO_FAILED };

struct echo_answer {
    int64_t sent_ms; /* when the server had said that it is committed */
    int pid;         /* of the server process that sent it */
    struct error err;
};

bool echo_start(struct echo **out, const struct echo_options *options, struct error *err);
void echo_stop(struct echo *e); /* accepts NULL */

void echo_send(struct echo *e, const char *text);

/* How the last one went; ECHO_SENT and ECHO_FAILED are said once, then it is ECHO_NONE. */
enum echo_state echo_take(struct echo *e, struct echo_answer *answer);

#endif

/* The worker: it looks again whenever there is a reason, until it is told to end.
 *
 * For: `platen listen`. One thread waits for signals, for events of the other threads and for the
 * next due look; looks run on a thread of their own, one at a time.
 * SIGTERM and SIGINT end it: a look that runs is finished first, a second signal changes nothing.
 * SIGHUP reads the configuration again; a configuration that cannot be used is reported, and the
 * old one stays in force.
 *
 * Order: worker_run() once. It blocks the signals it takes in the calling thread, and ignores
 * SIGPIPE.
 * Ownership: everything is borrowed for the time of the call.
 * Errors: only what keeps the worker from beginning; whatever fails later is logged and tried
 * again.
 */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

struct worker_options {
    const struct config *config; /* to begin with */
    struct log *log;
    /* Fills *out with the configuration as it is now, from the same files, environment and command
     * line; whoever called releases it, also after an error. */
    bool (*load_config)(void *payload, struct config *out, struct error *err);
    void *payload;
};

bool worker_run(const struct worker_options *options, struct error *err);

#endif

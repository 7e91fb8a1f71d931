/* The threads that serve all workers of a database: leadership, schedules, the log of releases, the
 * origin.
 *
 * For: the loop, which starts and stops them together and passes on what concerns them. None of
 * them is needed for looking: what fails there is logged, and looks go on.
 * Not for: what they do (worker/leader.h, worker/schedule.h, worker/releaselog.h,
 * worker/uploader.h).
 *
 * Order: crew_start(); crew_guest() for listener_start(); crew_event() for each event and
 * crew_looked() for each look; listener_stop(), then crew_stop().
 * Ownership: config, id, mailbox and log are borrowed, config until crew_stop()
 * or crew_config().
 */
#ifndef WORKER_CREW_H
#define WORKER_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "worker/listener.h"
#include "worker/looker.h"
#include "worker/mailbox.h"
#include "worker/schedule.h"
#include "worker/uploader.h"

struct crew;

struct crew_options {
    const struct config *config;
    const char *id; /* of this worker; no two have the same */
    struct mailbox *mailbox;
    struct log *log;
};

/* For whoever tells people. */
struct crew_state {
    bool leads;
    struct schedule_state schedule;
    struct status_origin origin; /* no name: there is none */
};

bool crew_start(struct crew **out, const struct crew_options *options, struct error *err);
void crew_stop(struct crew *c); /* accepts NULL */

/* Whether a new configuration is the same to them. */
bool crew_same(const struct config *a, const struct config *b);

/* Another configuration that is the same to them, in place of the one that they borrow. An upload
 * in flight is begun again; what was counted goes on. */
bool crew_config(struct crew *c, const struct config *config, struct error *err);

struct listener_guest crew_guest(struct crew *c);

void crew_event(struct crew *c, const struct event *event);

/* Moments of pg_conn_clock(). */
void crew_looked(struct crew *c, const struct looked *looked, int64_t began_ms, int64_t ended_ms);

void crew_state(struct crew *c, struct crew_state *state);

#endif

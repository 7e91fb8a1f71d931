/* What `platen status` knows: the worker's own words, and what out/ says without it.
 *
 * For: status.c. Nothing is locked, nothing is created, no database is asked. Not for: showing.
 *
 * Order: status_facts_read(), status_facts_release(), which may follow a failure, too.
 * Errors: only an out/ that cannot be looked into. What is damaged in there is a fact: its text is
 * in `worker_fault` or `warning`, and the rest is told all the same.
 */
#ifndef CMD_STATUS_FACTS_H
#define CMD_STATUS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "plan/manifest.h"
#include "store/pin.h"
#include "worker/status.h"

struct status_facts {
    const char *out;
    int64_t now;
    bool has_worker; /* status.json is there and could be read */
    struct worker_status worker;
    enum status_life life; /* of it */
    struct error worker_fault;
    struct manifest release; /* its header; generation 0 = none */
    struct pin pin;          /* generation 0 = none */
    struct error warning;    /* about releases/; kind ERROR_NONE: none */
};

bool status_facts_read(struct status_facts *f, const char *out, struct error *err);
void status_facts_release(struct status_facts *f);

bool status_facts_alive(const struct status_facts *f);
bool status_facts_worker_looked(const struct status_facts *f);
/* The word of a worker that has looked counts: a look that only begins or ceases to hold makes no
 * release that would say so. */
bool status_facts_held(const struct status_facts *f);

/* enum cmd_exit: failed when nobody is there, the last look or upload failed, a look is stuck, or
 * caches or visitors do not have what was uploaded; else held; else done. */
int status_facts_exit(const struct status_facts *f);

/* "alive", "silent", "gone", "stopped"; "none" without a status, "unknown" when it is damaged. */
const char *status_facts_life(const struct status_facts *f);

#endif

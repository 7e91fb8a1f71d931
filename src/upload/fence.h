/* The fence: holding an origin's claim (upload/claim.h) while it is changed.
 *
 * For: taking the claim, keeping it for as long as an upload lasts, and noticing that it is lost.
 * Not for: what is written behind it.
 *
 * Order: fence_init(); fence_take() until it is ours; fence_holds() before each object, and
 * fence_renew() when fence_is_due(). After the record was put there is nothing to give back.
 *
 * Whether a claim is still ours is told by a clock that goes on while the machine or the process is
 * halted (CLOCK_BOOTTIME), counted from before it was asked for: who wakes up late stops by
 * himself.
 */
#ifndef UPLOAD_FENCE_H
#define UPLOAD_FENCE_H

#include "upload/claim.h"
#include "upload/target.h"

#define FENCE_KEY ".platen/claim.json"

enum fence_state {
    FENCE_OURS,
    FENCE_BUSY,   /* another claim is live, or newer than the record that the caller knows */
    FENCE_LAPSED, /* an unfinished one has lapsed: its paths are unknown; take it over */
};

struct fence {
    struct target *target; /* of the state; borrowed */
    const char *owner;     /* ours; borrowed */
    const char *dead;      /* the owner of a claim that is ours from an earlier life, or NULL */
    int64_t lease_s;
    char etag[TARGET_ETAG_MAX + 1]; /* of the claim that stands there, as far as known; "" = none */
    int64_t until_ms;               /* ours until then */
    struct claim claim;             /* ours; its paths are the caller's */
};

void fence_init(struct fence *f, struct target *target, const char *owner, int64_t lease_s);

/* Puts our claim in place of the one with ETag f->etag ("" = where there is none). When that is not
 * what stands there, *other is what does, in `arena`, and f->etag is its ETag. */
bool fence_take(struct fence *f, const struct claim *ours, struct arena *arena,
                enum fence_state *state, struct claim *other, struct error *err);

/* What stands there, without taking it: OURS never. *settled: it is the one named f->etag. */
bool fence_look(struct fence *f, struct arena *arena, bool *settled, enum fence_state *state,
                struct claim *other, struct error *err);

/* Finds out which conditions the store honours, with our own claim as the object. Leaves the target
 * set to them. */
bool fence_probe(struct fence *f, struct target_conditions *found, struct error *err);

bool fence_holds(const struct fence *f);
bool fence_is_due(const struct fence *f); /* half of the lease is over */
/* *lost: somebody else has taken it. A claim that has lapsed and that nobody has taken is ours
 * again. */
bool fence_renew(struct fence *f, bool *lost, struct error *err);

#endif

/* The upload: from a printed release to an origin, in the right order.
 *
 * For: `platen upload`, and build and listen where an origin is configured. It sends what differs
 * from the origin's record, and no page is changed without a live claim of one's own.
 *
 * The order, each step only after all before it have succeeded:
 *   record    one GET: what the origin has
 *   claim     conditional PUT, naming every path about to change
 *   objects   kind by kind: assets, static files, JSON and fragments, pages, the site's own files,
 *             the sitemap, version.json; each PUT bound to the ETag that the record names
 *   record    conditional PUT: the commit point
 *   purge     of what changed
 *   deletes   of what is no longer part of the release; the record again, without it
 *   purge     of these
 *   proof     through the public URL
 * After an error nothing is deleted. What fails before the commit point is unknown to the next
 * upload and written again; what fails after is finished by it.
 * The release is the newest in out/releases when the upload begins; printing may go on meanwhile,
 * and upload_run() begins again with the newest when the bytes of the old one are gone.
 *
 * Order: upload_open(); upload_run() as often as wanted, from one thread; upload_close().
 * A session keeps connections and credentials, and what it knows of the origin: a run then saves
 * the GET, since its claim and its record are conditional. Errors: as `struct error`. Held deletes,
 * a failed purge and a missing proof are results.
 */
#ifndef UPLOAD_UPLOAD_H
#define UPLOAD_UPLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"
#include "plan/manifest.h"
#include "store/pin.h"

enum upload_action { UPLOAD_ADDED, UPLOAD_CHANGED, UPLOAD_DELETED };

struct upload_change {
    const char *key;
    enum upload_action action;
    uint64_t size; /* bytes sent */
};

/* What was sent of one kind. */
struct upload_share {
    uint64_t objects, bytes;
};

struct upload_options {
    bool dry_run;    /* decide everything, change nothing at the origin */
    bool verify;     /* ask what is really there and put right what is not as recorded */
    bool accept;     /* delete however much it is */
    bool unpin;      /* the origin's pin is over */
    bool list;       /* fill result.changes; with dry_run always */
    bool once;       /* the session ends with this run: nothing is kept for another */
    int64_t wait_ms; /* for somebody else's claim, and for the lock of out/ */
    /* step is "uploading", "deleting", "proving"; from the uploading thread */
    void (*progress)(void *payload, const char *step, uint64_t done, uint64_t total);
    void *payload;
    /* Asked before the claim and before the record is put: whether this worker may still do what
     * only one may. NULL: it may. */
    bool (*may)(void *payload);
    void *may_payload;
};

struct upload_result {
    struct arena arena; /* everything below */
    const char *origin;
    uint64_t release;    /* generation in out/ that is at the origin now */
    uint64_t generation; /* of the origin's record */
    struct upload_share kinds[MANIFEST_KINDS];
    uint64_t put, deleted, same; /* objects */
    uint64_t bytes;              /* of bodies */
    uint64_t requests;           /* attempts included */
    struct upload_change *changes;
    size_t n_changes, alloc_changes;
    uint64_t amiss;   /* of verify: objects that were not as recorded */
    uint64_t strange; /* of verify: objects that no record names; they are left alone */
    size_t proven;    /* paths that were asked for and are live */
    bool changed;     /* anything at all */
    bool held;        /* more deletes than origin.max_deletes: none was done; or pinned */
    uint64_t n_held;  /* so many */
    struct pin pin;   /* of the origin, where it holds this release back */
    bool purge_failed, unproven;
    const char *purge_error, *proof_error; /* or NULL */
    const char *warning;                   /* or NULL */
    double seconds, live_seconds; /* live: from the record's PUT to the proof; 0: not proven */
    int64_t committed_ms;         /* pg_conn_clock() of the commit point; 0: there was none */
};

struct upload;

/* stop: becomes true when what runs is to end soon; or NULL. */
bool upload_open(struct upload **out, const struct config *config, const atomic_bool *stop,
                 struct error *err);
bool upload_run(struct upload *u, const struct upload_options *options,
                struct upload_result *result, struct error *err);
void upload_result_release(struct upload_result *result);
void upload_close(struct upload *u); /* accepts NULL */

#endif

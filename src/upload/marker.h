/* The marker: what this out/ knows of its last upload (out/.upload.json).
 *
 * For: telling a claim of our own that an earlier life left behind from somebody else's, and
 * sparing the question whether a claim is unfinished when the last upload was ours and ended well.
 * It is durable before the claim is put. A lost or damaged marker costs a request, never a page.
 * The lock out/.upload.lock keeps two uploads of one out/ apart: who has it knows that the owner
 * named here is dead.
 *
 * Form: {"platen_upload":1,"origin":"s3://...","owner":"...","settled":true,"record":"<etag>"}
 */
#ifndef UPLOAD_MARKER_H
#define UPLOAD_MARKER_H

#include <stdbool.h>

#include "store/store.h"
#include "upload/claim.h"
#include "upload/target.h"

#define MARKER_ORIGIN_MAX 2048

struct marker {
    char origin[MARKER_ORIGIN_MAX + 1]; /* target_name() of the state */
    char owner[CLAIM_OWNER_MAX + 1];
    bool settled;
    char record[TARGET_ETAG_MAX + 1]; /* of the record that was put; settled only */
};

/* An empty marker when there is none of use, or it is of another origin. */
void marker_read(const struct store *s, const char *origin, struct marker *m);
bool marker_write(const struct store *s, const struct marker *m, struct error *err);

/* Takes the lock. *fd is closed to give it back; -1 and an error after wait_ms. */
bool marker_lock(const struct store *s, int64_t wait_ms, int *fd, struct error *err);

#endif

/* One pass of an upload: private to upload*.c. See upload/upload.h for the order. */
#ifndef UPLOAD_UPLOAD_PASS_H
#define UPLOAD_UPLOAD_PASS_H

#include "store/release.h"
#include "upload/content.h"
#include "upload/credentials.h"
#include "upload/delta.h"
#include "upload/fence.h"
#include "upload/http.h"
#include "upload/marker.h"
#include "upload/upload.h"

#define UPLOAD_RECORD_KEY ".platen/manifest.json.gz"
#define UPLOAD_RECORD_MAX ((size_t)512 << 20)

struct upload {
    const struct config *config;
    const atomic_bool *stop; /* or NULL */
    struct arena arena;
    struct store store;
    struct content content;
    struct target *pages, *state; /* may be one and the same */
    char owner[CLAIM_OWNER_MAX + 1];
    struct marker marker;
    bool known; /* record and record_etag are what the origin had when it was last asked or told */
    struct record record;
    char record_etag[TARGET_ETAG_MAX + 1]; /* "" = there is none */
    /* Purges that failed: paths (owned), tried again with the next. */
    char **unpurged;
    size_t n_unpurged;
    bool purge_all;
    struct http *http; /* of purges; NULL: not needed yet, as are the credentials */
    struct credentials *credentials;
};

enum pass_end {
    PASS_DONE,
    PASS_AGAIN, /* the release or the record is another one by now */
    PASS_BUSY,  /* somebody else's claim is live: wait, then again */
};

struct pass {
    struct upload *u;
    const struct upload_options *options;
    struct upload_result *result;
    struct arena arena;
    struct release_state release;
    struct pin pin; /* of out/ */
    struct delta delta;
    struct fence fence;
    struct claim lapsed; /* an unfinished one that is taken over; its paths are in `unknown` */
    struct map unknown;
    bool all_unknown, unfinished;
    bool asked; /* the record was asked for in this pass */
    bool has_release, has_delta;
};

bool pass_run(struct pass *p, enum pass_end *end, struct error *err);

/* upload_open.c: makes the targets that the configuration names. */
bool upload_open_targets(struct upload *u, struct error *err);

/* upload_after.c: once the pages are there. Failures are told in the result. */
void upload_purge(struct upload *u, const struct delta *d, bool deletes, struct upload_result *r);
void upload_forget_purges(struct upload *u);
void upload_prove(struct upload *u, const struct delta *d, struct upload_result *r);

/* upload_verify.c: marks what is not at the origin as the record says as unknown. */
bool upload_verify(struct upload *u, struct upload_result *result, struct error *err);

#endif

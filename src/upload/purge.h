/* Purge: telling caches in front of an origin what has changed.
 *
 * For: CloudFront (invalidation), Cloudflare (by URL, by tag), Varnish (PURGE, BAN) and any other
 * by a webhook, each as an entry of purge[] in the configuration. Only what changed is purged, in
 * batches within each provider's documented limits; above purge_threshold paths one wildcard.
 * Not for: deciding what changed.
 *
 * Order: purge_run() after the objects and the record are at the origin, and again after deletes.
 * Errors: a failure is the provider's, told by its name and answer; the upload stands. The caller
 * tries the same paths again later. Tokens never show.
 */
#ifndef UPLOAD_PURGE_H
#define UPLOAD_PURGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"
#include "upload/credentials.h"
#include "upload/http.h"

struct purge_request {
    const char *const *paths; /* of files, relative to the web root; sorted */
    size_t n_paths;
    const char *release; /* id of the release: CloudFront's CallerReference, so that a retry is one
                            invalidation */
    bool all;            /* everything: a first upload, a rollback of unknown extent */
};

struct purge_result {
    size_t requests, failed; /* providers' requests; entries of purge[] that failed */
};

/* The URL paths that show a file: for x/index.html also x/, for index.html "/". */
#define PURGE_URLS_OF_A_FILE 2

/* Asks every provider, also after one has failed; err is that of the first. */
bool purge_run(const struct config *c, struct http *http, struct credentials *credentials,
               const struct purge_request *request, struct purge_result *result, struct error *err);

#endif

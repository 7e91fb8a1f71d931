/* Purge: telling caches in front of an origin what has changed.
 *
 * For: CloudFront (invalidation), Cloudflare (by URL, by tag), Varnish (PURGE, BAN) and any other
 * by a webhook, each as an entry of purge[] in the configuration. Only what changed is purged, in
 * batches within each provider's documented limits; above `threshold` paths everything below
 * base_url is purged at once. Not for: deciding what changed.
 *
 * A file is shown at one or two addresses: x/index.html also at x/, index.html also at "/". Twins
 * (.gz) are another form of an address and are purged with it.
 *
 * Limits, as documented:
 *   CloudFront  3,000 paths and 15 wildcards in progress for a distribution; they are counted apart
 *               ("Concurrent invalidation request maximum" of the CloudFront developer guide). One
 *               request therefore holds all paths; more than 3,000 become one wildcard, and so does
 *               a request that others' paths in progress leave no room for. A '~' cannot be
 *               invalidated ("What you need to know when invalidating paths"): such a path is cut
 *               there and ends in a wildcard.
 *   Cloudflare  URLs or tags a request: 100 ("Purge cache", limits of 2026), before that 30 on all
 *               plans but Enterprise ("Purge by single-file", 2024). 30 is within both. Requests
 *               beyond the plan's rate are answered 429 and tried again by http's rules.
 *   Varnish     none on PURGE. A BAN holds as many addresses as fit into PURGE_BAN_MAX bytes:
 *               Varnish takes headers of 8 KB (http_req_hdr_len), and each ban is looked at for
 *               each object.
 * A Cloudflare tag is the address's path, percent-encoded, with commas as %2C: the origin sends it
 * as Cache-Tag. It reaches the object whatever host, query or header it was cached under.
 *
 * A webhook is sent {"release":..,"all":false,"paths":[..],"urls":[..]}: paths of files as they
 * are, and all their addresses, PURGE_WEBHOOK_PATHS paths a request; with "all":true both lists are
 * empty. Any 2xx is a yes.
 *
 * Order: purge_run() after the objects and the record are at the origin, and again after deletes.
 * Errors: a failure is the provider's, told by its name and answer; the upload stands. The caller
 * tries the same paths again later. Tokens never show: not when an answer repeats them either.
 */
#ifndef UPLOAD_PURGE_H
#define UPLOAD_PURGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"
#include "upload/credentials.h"
#include "upload/http.h"

#define PURGE_CLOUDFRONT_PATHS 3000
#define PURGE_CLOUDFRONT_WILDCARDS 15
#define PURGE_CLOUDFLARE_ITEMS 30
#define PURGE_BAN_MAX 4000
#define PURGE_WEBHOOK_PATHS 1000

struct purge_request {
    const char *const *paths; /* of files, relative to the web root; sorted */
    size_t n_paths;
    const char *release; /* CloudFront's CallerReference begins with it, so that a retry is the same
                            invalidation. Another one for each upload: CloudFront ignores an
                            invalidation that it has seen */
    bool all;            /* everything: a first upload, a rollback of unknown extent */
};

struct purge_result {
    size_t requests, failed; /* providers' requests; entries of purge[] that failed */
};

/* Most addresses that show one file. */
#define PURGE_URLS_OF_A_FILE 2

/* Asks every provider, also after one has failed; err is that of the first. `credentials` are asked
 * only where an entry is CloudFront's. */
bool purge_run(const struct config *c, struct http *http, struct credentials *credentials,
               const struct purge_request *request, struct purge_result *result, struct error *err);

#endif

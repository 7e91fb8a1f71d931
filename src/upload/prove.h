/* Proof of live: what visitors get is what was printed.
 *
 * For: fetching paths through the public URL after an upload, decoding by the answer's
 * Content-Encoding (gzip, identity; br is not asked for) and comparing the SHA-256 with the
 * manifest's; `header` asks for the headers alone and compares x-amz-meta-platen-sha256, where a
 * CDN rewrites pages. A removed path must answer 404 or 410. What is not live is asked for again,
 * ever more slowly, until all are live or prove_deadline_ms have passed. Not for: checking the
 * whole site (platen upload --verify), nor files of more than PROVE_BYTES_MAX.
 *
 * The `http` given is one that tries each request once (give_up_ms 0): asking again is what this
 * module does, and an answer of 503 is news here.
 *
 * Errors: one path is told with URL, what was expected and what came (status, age, digest).
 */
#ifndef UPLOAD_PROVE_H
#define UPLOAD_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "config/config.h"
#include "upload/http.h"

#define PROVE_BYTES_MAX ((size_t)64 << 20) /* of an answer, packed and unpacked */

struct prove_path {
    const char *path; /* of the file, relative to the web root: x/index.html is asked for as x/ */
    const uint8_t *sha256; /* NULL: must be gone */
};

struct prove_result {
    size_t live, missing; /* paths */
    double seconds;       /* until the last was live */
};

/* Which of a long list are asked: all up to prove_most, else the first of each kind and others
 * spread evenly; the caller gives them in its order. False when one is not live (err tells the
 * first; the result is filled) or when the run was stopped. */
bool prove_run(const struct config *c, struct http *http, const struct prove_path *paths, size_t n,
               struct prove_result *result, struct error *err);

#endif

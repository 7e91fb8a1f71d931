/* Content: the bytes of a release's files, for those who send them elsewhere.
 *
 * For: an upload that goes on while the next release is printed. A file of out/public counts as the
 * release's own when its size and time are those of the manifest (a changed file is always younger)
 * and its digest is right; else the object of that digest serves, and a twin is packed again from
 * it, which gives the same bytes.
 * Not for: other releases than kept ones.
 *
 * Order: content_open(); content_read() for one file after the other, from one thread;
 * content_close(). Errors: ERROR_FAILED naming the path; *gone tells that the release's bytes are
 * no longer there because a newer one has replaced them: begin again with that.
 */
#ifndef UPLOAD_CONTENT_H
#define UPLOAD_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "pack/gzip.h"
#include "plan/manifest.h"
#include "store/store.h"

struct content {
    const struct store *store; /* borrowed */
    struct digest digest;
    struct gzip gzip;
    bool has_gzip;
};

void content_open(struct content *c, const struct store *store);
void content_close(struct content *c);

/* Replaces the content of `out` by the file's bytes, or with `twin` by those of its gzip form
 * (f->gz_size > 0), and tells their SHA-256. */
bool content_read(struct content *c, const struct manifest_file *f, bool twin, struct strbuf *out,
                  uint8_t sha256[DIGEST_SIZE], bool *gone, struct error *err);

#endif

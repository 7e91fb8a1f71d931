/* Rules: with which headers an object is stored.
 *
 * For: turning origin.headers of the configuration (glob -> Cache-Control, Content-Type, meta) into
 * the header set of each path. The first rule that matches and names a header gives it; what no
 * rule names follows from the kind of file: fingerprinted assets are
 * "public, max-age=31536000, immutable", all else (HTML, JSON, the site's own files) is
 * "public, max-age=0, s-maxage=31536000, stale-while-revalidate=60, stale-if-error=86400". Content
 * types by pack/mime.h. Globs: base/glob.h. Rules are checked with the configuration.
 *
 * A header set has a text form, which the origin's record keeps: a JSON array of strings, the
 * Content-Type, the Cache-Control, then name and value of each meta in the order of names. Equal
 * text, equal headers.
 */
#ifndef UPLOAD_RULES_H
#define UPLOAD_RULES_H

#include <stdbool.h>

#include "base/arena.h"
#include "config/config.h"
#include "plan/manifest.h"
#include "upload/target.h"

bool rules_glob(const char *glob, const char *path);

/* The headers of a file (without Content-Encoding, which is the variant's); strings in the arena or
 * borrowed from config. */
void rules_headers(const struct config *c, const struct manifest_file *f, struct arena *arena,
                   struct target_headers *headers);
/* Their text form. */
const char *rules_text(const struct target_headers *headers, struct arena *arena);

#endif

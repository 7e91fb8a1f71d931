/* Routes: from a row to the place of its page, hostile until checked.
 *
 * For: deciding whether a path that came out of a path pattern may become a file below out/public,
 * and what its URL is. Slugs, locales and keys come from data; `../../etc/passwd` is just one more
 * row. Not for: opening files (store/ confines once more when it does).
 *
 * A good path is relative, 1 to ROUTE_PATH_MAX bytes of valid UTF-8, segments of 1 to
 * ROUTE_SEGMENT_MAX bytes, at most ROUTE_DEPTH_MAX of them folders, none "." or "..", none starting
 * with "." (but ".well-known", as the first folder); no control characters, no backslash, no
 * percent sign (a server would decode it after our check), no space at the ends of a segment, no
 * trailing '/', and neither the file nor a folder ends in .gz or .br: those are the names of twins.
 */
#ifndef PLAN_ROUTE_H
#define PLAN_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

#define ROUTE_PATH_MAX 1024
#define ROUTE_DEPTH_MAX 64
#define ROUTE_SEGMENT_MAX 200 /* a file name may have 255, temporary names and twins need some */

/* ERROR_CONTENT saying which rule the path breaks; the path is quoted shortened. */
bool route_check(const char *path, size_t len, struct error *err);

/* The one name starting with '.' that may stand first in a path (RFC 8615). */
bool route_is_well_known(const char *name, size_t len);

/* A well-formed language tag as used in paths and in lang="" (RFC 5646 in shape): letters and
 * digits in subtags of 1 to 8, joined by '-', at most 35 bytes. */
bool route_check_locale(const char *locale, struct error *err);

/* Appends `base` and the path percent-encoded for a URL (RFC 3986); a last segment "index.html" is
 * left out, so that fr/index.html becomes BASEfr/. */
void route_url(struct strbuf *sb, const char *base, const char *path);

/* True for relative references and for the schemes http, https, mailto and tel: what a link taken
 * from content may be. Leading white space and control characters make it false: browsers skip
 * them, so "\tjavascript:" would work there. */
bool route_url_is_safe(const char *url, size_t len);

#endif

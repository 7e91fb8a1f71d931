/* Content types by a file's suffix: for the preview, for uploads.
 *
 * Types of text carry "; charset=utf-8": platen prints nothing else, and a missing charset is how
 * pages come out as mojibake. Suffixes compare without regard to case. Not for: looking into files.
 */
#ifndef PACK_MIME_H
#define PACK_MIME_H

#include <stdbool.h>

/* Of a file name or path; "application/octet-stream" where the suffix is unknown or missing. */
const char *mime_type(const char *path);

/* Whether compression is worth trying: false for what is compressed already (images, fonts, ...).
 */
bool mime_is_compressible(const char *type);

#endif

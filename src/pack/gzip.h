/* gzip twins (RFC 1952): equal bytes in, equal bytes out.
 *
 * For: the .gz beside a page. zlib at level 9 with one reused stream per thread; the header is
 * fixed (no name, time 0, OS 255 "unknown"), so output depends on content and zlib's version alone.
 * Order: gzip_init() once per thread; gzip_pack() as often as wanted; gzip_release().
 */
#ifndef PACK_GZIP_H
#define PACK_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

struct z_stream_s;

struct gzip {
    struct z_stream_s *stream; /* private */
};

/* What a manifest records of how twins were made: a change of it makes them all again. */
#define GZIP_METHOD "gzip-9"

bool gzip_init(struct gzip *gz, struct error *err);
void gzip_release(struct gzip *gz);

/* Replaces out's content by the packed form. False (with no error) when it is not smaller than
 * `data`: then there is no twin. */
bool gzip_pack(struct gzip *gz, const char *data, size_t len, struct strbuf *out);

#endif

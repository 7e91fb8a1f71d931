#include "pack/gzip.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include <zlib.h>

#include "base/mem.h"

bool gzip_init(struct gzip *gz, struct error *err)
{
    gz->stream = mem_calloc(1, sizeof(*gz->stream));
    /* 15 + 16: the largest window, in a gzip wrapper. */
    if (deflateInit2(gz->stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(gz->stream);
        gz->stream = NULL;
        return error_set(err, ERROR_FAILED, "zlib cannot start a gzip stream");
    }
    return true;
}

void gzip_release(struct gzip *gz)
{
    if (gz->stream == NULL)
        return;
    deflateEnd(gz->stream);
    free(gz->stream);
    gz->stream = NULL;
}

bool gzip_pack(struct gzip *gz, const char *data, size_t len, struct strbuf *out)
{
    gz_header header = {.os = 255};
    z_stream *z = gz->stream;
    strbuf_reset(out);
    /* Room for one byte less than the original: what does not fit is no gain. */
    if (len < 32 || len > UINT_MAX || !strbuf_reserve(out, len))
        return false;
    if (deflateReset(z) != Z_OK || deflateSetHeader(z, &header) != Z_OK)
        return false;
    z->next_in = (z_const Bytef *)(uintptr_t)data;
    z->avail_in = (uInt)len;
    z->next_out = (Bytef *)out->buf;
    z->avail_out = (uInt)(len - 1);
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return false;
    strbuf_setlen(out, (size_t)z->total_out);
    return true;
}

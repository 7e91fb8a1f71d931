#include "upload/prove_body.h"

#include <limits.h>
#include <strings.h>

#include <zlib.h>

#define PIECE ((size_t)32 << 10)

static bool damaged(struct error *err, const char *what)
{
    return error_set(err, ERROR_CONTENT, "the gzip in the answer is %s", what);
}

/* One piece of output. *end: the stream is over. */
static bool step(z_stream *z, struct digest *d, bool *end, struct error *err)
{
    uint8_t out[PIECE];
    z->next_out = out;
    z->avail_out = sizeof(out);
    int status = inflate(z, Z_NO_FLUSH);
    size_t got = sizeof(out) - z->avail_out;
    digest_add(d, out, got);
    *end = status == Z_STREAM_END;
    if (status == Z_STREAM_END || (status == Z_OK && (got > 0 || z->avail_in > 0)))
        return true;
    if (status == Z_OK || status == Z_BUF_ERROR)
        return damaged(err, "cut short");
    return damaged(err, "damaged");
}

/* All members of it (RFC 1952, 2.2). */
static bool unpack(z_stream *z, struct digest *d, size_t cap, struct error *err)
{
    size_t total = 0;
    for (;;) {
        bool end;
        if (!step(z, d, &end, err))
            return false;
        if (total + z->total_out > cap)
            return damaged(err, "larger unpacked than any page: it is not looked at further");
        if (!end)
            continue;
        if (z->avail_in == 0)
            return true;
        total += z->total_out;
        if (inflateReset(z) != Z_OK)
            return damaged(err, "damaged");
    }
}

static bool digest_gzip(const char *data, size_t len, size_t cap, struct digest *d,
                        struct error *err)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data, .avail_in = (uInt)len};
    if (len > UINT_MAX)
        return damaged(err, "too large");
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return error_set(err, ERROR_FAILED, "zlib cannot start to unpack");
    bool ok = unpack(&z, d, cap, err);
    inflateEnd(&z);
    return ok;
}

static bool is_plain(const char *encoding)
{
    return encoding == NULL || encoding[0] == '\0' || strcasecmp(encoding, "identity") == 0;
}

bool prove_body_digest(const char *data, size_t len, const char *encoding, size_t cap,
                       uint8_t sha256[DIGEST_SIZE], struct error *err)
{
    struct digest d;
    bool ok = true;
    digest_init(&d);
    digest_begin(&d);
    if (is_plain(encoding))
        digest_add(&d, data, len);
    else if (strcasecmp(encoding, "gzip") == 0 || strcasecmp(encoding, "x-gzip") == 0)
        ok = digest_gzip(data, len, cap, &d, err);
    else
        ok = error_set(err, ERROR_CONTENT,
                       "Content-Encoding is %.60s, which was not asked for (gzip was)", encoding);
    digest_end(&d, sha256);
    digest_release(&d);
    return ok;
}

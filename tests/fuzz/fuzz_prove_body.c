/* Any bytes as a gzip body: never more than the cap is unpacked, damage is told, and what is
 * accepted is what zlib unpacks in one go. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "upload/prove_body.h"

#define CAP ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* False: not one member that takes up all of the data. */
static bool unpack(const char *data, size_t size, uint8_t *out, size_t *len)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
    z.next_out = out;
    z.avail_out = (uInt)CAP;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return false;
    bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0;
    *len = z.total_out;
    inflateEnd(&z);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[CAP];
    struct error err = ERROR_INIT;
    uint8_t sha256[DIGEST_SIZE], want[DIGEST_SIZE];
    struct digest d;
    size_t len = 0;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    digest_init(&d);
    bool ok = prove_body_digest(text, size, "gzip", CAP, sha256, &err);
    expect(ok || (err.kind == ERROR_CONTENT && err.text[0] != '\0'));
    if (unpack(text, size, out, &len)) {
        digest_of(&d, out, len, want);
        expect(ok && memcmp(sha256, want, DIGEST_SIZE) == 0);
    }
    digest_of(&d, text, size, want);
    expect(prove_body_digest(text, size, NULL, CAP, sha256, &err));
    expect(memcmp(sha256, want, DIGEST_SIZE) == 0);
    expect(!prove_body_digest(text, size, "br", CAP, sha256, &err));
    digest_release(&d);
    free(text);
    return 0;
}

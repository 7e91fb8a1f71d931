#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

static void must(int ok)
{
    if (!ok) {
        fprintf(stderr, "platen: libcrypto cannot compute SHA-256\n");
        abort();
    }
}

void digest_init(struct digest *d)
{
    d->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->ctx = EVP_MD_CTX_new();
    must(d->md != NULL && d->ctx != NULL);
}

void digest_release(struct digest *d)
{
    EVP_MD_CTX_free(d->ctx);
    EVP_MD_free(d->md);
    *d = (struct digest){0};
}

void digest_begin(struct digest *d)
{
    must(EVP_DigestInit_ex2(d->ctx, d->md, NULL));
}

void digest_add(struct digest *d, const void *data, size_t len)
{
    must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE])
{
    must(EVP_DigestFinal_ex(d->ctx, out, NULL));
}

void digest_of(struct digest *d, const void *data, size_t len, uint8_t out[DIGEST_SIZE])
{
    digest_begin(d);
    digest_add(d, data, len);
    digest_end(d, out);
}

void digest_hex(const uint8_t sha256[DIGEST_SIZE], char out[DIGEST_HEX_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[sha256[i] >> 4];
        out[2 * i + 1] = digits[sha256[i] & 15];
    }
    out[DIGEST_HEX_SIZE] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool digest_from_hex(const char *hex, size_t len, uint8_t out[DIGEST_SIZE])
{
    if (len != DIGEST_HEX_SIZE)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = nibble(hex[2 * i]);
        int low = nibble(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

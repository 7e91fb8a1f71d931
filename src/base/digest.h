/* SHA-256 (FIPS 180-4) by libcrypto, with the algorithm fetched once.
 *
 * For: the identity of everything printed. Here it is faster than MD5 and needs no second library.
 * Order: digest_init() once per thread; digest_of() for one piece, or digest_begin(),
 * digest_add()..., digest_end(); digest_release(). Errors: libcrypto refusing SHA-256 is not
 * survivable; it ends the process like missing memory does.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 64

struct digest {
    struct evp_md_ctx_st *ctx; /* private */
    struct evp_md_st *md;
};

void digest_init(struct digest *d);
void digest_release(struct digest *d);

void digest_begin(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE]);
void digest_of(struct digest *d, const void *data, size_t len, uint8_t out[DIGEST_SIZE]);

/* Lower-case hex, terminated: out holds DIGEST_HEX_SIZE + 1 bytes. */
void digest_hex(const uint8_t sha256[DIGEST_SIZE], char out[DIGEST_HEX_SIZE + 1]);

/* Exactly 64 hex digits; false otherwise. */
bool digest_from_hex(const char *hex, size_t len, uint8_t out[DIGEST_SIZE]);

#endif

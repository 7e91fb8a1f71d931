/* The digest of what an answer's body decodes to.
 *
 * For: comparing what visitors get with what was printed, whatever way it was packed. Unpacks piece
 * by piece: a body that would unpack to more than `cap` bytes costs time for so many, and no
 * memory. Errors: ERROR_CONTENT saying how the body is damaged, or which encoding it was not asked
 * for.
 */
#ifndef UPLOAD_PROVE_BODY_H
#define UPLOAD_PROVE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

/* `encoding` is the value of Content-Encoding, or NULL. */
bool prove_body_digest(const char *data, size_t len, const char *encoding, size_t cap,
                       uint8_t sha256[DIGEST_SIZE], struct error *err);

#endif

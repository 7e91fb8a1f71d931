/* How a record writes digests and ETags (upload/record.h). Private to the record.
 *
 * Base64 (RFC 4648) without padding; what is read must be the one spelling that is written, so that
 * a record says the same when it is written again.
 */
#ifndef UPLOAD_RECORD_CODE_H
#define UPLOAD_RECORD_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

#define RECORD_CODE_LEN(bytes) (((bytes)*4 + 2) / 3)

void record_code_put(struct strbuf *sb, const uint8_t *bytes, size_t n);

/* Exactly n bytes from exactly RECORD_CODE_LEN(n) characters. */
bool record_code_take(const char *text, size_t len, uint8_t *bytes, size_t n);

/* An ETag without quotes that can be kept: at most TARGET_ETAG_MAX printable characters, no '"'. */
bool record_code_is_etag(const char *text, size_t len);

/* Appends the short form of an ETag, "" and RECORD_UNKNOWN included, without quotes around it. */
void record_code_put_etag(struct strbuf *sb, const char *etag);

/* The ETag of a short form, terminated; false when it is none. */
bool record_code_take_etag(const char *text, size_t len, char *etag);

#endif

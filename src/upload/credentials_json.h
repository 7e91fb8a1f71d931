/* A set of AWS credentials, and the text that services answer with.
 *
 * For: upload/credentials.h; the form is that of ECS, EKS and EC2's metadata service: AccessKeyId,
 * SecretAccessKey, Token, Expiration (RFC 3339), and Code, which is "Success" where it is there.
 *
 * Ownership: a set owns its texts; zero it before first use, credentials_set_release() wipes it.
 * Errors: say what is wrong with which member; never quote one, and never the text.
 */
#ifndef UPLOAD_CREDENTIALS_JSON_H
#define UPLOAD_CREDENTIALS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CREDENTIALS_JSON_MAX (64 << 10)
#define CREDENTIALS_KEY_MAX 1024         /* bytes of either key */
#define CREDENTIALS_TOKEN_MAX (16 << 10) /* bytes of a session token */

struct credentials_set {
    char *access_key, *secret_key;
    char *token;     /* NULL: none */
    int64_t expires; /* seconds since 1970; INT64_MAX: never */
};

void credentials_set_release(struct credentials_set *set);

/* Wipes and frees a text; accepts NULL. */
void credentials_wipe(char *text);

/* What is wrong with a key or token, or NULL. Those that go into headers hold printable ASCII only,
 * and none of the three a blank: one that came along from a file is told here, and not by a server
 * that finds a signature wrong. */
const char *credentials_fault(const char *text, size_t len, size_t cap, bool for_header);

/* Reads an answer. *set is filled exactly when it returns true. What the caller keeps of the text
 * is the caller's to wipe. */
bool credentials_json_parse(const char *text, size_t len, struct credentials_set *set,
                            struct error *err);

/* Seconds since 1970 of an RFC 3339 moment from 1970 on; fractions are cut. */
bool credentials_json_time(const char *text, size_t len, int64_t *seconds);

#endif

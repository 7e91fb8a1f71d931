/* Addresses of origins: s3://BUCKET, s3://BUCKET/PREFIX, or a folder.
 *
 * For: checking what is configured, and taking it apart. A bucket's name follows AWS's rules (3 to
 * 63 small letters, digits, '-' and '.', no address of four numbers); a prefix is segments between
 * single '/', with no character that some server or proxy would read otherwise.
 */
#ifndef CONFIG_BUCKET_H
#define CONFIG_BUCKET_H

#include <stdbool.h>

#include "base/arena.h"

#define BUCKET_PREFIX_MAX 512 /* bytes */

/* What is wrong with the address, or NULL. A folder can be any text without a scheme. */
const char *bucket_fault(const char *text);

/* False for a folder. */
bool bucket_is(const char *text);

/* The parts of an address that is a bucket and has no fault: prefix is "" or ends in '/'. */
void bucket_split(struct arena *arena, const char *text, const char **bucket, const char **prefix);

#endif

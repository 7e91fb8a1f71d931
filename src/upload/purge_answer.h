/* What providers answer to a purge: bytes of another's making, read with distrust.
 *
 * For: telling whether CloudFront or Cloudflare has accepted a purge, and how it says no. A status
 * of 200 alone is no yes: a proxy's login page has it, too. Pure functions.
 */
#ifndef UPLOAD_PURGE_ANSWER_H
#define UPLOAD_PURGE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct purge_answer {
    bool accepted;
    char code[64]; /* "" = it names none; both are cut where they are longer */
    char message[256];
};

/* XML: accepted is an <Invalidation> with an <Id>; else Code and Message of the error. A document
 * type is refused. */
void purge_answer_cloudfront(const char *body, size_t len, struct purge_answer *out);
/* JSON: accepted is "success": true; else code and message of the first of "errors". */
void purge_answer_cloudflare(const char *body, size_t len, struct purge_answer *out);

#endif

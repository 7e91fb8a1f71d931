/* Any bytes as the answer of CloudFront and of Cloudflare: texts stay within their bounds, and
 * nothing is both accepted and empty. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upload/purge_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct purge_answer *a, const struct purge_answer *again)
{
    if (memchr(a->code, '\0', sizeof(a->code)) == NULL ||
        memchr(a->message, '\0', sizeof(a->message)) == NULL)
        abort();
    if (a->accepted != again->accepted || strcmp(a->code, again->code) != 0 ||
        strcmp(a->message, again->message) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct purge_answer a, again;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size); /* of exactly this size: reading past the end is seen */
    purge_answer_cloudfront(text, size, &a);
    purge_answer_cloudfront(text, size, &again);
    check(&a, &again);
    if (a.accepted && (size < strlen("<Invalidation><Id>x</Id></Invalidation>") ||
                       a.code[0] != '\0' || a.message[0] != '\0'))
        abort();
    purge_answer_cloudflare(text, size, &a);
    purge_answer_cloudflare(text, size, &again);
    check(&a, &again);
    if (a.accepted && size < strlen("{\"success\":true}"))
        abort();
    free(text);
    return 0;
}

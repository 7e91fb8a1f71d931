/* Any bytes as the answer of a service that hands out credentials: what is accepted can be signed
 * with and put into headers, what is refused is never quoted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upload/credentials_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_text(const char *text, size_t cap, bool for_header)
{
    expect(text != NULL && credentials_fault(text, strlen(text), cap, for_header) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct credentials_set set = {0};
    struct error err = ERROR_INIT;
    int64_t seconds;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    if (credentials_json_parse(text, size, &set, &err)) {
        check_text(set.access_key, CREDENTIALS_KEY_MAX, true);
        check_text(set.secret_key, CREDENTIALS_KEY_MAX, false);
        if (set.token != NULL)
            check_text(set.token, CREDENTIALS_TOKEN_MAX, true);
        expect(set.expires >= 0);
    } else {
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_FAILED);
        expect(err.text[0] != '\0' && set.secret_key == NULL);
        expect(strstr(err.text, "S3CRETS3CRET") == NULL);
    }
    if (credentials_json_time(text, size, &seconds))
        expect(size >= 20 && seconds >= 0 && seconds < INT64_C(253402400000));
    credentials_set_release(&set);
    free(text);
    return 0;
}

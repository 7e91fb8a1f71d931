/* Any bytes as an answer of S3: what is taken from it keeps to the caps of upload/s3_xml.h. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upload/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool take(void *payload, const char *key, size_t key_len, const char *etag, uint64_t size)
{
    size_t *n = payload;
    expect(key_len > 0 && strlen(key) == key_len && etag[0] != '\0' && size < UINT64_MAX);
    return ++*n < 3;
}

static void try_error(const char *text, size_t len)
{
    struct s3_xml_error e;
    bool is_error = s3_xml_error(text, len, &e);
    expect(is_error == (e.code[0] != '\0'));
    expect(memchr(e.code, '\0', sizeof(e.code)) != NULL);
    expect(memchr(e.message, '\0', sizeof(e.message)) != NULL);
    expect(memchr(e.region, '\0', sizeof(e.region)) != NULL);
}

static void try_list(const char *text, size_t len)
{
    struct s3_xml_page page;
    struct error err = ERROR_INIT;
    size_t n = 0;
    bool ok = s3_xml_list(text, len, take, &n, &page, &err);
    expect(ok == (err.kind == ERROR_NONE));
    expect(!page.ended || n == 3);
    expect(!ok || page.ended || !page.truncated || (page.token[0] != '\0' && n > 0));
}

static void try_deleted(const char *text, size_t len)
{
    struct s3_xml_deleted deleted;
    struct error err = ERROR_INIT;
    bool ok = s3_xml_deleted(text, len, &deleted, &err);
    expect(ok == (err.kind == ERROR_NONE));
    expect(memchr(deleted.key, '\0', sizeof(deleted.key)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    try_error(text, size);
    try_list(text, size);
    try_deleted(text, size);
    return 0;
}

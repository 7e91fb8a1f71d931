#include "upload/record_code.h"

#include <string.h>

#include "base/json.h"
#include "upload/record.h"
#include "upload/target.h"

#define MD5_SIZE 16
#define MD5_HEX 32

void record_code_put(struct strbuf *sb, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            strbuf_addch(sb, digits[bits >> (have - 6) & 63]);
    }
    if (have > 0)
        strbuf_addch(sb, digits[bits << (6 - have) & 63]);
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool record_code_take(const char *text, size_t len, uint8_t *bytes, size_t n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    if (len != RECORD_CODE_LEN(n))
        return false;
    for (size_t i = 0; i < len; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[at++] = (uint8_t)(bits >> have);
        }
    }
    return (bits & ((1U << have) - 1)) == 0;
}

bool record_code_is_etag(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x21 || text[i] > 0x7e || text[i] == '"')
            return false;
    return len > 0 && len <= TARGET_ETAG_MAX;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_md5(const char *hex, uint8_t md5[MD5_SIZE])
{
    for (size_t i = 0; i < MD5_HEX; i++) {
        int value = hex_value(hex[i]); /* of the end of a shorter text: none */
        if (value < 0)
            return false;
        md5[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : md5[i / 2] | value);
    }
    return hex[MD5_HEX] == '\0';
}

void record_code_put_etag(struct strbuf *sb, const char *etag)
{
    uint8_t md5[MD5_SIZE];
    if (etag[0] == '\0' || strcmp(etag, RECORD_UNKNOWN) == 0) {
        strbuf_addstr(sb, etag);
    } else if (take_md5(etag, md5)) {
        record_code_put(sb, md5, MD5_SIZE);
    } else {
        strbuf_addch(sb, '=');
        for (const char *p = etag; *p != '\0'; p++) {
            if (*p == '\\')
                strbuf_addch(sb, '\\');
            strbuf_addch(sb, *p);
        }
    }
}

bool record_code_take_etag(const char *text, size_t len, char *etag)
{
    uint8_t md5[MD5_SIZE];
    if (len == 0 || (len == 1 && text[0] == RECORD_UNKNOWN[0])) {
        memcpy(etag, text, len);
        etag[len] = '\0';
        return true;
    }
    if (text[0] == '=') {
        if (!record_code_is_etag(text + 1, len - 1))
            return false;
        memcpy(etag, text + 1, len - 1);
        etag[len - 1] = '\0';
        return true;
    }
    if (!record_code_take(text, len, md5, MD5_SIZE))
        return false;
    for (size_t i = 0; i < MD5_SIZE; i++) {
        etag[2 * i] = "0123456789abcdef"[md5[i] >> 4];
        etag[2 * i + 1] = "0123456789abcdef"[md5[i] & 15];
    }
    etag[MD5_HEX] = '\0';
    return true;
}

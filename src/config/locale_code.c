#include "config/locale_code.h"

#include <string.h>
#include <unicode/uloc.h>

static bool is_code_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

bool locale_code_canonical(char out[LOCALE_CODE_MAX], const char *code, size_t len)
{
    char tag[LOCALE_CODE_MAX];
    if (len == 0 || len >= sizeof(tag))
        return false;
    for (size_t i = 0; i < len; i++) {
        tag[i] = code[i] == '_' ? '-' : code[i];
        if (!is_code_char(tag[i]))
            return false;
    }
    tag[len] = '\0';

    char id[ULOC_FULLNAME_CAPACITY];
    int32_t parsed = 0;
    UErrorCode status = U_ZERO_ERROR;
    uloc_forLanguageTag(tag, id, sizeof(id), &parsed, &status);
    if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING || (size_t)parsed != len)
        return false;
    status = U_ZERO_ERROR;
    int32_t n = uloc_toLanguageTag(id, out, LOCALE_CODE_MAX, true, &status);
    if (U_FAILURE(status) || n <= 0 || n >= LOCALE_CODE_MAX)
        return false;
    return strncmp(out, "und", 3) != 0; /* ICU's word for "no language" */
}

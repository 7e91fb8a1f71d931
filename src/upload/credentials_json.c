#include "upload/credentials_json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"

#define CODE_MAX 64 /* of what is quoted */

void credentials_wipe(char *text)
{
    if (text != NULL)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void credentials_set_release(struct credentials_set *set)
{
    credentials_wipe(set->access_key);
    credentials_wipe(set->secret_key);
    credentials_wipe(set->token);
    *set = (struct credentials_set){0};
}

const char *credentials_fault(const char *text, size_t len, size_t cap, bool for_header)
{
    if (len == 0)
        return "is empty";
    if (len > cap)
        return "is too long";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c == 0x7f)
            return "holds a blank, a line's end or a control character";
        if (for_header && c >= 0x80)
            return "holds a character that is not ASCII";
    }
    return NULL;
}

/* --- RFC 3339 ------------------------------------------------------------------------------ */

/* 'd' stands for a digit, capitals for themselves in either case. */
static bool has_form(const char *text, size_t len, const char *form)
{
    for (size_t i = 0; form[i] != '\0'; i++) {
        if (i >= len)
            return false;
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !is_digit : text[i] != form[i] && text[i] != (form[i] | 0x20))
            return false;
    }
    return true;
}

static int two(const char *digits)
{
    return (digits[0] - '0') * 10 + (digits[1] - '0');
}

/* "Z" or "+02:00", as seconds ahead of UTC. */
static bool parse_offset(const char *text, size_t len, int64_t *offset)
{
    *offset = 0;
    if (len == 1)
        return has_form(text, len, "Z");
    if (len != 6 || (text[0] != '+' && text[0] != '-') || !has_form(text + 1, 5, "dd:dd") ||
        two(text + 1) > 23 || two(text + 4) > 59)
        return false;
    *offset = two(text + 1) * 3600 + two(text + 4) * 60;
    if (text[0] == '-')
        *offset = -*offset;
    return true;
}

bool credentials_json_time(const char *text, size_t len, int64_t *seconds)
{
    int64_t offset;
    size_t at = 19;
    if (!has_form(text, len, "dddd-dd-ddTdd:dd:dd"))
        return false;
    if (at < len && text[at] == '.') {
        size_t digits = at + 1;
        for (at = digits; at < len && text[at] >= '0' && text[at] <= '9'; at++)
            ;
        if (at == digits)
            return false;
    }
    if (!parse_offset(text + at, len - at, &offset))
        return false;
    bool leap = two(text + 17) == 60;
    struct tm tm = {.tm_year = two(text) * 100 + two(text + 2) - 1900,
                    .tm_mon = two(text + 5) - 1,
                    .tm_mday = two(text + 8),
                    .tm_hour = two(text + 11),
                    .tm_min = two(text + 14),
                    .tm_sec = two(text + 17) - leap};
    struct tm wanted = tm;
    *seconds = (int64_t)timegm(&tm) + leap - offset;
    /* timegm() takes the 31st of February for a day in March, and 24:00 for the next day. */
    return *seconds >= 0 && tm.tm_mon == wanted.tm_mon && tm.tm_mday == wanted.tm_mday &&
           tm.tm_hour == wanted.tm_hour && tm.tm_min == wanted.tm_min;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* Copies a member that must be a text, or may be missing. */
static bool take(const struct json_value *answer, const char *name, size_t cap, bool for_header,
                 char **out, struct error *err)
{
    const struct json_value *v = json_gets(answer, name);
    if (v == NULL || v->type != JSON_STRING)
        return error_set(err, ERROR_CONTENT, "its answer has no text %s", name);
    const char *fault = credentials_fault(v->text, v->len, cap, for_header);
    if (fault != NULL)
        return error_set(err, ERROR_CONTENT, "%s of its answer %s", name, fault);
    *out = mem_strndup(v->text, v->len);
    return true;
}

static bool is_missing(const struct json_value *answer, const char *name)
{
    const struct json_value *v = json_gets(answer, name);
    return v == NULL || v->type == JSON_NULL || json_is(v, "");
}

static bool check_code(const struct json_value *answer, struct error *err)
{
    const struct json_value *code = json_gets(answer, "Code");
    if (code == NULL || json_is(code, "Success"))
        return true;
    bool is_plain = code->type == JSON_STRING && code->len > 0 && code->len <= CODE_MAX;
    for (size_t i = 0; is_plain && i < code->len; i++) {
        char c = code->text[i];
        is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    if (is_plain)
        return error_set(err, ERROR_FAILED, "it answered with the code %.*s", (int)code->len,
                         code->text);
    return error_set(err, ERROR_CONTENT, "it answered with a code that is no word");
}

static bool take_all(const struct json_value *answer, struct credentials_set *set,
                     struct error *err)
{
    if (answer->type != JSON_OBJECT)
        return error_set(err, ERROR_CONTENT, "its answer is no JSON object");
    if (!check_code(answer, err) ||
        !take(answer, "AccessKeyId", CREDENTIALS_KEY_MAX, true, &set->access_key, err) ||
        !take(answer, "SecretAccessKey", CREDENTIALS_KEY_MAX, false, &set->secret_key, err))
        return false;
    if (!is_missing(answer, "Token") &&
        !take(answer, "Token", CREDENTIALS_TOKEN_MAX, true, &set->token, err))
        return false;
    set->expires = INT64_MAX;
    if (is_missing(answer, "Expiration"))
        return true;
    const struct json_value *v = json_gets(answer, "Expiration");
    if (v->type != JSON_STRING || !credentials_json_time(v->text, v->len, &set->expires))
        return error_set(err, ERROR_CONTENT, "Expiration of its answer is no moment (RFC 3339)");
    return true;
}

/* Texts with escapes in them are copies in the arena. */
static void wipe_texts(const struct json_value *answer, const char *text, size_t len)
{
    if (answer->type != JSON_OBJECT)
        return;
    for (size_t i = 0; i < answer->len; i++) {
        const struct json_value *v = &answer->members[i].value;
        if (v->type == JSON_STRING && v->len > 0 &&
            !((uintptr_t)v->text >= (uintptr_t)text && (uintptr_t)v->text < (uintptr_t)text + len))
            OPENSSL_cleanse((char *)(uintptr_t)v->text, v->len);
    }
}

bool credentials_json_parse(const char *text, size_t len, struct credentials_set *set,
                            struct error *err)
{
    struct json_limits limits = {.depth = 8, .bytes = CREDENTIALS_JSON_MAX};
    struct json_value answer = json_null();
    struct credentials_set found = {0};
    struct arena arena;
    arena_init(&arena);
    bool ok = json_parse(&arena, NULL, text, len, &limits, &answer, err);
    if (!ok)
        error_context(err, "its answer is no JSON");
    ok = ok && take_all(&answer, &found, err);
    if (ok)
        *set = found;
    else
        credentials_set_release(&found);
    wipe_texts(&answer, text, len);
    arena_release(&arena);
    return ok;
}

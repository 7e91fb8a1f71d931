/* What services answer when they are asked for credentials: moments, damage, and nothing of it in
 * a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upload/credentials_json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void moments_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2015-08-30T12:36:00Z", 1440938160},
        {"2015-08-30t12:36:00z", 1440938160},
        {"2015-08-30T12:36:00.999999999Z", 1440938160},
        {"2015-08-30T14:36:00+02:00", 1440938160},
        {"2015-08-30T07:06:00.5-05:30", 1440938160},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    static const char *const bad[] = {
        "",
        "2015-08-30",
        "2015-08-30T12:36:00",
        "2015-08-30 12:36:00Z",
        "2015-08-30T12:36Z",
        "2015-08-30T12:36:00.Z",
        "2015-08-30T12:36:00ZZ",
        "2015-08-30T12:36:00+0200",
        "2015-08-30T12:36:00+24:00",
        "2015-08-30T12:36:00+00:60",
        "2015-02-29T00:00:00Z",
        "2015-02-30T00:00:60Z",
        "2015-13-01T00:00:00Z",
        "2015-00-01T00:00:00Z",
        "2015-01-00T00:00:00Z",
        "2015-01-01T24:00:00Z",
        "2015-01-01T00:60:00Z",
        "2015-01-01T00:00:61Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "+015-01-01T00:00:00Z",
        "1440938160",
    };
    int64_t seconds = -1;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(credentials_json_time(good[i].text, strlen(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        if (credentials_json_time(bad[i], strlen(bad[i]), &seconds))
            fail_msg("taken for a moment: %s", bad[i]);
}

static bool parse(const char *text, struct credentials_set *set, struct error *err)
{
    error_clear(err);
    *set = (struct credentials_set){0};
    return credentials_json_parse(text, strlen(text), set, err);
}

static void answers_are_read(void **state)
{
    (void)state;
    struct credentials_set set;
    struct error err = ERROR_INIT;
    assert_true(parse("{\"Code\":\"Success\",\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"a\\/b\","
                      "\"Token\":\"t+/=\",\"Expiration\":\"2015-08-30T12:36:00Z\",\"x\":[1]}",
                      &set, &err));
    assert_string_equal(set.access_key, "AK");
    assert_string_equal(set.secret_key, "a/b");
    assert_string_equal(set.token, "t+/=");
    assert_int_equal(set.expires, 1440938160);
    credentials_set_release(&set);
    assert_null(set.secret_key);
    assert_true(parse("{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"\xc3\xbc\",\"Token\":null}",
                      &set, &err));
    assert_null(set.token);
    assert_true(set.expires == INT64_MAX);
    credentials_set_release(&set);
}

#define SECRET "\"SecretAccessKey\":\"S3CRET\""

static void damage_is_told_and_not_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", "no JSON"},
        {"S3CRET", "no JSON"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",", "no JSON"},
        {"[[[[[[[[[[[[[[[[\"S3CRET\"", "no JSON"},
        {"\"S3CRET\"", "no JSON object"},
        {"{" SECRET "}", "AccessKeyId"},
        {"{\"AccessKeyId\":1," SECRET "}", "no text AccessKeyId"},
        {"{\"AccessKeyId\":\"\"," SECRET "}", "AccessKeyId of its answer is empty"},
        {"{\"AccessKeyId\":\"S3CRET\xc3\xbc\"," SECRET "}", "not ASCII"},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S3CRET\\n\"}", "a line's end"},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"S3CRET\\u0000x\"}", "control character"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Token\":\"a\\r\\nX: y\"}", "Token of its answer"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Token\":7}", "no text Token"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Expiration\":\"S3CRET\"}", "no moment"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Expiration\":1440938160}", "no moment"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Code\":\"Failed\"}", "the code Failed"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Code\":\"<S3CRET>\"}", "a code that is no word"},
        {"{\"AccessKeyId\":\"AK\"," SECRET ",\"Code\":null}", "a code that is no word"},
    };
    struct credentials_set set;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(parse(cases[i].text, &set, &err));
        if (strstr(err.text, cases[i].told) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_null(strstr(err.text, "S3CRET"));
        assert_null(set.secret_key);
    }
}

static void sizes_are_capped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t cap;
    } members[] = {{"AccessKeyId", CREDENTIALS_KEY_MAX},
                   {"SecretAccessKey", CREDENTIALS_KEY_MAX},
                   {"Token", CREDENTIALS_TOKEN_MAX},
                   {"Other", CREDENTIALS_JSON_MAX}};
    char *text = malloc(2 * CREDENTIALS_JSON_MAX), *long_one = malloc(CREDENTIALS_JSON_MAX + 2);
    struct credentials_set set;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < COUNT(members); i++) {
        size_t len = members[i].cap + 1;
        memset(long_one, 'x', len);
        long_one[len] = '\0';
        const char *of[4] = {"AK", "S3CRET", "t", "o"};
        of[i] = long_one;
        for (int round = 0; round < 2; round++) {
            snprintf(text, 2 * CREDENTIALS_JSON_MAX,
                     "{\"%s\":\"%s\",\"%s\":\"%s\",\"%s\":\"%s\",\"%s\":\"%s\"}", members[0].name,
                     of[0], members[1].name, of[1], members[2].name, of[2], members[3].name, of[3]);
            bool fits = parse(text, &set, &err);
            assert_int_equal(fits, round == 1);
            credentials_set_release(&set);
            long_one[i == 3 ? 1000 : len - 1] = '\0';
        }
    }
    free(text);
    free(long_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_read),
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(damage_is_told_and_not_quoted),
        cmocka_unit_test(sizes_are_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

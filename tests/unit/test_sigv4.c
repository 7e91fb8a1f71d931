/* Signatures that AWS has published: the examples of the Amazon S3 API reference and cases of the
 * "AWS Signature Version 4 test suite"; and how requests are put together for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upload/sigv4.h"

#define S3_TIME "20130524T000000Z"
#define SUITE_TIME "20150830T123600Z"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct sigv4_scope s3 = {
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};
static const struct sigv4_scope suite = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                         "us-east-1", "service"};

static void expect_signed(const struct sigv4_request *r, const struct sigv4_scope *scope,
                          const char *time, const char *names, const char *signature)
{
    struct sigv4_key key = {0};
    struct strbuf is = STRBUF_INIT, wanted = STRBUF_INIT;
    strbuf_addf(&wanted,
                "AWS4-HMAC-SHA256 Credential=%s/%.8s/us-east-1/%s/aws4_request, "
                "SignedHeaders=%s, Signature=%s",
                scope->access_key, time, scope->service, names, signature);
    sigv4_sign(r, scope, time, &key, &is);
    assert_string_equal(is.buf, wanted.buf);
    /* Again, with the key of the day as it was kept. */
    strbuf_reset(&is);
    sigv4_sign(r, scope, time, &key, &is);
    assert_string_equal(is.buf, wanted.buf);
    strbuf_release(&is);
    strbuf_release(&wanted);
}

/* --- Authenticating Requests: Using the Authorization Header ------------------------------- */

#define BUCKET "examplebucket.s3.amazonaws.com"

static void s3_get_with_range(void **state)
{
    (void)state;
    struct sigv4_header headers[] = {{"Range", "bytes=0-9"},
                                     {"x-amz-content-sha256", SIGV4_EMPTY_SHA256},
                                     {"x-amz-date", S3_TIME}};
    struct sigv4_request r = {"GET", BUCKET, "/test.txt", "", SIGV4_EMPTY_SHA256, headers, 3};
    expect_signed(&r, &s3, S3_TIME, "host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void s3_put_with_a_dollar_sign(void **state)
{
    (void)state;
    const char *sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    struct sigv4_header headers[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                     {"x-amz-date", S3_TIME},
                                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                     {"x-amz-content-sha256", sha256}};
    struct strbuf path = STRBUF_INIT;
    sigv4_encode(&path, "/test$file.text", 15, false);
    assert_string_equal(path.buf, "/test%24file.text");
    struct sigv4_request r = {"PUT", BUCKET, path.buf, "", sha256, headers, 4};
    expect_signed(&r, &s3, S3_TIME, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    strbuf_release(&path);
}

static void s3_with_query(const char *query, const char *signature)
{
    struct sigv4_header headers[] = {{"x-amz-date", S3_TIME},
                                     {"x-amz-content-sha256", SIGV4_EMPTY_SHA256}};
    struct sigv4_request r = {"GET", BUCKET, "/", query, SIGV4_EMPTY_SHA256, headers, 2};
    expect_signed(&r, &s3, S3_TIME, "host;x-amz-content-sha256;x-amz-date", signature);
}

static void s3_get_lifecycle(void **state)
{
    (void)state;
    const char *signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
    s3_with_query("lifecycle", signature);
    s3_with_query("lifecycle=", signature);
}

static void s3_list_objects(void **state)
{
    (void)state;
    const char *signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
    struct strbuf query = STRBUF_INIT;
    sigv4_add_query(&query, "max-keys", "2");
    sigv4_add_query(&query, "prefix", "J");
    s3_with_query(query.buf, signature);
    s3_with_query("prefix=J&max-keys=2", signature);
    strbuf_release(&query);
}

/* --- the test suite ------------------------------------------------------------------------ */

static void suite_case(const char *method, const char *path, const char *query,
                       const struct sigv4_header *more, size_t n_more, const char *names,
                       const char *signature)
{
    struct sigv4_header headers[8] = {{"X-Amz-Date", SUITE_TIME}};
    for (size_t i = 0; i < n_more; i++)
        headers[i + 1] = more[i];
    struct sigv4_request r = {
        method, "example.amazonaws.com", path, query, SIGV4_EMPTY_SHA256, headers, n_more + 1};
    expect_signed(&r, &suite, SUITE_TIME, names, signature);
}

#define VANILLA "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

static void suite_vanilla(void **state)
{
    (void)state;
    suite_case("GET", "/", "", NULL, 0, "host;x-amz-date", VANILLA);
    suite_case("POST", "/", "", NULL, 0, "host;x-amz-date",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

/* get-relative, get-relative-relative, get-slash, get-slash-dot-slash, get-slashes,
 * get-slash-pointless-dot, get-space, get-utf8. */
static void suite_paths(void **state)
{
    (void)state;
    const char *same[] = {"/example/..", "/example1/example2/../..", "//", "/./", "/..", ""};
    for (size_t i = 0; i < COUNT(same); i++)
        suite_case("GET", same[i], "", NULL, 0, "host;x-amz-date", VANILLA);
    suite_case("GET", "//example//", "", NULL, 0, "host;x-amz-date",
               "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84");
    suite_case("GET", "/./example", "", NULL, 0, "host;x-amz-date",
               "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5");
    /* Given once encoded less than usual, as the suite does: what stands in a path is encoded. */
    suite_case("GET", "/example space/", "", NULL, 0, "host;x-amz-date",
               "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741");
    suite_case("GET", "/\xe1\x88\xb4", "", NULL, 0, "host;x-amz-date",
               "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
}

/* get-vanilla-query-order-key-case, get-vanilla-empty-query-key. */
static void suite_queries(void **state)
{
    (void)state;
    const char *signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
    suite_case("GET", "/", "Param2=value2&Param1=value1", NULL, 0, "host;x-amz-date", signature);
    suite_case("GET", "/", "Param1=value1&Param2=value2", NULL, 0, "host;x-amz-date", signature);
    suite_case("GET", "/", "Param1=value1", NULL, 0, "host;x-amz-date",
               "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb");
}

/* get-header-key-duplicate, get-header-value-order, get-header-value-trim. */
static void suite_headers(void **state)
{
    (void)state;
    const char *names = "host;my-header1;x-amz-date";
    struct sigv4_header twice[] = {
        {"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}};
    struct sigv4_header order[] = {{"My-Header1", "value4"},
                                   {"My-Header1", "value1"},
                                   {"My-Header1", "value3"},
                                   {"My-Header1", "value2"}};
    struct sigv4_header trim[] = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}};
    suite_case("GET", "/", "", twice, 3, names,
               "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
    suite_case("GET", "/", "", order, 4, names,
               "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01");
    suite_case("GET", "/", "", trim, 2, "host;my-header1;my-header2;x-amz-date",
               "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

/* --- what is put together ------------------------------------------------------------------ */

static void expect_canonical(const struct sigv4_request *r, bool is_s3, const char *wanted)
{
    struct strbuf out = STRBUF_INIT;
    sigv4_canonical_request(r, is_s3, &out);
    assert_string_equal(out.buf, wanted);
    strbuf_release(&out);
}

static void names_are_sorted_without_what_is_behind(void **state)
{
    (void)state;
    struct sigv4_header headers[] = {{"x-amz-meta-a-b", "2"},
                                     {"X-Amz-Meta-A", "1"},
                                     {"Accept", ""},
                                     {"x-amz-meta-a", "\t of\tanother  time \t"}};
    struct sigv4_request r = {"PUT",   "h:1", "/b//c/../d%2B", "a-b=1&a=2&a=1&&c&d==", "HASH",
                              headers, 4};
    expect_canonical(&r, true,
                     "PUT\n/b//c/../d%2B\na=1&a=2&a-b=1&c=&d==\naccept:\nhost:h:1\n"
                     "x-amz-meta-a:1,of another time\nx-amz-meta-a-b:2\n\n"
                     "accept;host;x-amz-meta-a;x-amz-meta-a-b\nHASH");
    r.n_headers = 0;
    r.query = "";
    expect_canonical(&r, false, "PUT\n/b/d%252B\n\nhost:h:1\n\nhost\nHASH");
}

static void every_byte_is_encoded(void **state)
{
    (void)state;
    struct strbuf out = STRBUF_INIT;
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    sigv4_encode(&out, all, sizeof(all), true);
    assert_int_equal(out.len, 66 + 190 * 3);
    assert_non_null(strstr(out.buf, "%00%01"));
    assert_non_null(strstr(out.buf, "%2C-.%2F0123456789%3A%3B%3C%3D%3E%3F%40ABC"));
    assert_non_null(strstr(out.buf, "%5B%5C%5D%5E_%60abc"));
    assert_non_null(strstr(out.buf, "xyz%7B%7C%7D~%7F%80"));
    strbuf_reset(&out);
    sigv4_encode(&out, "a b/c+d=%\xc3\xa9", 11, false);
    assert_string_equal(out.buf, "a%20b/c%2Bd%3D%25%C3%A9");
    strbuf_reset(&out);
    sigv4_add_query(&out, "prefix", "a/b c");
    sigv4_add_query(&out, "uploads", "");
    assert_string_equal(out.buf, "prefix=a%2Fb%20c&uploads=");
    strbuf_release(&out);
}

static void time_is_written(void **state)
{
    (void)state;
    char text[17];
    sigv4_time(0, text);
    assert_string_equal(text, "19700101T000000Z");
    sigv4_time(1369353600, text);
    assert_string_equal(text, S3_TIME);
    sigv4_time(INT64_MAX, text);
    assert_string_equal(text, "99991231T235959Z");
    sigv4_time(INT64_MIN, text);
    assert_string_equal(text, "19700101T000000Z");
}

/* --- the key of a day ---------------------------------------------------------------------- */

static void sign_plain(const struct sigv4_scope *scope, const char *time, struct sigv4_key *key,
                       struct strbuf *out)
{
    struct sigv4_header headers[] = {{"x-amz-date", time}};
    struct sigv4_request r = {"GET", "h", "/", "", SIGV4_EMPTY_SHA256, headers, 1};
    strbuf_reset(out);
    sigv4_sign(&r, scope, time, key, out);
}

static void key_follows_day_and_scope(void **state)
{
    (void)state;
    static const struct sigv4_scope scopes[] = {
        {"A", "secret", "us-east-1", "s3"},  {"A", "secre", "tus-east-1", "s3"},
        {"A", "secret", "us-east-1s", "3"},  {"A", "", "us-east-1", "s3"},
        {"A", "secret", "us-east-1", "s33"}, {"B", "secret", "us-east-1", "s3"}};
    static const char *const times[] = {"20260101T235959Z", "20260102T000000Z"};
    struct sigv4_key kept = {0};
    struct strbuf one = STRBUF_INIT, other = STRBUF_INIT;
    for (size_t i = 0; i < 4 * COUNT(scopes) * COUNT(times); i++) {
        const struct sigv4_scope *scope = &scopes[i * 5 % COUNT(scopes)];
        const char *time = times[i / 3 % COUNT(times)];
        struct sigv4_key fresh = {0};
        sign_plain(scope, time, &kept, &one);
        sign_plain(scope, time, &fresh, &other);
        assert_string_equal(one.buf, other.buf);
    }
    strbuf_release(&one);
    strbuf_release(&other);
}

static void key_is_kept_for_a_day(void **state)
{
    (void)state;
    struct sigv4_key key = {0};
    struct strbuf one = STRBUF_INIT, other = STRBUF_INIT;
    sign_plain(&s3, "20260101T000000Z", &key, &one);
    key.key[0] ^= 1; /* told by the signature only where it is used again */
    sign_plain(&s3, "20260101T000000Z", &key, &other);
    assert_string_not_equal(one.buf, other.buf);
    strbuf_release(&one);
    strbuf_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s3_get_with_range),
        cmocka_unit_test(s3_put_with_a_dollar_sign),
        cmocka_unit_test(s3_get_lifecycle),
        cmocka_unit_test(s3_list_objects),
        cmocka_unit_test(suite_vanilla),
        cmocka_unit_test(suite_paths),
        cmocka_unit_test(suite_queries),
        cmocka_unit_test(suite_headers),
        cmocka_unit_test(names_are_sorted_without_what_is_behind),
        cmocka_unit_test(every_byte_is_encoded),
        cmocka_unit_test(time_is_written),
        cmocka_unit_test(key_follows_day_and_scope),
        cmocka_unit_test(key_is_kept_for_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

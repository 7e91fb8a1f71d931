/* Routes: which paths may become files, which tags are locales, what a link may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/route.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_good(const char *path)
{
    struct error err = ERROR_INIT;
    return route_check(path, strlen(path), &err);
}

static void refuse(const char *path, size_t len, const char *rule)
{
    struct error err = ERROR_INIT;
    assert_false(route_check(path, len, &err));
    assert_int_equal(err.kind, ERROR_CONTENT);
    if (strstr(err.text, rule) == NULL)
        fail_msg("'%s' was refused for another reason: %s", path, err.text);
    if (strpbrk(err.text, "\n\r\t\033") != NULL)
        fail_msg("the message carries control characters");
}

static void good_paths_are_accepted(void **state)
{
    (void)state;
    static const char *const good[] = {
        "index.html",
        "en/index.html",
        "en/products/oak-lamp/index.html",
        "a",
        "fr-CA/caf\xc3\xa9.html",
        "a b/c d.html",
        ".well-known/security.txt",
        "x..y/z...html",
        "en/a..",
        "en/gz",
        "en/br/index.html",
        "en/@user/~x/+1,2;3=4!'()*.html",
        "\xe4\xb8\xad\xe6\x96\x87/index.html",
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!is_good(good[i]))
            fail_msg("'%s' was refused", good[i]);
}

static void hostile_paths_are_refused_with_the_rule(void **state)
{
    (void)state;
    static const struct {
        const char *path, *rule;
    } bad[] = {
        {"", "is empty"},
        {".", "'.' or '..'"},
        {"..", "'.' or '..'"},
        {"../../etc/passwd", "'.' or '..'"},
        {"a/../../b", "'.' or '..'"},
        {"a/./b", "'.' or '..'"},
        {"a/..", "'.' or '..'"},
        {"/etc/passwd", "empty segment"},
        {"a//b", "empty segment"},
        {"a/", "empty segment"},
        {"/", "empty segment"},
        {"en/.htaccess", "starts with '.'"},
        {"en/.well-known/x", "starts with '.'"},
        {".well-knowns/x", "starts with '.'"},
        {".well-known", "starts with '.'"},
        {"%2e%2e/x", "percent sign"},
        {"a%2fb", "percent sign"},
        {"a\\..\\b", "backslash"},
        {"a\nb", "control character"},
        {"a\x7f"
         "b",
         "control character"},
        {"a\033[31m", "control character"},
        {" a/b", "space"},
        {"a /b", "space"},
        {"a/b ", "space"},
        {"en/index.html.gz", "twins"},
        {"en/INDEX.GZ", "twins"},
        {"en/a.br", "twins"},
        {"en/a.html.gz/b.html", "twins"},
        {"a.Br/b/c", "twins"},
        {"a\xff", "UTF-8"},
        {"a\xc0\xaf", "UTF-8"},
        {"a\xed\xa0\x80", "UTF-8"},
        {"caf\xc3", "UTF-8"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        refuse(bad[i].path, strlen(bad[i].path), bad[i].rule);
    refuse("a\0b", 3, "control character");
    refuse("a\0", 2, "control character");
}

static void length_and_depth_have_limits(void **state)
{
    (void)state;
    char path[6000];
    memset(path, 'a', sizeof(path));
    refuse(path, 5000, "longer than 1024");
    refuse(path, ROUTE_SEGMENT_MAX + 1, "more than 200 bytes");
    struct error err = ERROR_INIT;
    assert_true(route_check(path, ROUTE_SEGMENT_MAX, &err));

    for (size_t i = ROUTE_SEGMENT_MAX; i < ROUTE_PATH_MAX + 1; i += ROUTE_SEGMENT_MAX + 1)
        path[i] = '/';
    assert_true(route_check(path, ROUTE_PATH_MAX, &err));
    refuse(path, ROUTE_PATH_MAX + 1, "longer than 1024");

    for (size_t i = 0; i < ROUTE_PATH_MAX; i++)
        path[i] = i % 2 == 0 ? 'a' : '/';
    assert_true(route_check(path, 2 * ROUTE_DEPTH_MAX + 1, &err));
    refuse(path, 2 * ROUTE_DEPTH_MAX + 3, "64 folders deep");
    refuse(path, 1001, "64 folders deep");
}

static void long_paths_are_quoted_short(void **state)
{
    (void)state;
    char path[900];
    struct error err = ERROR_INIT;
    memset(path, 'b', sizeof(path));
    assert_false(route_check(path, sizeof(path), &err));
    assert_true(strlen(err.text) < 200);
    assert_non_null(strstr(err.text, "bbb..."));
    for (size_t i = 1; i + 1 < sizeof(path); i += 2)
        memcpy(path + i, "\xc3\xa9", 2); /* never half of one */
    assert_false(route_check(path, sizeof(path) - 1, &err));
    assert_non_null(strstr(err.text, "\xc3\xa9..."));
}

static void locales_have_the_shape_of_language_tags(void **state)
{
    (void)state;
    static const char *const good[] = {"en",      "fr-CA",     "zh-Hant-TW",
                                       "de-1996", "x-klingon", "sr-Latn"};
    static const char *const bad[] = {
        "",      "-",         "en-",   "-en",        "en--US",
        "en_US", "../x",      "en/..", "abcdefghij", "en US",
        "en.",   "\xc3\xa9n", "en\n",  "e%6e",       "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s"};
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(route_check_locale(good[i], &err));
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (route_check_locale(bad[i], &err))
            fail_msg("'%s' passed for a locale", bad[i]);
        assert_int_equal(err.kind, ERROR_CONTENT);
    }
}

static void url_of(const char *base, const char *path, const char *expected)
{
    struct strbuf sb = STRBUF_INIT;
    route_url(&sb, base, path);
    assert_string_equal(sb.buf, expected);
    strbuf_release(&sb);
}

static void urls_are_encoded_and_drop_the_index(void **state)
{
    (void)state;
    url_of("/", "index.html", "/");
    url_of("/", "fr/index.html", "/fr/");
    url_of("https://example.org/shop/", "fr/a/index.html", "https://example.org/shop/fr/a/");
    url_of("/", "fr/myindex.html", "/fr/myindex.html");
    url_of("/", "fr/index.html/x", "/fr/index.html/x");
    url_of("/", "a b/c?d#e\"<.html", "/a%20b/c%3Fd%23e%22%3C.html");
    url_of("/", "caf\xc3\xa9.html", "/caf%C3%A9.html");
    url_of("/", "a:b@c!$&'()*+,;=~-._", "/a:b@c!$&'()*+,;=~-._");
}

static void links_are_relative_or_of_a_known_scheme(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",          "/fr/",           "a/b",     "#top",  "?q=a:b", "//cdn/x", "http://x",
        "HTTPS://x", "mailto:a@b.org", "tel:+49", "a/b:c", "./x:y",  "a b",     "caf\xc3\xa9"};
    static const char *const bad[] = {"javascript:alert(1)",
                                      "JavaScript:x",
                                      "data:text/html,x",
                                      "vbscript:x",
                                      " javascript:x",
                                      "\tjavascript:",
                                      "java\nscript:x",
                                      "file:///etc",
                                      ":x",
                                      "htt\tp://x",
                                      "http\x7f://x",
                                      " /a",
                                      "httpx:y",
                                      "http+evil:y"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (!route_url_is_safe(good[i], strlen(good[i])))
            fail_msg("'%s' was refused", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (route_url_is_safe(bad[i], strlen(bad[i])))
            fail_msg("'%s' passed", bad[i]);
    assert_false(route_url_is_safe("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_paths_are_accepted),
        cmocka_unit_test(hostile_paths_are_refused_with_the_rule),
        cmocka_unit_test(length_and_depth_have_limits),
        cmocka_unit_test(long_paths_are_quoted_short),
        cmocka_unit_test(locales_have_the_shape_of_language_tags),
        cmocka_unit_test(urls_are_encoded_and_drop_the_index),
        cmocka_unit_test(links_are_relative_or_of_a_known_scheme),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Globs over paths: what matches, what is refused, and that time stays in bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/glob.h"

static void matches(const char *glob, const char *path)
{
    const char *fault = glob_fault(glob);
    if (fault != NULL)
        fail_msg("%s: %s", glob, fault);
    if (!glob_match(glob, path))
        fail_msg("%s does not match %s", glob, path);
}

static void differs(const char *glob, const char *path)
{
    assert_null(glob_fault(glob));
    if (glob_match(glob, path))
        fail_msg("%s matches %s", glob, path);
}

static void stars_and_question_marks(void **state)
{
    (void)state;
    matches("a.html", "a.html");
    differs("a.html", "a.htm");
    differs("a.html", "xa.html");
    matches("*.html", "a.html");
    matches("*.html", ".html");
    differs("*.html", "a/b.html");
    matches("a/*/c", "a/b/c");
    differs("a/*/c", "a/b/b/c");
    matches("a?c", "abc");
    matches("a?c", "a\xc3\xa9"
                   "c");
    differs("a?c", "ac");
    differs("a?c", "a/c");
    matches("*", "x");
    differs("*", "x/y");
    matches("*a*a*", "bababa");
    matches("a.b+(c)$", "a.b+(c)$");
}

static void double_stars_cross_folders(void **state)
{
    (void)state;
    matches("**", "a/b/c.html");
    matches("**.html", "a/b/c.html");
    matches("**/c.html", "a/b/c.html");
    matches("**/c.html", "c.html");
    differs("**/c.html", "xc.html");
    matches("a/**/c", "a/c");
    matches("a/**/c", "a/b/b/c");
    differs("a/**/c", "ac");
    differs("a**/c", "ac");
    matches("a**/c", "ab/b/c");
    matches("assets/**", "assets/x/y");
    differs("assets/**", "asset/x");
    matches("***", "a/b");
}

static void braces_are_either(void **state)
{
    (void)state;
    matches("**.{html,json}", "a/b.json");
    differs("**.{html,json}", "a/b.css");
    differs("**.{html,json}", "a/b.htmljson");
    matches("{a,b{c,d/*},}x", "ax");
    matches("{a,b{c,d/*},}x", "bcx");
    matches("{a,b{c,d/*},}x", "bd/eex");
    matches("{a,b{c,d/*},}x", "x");
    differs("{a,b{c,d/*},}x", "bx");
    matches("{**/,x}y", "y");
    matches("{}a", "a");
    matches("{a}", "a");
    matches("a,b", "a,b");
    differs("a,b", "a");
    matches("{,}", "");
}

static void what_is_refused(void **state)
{
    (void)state;
    char text[GLOB_MAX + 2];
    assert_string_equal(glob_fault(""), "is empty");
    assert_string_equal(glob_fault("{"), "has a '{' without '}'");
    assert_string_equal(glob_fault("a}"), "has a '}' without '{'");
    assert_string_equal(glob_fault("\xff"), "is not valid UTF-8");
    memset(text, '{', 17);
    text[17] = '\0';
    assert_string_equal(glob_fault(text), "has more than 16 braces in each other");
    memset(text, 'a', sizeof(text));
    text[GLOB_MAX + 1] = '\0';
    assert_string_equal(glob_fault(text), "is longer than 255 bytes");
    assert_false(glob_match(text, text));
    text[GLOB_MAX] = '\0';
    matches(text, text);
    assert_false(glob_match("{", "{"));
}

/* Globs that take a backtracking matcher until the end of days. */
static void hostile_globs_take_no_time(void **state)
{
    (void)state;
    char glob[GLOB_MAX + 1] = "", path[1025];
    memset(path, 'a', 1024);
    path[1024] = '\0';
    for (size_t i = 0; i < 100; i++)
        strcat(glob, i % 2 == 0 ? "*a" : "**");
    strcat(glob, "b");
    differs(glob, path);
    glob[0] = '\0';
    for (size_t i = 0; i < 31; i++)
        strcat(glob, "{a,aa,*}");
    strcat(glob, "b");
    differs(glob, path);
    glob[strlen(glob) - 1] = '\0';
    matches(glob, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stars_and_question_marks),   cmocka_unit_test(double_stars_cross_folders),
        cmocka_unit_test(braces_are_either),          cmocka_unit_test(what_is_refused),
        cmocka_unit_test(hostile_globs_take_no_time),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}

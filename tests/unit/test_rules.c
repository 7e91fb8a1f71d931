/* Header sets: which rule gives what, what follows from the kind of file, the text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upload/rules.h"

static const char purged[] =
    "public, max-age=0, s-maxage=31536000, stale-while-revalidate=60, stale-if-error=86400";

static struct config config;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    config_init(&config);
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_release(&config);
    arena_release(&arena);
    return 0;
}

static void load(const char *rules)
{
    struct error err = ERROR_INIT;
    if (!config_load_text(&config, "platen.yaml", rules, strlen(rules), &err) ||
        !config_check(&config, &err))
        fail_msg("%s", err.text);
}

static struct target_headers headers_of(const char *path, enum manifest_kind kind)
{
    struct manifest_file file = {.path = path, .kind = (uint8_t)kind};
    struct target_headers headers;
    rules_headers(&config, &file, &arena, &headers);
    assert_null(headers.content_encoding);
    return headers;
}

static void kinds_have_headers_of_their_own(void **state)
{
    (void)state;
    struct target_headers h = headers_of("fr/index.html", MANIFEST_PAGE);
    assert_string_equal(h.content_type, "text/html; charset=utf-8");
    assert_string_equal(h.cache_control, purged);
    assert_int_equal(h.n_meta, 0);
    h = headers_of("fr/index.json", MANIFEST_OUTPUT);
    assert_string_equal(h.content_type, "application/json");
    assert_string_equal(h.cache_control, purged);
    h = headers_of("assets/site.3f9a1c7e.css", MANIFEST_ASSET);
    assert_string_equal(h.content_type, "text/css; charset=utf-8");
    assert_string_equal(h.cache_control, "public, max-age=31536000, immutable");
    assert_string_equal(headers_of("robots.txt", MANIFEST_SITE).cache_control, purged);
    assert_string_equal(headers_of("media/x", MANIFEST_STATIC).content_type,
                        "application/octet-stream");
}

static void the_first_rule_that_names_a_header_gives_it(void **state)
{
    (void)state;
    load("origin:\n"
         "  headers:\n"
         "    - {match: 'fr/**', meta: [b=1, a=2]}\n"
         "    - {match: '**.html', cache_control: no-cache, meta: [a=3, c=4=5]}\n"
         "    - {match: '**', cache_control: no-store, content_type: text/x-any}\n");
    struct target_headers h = headers_of("fr/index.html", MANIFEST_PAGE);
    assert_string_equal(h.cache_control, "no-cache");
    assert_string_equal(h.content_type, "text/x-any");
    assert_int_equal(h.n_meta, 3);
    assert_string_equal(h.meta[0].name, "a");
    assert_string_equal(h.meta[0].value, "2");
    assert_string_equal(h.meta[2].name, "c");
    assert_string_equal(h.meta[2].value, "4=5");
    assert_string_equal(rules_text(&h, &arena),
                        "[\"text/x-any\",\"no-cache\",\"a\",\"2\",\"b\",\"1\",\"c\",\"4=5\"]");
    h = headers_of("de/x.css", MANIFEST_ASSET);
    assert_string_equal(h.cache_control, "no-store");
    assert_int_equal(h.n_meta, 0);
}

static void the_text_tells_sets_apart(void **state)
{
    (void)state;
    struct target_meta meta = {"a", "\"x\",\"y\\"};
    struct target_headers h = {.content_type = "a", .meta = &meta, .n_meta = 1};
    assert_string_equal(rules_text(&h, &arena), "[\"a\",\"\",\"a\",\"\\\"x\\\",\\\"y\\\\\"]");
    struct target_headers none = {0};
    assert_string_equal(rules_text(&none, &arena), "[\"\",\"\"]");
}

static void globs_are_those_of_the_configuration(void **state)
{
    (void)state;
    assert_true(rules_glob("**/{index,home}.html", "fr/index.html"));
    assert_false(rules_glob("*.html", "fr/index.html"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kinds_have_headers_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_rule_that_names_a_header_gives_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_text_tells_sets_apart, set_up, tear_down),
        cmocka_unit_test(globs_are_those_of_the_configuration),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}

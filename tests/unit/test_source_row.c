/* What makes a row a page: the rules of the reserved columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "source/row.h"

static struct row_field text_field(const char *text)
{
    return (struct row_field){.text = text, .len = text != NULL ? strlen(text) : 0};
}

static struct row_fields fields(void)
{
    struct row_field none = {.missing = true};
    return (struct row_fields){.key = text_field("k"),
                               .locale = text_field("en"),
                               .updated_at = none,
                               .state = none,
                               .next_change_at = none};
}

static void columns_are_found(void **state)
{
    (void)state;
    static const char *const names[] = {"title", "locale", "key", "state", "Key"};
    struct row_columns at;
    struct error err = ERROR_INIT;
    assert_true(row_columns_find(&at, names, 5, &err));
    assert_int_equal(at.key, 2);
    assert_int_equal(at.locale, 1);
    assert_int_equal(at.state, 3);
    assert_true(at.updated_at == ROW_NONE);
    assert_true(at.next_change_at == ROW_NONE);
}

static void columns_that_cannot_be(void **state)
{
    (void)state;
    static const char *const sets[][4] = {{"key", "title"},          {"locale", "title"},
                                          {"key", "locale", "site"}, {"key", "locale", "asset"},
                                          {"key", "locale", "page"}, {"key", "locale", "x", "x"}};
    static const char *const words[] = {"'locale'", "'key'", "'site'", "'asset'", "'page'", "'x'"};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        struct row_columns at;
        struct error err = ERROR_INIT;
        size_t n = 0;
        while (n < 4 && sets[i][n] != NULL)
            n++;
        assert_false(row_columns_find(&at, sets[i], n, &err));
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, words[i]));
    }
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected; /* NULL: refused */
    } cases[] = {
        {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"},
        {"2026-01-02T03:04:05.999999Z", "2026-01-02T03:04:05Z"},
        {"infinity", ""},
        {"-infinity", ""},
        {"2026-01-02T03:04:05", NULL},
        {"2026-01-02T03:04:05+02:00", NULL},
        {"2026-01-02 03:04:05Z", NULL},
        {"2026-13-02T03:04:05Z", NULL},
        {"2026-01-32T03:04:05Z", NULL},
        {"2026-01-02T24:04:05Z", NULL},
        {"2026-01-02T03:60:05Z", NULL},
        {"12026-01-02T03:04:05Z", NULL},
        {"2026-01-02T03:04:05Zz", NULL},
        {"2026-01-02T03:04:05.Z.", NULL},
        {"", NULL},
        {"\xff", NULL},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source_row row = {0};
        struct error err = ERROR_INIT;
        struct row_fields f = fields();
        f.updated_at = text_field(cases[i].text);
        bool ok = row_check(&row, &arena, &f, &err);
        assert_int_equal(ok, cases[i].expected != NULL);
        if (!ok) {
            assert_int_equal(err.kind, ERROR_CONTENT);
            assert_int_equal(utf8_valid_prefix(err.text, strlen(err.text)), strlen(err.text));
        } else if (cases[i].expected[0] == '\0') {
            assert_null(row.updated_at);
        } else {
            assert_string_equal(row.updated_at, cases[i].expected);
        }
        assert_null(row.next_change_at);
        assert_string_equal(row.key, "k"); /* known in any case */
    }
    arena_release(&arena);
}

static void states(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        enum source_state expected;
    } cases[] = {{"live", true, SOURCE_LIVE},       {"maintenance", true, SOURCE_MAINTENANCE},
                 {"gone", true, SOURCE_GONE},       {"Live", false, SOURCE_LIVE},
                 {"live ", false, SOURCE_LIVE},     {"", false, SOURCE_LIVE},
                 {"publi\xc3", false, SOURCE_LIVE}, {NULL, false, SOURCE_LIVE}};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source_row row = {0};
        struct error err = ERROR_INIT;
        struct row_fields f = fields();
        f.state = text_field(cases[i].text);
        assert_int_equal(row_check(&row, &arena, &f, &err), cases[i].ok);
        assert_int_equal(row.state, cases[i].expected);
    }
    struct source_row row = {0};
    struct error err = ERROR_INIT;
    struct row_fields none = fields();
    assert_true(row_check(&row, &arena, &none, &err)); /* no such column: live */
    assert_int_equal(row.state, SOURCE_LIVE);
    arena_release(&arena);
}

static void keys(void **state)
{
    (void)state;
    static const struct row_field bad[] = {{.text = NULL},
                                           {.text = "", .len = 0},
                                           {.text = "a\0b", .len = 3},
                                           {.text = "\xff", .len = 1}};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct source_row row = {0};
        struct error err = ERROR_INIT;
        struct row_fields f = fields();
        f.key = bad[i];
        assert_false(row_check(&row, &arena, &f, &err));
        assert_null(row.key);
        assert_string_equal(row.locale, "en");
        assert_int_equal(strncmp(err.text, "key ", 4), 0);
        f = fields();
        f.locale = bad[i];
        assert_false(row_check(&row, &arena, &f, &err));
        assert_string_equal(row.key, "k");
        assert_int_equal(strncmp(err.text, "locale ", 7), 0);
    }
    arena_release(&arena);
}

static bool keep(void *payload, const struct source_row *row, const struct error *problem)
{
    struct error *kept = payload;
    (void)row;
    *kept = *problem;
    return strstr(problem->text, "stop") == NULL;
}

static void a_bad_row_says_which(void **state)
{
    (void)state;
    struct error kept = ERROR_INIT, err = ERROR_INIT, problem = ERROR_INIT;
    const struct source_sink to = {.bad = keep, .payload = &kept};
    const struct config_page_set set = {.name = "things"};
    char key[300];
    memset(key, 'x', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    memcpy(key + 78, "é", 2); /* the cut may not go through it */
    struct source_row row = {.number = 7, .key = key, .locale = "en"};
    error_set(&problem, ERROR_CONTENT, "wrong");
    assert_true(row_is_bad(&to, &set, &row, &problem, &err));
    assert_non_null(strstr(kept.text, "page set 'things', row 7 (key 'xxxx"));
    assert_non_null(strstr(kept.text, "...', locale 'en'): wrong"));
    assert_int_equal(utf8_valid_prefix(kept.text, strlen(kept.text)), strlen(kept.text));
    error_set(&problem, ERROR_CONTENT, "stop");
    row.key = NULL;
    assert_false(row_is_bad(&to, &set, &row, &problem, &err));
    assert_string_equal(err.text, "page set 'things', row 7: stop");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found),
        cmocka_unit_test(columns_that_cannot_be),
        cmocka_unit_test(times),
        cmocka_unit_test(states),
        cmocka_unit_test(keys),
        cmocka_unit_test(a_bad_row_says_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* strbuf, arena, map, utf8, error: the parts everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "base/utf8.h"

static void strbuf_is_always_terminated(void **state)
{
    (void)state;
    struct strbuf sb = STRBUF_INIT;
    assert_string_equal(sb.buf, "");
    strbuf_addstr(&sb, "ab");
    strbuf_addf(&sb, "%d", 42);
    strbuf_addch(&sb, '!');
    assert_string_equal(sb.buf, "ab42!");
    strbuf_reset(&sb);
    assert_string_equal(sb.buf, "");
    strbuf_release(&sb);
}

static void strbuf_overflow_sticks(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 4);
    strbuf_addstr(&sb, "abcd");
    assert_false(sb.overflow);
    strbuf_addch(&sb, 'e');
    assert_true(sb.overflow);
    strbuf_addstr(&sb, "");
    assert_string_equal(sb.buf, "abcd");
    strbuf_reset(&sb);
    strbuf_addstr(&sb, "xy");
    assert_string_equal(sb.buf, "xy");
    strbuf_release(&sb);
}

static void arena_gives_aligned_memory_and_forgets(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (size_t i = 1; i < 2000; i++) {
        char *p = arena_alloc(&a, i);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 1, i);
    }
    arena_alloc(&a, ARENA_KEEP * 3);
    assert_true(a.total > ARENA_KEEP * 3);
    arena_reset(&a);
    assert_true(a.total <= ARENA_KEEP);
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    arena_release(&a);
}

static void map_keeps_many_keys(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    static char keys[5000][16];
    for (size_t i = 0; i < 5000; i++) {
        size_t len = (size_t)snprintf(keys[i], sizeof(keys[i]), "key/%zu", i);
        bool added;
        *map_put(&m, keys[i], len, &added) = i;
        assert_true(added);
    }
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(*map_get(&m, keys[i], strlen(keys[i])), i);
    assert_null(map_get(&m, "key/", 4));
    assert_int_equal(m.count, 5000);
    map_release(&m);
}

static void utf8_refuses_what_rfc_3629_refuses(void **state)
{
    (void)state;
    static const char *bad[] = {"\x80",         "\xc0\xaf",         "\xc1\x81", "\xe0\x80\xaf",
                                "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5",     "\xe2\x82"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "0123456789%s", bad[i]);
        assert_int_equal(utf8_valid_prefix(text, (size_t)n), 10);
    }
    const char *good = "aé€😀 0123456789 ليل";
    assert_int_equal(utf8_valid_prefix(good, strlen(good)), strlen(good));
}

static void error_context_goes_in_front(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_false(error_set(&err, ERROR_USAGE, "bad %s", "ke\x1by"));
    assert_false(error_context(&err, "file %d", 3));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, "file 3: bad ke?y");
}

static void error_text_is_always_utf8(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERROR_CONTENT, "'%.3s' and '%s'", "ab\xc3\xa9",
              "caf\xc3\xa9 \xed\xa0\x80 \xff");
    assert_string_equal(err.text, "'ab?' and 'caf\xc3\xa9 ??? ?'");
    error_context(&err, "%.1s", "\xe4\xb8\xad");
    assert_string_equal(err.text, "?: 'ab?' and 'caf\xc3\xa9 ??? ?'");
}

static void error_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char text[ERROR_TEXT_MAX + 10];
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "é", 2);
    text[sizeof(text) - 2] = '\0';
    error_set(&err, ERROR_FAILED, "x%s", text);
    assert_int_equal(utf8_valid_prefix(err.text, strlen(err.text)), strlen(err.text));
    assert_true(strlen(err.text) > ERROR_TEXT_MAX - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strbuf_is_always_terminated),
        cmocka_unit_test(strbuf_overflow_sticks),
        cmocka_unit_test(arena_gives_aligned_memory_and_forgets),
        cmocka_unit_test(map_keeps_many_keys),
        cmocka_unit_test(utf8_refuses_what_rfc_3629_refuses),
        cmocka_unit_test(error_context_goes_in_front),
        cmocka_unit_test(error_text_is_always_utf8),
        cmocka_unit_test(error_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

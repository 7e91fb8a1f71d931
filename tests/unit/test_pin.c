/* The pin: what is accepted, what is said of the rest, and that it is written whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/pin.h"

#define GOOD                                                                                       \
    "{\"platen\":1,\"generation\":12,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"wrong "       \
    "prices\",\"by\":\"rollback\"}"

static bool parse(struct pin *pin, const char *text, struct error *err)
{
    error_clear(err);
    return pin_parse(pin, text, strlen(text), err);
}

static void reads_what_it_prints(void **state)
{
    (void)state;
    struct pin pin, again;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    assert_true(parse(&pin, GOOD, &err));
    assert_int_equal(pin.generation, 12);
    assert_string_equal(pin.since, "2026-01-02T03:04:05Z");
    assert_string_equal(pin.reason, "wrong prices");
    assert_int_equal(pin.by, PIN_BY_ROLLBACK);
    pin_print(&sb, &pin);
    assert_string_equal(sb.buf, GOOD);
    assert_true(pin_set_reason(&pin, "\"quoted\" \\ p\xc3\xa9riode", &err));
    pin.by = PIN_BY_HAND;
    strbuf_reset(&sb);
    pin_print(&sb, &pin);
    assert_true(parse(&again, sb.buf, &err));
    assert_string_equal(again.reason, pin.reason);
    assert_int_equal(again.by, PIN_BY_HAND);
    strbuf_release(&sb);
}

static void refuses_everything_else(void **state)
{
    (void)state;
    static const char head[] = "{\"platen\":1,\"generation\":";
    static const char tail[] =
        ",\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\",\"by\":\"pin\"}";
    static const char *const numbers[] = {
        "0", "-1", "1.0", "1e3", "\"1\"", "null", "[1]", "", "9999999999999999999"};
    static const char *const whole[] = {
        "",
        "[]",
        "{}",
        "{\"platen\":1}",
        GOOD "x",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02\",\"reason\":\"\",\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-21-02T03:04:05Z\",\"reason\":\"\","
        "\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\","
        "\"by\":\"me\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\\u001b\","
        "\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\\u0085\","
        "\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\\u0000\","
        "\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"generation\":2,\"since\":\"2026-01-02T03:04:05Z\","
        "\"reason\":\"\",\"by\":\"pin\"}",
        "{\"platen\":1,\"generation\":1,\"since\":\"2026-01-02T03:04:05Z\",\"reason\":\"\","
        "\"by\":\"pin\",\"until\":\"tomorrow\"}",
    };
    struct pin pin;
    struct error err;
    char text[300];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        snprintf(text, sizeof(text), "%s%s%s", head, numbers[i], tail);
        if (parse(&pin, text, &err) || err.kind != ERROR_CONTENT || pin.generation != 0)
            fail_msg("generation %s: %s", numbers[i], err.text);
    }
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (parse(&pin, whole[i], &err) || err.kind != ERROR_CONTENT || pin.generation != 0)
            fail_msg("%s: %s", whole[i], err.text);
    assert_false(parse(&pin, "{\"platen\":2,\"what\":[]}", &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "newer"));
}

static void a_reason_is_one_line(void **state)
{
    (void)state;
    struct pin pin = {0};
    struct error err = ERROR_INIT;
    char text[PIN_REASON_MAX + 2];
    memset(text, 'a', sizeof(text));
    text[PIN_REASON_MAX + 1] = '\0';
    assert_false(pin_set_reason(&pin, text, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    text[PIN_REASON_MAX] = '\0';
    assert_true(pin_set_reason(&pin, text, &err));
    assert_false(pin_set_reason(&pin, "two\nlines", &err));
    assert_false(pin_set_reason(&pin, "\xff", &err));
    assert_string_equal(pin.reason, text);
}

static void is_written_and_taken_away(void **state)
{
    (void)state;
    struct scratch scratch;
    struct store s;
    struct pin pin, read;
    bool was_there;
    struct error err = ERROR_INIT;
    assert_int_equal(scratch_make(&scratch), 0);
    assert_true(store_open(&s, scratch.path, false, &err));
    assert_true(pin_read(&s, &read, &err));
    assert_int_equal(read.generation, 0);
    assert_true(parse(&pin, GOOD, &err));
    assert_true(pin_write(&s, &pin, &err));
    assert_true(scratch_is(&scratch, "releases/pin.json", GOOD "\n"));
    assert_false(scratch_has(&scratch, "releases/.pin.new"));
    assert_true(pin_read(&s, &read, &err));
    assert_int_equal(read.generation, 12);
    scratch_write(&scratch, "releases/.pin.new", "{");
    assert_true(pin_remove(&s, &was_there, &err));
    assert_true(was_there && !scratch_has(&scratch, "releases/.pin.new"));
    assert_true(pin_remove(&s, &was_there, &err));
    assert_false(was_there);
    store_close(&s);
    scratch_remove(&scratch);
}

static void damage_names_the_file_and_the_mend(void **state)
{
    (void)state;
    struct scratch scratch;
    struct store s;
    struct pin read;
    bool was_there;
    struct error err = ERROR_INIT;
    assert_int_equal(scratch_make(&scratch), 0);
    assert_true(store_open(&s, scratch.path, false, &err));
    scratch_write(&scratch, "releases/pin.json", "{\"platen\":1,");
    assert_false(pin_read(&s, &read, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_non_null(strstr(err.text, "releases: pin.json: line 1"));
    assert_non_null(strstr(err.text, "platen unpin"));
    assert_true(pin_remove(&s, &was_there, &err));
    assert_true(was_there);
    assert_int_equal(mkdirat(s.releases_fd, "pin.json", 0777), 0);
    error_clear(&err);
    assert_false(pin_read(&s, &read, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    store_close(&s);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_prints),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(a_reason_is_one_line),
        cmocka_unit_test(is_written_and_taken_away),
        cmocka_unit_test(damage_names_the_file_and_the_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

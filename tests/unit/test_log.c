/* The log: one line per event whatever is in it, and no flood of what was said before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"

struct written {
    struct log log;
    int fd;
    char text[65536];
};

static void begin(struct written *w, enum log_form form, enum log_level least)
{
    w->fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(w->fd >= 0);
    log_init(&w->log, w->fd, form, least);
}

static const char *text(struct written *w)
{
    ssize_t n = pread(w->fd, w->text, sizeof(w->text) - 1, 0);
    assert_true(n >= 0);
    w->text[n] = '\0';
    return w->text;
}

static void end(struct written *w)
{
    log_release(&w->log);
    close(w->fd);
}

static size_t lines(const char *t)
{
    size_t n = 0;
    for (; *t != '\0'; t++)
        n += *t == '\n';
    return n;
}

static void say_some(struct log *log)
{
    struct log_line line;
    log_begin(&line, log, LOG_INFO, "printed");
    log_text(&line, "reason", "notified");
    log_number(&line, "pages", -7);
    log_seconds(&line, "seconds", 0.0125);
    log_text(&line, "text", "with \"blanks\"\nand = signs");
    log_end(&line);
}

static void test_pairs(void **state)
{
    struct written w;
    (void)state;
    begin(&w, LOG_PAIRS, LOG_INFO);
    say_some(&w.log);
    const char *line = strstr(text(&w), " level=");
    assert_non_null(line);
    assert_string_equal(line, " level=info what=printed reason=notified pages=-7 seconds=0.013 "
                              "text=\"with \\\"blanks\\\"\\nand = signs\"\n");
    assert_memory_equal(w.text, "time=20", 7);
    assert_int_equal(w.text[strlen("time=2026-01-02T03:04:05.678Z")], ' ');
    end(&w);
}

static void test_terminal(void **state)
{
    struct written w;
    (void)state;
    begin(&w, LOG_TERMINAL, LOG_INFO);
    log_say(&w.log, LOG_ERROR, "look failed", "no \x1b[31mcolours\x1b[0m");
    assert_string_equal(strchr(text(&w), ' '), " error: look failed: no ?[31mcolours?[0m\n");
    end(&w);
}

static void read_json(const char *t, size_t len)
{
    struct arena arena;
    struct json_value value;
    struct error err = ERROR_INIT;
    arena_init(&arena);
    bool ok = json_parse(&arena, NULL, t, len, NULL, &value, &err);
    if (!ok)
        print_error("%s\n%.*s\n", err.text, (int)len, t);
    assert_true(ok);
    arena_release(&arena);
}

/* Every byte there is, in a value. */
static void test_json_whatever_is_in_it(void **state)
{
    struct written w;
    char hostile[300];
    size_t n = 0;
    (void)state;
    for (int c = 255; c > 0; c--)
        hostile[n++] = (char)c;
    hostile[n] = '\0';
    begin(&w, LOG_JSON, LOG_INFO);
    say_some(&w.log);
    log_say(&w.log, LOG_INFO, "hostile", hostile);
    log_say(&w.log, LOG_INFO, "c1",
            "a\xc2\x9b"
            "31mb");
    log_say(&w.log, LOG_INFO, "none", NULL);
    const char *t = text(&w);
    assert_int_equal(lines(t), 4);
    for (size_t i = 0; i < 4; i++) {
        size_t len = strcspn(t, "\n");
        read_json(t, len);
        for (size_t j = 0; j < len; j++)
            assert_true((unsigned char)t[j] >= 0x20 && t[j] != 0x7f);
        assert_null(strstr(t, "\xc2\x9b"));
        t += len + 1;
    }
    end(&w);
}

/* A line over its cap is cut, and still a line. */
static void test_long_values(void **state)
{
    static char longest[40000];
    struct written w;
    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    begin(&w, LOG_JSON, LOG_INFO);
    log_say(&w.log, LOG_ERROR, "long", longest);
    log_say(&w.log, LOG_ERROR, "short", "y");
    const char *t = text(&w);
    assert_int_equal(lines(t), 2);
    read_json(t, strcspn(t, "\n"));
    assert_in_range(strcspn(t, "\n"), 4096, 4300);
    end(&w);
}

static void test_levels(void **state)
{
    struct written w;
    (void)state;
    begin(&w, LOG_PAIRS, LOG_WARNING);
    log_say(&w.log, LOG_DEBUG, "a", NULL);
    log_say(&w.log, LOG_INFO, "b", NULL);
    log_say(&w.log, LOG_WARNING, "c", NULL);
    log_say(&w.log, LOG_ERROR, "d", NULL);
    assert_int_equal(lines(text(&w)), 2);
    end(&w);
}

static void test_a_problem_is_said_once(void **state)
{
    struct written w;
    (void)state;
    begin(&w, LOG_PAIRS, LOG_INFO);
    for (int i = 0; i < 100; i++) {
        char problem[64];
        snprintf(problem, sizeof(problem), "no answer for %d.%d s from port %d", i, i % 10,
                 5000 + i);
        log_say(&w.log, LOG_WARNING, "not listening", problem);
    }
    assert_int_equal(lines(text(&w)), 1);
    log_say(&w.log, LOG_WARNING, "not listening", "another reason");
    log_say(&w.log, LOG_INFO, "listening", NULL);
    log_say(&w.log, LOG_INFO, "listening", NULL); /* events are no problems */
    assert_int_equal(lines(text(&w)), 4);
    end(&w);
}

/* After a minute it is said again, and how often it was not. */
static void test_repeated_problems_are_counted(void **state)
{
    struct written w;
    (void)state;
    begin(&w, LOG_PAIRS, LOG_INFO);
    for (int i = 0; i < 5; i++)
        log_say(&w.log, LOG_ERROR, "look failed", "again");
    for (size_t i = 0; i < LOG_REMEMBERED; i++)
        w.log.seen[i].shown_ms -= 60000;
    log_say(&w.log, LOG_ERROR, "look failed", "again");
    assert_int_equal(lines(text(&w)), 2);
    assert_non_null(strstr(text(&w), " repeated=4\n"));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_json_whatever_is_in_it),
        cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_a_problem_is_said_once),
        cmocka_unit_test(test_repeated_problems_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

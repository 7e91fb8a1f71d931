/* Lines of a file: whole, last without a break, overlong, across the reader's own borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "source/lines.h"

static int file_of(const struct strbuf *text)
{
    int fd = memfd_create("lines", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text->buf, text->len), text->len);
    return fd;
}

static void lines_and_their_places(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct lines r;
    struct line line;
    struct error err = ERROR_INIT;
    strbuf_addstr(&text, "one\n\nthree");
    int fd = file_of(&text);
    lines_init(&r, fd, 0, 1000);
    assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
    assert_memory_equal(line.text, "one", 3);
    assert_int_equal(line.len, 3);
    assert_int_equal(line.offset, 0);
    assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
    assert_int_equal(line.len, 0);
    assert_int_equal(line.offset, 4);
    assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
    assert_memory_equal(line.text, "three", 5);
    assert_int_equal(line.offset, 5);
    assert_int_equal(lines_next(&r, &line, &err), LINES_END);
    assert_int_equal(lines_next(&r, &line, &err), LINES_END);
    lines_release(&r);
    lines_init(&r, fd, 5, 1000); /* from the middle on */
    assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
    assert_memory_equal(line.text, "three", 5);
    lines_release(&r);
    close(fd);
    strbuf_release(&text);
}

/* Lengths around the limit and around the size of one read. */
static void overlong_lines_are_passed_over(void **state)
{
    (void)state;
    static const size_t lengths[] = {999,    1000,   1001,   131071, 131072, 131073,
                                     262143, 262144, 262145, 300000, 1,      0};
    enum { COUNT = sizeof(lengths) / sizeof(lengths[0]), MAX = 1000 };
    struct strbuf text = STRBUF_INIT;
    struct lines r;
    struct line line;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < lengths[i]; j++)
            strbuf_addch(&text, (char)('a' + i));
        strbuf_addch(&text, '\n');
    }
    int fd = file_of(&text);
    lines_init(&r, fd, 0, MAX);
    uint64_t offset = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
        assert_int_equal(line.size, lengths[i]);
        assert_int_equal(line.offset, offset);
        assert_int_equal(line.overlong, lengths[i] > MAX);
        assert_true(line.overlong ? line.len >= LINES_HEAD : line.len == lengths[i]);
        for (size_t j = 0; j < line.len; j++)
            assert_int_equal(line.text[j], 'a' + (int)i);
        offset += lengths[i] + 1;
    }
    assert_int_equal(lines_next(&r, &line, &err), LINES_END);
    assert_int_equal(r.offset, text.len);
    lines_release(&r);
    close(fd);
    strbuf_release(&text);
}

static void an_overlong_last_line_without_a_break(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct lines r;
    struct line line;
    struct error err = ERROR_INIT;
    for (size_t j = 0; j < 500000; j++)
        strbuf_addch(&text, 'x');
    int fd = file_of(&text);
    lines_init(&r, fd, 0, 1000);
    assert_int_equal(lines_next(&r, &line, &err), LINES_LINE);
    assert_true(line.overlong);
    assert_int_equal(line.size, 500000);
    assert_int_equal(lines_next(&r, &line, &err), LINES_END);
    lines_release(&r);
    close(fd);
    strbuf_release(&text);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct lines r;
    struct line line;
    struct error err = ERROR_INIT;
    lines_init(&r, -1, 0, 1000);
    assert_int_equal(lines_next(&r, &line, &err), LINES_FAILED);
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_non_null(strstr(err.text, "Bad file descriptor"));
    lines_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_their_places),
        cmocka_unit_test(overlong_lines_are_passed_over),
        cmocka_unit_test(an_overlong_last_line_without_a_break),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

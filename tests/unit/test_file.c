/* Files and digests: whole files read and written, folders made, flushed and removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"
#include "scratch.h"

static int setup(void **state)
{
    static struct scratch s;
    *state = &s;
    return scratch_make(&s);
}

static int teardown(void **state)
{
    scratch_remove(*state);
    return 0;
}

static void refuse(bool ok, const struct error *err, const char *why)
{
    assert_false(ok);
    assert_int_equal(err->kind, ERROR_FAILED);
    if (strstr(err->text, why) == NULL)
        fail_msg("expected '%s', got '%s'", why, err->text);
}

static void files_are_read_whole_and_appended(void **state)
{
    struct scratch *s = *state;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    scratch_write(s, "a", "hello");
    scratch_write(s, "empty", "");
    assert_true(file_read(s->fd, "a", 5, &sb, &err));
    assert_true(file_read(s->fd, "empty", 0, &sb, &err));
    assert_true(file_read(s->fd, "a", 100, &sb, &err));
    assert_string_equal(sb.buf, "hellohello");
    strbuf_reset(&sb);
    /* Its size is said to be 0: what counts is what comes. */
    assert_true(file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &sb, &err));
    assert_non_null(strstr(sb.buf, "VmRSS"));
    strbuf_release(&sb);
}

static void what_is_no_file_or_too_large_is_refused(void **state)
{
    struct scratch *s = *state;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT, small;
    scratch_write(s, "a", "hello");
    assert_int_equal(mkfifoat(s->fd, "pipe", 0666), 0);
    refuse(file_read(s->fd, "a", 4, &sb, &err), &err, "a: larger than 4 bytes");
    refuse(file_read(s->fd, "none", 4, &sb, &err), &err, "none: No such file");
    refuse(file_read(s->fd, "pipe", 4, &sb, &err), &err, "pipe: not a regular file");
    refuse(file_read(s->fd, ".", 4, &sb, &err), &err, "not a regular file");
    refuse(file_read(AT_FDCWD, "/proc/self/status", 10, &sb, &err), &err, "larger than 10 bytes");
    strbuf_init(&small, 3);
    refuse(file_read(s->fd, "a", 100, &small, &err), &err, "larger");
    strbuf_release(&sb);
    strbuf_release(&small);
}

static void a_write_that_fails_is_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    refuse(file_write_all(fd, "the page", "x", 1, &err), &err, "writing the page: No space");
    assert_true(file_write_all(fd, "nothing", "", 0, &err));
    close(fd);
}

static void folders_are_made_once(void **state)
{
    struct scratch *s = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(s->fd, "a/b/c", &err));
    assert_true(file_make_dirs(s->fd, "a/b/c", &err));
    assert_true(file_make_dirs(s->fd, "a/b/d/", &err));
    assert_true(S_ISDIR(scratch_stat(s, "a/b/d").st_mode));
    scratch_write(s, "a/file", "x");
    refuse(file_make_dirs(s->fd, "a/file", &err), &err, "something that is no folder");
    refuse(file_make_dirs(s->fd, "a/file/b", &err), &err, "something that is no folder");
    char path[5000];
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    refuse(file_make_dirs(s->fd, path, &err), &err, "too long");
    assert_true(file_sync_dir(s->fd, "a/b", &err));
    refuse(file_sync_dir(s->fd, "a/none", &err), &err, "a/none: No such file");
    refuse(file_sync_dir(s->fd, "a/file", &err), &err, "a/file: Not a directory");
}

/* What a link points at is somebody else's. */
static void trees_are_removed_and_links_never_followed(void **state)
{
    struct scratch *s = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(s->fd, "kept/inner", &err));
    scratch_write(s, "kept/inner/file", "x");
    assert_true(file_make_dirs(s->fd, "tree/deep/er", &err));
    scratch_write(s, "tree/deep/er/file", "x");
    assert_int_equal(symlinkat("../kept", s->fd, "tree/link"), 0);
    assert_int_equal(symlinkat("../../kept/inner/file", s->fd, "tree/deep/link"), 0);
    assert_int_equal(symlinkat("kept", s->fd, "link"), 0);
    assert_int_equal(mkfifoat(s->fd, "tree/pipe", 0666), 0);
    assert_true(file_remove_tree(s->fd, "tree", &err));
    assert_true(file_remove_tree(s->fd, "tree", &err));
    assert_true(file_remove_tree(s->fd, "link", &err));
    assert_false(scratch_has(s, "tree"));
    assert_false(scratch_has(s, "link"));
    assert_true(scratch_is(s, "kept/inner/file", "x"));
    scratch_write(s, "file", "x");
    assert_true(file_remove_tree(s->fd, "file", &err));
    assert_false(scratch_has(s, "file"));
}

static void digests_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    struct digest d;
    uint8_t sum[DIGEST_SIZE], back[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    digest_init(&d);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        digest_of(&d, known[i].text, strlen(known[i].text), sum);
        digest_hex(sum, hex);
        assert_string_equal(hex, known[i].hex);
        assert_true(digest_from_hex(hex, DIGEST_HEX_SIZE, back));
        assert_memory_equal(back, sum, DIGEST_SIZE);
        digest_begin(&d); /* in pieces */
        for (const char *p = known[i].text; *p != '\0'; p++)
            digest_add(&d, p, 1);
        digest_end(&d, back);
        assert_memory_equal(back, sum, DIGEST_SIZE);
    }
    digest_release(&d);
    assert_false(digest_from_hex(hex, DIGEST_HEX_SIZE - 1, back));
    hex[5] = 'G';
    assert_false(digest_from_hex(hex, DIGEST_HEX_SIZE, back));
    hex[5] = 'A'; /* we write lower case: anything else was not written by us */
    assert_false(digest_from_hex(hex, DIGEST_HEX_SIZE, back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_read_whole_and_appended, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_or_too_large_is_refused, setup, teardown),
        cmocka_unit_test(a_write_that_fails_is_told),
        cmocka_unit_test_setup_teardown(folders_are_made_once, setup, teardown),
        cmocka_unit_test_setup_teardown(trees_are_removed_and_links_never_followed, setup,
                                        teardown),
        cmocka_unit_test(digests_are_those_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

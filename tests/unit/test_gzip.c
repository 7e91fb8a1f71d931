/* gzip twins: a fixed header, equal bytes for equal bytes, nothing that is no gain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "pack/gzip.h"

static void unpack(const struct strbuf *packed, const char *data, size_t len)
{
    static char back[1 << 20];
    z_stream z = {0};
    assert_true(len <= sizeof(back));
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)packed->buf;
    z.avail_in = (uInt)packed->len;
    z.next_out = (Bytef *)back;
    z.avail_out = sizeof(back);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, len);
    assert_memory_equal(back, data, len);
    inflateEnd(&z);
}

static void fill(char *data, size_t len)
{
    static const char words[] = "a shop of lamps and looms, printed once and served from a disk; ";
    for (size_t i = 0; i < len; i++)
        data[i] = words[(i + i / 97) % (sizeof(words) - 1)];
}

static void what_is_packed_is_smaller_and_comes_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 1000, 4096, 70000, 1 << 20};
    static char data[1 << 20];
    struct gzip gz;
    struct error err = ERROR_INIT;
    struct strbuf out = STRBUF_INIT;
    fill(data, sizeof(data));
    assert_true(gzip_init(&gz, &err));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_true(gzip_pack(&gz, data, sizes[i], &out));
        assert_true(out.len < sizes[i]);
        unpack(&out, data, sizes[i]);
    }
    strbuf_release(&out);
    gzip_release(&gz);
}

static void the_header_says_nothing_of_time_or_machine(void **state)
{
    (void)state;
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255};
    char data[500];
    struct gzip gz;
    struct error err = ERROR_INIT;
    struct strbuf out = STRBUF_INIT;
    fill(data, sizeof(data));
    assert_true(gzip_init(&gz, &err));
    assert_true(gzip_pack(&gz, data, sizeof(data), &out));
    assert_memory_equal(out.buf, header, sizeof(header));
    strbuf_release(&out);
    gzip_release(&gz);
}

/* A stream that has packed other things, or failed to, gives the bytes of a fresh one. */
static void nothing_is_carried_from_page_to_page(void **state)
{
    (void)state;
    static char data[3000], noise[3000];
    struct gzip used, fresh;
    struct error err = ERROR_INIT;
    struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    uint32_t random = 1;
    fill(data, sizeof(data));
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)((random = random * 1664525 + 1013904223) >> 24);
    assert_true(gzip_init(&used, &err));
    assert_true(gzip_init(&fresh, &err));
    assert_true(gzip_pack(&used, data, 1000, &a));
    assert_false(gzip_pack(&used, noise, sizeof(noise), &a));
    assert_true(gzip_pack(&used, data, sizeof(data), &a));
    assert_true(gzip_pack(&fresh, data, sizeof(data), &b));
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.buf, b.buf, a.len);
    strbuf_release(&a);
    strbuf_release(&b);
    gzip_release(&used);
    gzip_release(&fresh);
}

static void what_does_not_shrink_has_no_twin(void **state)
{
    (void)state;
    struct gzip gz;
    struct error err = ERROR_INIT;
    struct strbuf out = STRBUF_INIT;
    assert_true(gzip_init(&gz, &err));
    assert_false(gzip_pack(&gz, "", 0, &out));
    assert_false(gzip_pack(&gz, "a", 1, &out));
    assert_false(gzip_pack(&gz, "0123456789abcdefghijklmnopqrstuvwxyz", 36, &out));
    assert_int_equal(err.kind, ERROR_NONE);
    strbuf_release(&out);
    gzip_release(&gz);
    gzip_release(&gz); /* harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_smaller_and_comes_back),
        cmocka_unit_test(the_header_says_nothing_of_time_or_machine),
        cmocka_unit_test(nothing_is_carried_from_page_to_page),
        cmocka_unit_test(what_does_not_shrink_has_no_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The origin's record: what is written is read again, is small, and damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "upload/record.h"
#include "upload/record_code.h"

#define HTML "[\"text/html; charset=utf-8\",\"public, max-age=0\"]"
#define HEAD                                                                                       \
    "{\"platen_origin\":1,\"generation\":7,\"content\":\"c\",\"database\":\"\",\"created\":\"\","  \
    "\"version\":\"\",\"claim\":\"\",\"packing\":\"\",\"mode\":\"both\",\"conditions\":"           \
    "{\"none_match\":false,\"match\":\"bare\"},\"pin\":null,\"headers\":[" HTML "],\n"
#define FILES "\"columns\":[],\"files\":[\n"
#define SHA "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void pack(const char *text, size_t len, struct strbuf *out)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 31, 8, 0), Z_OK);
    size_t room = deflateBound(&z, (uLong)len) + 64;
    assert_true(strbuf_reserve(out, room));
    z.next_in = (z_const Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)out->buf + out->len;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    strbuf_setlen(out, out->len + z.total_out);
    deflateEnd(&z);
}

static void refuses(const char *text, enum error_kind kind, const char *message)
{
    struct record r;
    struct error err = ERROR_INIT;
    struct strbuf packed = STRBUF_INIT;
    record_init(&r);
    pack(text, strlen(text), &packed);
    assert_false(record_read(&r, packed.buf, packed.len, &err));
    assert_string_equal(err.text, message);
    assert_int_equal(err.kind, kind);
    assert_int_equal(r.n_files, 0);
    assert_int_equal(r.generation, 0);
    record_release(&r);
    strbuf_release(&packed);
}

static void write_it(const struct record *r, struct strbuf *out)
{
    struct error err = ERROR_INIT;
    if (!record_write(r, out, &err))
        fail_msg("%s", err.text);
}

static void read_it(struct record *r, const struct strbuf *text)
{
    struct error err = ERROR_INIT;
    if (!record_read(r, text->buf, text->len, &err))
        fail_msg("%s", err.text);
}

static struct record_file *add(struct record *r, const char *path, const char *etag,
                               const char *gz_etag)
{
    struct record_file *f = record_add(r);
    f->path = record_text(r, path, strlen(path));
    f->etag[RECORD_PLAIN] = record_text(r, etag, strlen(etag));
    f->etag[RECORD_GZIP] = record_text(r, gz_etag, strlen(gz_etag));
    return f;
}

static void fill(struct record *r)
{
    record_init(r);
    r->generation = 12;
    r->content = "abc";
    r->created = "2026-01-02T03:04:05Z";
    r->database = "d1";
    r->version = "0.4.0";
    r->claim = "c-1";
    r->packing = "gzip-9";
    r->mode = "both";
    r->conditions = (struct target_conditions){true, TARGET_MATCH_QUOTED};
    r->pin = (struct pin){.generation = 9, .since = "2026-01-02T03:04:05Z", .reason = "a \"b\""};
    assert_int_equal(record_headers(r, HTML), 0);
    assert_int_equal(record_headers(r, "[\"a\\\"b\",\"\",\"k\",\"\\\\v\"]"), 1);
    assert_int_equal(record_headers(r, HTML), 0);
    struct record_file *f = add(r, "a b/\xc3\xa9.html", "0123456789abcdef0123456789abcdef",
                                "0123456789abcdef0123456789abcdef-3");
    memset(f->sha256, 0xa7, DIGEST_SIZE);
    f->etag[RECORD_FOLDER] = "0123456789ABCDEF0123456789abcdef";
    add(r, "b/index.html", RECORD_UNKNOWN, "")->headers = 1;
    add(r, "c.css", "W/\\'x", "")->retired = 1764000000;
    add(r, "d.txt", "", "");
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct record r, again;
    struct strbuf text = STRBUF_INIT, twice = STRBUF_INIT;
    fill(&r);
    write_it(&r, &text);
    record_init(&again);
    read_it(&again, &text);
    assert_int_equal(again.generation, 12);
    assert_string_equal(again.content, "abc");
    assert_string_equal(again.claim, "c-1");
    assert_string_equal(again.mode, "both");
    assert_true(again.conditions.none_match);
    assert_int_equal(again.conditions.match, TARGET_MATCH_QUOTED);
    assert_int_equal(again.pin.generation, 9);
    assert_string_equal(again.pin.reason, "a \"b\"");
    assert_int_equal(again.n_headers, 2);
    assert_string_equal(again.headers[1], "[\"a\\\"b\",\"\",\"k\",\"\\\\v\"]");
    assert_int_equal(again.n_files, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(again.files[i].path, r.files[i].path);
        assert_memory_equal(again.files[i].sha256, r.files[i].sha256, DIGEST_SIZE);
        assert_int_equal(again.files[i].headers, r.files[i].headers);
        assert_int_equal(again.files[i].retired, r.files[i].retired);
        for (size_t v = 0; v < RECORD_VARIANTS; v++)
            assert_string_equal(again.files[i].etag[v], r.files[i].etag[v]);
    }
    write_it(&again, &twice);
    assert_int_equal(text.len, twice.len);
    assert_memory_equal(text.buf, twice.buf, text.len);
    assert_ptr_equal(record_find(&again, "c.css"), &again.files[2]);
    assert_null(record_find(&again, "c.cs"));
    assert_null(record_find(&again, "z"));
    record_release(&again);
    record_release(&r);
    strbuf_release(&text);
    strbuf_release(&twice);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static const char *random_etag(uint64_t *state, char hex[33])
{
    snprintf(hex, 33, "%016llx%016llx", (unsigned long long)next_random(state),
             (unsigned long long)next_random(state));
    return hex;
}

/* 20,000 paths as a shop has them, in order. */
static void fill_shop(struct record *r, bool twins)
{
    static const char *const locales[] = {"de", "en-GB", "en", "es", "fr-CA", "fr", "it", "nl"};
    static const char *const stems[] = {"linen-shirt", "wool-blanket", "oak-table", "brass-lamp",
                                        "ceramic-vase"};
    uint64_t state = 88172645463325252ULL;
    char path[200], hex[33];
    record_init(r);
    r->generation = 3;
    r->mode = "sidecar";
    record_headers(r, HTML);
    for (unsigned l = 0; l < 8; l++)
        for (unsigned s = 0; s < 5; s++)
            for (unsigned i = 0; i < 500; i++) {
                snprintf(path, sizeof(path), "%s/products/%05u-%s-%04u/index.html", locales[l],
                         s * 500 + i, stems[s], (unsigned)(next_random(&state) % 10000));
                struct record_file *f = add(r, path, random_etag(&state, hex), "");
                if (twins)
                    f->etag[RECORD_GZIP] = record_text(r, random_etag(&state, hex), 32);
                for (size_t b = 0; b < DIGEST_SIZE; b++)
                    f->sha256[b] = (uint8_t)next_random(&state);
            }
}

static void an_object_takes_at_most_60_bytes(bool twins, size_t objects)
{
    struct record r, again;
    struct strbuf text = STRBUF_INIT;
    fill_shop(&r, twins);
    assert_int_equal(r.n_files, 20000);
    write_it(&r, &text);
    print_message("%s twins: %.1f bytes an object\n", twins ? "with" : "without",
                  (double)text.len / (double)objects);
    assert_true(text.len <= 60 * objects);
    record_init(&again);
    read_it(&again, &text);
    assert_int_equal(again.n_files, 20000);
    assert_string_equal(again.files[19999].etag[0], r.files[19999].etag[0]);
    record_release(&again);
    record_release(&r);
    strbuf_release(&text);
}

static void it_is_small_with_twins(void **state)
{
    (void)state;
    an_object_takes_at_most_60_bytes(true, 40000);
}

static void it_is_small_without_twins(void **state)
{
    (void)state;
    an_object_takes_at_most_60_bytes(false, 20000);
}

static void the_header_is_read_alone(void **state)
{
    (void)state;
    struct record r, head;
    struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    fill_shop(&r, true);
    write_it(&r, &text);
    record_init(&head);
    assert_true(record_read_header(&head, text.buf, 4096, &err));
    assert_int_equal(head.generation, 3);
    assert_int_equal(head.n_headers, 1);
    assert_int_equal(head.n_files, 0);
    assert_false(record_read_header(&head, text.buf, 40, &err));
    assert_int_equal(err.kind, ERROR_CONTENT);
    assert_string_equal(err.text, "cut off before its end");
    assert_false(record_read(&head, text.buf, 4096, &err));
    assert_string_equal(err.text, "cut off before its end");
    record_release(&head);
    record_release(&r);
    strbuf_release(&text);
}

static void refuses_bytes(const char *data, size_t len, const char *message)
{
    struct record r;
    struct error err = ERROR_INIT;
    record_init(&r);
    assert_false(record_read(&r, data, len, &err));
    assert_int_equal(err.kind, ERROR_CONTENT);
    assert_string_equal(err.text, message);
    record_release(&r);
}

static void damaged_bytes_are_told(void **state)
{
    (void)state;
    struct record r;
    struct strbuf text = STRBUF_INIT;
    refuses_bytes("", 0, "empty");
    refuses_bytes("{}", 2, "not a gzip file, or a damaged one");
    refuses_bytes("\x1f\x8b", 2, "cut off before its end");
    fill(&r);
    write_it(&r, &text);
    refuses_bytes(text.buf, text.len - 1, "cut off before its end");
    text.buf[text.len - 8] ^= 1; /* of the sum */
    refuses_bytes(text.buf, text.len, "not a gzip file, or a damaged one");
    text.buf[text.len - 8] ^= 1;
    strbuf_addch(&text, 'x');
    refuses_bytes(text.buf, text.len, "bytes after the end");
    record_release(&r);
    strbuf_release(&text);
}

static void damaged_texts_are_told(void **state)
{
    (void)state;
    refuses("", ERROR_CONTENT, "line 1: not the record of an origin");
    refuses("{\"platen\":1,\n", ERROR_CONTENT, "line 1: not the record of an origin");
    refuses("{\"platen_origin\":2,\n", ERROR_USAGE,
            "written by a newer platen, in format 2 (this one reads 1): use that one for this "
            "origin, or another origin with this one");
    refuses("{\"platen_origin\":1,\n", ERROR_CONTENT,
            "line 1: generation missing or not a positive number");
    refuses("{\"platen_origin\":1,\"generation\":1,\n", ERROR_CONTENT,
            "line 1: content missing or wrong");
    refuses(HEAD, ERROR_CONTENT, "line 2: the list of files is missing");
    refuses(HEAD FILES, ERROR_CONTENT, "line 3: cut off before its end");
    refuses(HEAD FILES "[]\n]}\n", ERROR_CONTENT, "line 3: a file has 3 to 7 columns");
    refuses(HEAD FILES "[\"../x\",0,\"" SHA "\"]\n]}\n", ERROR_CONTENT,
            "line 3: path '../x' has a '.' or '..' segment");
    refuses(HEAD FILES "[\"x\",1,\"" SHA "\"]\n]}\n", ERROR_CONTENT,
            "line 3: headers is out of range");
    refuses(HEAD FILES "[\"x\",0,\"AA\"]\n]}\n", ERROR_CONTENT,
            "line 3: sha256 is not 32 bytes in base64");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\",\"abc\"]\n]}\n", ERROR_CONTENT,
            "line 3: an ETag is none");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\",\"\",\"\",\"\",-1]\n]}\n", ERROR_CONTENT,
            "line 3: retired is wrong");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\"],\n[\"x\",0,\"" SHA "\"]\n]}\n", ERROR_CONTENT,
            "line 4: files are not in order of their paths");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\"]\n[\"y\",0,\"" SHA "\"]\n]}\n", ERROR_CONTENT,
            "line 4: a file after the last one");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\"],\n]}\n", ERROR_CONTENT,
            "line 4: a comma after the last file");
    refuses(HEAD FILES "[\"x\",0,\"" SHA "\"]\n]}\nx\n", ERROR_CONTENT,
            "line 5: text after the end");
}

/* Little that becomes much is stopped where its limit is, not where memory is. */
static void bombs_do_not_go_off(void **state)
{
    (void)state;
    size_t len = (size_t)40 << 20;
    char *text = malloc(len + 1);
    struct strbuf packed = STRBUF_INIT;
    assert_non_null(text);
    memset(text, 'a', len);
    text[len] = '\0';
    pack(text, len, &packed);
    assert_true(packed.len < 1 << 20);
    refuses_bytes(packed.buf, packed.len, "line 1: the line is too long");
    strbuf_reset(&packed);
    size_t head = strlen(HEAD FILES);
    memcpy(text, HEAD FILES, head);
    pack(text, len, &packed);
    refuses_bytes(packed.buf, packed.len, "line 3: the line is too long");
    strbuf_release(&packed);
    free(text);
}

static void what_cannot_be_read_is_not_written(void **state)
{
    (void)state;
    struct record r;
    struct strbuf out = STRBUF_INIT;
    struct error err = ERROR_INIT;
    fill(&r);
    r.generation = 0;
    assert_false(record_write(&r, &out, &err));
    r.generation = 1;
    r.claim = "a\nb";
    assert_false(record_write(&r, &out, &err));
    assert_string_equal(err.text, "the origin's record has a text that cannot be kept");
    r.claim = "";
    r.files[1].etag[0] = "a b";
    assert_false(record_write(&r, &out, &err));
    assert_string_equal(err.text, "origin's record: 'b/index.html' has an ETag that is none");
    r.files[1].etag[0] = "";
    r.files[1].path = "a";
    assert_false(record_write(&r, &out, &err));
    assert_string_equal(err.text, "origin's record: 'a' is not in order");
    assert_int_equal(err.kind, ERROR_FAILED);
    record_release(&r);
    strbuf_release(&out);
}

static void codes_have_one_spelling(void **state)
{
    (void)state;
    uint8_t bytes[3];
    char etag[TARGET_ETAG_MAX + 1];
    struct strbuf sb = STRBUF_INIT;
    record_code_put(&sb, (const uint8_t *)"\xff\xfe\x00", 3);
    record_code_put(&sb, (const uint8_t *)"M", 1);
    assert_string_equal(sb.buf, "//4ATQ");
    assert_true(record_code_take("//4A", 4, bytes, 3));
    assert_memory_equal(bytes, "\xff\xfe\x00", 3);
    assert_true(record_code_take("TQ", 2, bytes, 1));
    assert_false(record_code_take("TR", 2, bytes, 1)); /* bits that mean nothing */
    assert_false(record_code_take("T=", 2, bytes, 1));
    assert_false(record_code_take("TQ=", 3, bytes, 1));
    strbuf_reset(&sb);
    record_code_put_etag(&sb, "00000000000000000000000000000000");
    assert_string_equal(sb.buf, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_true(record_code_take_etag(sb.buf, sb.len, etag));
    assert_string_equal(etag, "00000000000000000000000000000000");
    strbuf_reset(&sb);
    record_code_put_etag(&sb, "0000000000000000000000000000000");
    assert_string_equal(sb.buf, "=0000000000000000000000000000000");
    assert_false(record_code_take_etag("=", 1, etag));
    assert_false(record_code_take_etag("=a b", 4, etag));
    memset(etag, 'a', sizeof(etag));
    assert_false(record_code_is_etag(etag, sizeof(etag)));
    strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_is_small_with_twins),
        cmocka_unit_test(it_is_small_without_twins),
        cmocka_unit_test(the_header_is_read_alone),
        cmocka_unit_test(damaged_bytes_are_told),
        cmocka_unit_test(damaged_texts_are_told),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(what_cannot_be_read_is_not_written),
        cmocka_unit_test(codes_have_one_spelling),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}

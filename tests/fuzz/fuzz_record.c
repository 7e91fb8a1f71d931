/* Any bytes as an origin's record: damage is told, and what is accepted keeps what upload/record.h
 * promises and says the same when it is written and read again. An input that begins like a gzip
 * file is read as it is; any other is packed first, so that what is inside gets its share. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "plan/route.h"
#include "upload/record.h"
#include "upload/record_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void pack(const uint8_t *data, size_t size, struct strbuf *out)
{
    z_stream z = {0};
    expect(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&z, (uLong)size) + 64;
    expect(strbuf_reserve(out, room));
    z.next_in = (z_const Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)size;
    z.next_out = (Bytef *)out->buf;
    z.avail_out = (uInt)room;
    expect(deflate(&z, Z_FINISH) == Z_STREAM_END);
    strbuf_setlen(out, (size_t)z.total_out);
    deflateEnd(&z);
}

static void check_file(const struct record *r, const struct record_file *f)
{
    struct error err = ERROR_INIT;
    expect(route_check(f->path, strlen(f->path), &err));
    expect(f->headers < r->n_headers && f->retired >= 0);
    for (size_t v = 0; v < RECORD_VARIANTS; v++)
        expect(f->etag[v][0] == '\0' || record_code_is_etag(f->etag[v], strlen(f->etag[v])));
    expect(record_find(r, f->path) == f);
}

static void check_promises(const struct record *r)
{
    expect(r->generation > 0 && r->n_headers <= RECORD_HEADERS_MAX);
    expect(r->mode[0] != '\0' && r->conditions.match <= TARGET_MATCH_BARE);
    for (size_t i = 0; i < r->n_files; i++) {
        check_file(r, &r->files[i]);
        expect(i == 0 || strcmp(r->files[i - 1].path, r->files[i].path) < 0);
    }
}

static void check_written(const struct record *r)
{
    struct record again, head;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    record_init(&again);
    record_init(&head);
    expect(record_write(r, &once, &err));
    expect(record_read(&again, once.buf, once.len, &err));
    expect(again.n_files == r->n_files);
    expect(record_write(&again, &twice, &err));
    expect(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
    expect(record_read_header(&head, once.buf, once.len, &err));
    expect(head.generation == r->generation && head.n_files == 0);
    record_release(&head);
    record_release(&again);
    strbuf_release(&once);
    strbuf_release(&twice);
}

static void check_text(const char *text, size_t len)
{
    struct record r;
    struct error err = ERROR_INIT;
    record_init(&r);
    if (record_read(&r, text, len, &err)) {
        check_promises(&r);
        check_written(&r);
    } else {
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
        expect(err.text[0] != '\0' && r.n_files == 0 && r.generation == 0);
    }
    if (!record_read_header(&r, text, len, &err))
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
    record_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf packed = STRBUF_INIT;
    if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
        char *text = malloc(size);
        if (text == NULL)
            return 0;
        memcpy(text, data, size); /* of exactly this size: reading past the end is seen */
        check_text(text, size);
        free(text);
        return 0;
    }
    pack(data, size, &packed);
    check_text(packed.buf, packed.len);
    strbuf_release(&packed);
    return 0;
}

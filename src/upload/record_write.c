/* The writing half of upload/record.h. */
#include <inttypes.h>
#include <string.h>

#include <zlib.h>

#include "base/json.h"
#include "upload/record.h"
#include "upload/record_code.h"

#define PIECE ((size_t)16 << 10) /* of text that is packed at once */
#define LEVEL 6                  /* 9 takes half as long again for 0.05 % less */

/* --- packing ---------------------------------------------------------------------------------- */

struct pack {
    z_stream z;
    struct strbuf text; /* not packed yet */
    struct strbuf *out;
};

/* Packs what waits. False when there is no room for it. */
static bool flush(struct pack *p, int how)
{
    p->z.next_in = (z_const Bytef *)p->text.buf;
    p->z.avail_in = (uInt)p->text.len;
    int status;
    do {
        if (!strbuf_reserve(p->out, PIECE))
            return false;
        p->z.next_out = (Bytef *)p->out->buf + p->out->len;
        p->z.avail_out = PIECE;
        status = deflate(&p->z, how);
        strbuf_setlen(p->out, p->out->len + PIECE - p->z.avail_out);
    } while (status == Z_OK && p->z.avail_out == 0);
    strbuf_reset(&p->text);
    return how == Z_FINISH ? status == Z_STREAM_END : status == Z_OK || status == Z_BUF_ERROR;
}

/* --- the header ------------------------------------------------------------------------------- */

static void add_string(struct strbuf *sb, const char *name, const char *value)
{
    strbuf_addf(sb, ",\"%s\":", name);
    json_write_string(sb, value, strlen(value));
}

static void add_conditions(struct strbuf *sb, const struct target_conditions *c)
{
    static const char *const words[] = {
        [TARGET_MATCH_NONE] = "none",
        [TARGET_MATCH_QUOTED] = "quoted",
        [TARGET_MATCH_BARE] = "bare",
    };
    strbuf_addf(sb, ",\"conditions\":{\"none_match\":%s,\"match\":\"%s\"}",
                c->none_match ? "true" : "false", words[c->match]);
}

static void add_header(struct strbuf *sb, const struct record *r)
{
    strbuf_addf(sb, "{\"platen_origin\":%d,\"generation\":%" PRIu64, RECORD_FORMAT, r->generation);
    add_string(sb, "content", r->content);
    add_string(sb, "database", r->database);
    add_string(sb, "created", r->created);
    add_string(sb, "version", r->version);
    add_string(sb, "claim", r->claim);
    add_string(sb, "packing", r->packing);
    add_string(sb, "mode", r->mode);
    add_conditions(sb, &r->conditions);
    strbuf_addstr(sb, ",\"pin\":");
    if (r->pin.generation == 0)
        strbuf_addstr(sb, "null");
    else
        pin_print(sb, &r->pin);
    strbuf_addstr(sb, ",\"headers\":[");
    for (size_t i = 0; i < r->n_headers; i++)
        strbuf_addf(sb, "%s%s", i > 0 ? "," : "", r->headers[i]);
    strbuf_addstr(sb, "],\n\"columns\":[\"path\",\"headers\",\"sha256\",\"etag\",\"gz\",\"folder\","
                      "\"retired\"],\"files\":[\n");
}

/* --- files ------------------------------------------------------------------------------------ */

static void add_file(struct strbuf *sb, const struct record_file *f)
{
    size_t last = RECORD_VARIANTS;
    while (f->retired == 0 && last > 0 && f->etag[last - 1][0] == '\0')
        last--;
    strbuf_addch(sb, '[');
    json_write_string(sb, f->path, strlen(f->path));
    strbuf_addf(sb, ",%u,\"", f->headers);
    record_code_put(sb, f->sha256, DIGEST_SIZE);
    strbuf_addch(sb, '"');
    for (size_t i = 0; i < last; i++) {
        strbuf_addstr(sb, ",\"");
        record_code_put_etag(sb, f->etag[i]);
        strbuf_addch(sb, '"');
    }
    if (f->retired != 0)
        strbuf_addf(sb, ",%" PRId64, f->retired);
    strbuf_addch(sb, ']');
}

static bool is_etag(const char *etag)
{
    return etag[0] == '\0' || record_code_is_etag(etag, strlen(etag));
}

static bool check_file(const struct record *r, size_t i, struct error *err)
{
    const struct record_file *f = &r->files[i];
    if (i > 0 && strcmp(r->files[i - 1].path, f->path) >= 0)
        return error_set(err, ERROR_FAILED, "origin's record: '%s' is not in order", f->path);
    if (f->headers >= r->n_headers || f->retired < 0)
        return error_set(err, ERROR_FAILED, "origin's record: '%s' has no header set", f->path);
    for (size_t v = 0; v < RECORD_VARIANTS; v++)
        if (!is_etag(f->etag[v]))
            return error_set(err, ERROR_FAILED, "origin's record: '%s' has an ETag that is none",
                             f->path);
    return true;
}

static bool add_files(struct pack *p, const struct record *r, struct error *err)
{
    for (size_t i = 0; i < r->n_files; i++) {
        if (!check_file(r, i, err))
            return false;
        add_file(&p->text, &r->files[i]);
        strbuf_addstr(&p->text, i + 1 < r->n_files ? ",\n" : "");
        if (p->text.len >= PIECE && !flush(p, Z_NO_FLUSH))
            return error_set(err, ERROR_FAILED, "the origin's record would be too large");
    }
    return true;
}

static bool is_word(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return len <= RECORD_WORD_MAX;
}

static bool check_header(const struct record *r, struct error *err)
{
    if (r->generation == 0 || r->generation > INT64_MAX || r->n_files > RECORD_FILES_MAX)
        return error_set(err, ERROR_FAILED,
                         "the origin's record has no generation, or more than 2000000 files");
    if (r->mode[0] == '\0' || !is_word(r->content) || !is_word(r->database) ||
        !is_word(r->created) || !is_word(r->version) || !is_word(r->claim) || !is_word(r->packing))
        return error_set(err, ERROR_FAILED, "the origin's record has a text that cannot be kept");
    return true;
}

bool record_write(const struct record *r, struct strbuf *out, struct error *err)
{
    gz_header header = {.os = 255};
    struct pack p = {.out = out, .text = STRBUF_INIT};
    if (!check_header(r, err))
        return false;
    if (deflateInit2(&p.z, LEVEL, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflateSetHeader(&p.z, &header) != Z_OK)
        return error_set(err, ERROR_FAILED, "zlib cannot start a gzip stream");
    add_header(&p.text, r);
    bool ok = add_files(&p, r, err);
    strbuf_addstr(&p.text, "\n]}\n");
    if (ok && !flush(&p, Z_FINISH))
        ok = error_set(err, ERROR_FAILED, "the origin's record would be too large");
    deflateEnd(&p.z);
    strbuf_release(&p.text);
    return ok;
}

/* The reading half of upload/record.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/json.h"
#include "plan/route.h"
#include "upload/record.h"
#include "upload/record_code.h"

#define PIECE ((size_t)32 << 10) /* of text that is unpacked at once */
#define HEADER_MAX ((size_t)8 << 20)
#define LINE_MAX_HERE ((size_t)16 << 10)
#define HEADER_TEXTS_MAX 4002 /* of one header set: its type, its caching, names and values */

struct read {
    struct record *r;
    struct arena scratch;
    z_stream z;
    bool packed_end;    /* nothing comes any more */
    struct strbuf text; /* unpacked, from `start` on not read yet */
    size_t start;
    uint64_t total;
    unsigned line;
    struct error *err;
};

static bool fault(struct read *p, const char *what)
{
    return error_set(p->err, ERROR_CONTENT, "line %u: %s", p->line, what);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Unpacks a piece more. False with the error set, or with none at the end. */
static bool unpack(struct read *p)
{
    if (p->packed_end)
        return false;
    size_t left = p->text.len - p->start;
    memmove(p->text.buf, p->text.buf + p->start, left);
    strbuf_setlen(&p->text, left);
    p->start = 0;
    strbuf_reserve(&p->text, PIECE);
    p->z.next_out = (Bytef *)p->text.buf + left;
    p->z.avail_out = PIECE;
    int status = inflate(&p->z, Z_NO_FLUSH);
    size_t n = PIECE - p->z.avail_out;
    strbuf_setlen(&p->text, left + n);
    p->total += n;
    p->packed_end = status == Z_STREAM_END;
    if (p->total > RECORD_TEXT_MAX)
        return error_set(p->err, ERROR_CONTENT, "larger than 256 MiB unpacked");
    if (status == Z_STREAM_END && p->z.avail_in > 0)
        return error_set(p->err, ERROR_CONTENT, "bytes after the end");
    if (status == Z_BUF_ERROR && p->z.avail_in == 0)
        return error_set(p->err, ERROR_CONTENT, "cut off before its end");
    if (status != Z_OK && status != Z_STREAM_END)
        return error_set(p->err, ERROR_CONTENT, "not a gzip file, or a damaged one");
    return status == Z_OK || n > 0;
}

/* The next line without its end; *line NULL behind the last. */
static bool next_line(struct read *p, size_t most, const char **line, size_t *len)
{
    const char *newline = NULL;
    size_t seen = 0;
    *line = NULL;
    p->line++;
    for (;;) {
        const char *from = p->text.buf + p->start;
        size_t left = p->text.len - p->start;
        newline = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
        if (newline != NULL || left > most)
            break;
        seen = left;
        if (unpack(p))
            continue;
        if (p->err->kind != ERROR_NONE)
            return false;
        return left == 0 || fault(p, "cut off before its end");
    }
    if (newline == NULL || (size_t)(newline - (p->text.buf + p->start)) > most)
        return fault(p, "the line is too long");
    *line = p->text.buf + p->start;
    *len = (size_t)(newline - *line);
    p->start += *len + 1;
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool as_integer(const struct json_value *v, int64_t low, int64_t high, int64_t *out)
{
    char text[24];
    if (v == NULL || v->type != JSON_NUMBER || v->len >= sizeof(text))
        return false;
    memcpy(text, v->text, v->len);
    text[v->len] = '\0';
    char *stop;
    errno = 0;
    long long n = strtoll(text, &stop, 10);
    if (errno != 0 || *stop != '\0' || n < low || n > high)
        return false;
    *out = n;
    return true;
}

/* A short text without control characters. */
static bool as_word(struct read *p, const struct json_value *head, const char *name,
                    const char **out)
{
    const struct json_value *v = json_gets(head, name);
    if (v == NULL || v->type != JSON_STRING || v->len > RECORD_WORD_MAX)
        return error_set(p->err, ERROR_CONTENT, "line 1: %s missing or wrong", name);
    for (size_t i = 0; i < v->len; i++)
        if ((unsigned char)v->text[i] < 0x20 || v->text[i] == 0x7f)
            return error_set(p->err, ERROR_CONTENT, "line 1: %s holds a control character", name);
    *out = record_text(p->r, v->text, v->len);
    return true;
}

static bool read_mode(struct read *p)
{
    static const char *const modes[] = {"sidecar", "replace", "both"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(p->r->mode, modes[i]) == 0)
            return true;
    return fault(p, "mode is none of sidecar, replace and both");
}

static bool read_conditions(struct read *p, const struct json_value *v)
{
    static const char *const words[] = {
        [TARGET_MATCH_NONE] = "none",
        [TARGET_MATCH_QUOTED] = "quoted",
        [TARGET_MATCH_BARE] = "bare",
    };
    if (v == NULL || v->type != JSON_OBJECT)
        return fault(p, "conditions missing or wrong");
    const struct json_value *none_match = json_gets(v, "none_match");
    const struct json_value *match = json_gets(v, "match");
    if (none_match == NULL || (none_match->type != JSON_TRUE && none_match->type != JSON_FALSE) ||
        match == NULL)
        return fault(p, "conditions missing or wrong");
    p->r->conditions.none_match = none_match->type == JSON_TRUE;
    for (unsigned i = 0; i <= TARGET_MATCH_BARE; i++)
        if (json_is(match, words[i])) {
            p->r->conditions.match = (enum target_match)i;
            return true;
        }
    return fault(p, "conditions missing or wrong");
}

static bool read_pin(struct read *p, const struct json_value *v)
{
    if (v == NULL || v->type == JSON_NULL)
        return true;
    struct strbuf text = STRBUF_INIT;
    json_write(&text, v);
    bool ok = pin_parse(&p->r->pin, text.buf, text.len, p->err);
    strbuf_release(&text);
    return ok || error_context(p->err, "line 1: pin");
}

/* Kept as text: an array of strings, two and then pairs. */
static bool read_header_set(struct read *p, const struct json_value *v)
{
    if (v->type != JSON_ARRAY || v->len < 2 || v->len % 2 != 0 || v->len > HEADER_TEXTS_MAX)
        return fault(p, "a header set is no array of pairs");
    for (size_t i = 0; i < v->len; i++)
        if (v->items[i].type != JSON_STRING)
            return fault(p, "a header set holds what is no string");
    struct strbuf text = STRBUF_INIT;
    json_write(&text, v);
    size_t before = p->r->n_headers;
    bool added = record_headers(p->r, text.buf) == before && p->r->n_headers == before + 1;
    strbuf_release(&text);
    return added || fault(p, "a header set is there twice");
}

static bool read_header_sets(struct read *p, const struct json_value *v)
{
    if (v == NULL || v->type != JSON_ARRAY || v->len > RECORD_HEADERS_MAX)
        return fault(p, "headers missing or wrong");
    for (size_t i = 0; i < v->len; i++)
        if (!read_header_set(p, &v->items[i]))
            return false;
    return true;
}

/* --- the header ------------------------------------------------------------------------------- */

static bool read_format(struct read *p, const struct json_value *head)
{
    int64_t format, generation;
    if (!as_integer(json_gets(head, "platen_origin"), 1, INT_MAX, &format))
        return fault(p, "not the record of an origin");
    if (format != RECORD_FORMAT)
        return error_set(p->err, ERROR_USAGE,
                         "written by a newer platen, in format %" PRId64 " (this one reads %d): "
                         "use that one for this origin, or another origin with this one",
                         format, RECORD_FORMAT);
    if (!as_integer(json_gets(head, "generation"), 1, INT64_MAX, &generation))
        return fault(p, "generation missing or not a positive number");
    p->r->generation = (uint64_t)generation;
    return true;
}

static bool read_header(struct read *p)
{
    const char *line;
    size_t len;
    struct record *r = p->r;
    struct json_value head;
    struct error json_error = ERROR_INIT;
    struct json_limits limits = {.depth = 8, .bytes = HEADER_MAX};
    if (!next_line(p, HEADER_MAX, &line, &len))
        return false;
    /* The header line ends in a comma: "files" follows on the next. */
    if (line == NULL || len < 2 || line[len - 1] != ',')
        return fault(p, "not the record of an origin");
    char *text = arena_alloc(&p->scratch, len);
    memcpy(text, line, len - 1);
    text[len - 1] = '}';
    if (!json_parse(&p->scratch, NULL, text, len, &limits, &head, &json_error))
        return fault(p, json_error.text);
    return read_format(p, &head) && as_word(p, &head, "content", &r->content) &&
           as_word(p, &head, "database", &r->database) &&
           as_word(p, &head, "created", &r->created) && as_word(p, &head, "version", &r->version) &&
           as_word(p, &head, "claim", &r->claim) && as_word(p, &head, "packing", &r->packing) &&
           as_word(p, &head, "mode", &r->mode) && read_mode(p) &&
           read_conditions(p, json_gets(&head, "conditions")) &&
           read_pin(p, json_gets(&head, "pin")) && read_header_sets(p, json_gets(&head, "headers"));
}

/* --- files ------------------------------------------------------------------------------------ */

static bool read_etags(struct read *p, struct record_file *f, const struct json_value *row)
{
    char etag[TARGET_ETAG_MAX + 1];
    for (size_t i = 0; i < RECORD_VARIANTS && i + 3 < row->len; i++) {
        const struct json_value *v = &row->items[i + 3];
        if (v->type != JSON_STRING || !record_code_take_etag(v->text, v->len, etag))
            return fault(p, "an ETag is none");
        f->etag[i] = record_text(p->r, etag, strlen(etag));
    }
    return true;
}

static bool read_file(struct read *p, const char *line, size_t len)
{
    struct record *r = p->r;
    struct json_value row;
    struct error what = ERROR_INIT;
    struct json_limits limits = {.depth = 2, .bytes = LINE_MAX_HERE};
    int64_t headers;
    arena_reset(&p->scratch);
    if (!json_parse(&p->scratch, NULL, line, len, &limits, &row, &what))
        return fault(p, what.text);
    if (row.type != JSON_ARRAY || row.len < 3 || row.len > 4 + RECORD_VARIANTS)
        return fault(p, "a file has 3 to 7 columns");
    if (r->n_files == RECORD_FILES_MAX)
        return fault(p, "more than 2000000 files");
    const struct json_value *v = row.items;
    struct record_file *f = record_add(r);
    if (v[0].type != JSON_STRING || !route_check(v[0].text, v[0].len, &what))
        return fault(p, v[0].type != JSON_STRING ? "path is no string" : what.text);
    f->path = record_text(r, v[0].text, v[0].len);
    if (!as_integer(&v[1], 0, (int64_t)r->n_headers - 1, &headers))
        return fault(p, "headers is out of range");
    f->headers = (uint16_t)headers;
    if (v[2].type != JSON_STRING || !record_code_take(v[2].text, v[2].len, f->sha256, DIGEST_SIZE))
        return fault(p, "sha256 is not 32 bytes in base64");
    if (!read_etags(p, f, &row))
        return false;
    if (row.len == 4 + RECORD_VARIANTS && !as_integer(&v[6], 0, INT64_MAX / 2, &f->retired))
        return fault(p, "retired is wrong");
    if (r->n_files > 1 && strcmp(r->files[r->n_files - 2].path, f->path) >= 0)
        return fault(p, "files are not in order of their paths");
    return true;
}

static bool opens_files(const char *line, size_t len)
{
    static const char end[] = "],\"files\":[";
    size_t n = sizeof(end) - 1;
    return line != NULL && len > n && strncmp(line, "\"columns\":[", 11) == 0 &&
           memcmp(line + len - n, end, n) == 0;
}

static bool read_end(struct read *p, bool more)
{
    const char *line;
    size_t len;
    if (more && p->r->n_files > 0)
        return fault(p, "a comma after the last file");
    if (!next_line(p, LINE_MAX_HERE, &line, &len))
        return false;
    return line == NULL || fault(p, "text after the end");
}

static bool read_files(struct read *p)
{
    const char *line;
    size_t len;
    bool more = true;
    if (!next_line(p, LINE_MAX_HERE, &line, &len))
        return false;
    if (!opens_files(line, len))
        return fault(p, "the list of files is missing");
    while (next_line(p, LINE_MAX_HERE, &line, &len) && line != NULL) {
        if (len == 2 && memcmp(line, "]}", 2) == 0)
            return read_end(p, more);
        if (len == 0 && p->r->n_files == 0)
            continue; /* no files */
        if (!more)
            return fault(p, "a file after the last one");
        more = len > 0 && line[len - 1] == ',';
        if (!read_file(p, line, more ? len - 1 : len))
            return false;
    }
    return p->err->kind == ERROR_NONE ? fault(p, "cut off before its end") : false;
}

static bool read_record(struct record *r, const char *data, size_t len, bool files,
                        struct error *err)
{
    struct read p = {.r = r, .text = STRBUF_INIT, .err = err};
    error_clear(err);
    record_release(r);
    if (len == 0 || len > RECORD_BYTES_MAX)
        return error_set(err, ERROR_CONTENT, len == 0 ? "empty" : "larger than 64 MiB");
    if (inflateInit2(&p.z, 15 + 16) != Z_OK)
        return error_set(err, ERROR_FAILED, "zlib cannot start to unpack");
    p.z.next_in = (z_const Bytef *)(uintptr_t)data;
    p.z.avail_in = (uInt)len;
    arena_init(&p.scratch);
    bool ok = read_header(&p) && (!files || read_files(&p));
    arena_release(&p.scratch);
    strbuf_release(&p.text);
    inflateEnd(&p.z);
    if (!ok)
        record_release(r);
    return ok;
}

bool record_read(struct record *r, const char *data, size_t len, struct error *err)
{
    return read_record(r, data, len, true, err);
}

bool record_read_header(struct record *r, const char *data, size_t len, struct error *err)
{
    return read_record(r, data, len, false, err);
}

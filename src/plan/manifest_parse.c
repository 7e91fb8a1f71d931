/* The reading half of plan/manifest.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "base/json.h"
#include "plan/manifest.h"
#include "plan/route.h"

/* One parse: lines are JSON by themselves once the separators between them are cut off. */
struct parse {
    struct manifest *m;
    struct arena scratch;
    const char *next, *end;
    unsigned line;
    size_t files;
    manifest_digest_fn *take; /* of manifest_digests() */
    void *payload;
    struct error *err;
};

static bool fault(struct parse *p, const char *what)
{
    return error_set(p->err, ERROR_CONTENT, "line %u: %s", p->line, what);
}

static bool next_line(struct parse *p, const char **line, size_t *len)
{
    if (p->next == p->end)
        return false;
    const char *nl = memchr(p->next, '\n', (size_t)(p->end - p->next));
    const char *stop = nl != NULL ? nl : p->end;
    *line = p->next;
    *len = (size_t)(stop - p->next);
    p->next = nl != NULL ? nl + 1 : p->end;
    p->line++;
    return true;
}

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

/* A string without U+0000, copied into the manifest. */
static const char *as_text(struct parse *p, const struct json_value *v)
{
    if (v == NULL || v->type != JSON_STRING || memchr(v->text, '\0', v->len) != NULL)
        return NULL;
    return arena_strndup(&p->m->arena, v->text, v->len);
}

static bool read_names(struct parse *p, const struct json_value *v, const char ***names,
                       size_t *count)
{
    if (v == NULL || v->type != JSON_ARRAY || v->len > MANIFEST_MAX_NAMES)
        return false;
    *names = arena_calloc(&p->m->arena, v->len, sizeof(**names));
    for (size_t i = 0; i < v->len; i++)
        if (((*names)[i] = as_text(p, &v->items[i])) == NULL)
            return false;
    *count = v->len;
    return true;
}

static bool read_held(struct parse *p, const struct json_value *v)
{
    struct manifest *m = p->m;
    if (v == NULL || v->type != JSON_ARRAY || v->len > 1000000)
        return false;
    m->held = arena_calloc(&m->arena, v->len, sizeof(*m->held));
    for (size_t i = 0; i < v->len; i++) {
        int64_t set, locale;
        const struct json_value *pair = &v->items[i];
        if (pair->type != JSON_ARRAY || pair->len != 2 ||
            !as_integer(&pair->items[0], 0, (int64_t)m->n_sets - 1, &set) ||
            !as_integer(&pair->items[1], 0, (int64_t)m->n_locales - 1, &locale))
            return false;
        m->held[i] = (struct manifest_pair){(uint16_t)set, (uint16_t)locale};
    }
    m->n_held = v->len;
    return true;
}

static bool read_header(struct parse *p, const char *line, size_t len)
{
    struct manifest *m = p->m;
    struct json_value head;
    int64_t format, generation;
    /* The header line ends in a comma: "files" follows on the next. */
    if (len < 2 || line[len - 1] != ',')
        return fault(p, "not a manifest");
    char *text = arena_alloc(&p->scratch, len);
    memcpy(text, line, len - 1);
    text[len - 1] = '}';
    struct error json_error = ERROR_INIT;
    struct json_limits limits = {.depth = 16, .bytes = (size_t)16 << 20};
    if (!json_parse(&p->scratch, NULL, text, len, &limits, &head, &json_error))
        return fault(p, json_error.text);
    if (!as_integer(json_gets(&head, "platen"), 1, INT_MAX, &format))
        return fault(p, "not a manifest");
    if (format != MANIFEST_FORMAT)
        return error_set(p->err, ERROR_USAGE,
                         "written by a newer platen, in format %" PRId64 " (this one reads %d): "
                         "use that one here, or another folder with this one",
                         format, MANIFEST_FORMAT);
    if (!as_integer(json_gets(&head, "generation"), 1, INT64_MAX, &generation))
        return fault(p, "generation missing or not a positive number");
    m->generation = (uint64_t)generation;
    m->created = as_text(p, json_gets(&head, "created"));
    m->version = as_text(p, json_gets(&head, "version"));
    m->packing = as_text(p, json_gets(&head, "packing"));
    m->content = as_text(p, json_gets(&head, "content"));
    m->snapshot = as_text(p, json_gets(&head, "snapshot"));
    m->next_change_at = as_text(p, json_gets(&head, "next_change_at"));
    if (m->created == NULL || m->version == NULL || m->packing == NULL || m->content == NULL)
        return fault(p, "created, version, packing or content missing");
    const struct json_value *database = json_gets(&head, "database");
    if (database != NULL && database->type == JSON_OBJECT) {
        struct strbuf sb = STRBUF_INIT;
        json_write(&sb, database);
        m->database = arena_strndup(&m->arena, sb.buf, sb.len);
        strbuf_release(&sb);
    }
    if (!read_names(p, json_gets(&head, "sets"), &m->sets, &m->n_sets) ||
        !read_names(p, json_gets(&head, "locales"), &m->locales, &m->n_locales))
        return fault(p, "sets or locales missing or wrong");
    return read_held(p, json_gets(&head, "held")) || fault(p, "held missing or wrong");
}

static bool read_index(const struct json_value *v, size_t count, uint16_t *out)
{
    int64_t n;
    if (!as_integer(v, -1, (int64_t)count - 1, &n))
        return false;
    *out = n < 0 ? MANIFEST_NONE : (uint16_t)n;
    return true;
}

static bool read_kind(const struct json_value *v, uint8_t *kind)
{
    for (unsigned k = 0; k < MANIFEST_KINDS; k++)
        if (json_is(v, manifest_kind_name(k))) {
            *kind = (uint8_t)k;
            return true;
        }
    return false;
}

/* Files of one row follow each other: their keys share one copy. */
static const char *share_key(struct parse *p, const struct json_value *v)
{
    struct manifest *m = p->m;
    if (m->n_files > 1) {
        const char *last = m->files[m->n_files - 2].key;
        if (last != NULL && json_is(v, last))
            return last;
    }
    return as_text(p, v);
}

/* What came of a row says so, and nothing else does. */
static bool has_its_names(const struct manifest_file *f)
{
    if (f->kind == MANIFEST_PAGE || f->kind == MANIFEST_OUTPUT)
        return f->set != MANIFEST_NONE && f->locale != MANIFEST_NONE && f->from != MANIFEST_NONE &&
               f->key != NULL;
    return f->set == MANIFEST_NONE && f->locale == MANIFEST_NONE && f->from == MANIFEST_NONE &&
           f->key == NULL;
}

static bool read_file(struct parse *p, const char *line, size_t len)
{
    struct manifest *m = p->m;
    struct json_value row;
    struct error json_error = ERROR_INIT;
    struct json_limits limits = {.depth = 2, .bytes = (size_t)1 << 20};
    int64_t size, gz_size, flags;
    arena_reset(&p->scratch);
    if (!json_parse(&p->scratch, NULL, line, len, &limits, &row, &json_error))
        return fault(p, json_error.text);
    if (row.type != JSON_ARRAY || row.len != 12)
        return fault(p, "a file has 12 columns");
    const struct json_value *v = row.items;
    struct manifest_file *f = manifest_add(m);
    if (v[0].type != JSON_STRING || !route_check(v[0].text, v[0].len, &json_error))
        return fault(p, v[0].type != JSON_STRING ? "path is no string" : json_error.text);
    f->path = as_text(p, &v[0]);
    if (v[1].type != JSON_STRING || !digest_from_hex(v[1].text, v[1].len, f->sha256))
        return fault(p, "sha256 is not 64 hex digits");
    if (!as_integer(&v[2], 0, UINT32_MAX, &size) || !as_integer(&v[3], 0, UINT32_MAX, &gz_size) ||
        !as_integer(&v[4], INT64_MIN / 2, INT64_MAX / 2, &f->mtime) || !read_kind(&v[5], &f->kind))
        return fault(p, "size, gz, mtime or kind is wrong");
    if (!read_index(&v[6], m->n_sets, &f->set) || !read_index(&v[7], m->n_locales, &f->locale) ||
        !read_index(&v[8], m->n_locales, &f->from))
        return fault(p, "set, locale or from is out of range");
    if (!as_integer(&v[10], INT64_MIN / 2, INT64_MAX / 2, &f->lastmod) ||
        !as_integer(&v[11], 0, UINT8_MAX, &flags))
        return fault(p, "lastmod or flags is wrong");
    if (v[9].type != JSON_NULL && (f->key = share_key(p, &v[9])) == NULL)
        return fault(p, "key is no string");
    f->size = (uint32_t)size;
    f->gz_size = (uint32_t)gz_size;
    f->flags = (uint8_t)flags;
    if (!has_its_names(f))
        return fault(p, "set, locale, from and key do not go with the kind");
    if (m->n_files > 1 && strcmp(m->files[m->n_files - 2].path, f->path) >= 0)
        return fault(p, "files are not in order of their paths");
    return true;
}

static bool is_digest(const char *hex)
{
    static const bool digits[256] = {
        ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
        ['8'] = 1, ['9'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1};
    bool all = true;
    for (size_t i = 0; i < DIGEST_HEX_SIZE; i++)
        all &= digits[(unsigned char)hex[i]];
    return all;
}

/* ["PATH","DIGEST",... */
static bool pick_digest(struct parse *p, const char *line, size_t len)
{
    size_t i = 2;
    if (len < 2 || line[0] != '[' || line[1] != '"')
        return fault(p, "path is no string");
    while (i < len && line[i] != '"')
        i += line[i] == '\\' ? 2 : 1;
    if (i > len || len - i < DIGEST_HEX_SIZE + 5 || memcmp(line + i, "\",\"", 3) != 0 ||
        !is_digest(line + i + 3) || line[i + 3 + DIGEST_HEX_SIZE] != '"' || line[len - 1] != ']')
        return fault(p, "sha256 is not 64 hex digits");
    p->take(p->payload, line + i + 3);
    return true;
}

static bool read_first(struct parse *p)
{
    const char *line;
    size_t len;
    return next_line(p, &line, &len) ? read_header(p, line, len)
                                     : error_set(p->err, ERROR_CONTENT, "empty manifest");
}

static bool read_all(struct parse *p, bool (*read_line)(struct parse *, const char *, size_t))
{
    const char *line;
    size_t len;
    if (!read_first(p))
        return false;
    if (!next_line(p, &line, &len) || len != 9 || memcmp(line, "\"files\":[", 9) != 0)
        return fault(p, "the list of files is missing");
    bool more = true;
    while (next_line(p, &line, &len)) {
        if (len == 2 && memcmp(line, "]}", 2) == 0)
            return (p->next == p->end || fault(p, "text after the end")) &&
                   (!more || p->files == 0 || fault(p, "a comma after the last file"));
        if (len == 0 && p->files == 0)
            continue; /* an empty release */
        if (!more)
            return fault(p, "a file after the last one");
        more = len > 0 && line[len - 1] == ',';
        if (!read_line(p, line, more ? len - 1 : len))
            return false;
        p->files++;
    }
    return fault(p, "cut off before its end");
}

bool manifest_parse(struct manifest *m, const char *text, size_t len, struct error *err)
{
    struct parse p = {.m = m, .next = text, .end = text + len, .err = err};
    manifest_release(m);
    arena_init(&p.scratch);
    bool ok = read_all(&p, read_file);
    arena_release(&p.scratch);
    if (!ok)
        manifest_release(m);
    return ok;
}

bool manifest_parse_header(struct manifest *m, const char *text, size_t len, struct error *err)
{
    struct parse p = {.m = m, .next = text, .end = text + len, .err = err};
    manifest_release(m);
    arena_init(&p.scratch);
    bool ok = read_first(&p);
    arena_release(&p.scratch);
    if (!ok)
        manifest_release(m);
    return ok;
}

bool manifest_digests(const char *text, size_t len, uint64_t *generation, manifest_digest_fn *take,
                      void *payload, struct error *err)
{
    struct manifest m;
    struct parse p = {
        .m = &m, .next = text, .end = text + len, .take = take, .payload = payload, .err = err};
    manifest_init(&m);
    arena_init(&p.scratch);
    bool ok = read_all(&p, pick_digest);
    *generation = m.generation;
    arena_release(&p.scratch);
    manifest_release(&m);
    return ok;
}

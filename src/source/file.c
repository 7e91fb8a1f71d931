/* The snapshot in a file: what `platen export` wrote. The format is described in source/export.h.
 *
 * Rows of a set come together and sets in the order of the header, so one set is one stretch of the
 * file; where stretches begin is learned while reading, and sets read in order cost one pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "source/driver.h"
#include "source/export.h"
#include "source/lines.h"
#include "source/row.h"

#define HEADER_MAX ((size_t)1 << 20) /* of the first and the last line each */

/* One page set of the file, in the order of its header. */
struct file_set {
    const char *name;
    size_t name_len;
    const char **columns;
    size_t n_columns;
    uint64_t rows; /* as the last line says */
    /* where to begin reading; known once everything before has been passed */
    uint64_t offset, line;
    bool located;
};

struct file {
    struct source common;
    int fd;
    const char *path;
    struct file_set *sets;
    size_t n_sets;
    uint64_t rows_begin, rows_end; /* offsets */
};

static bool damaged(const struct file *f, struct error *err)
{
    err->kind = ERROR_USAGE;
    return error_context(err, "%s", f->path);
}

/* --- the first and the last line ---------------------------------------------------------- */

static bool copy_name(struct arena *arena, const char **out, const struct json_value *v,
                      struct error *err)
{
    if (v == NULL || v->type != JSON_STRING || v->len == 0 || v->len > 200 ||
        memchr(v->text, '\0', v->len) != NULL)
        return error_set(err, ERROR_USAGE, "line 1: a name is missing or not usable");
    *out = arena_strndup(arena, v->text, v->len);
    return true;
}

static bool read_set(struct file *f, struct file_set *set, const struct json_value *v,
                     struct error *err)
{
    struct arena *arena = &f->common.arena;
    const struct json_value *columns = json_gets(v, "columns");
    struct row_columns at;
    if (!copy_name(arena, &set->name, json_gets(v, "name"), err))
        return false;
    set->name_len = strlen(set->name);
    if (columns == NULL || columns->type != JSON_ARRAY)
        return error_set(err, ERROR_USAGE, "line 1: page set '%s' has no list of columns",
                         set->name);
    set->n_columns = columns->len;
    set->columns = arena_calloc(arena, columns->len + 1, sizeof(*set->columns));
    for (size_t i = 0; i < set->n_columns; i++)
        if (!copy_name(arena, &set->columns[i], &columns->items[i], err))
            return false;
    if (!row_columns_find(&at, set->columns, set->n_columns, err))
        return error_context(err, "line 1: page set '%s'", set->name);
    return true;
}

static struct file_set *find_set(const struct file *f, const char *name, size_t len)
{
    for (size_t i = 0; i < f->n_sets; i++)
        if (f->sets[i].name_len == len && memcmp(f->sets[i].name, name, len) == 0)
            return &f->sets[i];
    return NULL;
}

static bool take_header(struct file *f, const struct json_value *v, struct error *err)
{
    const struct json_value *version = json_gets(v, "platen_export");
    const struct json_value *sets = json_gets(v, "sets");
    if (version == NULL || sets == NULL || sets->type != JSON_ARRAY)
        return error_set(err, ERROR_USAGE,
                         "this is no file that 'platen export' wrote (line 1 must be "
                         "{\"platen_export\":1,\"sets\":[...]})");
    if (version->type != JSON_NUMBER || version->len != 1 || version->text[0] != '1')
        return error_set(err, ERROR_USAGE,
                         "the file has another format version than 1, which this platen reads");
    f->sets = arena_calloc(&f->common.arena, sets->len + 1, sizeof(*f->sets));
    for (size_t i = 0; i < sets->len; i++) {
        if (!read_set(f, &f->sets[i], &sets->items[i], err))
            return false;
        if (find_set(f, f->sets[i].name, f->sets[i].name_len) != NULL)
            return error_set(err, ERROR_USAGE, "line 1: page set '%s' is there twice",
                             f->sets[i].name);
        f->n_sets = i + 1;
    }
    return true;
}

static bool read_header(struct file *f, struct error *err)
{
    struct lines r;
    struct line line;
    struct json_value v;
    struct arena scratch;
    arena_init(&scratch);
    lines_init(&r, f->fd, 0, HEADER_MAX);
    bool ok = false;
    switch (lines_next(&r, &line, err)) {
    case LINES_FAILED:
        goto out;
    case LINES_END:
        error_set(err, ERROR_USAGE, "the file is empty");
        goto out;
    case LINES_LINE:
        break;
    }
    f->rows_begin = r.offset;
    if (line.overlong ||
        !json_parse(&scratch, NULL, line.text, line.len, &JSON_LIMITS_DEFAULT, &v, err))
        v = json_null(); /* whatever it is, it is no header */
    ok = take_header(f, &v, err);
out:
    lines_release(&r);
    arena_release(&scratch);
    return ok;
}

static bool to_count(const struct json_value *v, uint64_t *out)
{
    *out = 0;
    if (v == NULL || v->type != JSON_NUMBER || v->len > 18)
        return false;
    for (size_t i = 0; i < v->len; i++) {
        if (v->text[i] < '0' || v->text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(v->text[i] - '0');
    }
    return true;
}

static const char CUT[] = "the file is cut short: it does not end with the line that counts its "
                          "rows; export it again";

static bool take_trailer(struct file *f, const char *text, size_t len, struct error *err)
{
    struct json_value v;
    struct arena scratch;
    arena_init(&scratch);
    bool ok = json_parse(&scratch, NULL, text, len, &JSON_LIMITS_DEFAULT, &v, err);
    const struct json_value *end = ok ? json_gets(&v, "end") : NULL;
    ok = end != NULL && end->type == JSON_OBJECT;
    if (!ok)
        error_set(err, ERROR_USAGE, "%s", CUT);
    for (size_t i = 0; ok && i < f->n_sets; i++) {
        ok = to_count(json_get(end, f->sets[i].name, f->sets[i].name_len), &f->sets[i].rows);
        if (!ok)
            error_set(err, ERROR_USAGE, "the last line does not count the rows of page set '%s'",
                      f->sets[i].name);
    }
    arena_release(&scratch);
    return ok;
}

/* The last line is looked for from the end, so that a file cut short is refused before any of it is
 * printed. */
static bool read_trailer(struct file *f, uint64_t size, struct error *err)
{
    size_t want = size - f->rows_begin > HEADER_MAX ? HEADER_MAX : (size_t)(size - f->rows_begin);
    char *buf = mem_alloc(want + 1);
    size_t got = 0;
    bool ok = false;
    while (got < want) {
        ssize_t n = pread(f->fd, buf + got, want - got, (off_t)(size - want + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_errno(err, "cannot read");
            goto out;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    if (got == 0 || got < want || buf[got - 1] != '\n') {
        error_set(err, ERROR_USAGE, "%s", CUT);
        goto out;
    }
    const char *nl = got > 1 ? memrchr(buf, '\n', got - 1) : NULL;
    size_t begin = nl != NULL ? (size_t)(nl - buf) + 1 : 0;
    f->rows_end = size - want + begin;
    ok = take_trailer(f, buf + begin, got - 1 - begin, err);
out:
    free(buf);
    return ok;
}

/* --- rows --------------------------------------------------------------------------------- */

/* Everything one source_read() needs. */
struct file_reading {
    struct file *f;
    struct file_set *set; /* the one wanted */
    const struct config_page_set *config;
    const struct source_sink *to;
    struct row_columns at;
    uint64_t number, line;
};

/* Where set name and row stand in a line of the form export writes; false: another form. */
static bool split_line(const struct line *line, const char **name, size_t *name_len,
                       const char **row, size_t *row_len)
{
    static const char head[] = "{\"set\":\"", middle[] = "\",\"row\":";
    const size_t head_len = sizeof(head) - 1, middle_len = sizeof(middle) - 1;
    if (line->len < head_len || memcmp(line->text, head, head_len) != 0)
        return false;
    *name = line->text + head_len;
    size_t left = line->len - head_len;
    const char *quote = memchr(*name, '"', left);
    if (quote == NULL)
        return false;
    *name_len = (size_t)(quote - *name);
    left -= *name_len;
    if (left < middle_len + 1 || memcmp(quote, middle, middle_len) != 0)
        return false;
    *row = quote + middle_len;
    *row_len = left - middle_len - 1;
    return line->overlong || (*row)[*row_len] == '}';
}

static bool at_line(const struct file_reading *r, struct error *err)
{
    return error_context(err, "%s:%llu", r->f->path, (unsigned long long)r->line);
}

/* The text of a reserved column: strings, and numbers as they are written. */
static bool text_of(struct row_field *out, struct arena *arena, const struct json_value *data,
                    size_t at, const char *name, struct error *err)
{
    *out = (struct row_field){.missing = at == ROW_NONE};
    if (at == ROW_NONE || data->members[at].value.type == JSON_NULL)
        return true;
    const struct json_value *v = &data->members[at].value;
    if (v->type != JSON_STRING && v->type != JSON_NUMBER)
        return error_set(err, ERROR_CONTENT, "%s is neither text nor a number", name);
    out->text = arena_strndup(arena, v->text, v->len);
    out->len = v->len;
    return true;
}

static bool check_shape(const struct file_set *set, const struct json_value *data,
                        struct error *err)
{
    if (data->type != JSON_OBJECT)
        return error_set(err, ERROR_CONTENT, "the row is no object");
    bool same = data->len == set->n_columns;
    for (size_t i = 0; same && i < set->n_columns; i++)
        same = data->members[i].key_len == strlen(set->columns[i]) &&
               memcmp(data->members[i].key, set->columns[i], data->members[i].key_len) == 0;
    return same || error_set(err, ERROR_CONTENT,
                             "the row's columns are not those that line 1 lists, in that order");
}

static bool check_values(struct source_row *row, struct arena *arena, const struct row_columns *at,
                         struct error *err)
{
    const struct json_value *d = &row->data;
    struct row_fields f;
    return text_of(&f.key, arena, d, at->key, "key", err) &&
           text_of(&f.locale, arena, d, at->locale, "locale", err) &&
           text_of(&f.updated_at, arena, d, at->updated_at, "updated_at", err) &&
           text_of(&f.state, arena, d, at->state, "state", err) &&
           text_of(&f.next_change_at, arena, d, at->next_change_at, "next_change_at", err) &&
           row_check(row, arena, &f, err);
}

static bool build_row(struct source_row *row, struct arena *arena, const struct file_reading *r,
                      const char *text, size_t len, struct error *err)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    if (limits.bytes < len)
        limits.bytes = len;
    text = arena_strndup(arena, text, len);
    return json_parse(arena, r->f->common.st, text, len, &limits, &row->data, err) &&
           check_shape(r->set, &row->data, err) && check_values(row, arena, &r->at, err);
}

static bool take_row(struct file_reading *r, const struct line *line, const char *text, size_t len,
                     struct error *err)
{
    struct source_row row = {.number = ++r->number, .bytes = (size_t)line->size};
    struct error problem = ERROR_INIT;
    struct arena *arena = r->to->arena(r->to->payload);
    bool good = true;
    if (line->overlong)
        good = error_set(
            &problem, ERROR_CONTENT, "the line has %llu bytes, more than limits.row (%lld) allows",
            (unsigned long long)line->size, (long long)r->f->common.cfg->max_row_bytes);
    else
        good = build_row(&row, arena, r, text, len, &problem);
    if (good)
        return r->to->row(r->to->payload, &row, err);
    at_line(r, &problem);
    return row_is_bad(r->to, r->config, &row, &problem, err);
}

/* A line in a form of its own (somebody edited the file) is read as a whole to learn its set and
 * written again in the usual form. */
static bool normalize(struct strbuf *out, const struct line *line, struct error *err)
{
    struct arena scratch;
    struct json_value v;
    arena_init(&scratch);
    bool ok = json_parse(&scratch, NULL, line->text, line->len, &JSON_LIMITS_DEFAULT, &v, err);
    const struct json_value *set = ok ? json_gets(&v, "set") : NULL;
    const struct json_value *row = ok ? json_gets(&v, "row") : NULL;
    if (ok && (set == NULL || set->type != JSON_STRING || row == NULL))
        ok = error_set(err, ERROR_USAGE, "a line must be {\"set\":NAME,\"row\":{...}}");
    if (ok) {
        strbuf_reset(out);
        export_row(out, set->text, set->len, row);
    }
    arena_release(&scratch);
    return ok;
}

/* Rows of set `found` begin at this line: so do all sets in between, which have none. */
static void locate(struct file_reading *r, const struct file_set *found, uint64_t offset)
{
    for (size_t i = (size_t)(found - r->f->sets) + 1; i-- > 0 && !r->f->sets[i].located;) {
        r->f->sets[i].located = true;
        r->f->sets[i].offset = offset;
        r->f->sets[i].line = r->line;
    }
}

enum step { STEP_ON, STEP_DONE, STEP_FAILED };

static enum step take_line(struct file_reading *r, const struct line *line, struct strbuf *other,
                           const struct file_set **current, struct error *err)
{
    const char *name, *text;
    size_t name_len, len;
    struct line usual = *line;
    if (!split_line(&usual, &name, &name_len, &text, &len)) {
        if (line->overlong || !normalize(other, line, err)) {
            if (line->overlong)
                error_set(err, ERROR_USAGE, "a line of %llu bytes of unknown kind",
                          (unsigned long long)line->size);
            at_line(r, err);
            err->kind = ERROR_USAGE;
            return STEP_FAILED;
        }
        usual.text = other->buf;
        usual.len = other->len - 1; /* without the line break */
        split_line(&usual, &name, &name_len, &text, &len);
    }
    const struct file_set *set = find_set(r->f, name, name_len);
    if (set == NULL || set < *current) {
        error_set(err, ERROR_USAGE,
                  set == NULL ? "a row of a page set that line 1 does not list"
                              : "a row out of order: rows of a page set come "
                                "together, in the order of line 1");
        at_line(r, err);
        return STEP_FAILED;
    }
    *current = set;
    locate(r, set, line->offset);
    if (set > r->set)
        return STEP_DONE;
    if (set < r->set)
        return STEP_ON;
    return take_row(r, &usual, text, len, err) ? STEP_ON : STEP_FAILED;
}

static bool read_rows(struct file_reading *r, struct lines *in, struct strbuf *other,
                      const struct file_set *current, struct error *err)
{
    struct line line;
    for (;;) {
        if (in->offset >= r->f->rows_end)
            break;
        enum lines_status status = lines_next(in, &line, err);
        if (status == LINES_FAILED)
            return error_context(err, "%s", r->f->path);
        if (status == LINES_END)
            break;
        r->line++;
        enum step step = take_line(r, &line, other, &current, err);
        if (step == STEP_FAILED)
            return false;
        if (step == STEP_DONE)
            break;
    }
    if (r->number == r->set->rows)
        return true;
    return error_set(err, ERROR_USAGE,
                     "%s: page set '%s' has %llu rows, but its last line counts %llu; the file is "
                     "damaged, or was edited without mending the count",
                     r->f->path, r->set->name, (unsigned long long)r->number,
                     (unsigned long long)r->set->rows);
}

static struct file_set *wanted_set(struct file *f, size_t index)
{
    const char *name = f->common.cfg->sets[index].name;
    return find_set(f, name, strlen(name));
}

static bool file_read(struct source *s, size_t index, const struct source_scope *scope,
                      const struct source_sink *to, struct error *err)
{
    struct file *f = (struct file *)s;
    (void)scope; /* more rows than asked for may come */
    struct file_reading r = {
        .f = f, .set = wanted_set(f, index), .config = &s->cfg->sets[index], .to = to};
    struct file_set *from = r.set;
    struct lines in;
    struct strbuf other = STRBUF_INIT;
    if (!row_columns_find(&r.at, r.set->columns, r.set->n_columns, err))
        return false;
    while (!from->located)
        from--;
    r.line = from->line - 1;
    /* JSON needs more bytes than the values themselves, which limits.row is about */
    lines_init(&in, f->fd, from->offset, (size_t)s->cfg->max_row_bytes * 2 + HEADER_MAX);
    bool ok = read_rows(&r, &in, &other, from, err);
    lines_release(&in);
    strbuf_release(&other);
    return ok;
}

static bool file_columns(struct source *s, size_t index, struct error *err)
{
    struct file *f = (struct file *)s;
    struct file_set *set = wanted_set(f, index);
    if (set == NULL)
        return error_set(err, ERROR_USAGE, "%s does not hold it; export the site again", f->path);
    s->columns[index].names = set->columns;
    s->columns[index].n = set->n_columns;
    return true;
}

static void file_close(struct source *s)
{
    struct file *f = (struct file *)s;
    if (f->fd >= 0)
        close(f->fd);
    source_free(s);
}

/* --- opening ------------------------------------------------------------------------------ */

static bool open_file(struct file *f, uint64_t *size, struct error *err)
{
    struct stat st;
    f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) {
        error_errno(err, "cannot read the source");
        if (f->fd < 0 && errno == ENOENT) {
            struct error what = *err;
            error_set(err, ERROR_USAGE,
                      "%s (a connection string begins with postgresql:// or has the form "
                      "\"dbname=NAME\")",
                      what.text);
        }
        return false;
    }
    *size = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_USAGE,
                         "the source must be a plain file: it is read more than "
                         "once");
    return true;
}

bool source_file_open(struct source **out, const struct config *cfg, const struct symtab *st,
                      struct error *err)
{
    struct source *s = source_new(sizeof(struct file), cfg, st);
    struct file *f = (struct file *)s;
    uint64_t size = 0;
    s->columns_of = file_columns;
    s->read = file_read;
    s->close = file_close;
    f->path = cfg->source;
    if (!open_file(f, &size, err) || !read_header(f, err) || !read_trailer(f, size, err)) {
        damaged(f, err);
        source_close(s);
        return false;
    }
    if (f->n_sets > 0) {
        f->sets[0].located = true;
        f->sets[0].offset = f->rows_begin;
        f->sets[0].line = 2;
    }
    *out = s;
    return true;
}

#include "pg/migrate_script.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"

static const char MARKER[] = "platen: no-transaction";

/* --- reading ------------------------------------------------------------------------------ */

static void checksum(char out[DIGEST_HEX_SIZE + 1], const char *text, size_t len)
{
    struct digest d;
    uint8_t sha256[DIGEST_SIZE];
    digest_init(&d);
    digest_of(&d, text, len, sha256);
    digest_release(&d);
    digest_hex(sha256, out);
}

bool migrate_script_read(struct migrate_script *out, struct arena *arena, const char *path,
                         struct error *err)
{
    struct strbuf text = STRBUF_INIT;
    bool ok = file_read(AT_FDCWD, path, MIGRATE_SCRIPT_MAX, &text, err);
    if (ok) {
        *out = (struct migrate_script){
            .path = path, .text = arena_strndup(arena, text.buf, text.len), .len = text.len};
        checksum(out->checksum, out->text, out->len);
    }
    strbuf_release(&text);
    return ok;
}

/* --- what may be in it -------------------------------------------------------------------- */

static bool refuse(const struct migrate_script *s, const struct sql_statement *st,
                   struct error *err, const char *why)
{
    return error_set(err, ERROR_USAGE, "%s:%u:%u: %s", s->path, st->line, st->column, why);
}

/* BEGIN, COMMIT and their other names; savepoints may stay. */
enum control { CONTROL_NONE, CONTROL_BEGIN, CONTROL_COMMIT, CONTROL_OTHER };

static enum control control_of(const struct sql_word *w, size_t n)
{
    if (n == 0)
        return CONTROL_NONE;
    if (sql_word_is(&w[0], "begin") ||
        (n > 1 && sql_word_is(&w[0], "start") && sql_word_is(&w[1], "transaction")))
        return CONTROL_BEGIN;
    if (sql_word_is(&w[0], "commit") || sql_word_is(&w[0], "end"))
        return n > 1 && sql_word_is(&w[1], "prepared") ? CONTROL_OTHER : CONTROL_COMMIT;
    if (sql_word_is(&w[0], "abort") ||
        (n > 1 && sql_word_is(&w[0], "prepare") && sql_word_is(&w[1], "transaction")))
        return CONTROL_OTHER;
    if (sql_word_is(&w[0], "rollback")) /* ROLLBACK [WORK | TRANSACTION] TO [SAVEPOINT] name */
        return (n > 1 && sql_word_is(&w[1], "to")) || (n > 2 && sql_word_is(&w[2], "to"))
                   ? CONTROL_NONE
                   : CONTROL_OTHER;
    return CONTROL_NONE;
}

static bool has_word(const struct sql_word *w, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (sql_word_is(&w[i], word))
            return true;
    return false;
}

/* Statements that PostgreSQL refuses inside a transaction for the word CONCURRENTLY. */
static bool is_concurrent(const struct sql_word *w, size_t n)
{
    if (n < 2 || !has_word(w, n, "concurrently"))
        return false;
    return (sql_word_is(&w[0], "create") && has_word(w, n < 3 ? n : 3, "index")) ||
           (sql_word_is(&w[0], "drop") && sql_word_is(&w[1], "index")) ||
           sql_word_is(&w[0], "reindex") ||
           (sql_word_is(&w[0], "alter") && has_word(w, n, "detach"));
}

#define WORDS 24

static bool check(const struct migrate_script *s, const struct sql_statement *st,
                  const struct sql_word *w, size_t n, struct error *err)
{
    if (n > 0 && sql_word_is(&w[0], "copy") &&
        (has_word(w, n, "stdin") || has_word(w, n, "stdout")))
        return refuse(s, st, err,
                      "COPY from or to the client: there is no data here but SQL; use INSERT");
    if (!s->no_transaction && is_concurrent(w, n))
        return refuse(s, st, err,
                      "CONCURRENTLY cannot run inside a transaction: put the comment line "
                      "\"-- platen: no-transaction\" at the top of the file");
    return true;
}

static bool marked(const struct migrate_script *s, const struct sql_statement *first)
{
    size_t before = first != NULL ? (size_t)(first->text - s->text) : s->len;
    const char *line = s->text, *end = s->text + before;
    while (line < end) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        const char *stop = nl != NULL ? nl : end;
        while (line < stop && (*line == ' ' || *line == '\t'))
            line++;
        if (stop - line > 2 && line[0] == '-' && line[1] == '-' &&
            memmem(line, (size_t)(stop - line), MARKER, sizeof(MARKER) - 1) != NULL)
            return true;
        line = stop + 1;
    }
    return false;
}

/* --- cutting ------------------------------------------------------------------------------ */

static bool cut_all(struct migrate_script *s, struct sql_statement **all, size_t *count,
                    struct error *err)
{
    struct sqlsplit split;
    struct sql_statement st;
    size_t alloc = 0;
    sqlsplit_init(&split, s->text, s->len);
    for (;;) {
        enum sqlsplit_status status = sqlsplit_next(&split, &st, err);
        if (status == SQLSPLIT_END)
            return true;
        if (status == SQLSPLIT_BAD) {
            struct error what = *err; /* it begins with line and column */
            return error_set(err, ERROR_USAGE, "%s:%s", s->path, what.text);
        }
        MEM_GROW(*all, *count + 1, alloc);
        (*all)[(*count)++] = st;
    }
}

static const char CONTROL_REFUSED[] =
    "transaction control: 'platen migrate' makes the transaction itself (only a BEGIN as the first "
    "and a COMMIT as the last statement are allowed, in files that are one transaction)";

static bool check_all(struct migrate_script *s, size_t count, const struct sql_statement *all,
                      struct error *err)
{
    bool begun = false;
    for (size_t i = 0; i < count; i++) {
        struct sql_word words[WORDS];
        size_t n = sqlsplit_words(&all[i], words, WORDS);
        enum control control = control_of(words, n);
        if (control == CONTROL_BEGIN && i == 0 && !s->no_transaction) {
            begun = true;
        } else if (control == CONTROL_COMMIT && begun && i == count - 1) {
            begun = false;
        } else if (control != CONTROL_NONE) {
            return refuse(s, &all[i], err, CONTROL_REFUSED);
        } else {
            if (!check(s, &all[i], words, n, err))
                return false;
            s->statements[s->n++] = all[i];
        }
    }
    return !begun || refuse(s, &all[0], err, "this BEGIN has no COMMIT at the end of the file");
}

bool migrate_script_cut(struct migrate_script *s, struct arena *arena, struct error *err)
{
    struct sql_statement *all = NULL;
    size_t count = 0;
    bool ok = cut_all(s, &all, &count, err);
    if (ok) {
        s->no_transaction = marked(s, count > 0 ? &all[0] : NULL);
        s->statements = arena_calloc(arena, count + 1, sizeof(*s->statements));
        s->n = 0;
        ok = check_all(s, count, all, err);
    }
    free(all);
    return ok;
}

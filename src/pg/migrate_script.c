#include "pg/migrate_script.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static const char MARKER[] = "platen: no-transaction";

/* --- reading ------------------------------------------------------------------------------ */

static bool read_whole(int fd, char *buf, size_t size, struct error *err)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, buf + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read");
        if (n == 0)
            return error_set(err, ERROR_FAILED, "the file changed while it was read");
        got += (size_t)n;
    }
    return true;
}

static void checksum(char *out, const char *text, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    EVP_Digest(text, len, digest, &n, EVP_sha256(), NULL);
    for (unsigned int i = 0; i < n && i < 32; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

bool migrate_script_read(struct migrate_script *out, struct arena *arena, const char *path,
                         struct error *err)
{
    struct stat st;
    bool ok = false;
    *out = (struct migrate_script){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, "cannot read");
        goto out;
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > MIGRATE_SCRIPT_MAX) {
        error_set(err, ERROR_USAGE, "not a file of at most 16 MiB");
        goto out;
    }
    char *text = arena_alloc(arena, (size_t)st.st_size + 1);
    if (!read_whole(fd, text, (size_t)st.st_size, err))
        goto out;
    text[st.st_size] = '\0';
    out->text = text;
    out->len = (size_t)st.st_size;
    checksum(out->checksum, out->text, out->len);
    ok = true;
out:
    if (fd >= 0)
        close(fd);
    return ok || error_context(err, "%s", path);
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

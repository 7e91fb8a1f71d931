#include "pg/migrate_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One file name taken apart. */
struct entry {
    unsigned number;
    bool down;
    const char *name; /* "0001_roles" */
    const char *file; /* "0001_roles.down.sql" */
};

static bool ends_with(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(s + len - n, end, n) == 0;
}

static bool take_apart(struct entry *e, struct arena *arena, const char *file, struct error *err)
{
    size_t len = strlen(file);
    e->file = arena_strdup(arena, file);
    e->down = ends_with(file, len, ".down.sql");
    len -= e->down ? strlen(".down.sql") : strlen(".sql");
    bool good = len > 5 && file[4] == '_';
    for (size_t i = 0; good && i < 4; i++)
        good = file[i] >= '0' && file[i] <= '9';
    for (size_t i = 5; good && i < len; i++)
        good = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
                      file[i]) != NULL;
    if (!good)
        return error_set(err, ERROR_USAGE,
                         "%s: a migration's name is NNNN_name.sql or NNNN_name.down.sql (letters, "
                         "digits, _ and -)",
                         file);
    e->name = arena_strndup(arena, file, len);
    e->number = (unsigned)atoi(arena_strndup(arena, file, 4));
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    if (x->down != y->down)
        return x->down ? 1 : -1;
    return strcmp(x->name, y->name);
}

static bool list(struct entry **out, size_t *n, struct arena *arena, const char *path,
                 struct error *err)
{
    size_t alloc = 0;
    bool ok = true;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        error_errno(err, "cannot read the folder of migrations %s", path);
        err->kind = ERROR_USAGE;
        return false;
    }
    for (struct dirent *d; ok && (errno = 0, d = readdir(dir)) != NULL;) {
        if (d->d_name[0] == '.' || !ends_with(d->d_name, strlen(d->d_name), ".sql"))
            continue;
        MEM_GROW(*out, *n + 1, alloc);
        ok = take_apart(&(*out)[*n], arena, d->d_name, err);
        *n += ok;
    }
    if (ok && errno != 0)
        ok = error_errno(err, "cannot read the folder");
    closedir(dir);
    return ok || error_context(err, "%s", path);
}

/* Entries are sorted: each number's up file or files first, then its down files. */
static bool pair(struct migrate_dir *out, struct arena *arena, const struct entry *e, size_t n,
                 struct error *err)
{
    out->items = arena_calloc(arena, n + 1, sizeof(*out->items));
    for (size_t i = 0; i < n;) {
        unsigned expected = (unsigned)out->n + 1;
        if (e[i].number == expected - 1 || e[i].number == 0)
            return error_set(err, ERROR_USAGE,
                             e[i].number == 0 ? "%s: numbers begin with 0001"
                                              : "%s: number %04u is there twice",
                             e[i].file, e[i].number);
        if (e[i].number != expected)
            return error_set(err, ERROR_USAGE, "there is no %04u before %s", expected, e[i].file);
        if (e[i].down)
            return error_set(err, ERROR_USAGE, "%s: %s.sql is missing", e[i].file, e[i].name);
        bool paired = i + 1 < n && e[i + 1].number == expected && e[i + 1].down &&
                      strcmp(e[i + 1].name, e[i].name) == 0;
        if (!paired)
            return error_set(err, ERROR_USAGE,
                             i + 1 < n && e[i + 1].number == expected && !e[i + 1].down
                                 ? "%s: there is another migration of that number"
                                 : "%s: its way back, of the same name with .down.sql, is missing",
                             e[i].file);
        struct migration *m = &out->items[out->n++];
        m->number = expected;
        m->name = e[i].name;
        m->down = arena_printf(arena, "%s/%s", out->path, e[i + 1].file);
        if (!migrate_script_read(&m->up, arena, arena_printf(arena, "%s/%s", out->path, e[i].file),
                                 err))
            return false;
        i += 2;
    }
    return true;
}

bool migrate_dir_read(struct migrate_dir *out, struct arena *arena, const char *path,
                      struct error *err)
{
    struct entry *entries = NULL;
    size_t n = 0;
    *out = (struct migrate_dir){.path = arena_strdup(arena, path)};
    bool ok = list(&entries, &n, arena, path, err);
    if (ok && n == 0)
        ok = error_set(err, ERROR_USAGE, "%s holds no migrations (NNNN_name.sql)", path);
    if (ok) {
        qsort(entries, n, sizeof(*entries), by_number);
        ok = pair(out, arena, entries, n, err);
    }
    free(entries);
    return ok;
}

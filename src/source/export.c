#include "source/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define FLUSH_AT ((size_t)256 << 10)

/* Where the bytes go. */
struct sink {
    int fd;
    char *path, *temp; /* temp NULL: written to directly */
    struct strbuf buf;
};

/* --- the place ---------------------------------------------------------------------------- */

static bool flush(struct sink *to, struct export_result *out, struct error *err)
{
    if (!file_write_all(to->fd, to->path, to->buf.buf, to->buf.len, err))
        return false;
    out->bytes += to->buf.len;
    strbuf_reset(&to->buf);
    return true;
}

/* Follows a symbolic link, so that the rename replaces what it points at and not the link. */
static char *real_path(const char *path)
{
    struct stat st;
    char *real = lstat(path, &st) == 0 && S_ISLNK(st.st_mode) ? realpath(path, NULL) : NULL;
    return real != NULL ? real : mem_strdup(path);
}

static bool sink_open(struct sink *to, const char *path, struct error *err)
{
    struct stat st;
    *to = (struct sink){.fd = -1, .path = real_path(path)};
    strbuf_init(&to->buf, SIZE_MAX / 2);
    if (strcmp(path, "-") == 0) {
        to->fd = STDOUT_FILENO;
        return true;
    }
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        to->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        struct strbuf name = STRBUF_INIT;
        strbuf_addf(&name, "%s.%ld.tmp", to->path, (long)getpid());
        to->temp = strbuf_detach(&name, NULL);
        unlink(to->temp); /* of an earlier process with our number */
        to->fd = open(to->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (to->fd >= 0)
        return true;
    error_errno(err, "cannot write %s", path);
    free(to->temp); /* not ours to remove */
    to->temp = NULL;
    return false;
}

static bool sync_folder(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL   ? mem_strdup(".")
                : slash == path ? mem_strdup("/")
                                : mem_strndup(path, (size_t)(slash - path));
    bool ok = file_sync_dir(AT_FDCWD, dir, err);
    free(dir);
    return ok;
}

/* Every step can be the one at which the disk turns out to be full. */
static bool sink_commit(struct sink *to, struct error *err)
{
    if (to->fd == STDOUT_FILENO)
        return true;
    bool ok = to->temp == NULL || fsync(to->fd) == 0;
    ok = close(to->fd) == 0 && ok;
    to->fd = -1;
    if (!ok)
        return error_errno(err, "cannot write %s", to->path);
    if (to->temp == NULL)
        return true;
    if (rename(to->temp, to->path) != 0)
        return error_errno(err, "cannot rename %s to %s", to->temp, to->path);
    free(to->temp);
    to->temp = NULL;
    return sync_folder(to->path, err);
}

static void sink_release(struct sink *to)
{
    if (to->fd >= 0 && to->fd != STDOUT_FILENO)
        close(to->fd);
    if (to->temp != NULL)
        unlink(to->temp);
    free(to->temp);
    free(to->path);
    strbuf_release(&to->buf);
}

/* --- the lines ---------------------------------------------------------------------------- */

struct writing {
    struct sink *to;
    const struct config *cfg;
    const struct config_page_set *set;
    struct arena arena;
    export_problem_fn *problem;
    void *payload;
    struct export_result *out;
    uint64_t rows; /* of this set */
};

void export_row(struct strbuf *sb, const char *set, size_t set_len, const struct json_value *row)
{
    strbuf_addstr(sb, "{\"set\":");
    json_write_string(sb, set, set_len);
    strbuf_addstr(sb, ",\"row\":");
    json_write(sb, row);
    strbuf_addstr(sb, "}\n");
}

static struct arena *next_arena(void *payload)
{
    struct writing *w = payload;
    arena_reset(&w->arena);
    return &w->arena;
}

static bool is_wanted(const struct config *cfg, const char *locale)
{
    for (size_t i = 0; i < cfg->n_only_locales; i++)
        if (strcmp(cfg->only_locales[i], locale) == 0)
            return true;
    return cfg->n_only_locales == 0;
}

static bool write_row(void *payload, struct source_row *row, struct error *err)
{
    struct writing *w = payload;
    if (!is_wanted(w->cfg, row->locale))
        return true;
    export_row(&w->to->buf, w->set->name, strlen(w->set->name), &row->data);
    w->rows++;
    w->out->rows++;
    return w->to->buf.len < FLUSH_AT || flush(w->to, w->out, err);
}

static bool omit_row(void *payload, const struct source_row *row, const struct error *problem)
{
    struct writing *w = payload;
    (void)row;
    w->out->omitted++;
    if (w->problem != NULL)
        w->problem(w->payload, problem);
    return true;
}

static bool write_header(struct strbuf *sb, struct source *s, const struct config *cfg,
                         struct error *err)
{
    strbuf_addstr(sb, "{\"platen_export\":1,\"sets\":[");
    for (size_t i = 0; i < cfg->n_sets; i++) {
        const char *const *names;
        size_t n;
        if (!source_columns(s, i, &names, &n, err))
            return false;
        strbuf_addstr(sb, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_write_string(sb, cfg->sets[i].name, strlen(cfg->sets[i].name));
        for (size_t j = 0; j < n; j++) {
            strbuf_addstr(sb, j > 0 ? "," : ",\"columns\":[");
            json_write_string(sb, names[j], strlen(names[j]));
        }
        strbuf_addstr(sb, "]}");
    }
    strbuf_addstr(sb, "]}\n");
    return true;
}

static bool write_sets(struct sink *to, struct source *s, const struct config *cfg,
                       struct writing *w, struct error *err)
{
    struct strbuf end = STRBUF_INIT;
    bool ok = write_header(&to->buf, s, cfg, err);
    strbuf_addstr(&end, "{\"end\":{");
    for (size_t i = 0; ok && i < cfg->n_sets; i++) {
        w->set = &cfg->sets[i];
        w->rows = 0;
        ok = source_read(s, i, NULL, next_arena, write_row, omit_row, w, err);
        if (i > 0)
            strbuf_addch(&end, ',');
        json_write_string(&end, w->set->name, strlen(w->set->name));
        strbuf_addf(&end, ":%llu", (unsigned long long)w->rows);
    }
    strbuf_addstr(&end, "}}\n");
    strbuf_add(&to->buf, end.buf, end.len);
    strbuf_release(&end);
    return ok && flush(to, w->out, err);
}

bool export_write(struct source *s, const struct config *cfg, const char *path,
                  export_problem_fn *problem, void *payload, struct export_result *out,
                  struct error *err)
{
    struct sink to;
    struct writing w = {.to = &to, .cfg = cfg, .problem = problem, .payload = payload, .out = out};
    *out = (struct export_result){0};
    arena_init(&w.arena);
    bool ok =
        sink_open(&to, path, err) && write_sets(&to, s, cfg, &w, err) && sink_commit(&to, err);
    sink_release(&to);
    arena_release(&w.arena);
    return ok;
}

#include "worker/watchfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"

#define FOLDERS_MAX 10000
#define DEPTH_MAX 32
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ATTRIB)

/* A folder of which one file is of interest, or (name NULL) all. A folder may be there twice. */
struct watched {
    int wd;
    const char *name;
};

struct watchfiles {
    int fd;
    struct arena arena;
    struct watched *list;
    size_t n, alloc;
    size_t missed;
};

/* --- watching --------------------------------------------------------------------------------- */

static void watch(struct watchfiles *w, const char *folder, const char *name)
{
    int wd = w->n < FOLDERS_MAX ? inotify_add_watch(w->fd, folder, EVENTS | IN_ONLYDIR) : -1;
    if (wd < 0) {
        w->missed += w->n >= FOLDERS_MAX || (errno != ENOENT && errno != ENOTDIR);
        return;
    }
    MEM_GROW(w->list, w->n + 1, w->alloc);
    w->list[w->n++] = (struct watched){wd, name};
}

static bool is_folder(const struct dirent *entry, const char *path)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type == DT_DIR;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Symbolic links to folders are followed, as they are when the files are read; a circle of them
 * ends at DEPTH_MAX. */
static void watch_tree(struct watchfiles *w, const char *folder, unsigned depth)
{
    watch(w, folder, NULL);
    DIR *dir = depth < DEPTH_MAX && w->n < FOLDERS_MAX ? opendir(folder) : NULL;
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *path = arena_printf(&w->arena, "%s/%s", folder, entry->d_name);
        if (is_folder(entry, path))
            watch_tree(w, path, depth + 1);
    }
    closedir(dir);
}

static void watch_file(struct watchfiles *w, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        watch(w, ".", arena_strdup(&w->arena, path));
    else
        watch(w, slash == path ? "/" : arena_strndup(&w->arena, path, (size_t)(slash - path)),
              arena_strdup(&w->arena, slash + 1));
}

static const char *query_path(struct watchfiles *w, const struct config *c, const char *query)
{
    if (query[0] == '/' || strcmp(c->dir, ".") == 0)
        return query;
    return arena_printf(&w->arena, "%s/%s", c->dir, query);
}

/* NAME.affected.sql stands beside NAME.sql, and may come and go. */
static void watch_query(struct watchfiles *w, const char *path)
{
    size_t len = strlen(path);
    watch_file(w, path);
    if (len > 4 && strcmp(path + len - 4, ".sql") == 0)
        watch_file(w, arena_printf(&w->arena, "%.*s.affected.sql", (int)(len - 4), path));
}

struct watchfiles *watchfiles_open(const struct config *config, size_t *missed, struct error *err)
{
    struct watchfiles *w = mem_calloc(1, sizeof(*w));
    arena_init(&w->arena);
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd < 0) {
        error_errno(err, "files cannot be watched: inotify");
        watchfiles_close(w);
        return NULL;
    }
    if (config->file != NULL)
        watch_file(w, config->file);
    for (size_t i = 0; i < config->n_sets; i++)
        watch_query(w, query_path(w, config, config->sets[i].query));
    watch_tree(w, config->templates, 0);
    if (config->static_dir[0] != '\0')
        watch_tree(w, config->static_dir, 0);
    *missed = w->missed;
    return w;
}

void watchfiles_close(struct watchfiles *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0)
        close(w->fd);
    arena_release(&w->arena);
    free(w->list);
    free(w);
}

int watchfiles_fd(const struct watchfiles *w)
{
    return w != NULL ? w->fd : -1;
}

/* --- what happened ---------------------------------------------------------------------------- */

/* A mounted configuration of Kubernetes changes by its link "..data" being replaced. */
static bool names_file(const struct watched *watched, const struct inotify_event *e)
{
    return watched->name == NULL || e->len == 0 || strcmp(watched->name, e->name) == 0 ||
           strcmp("..data", e->name) == 0;
}

/* That a folder was touched by reading is no change; new folders and lost events are. */
static bool concerns(const struct watchfiles *w, const struct inotify_event *e)
{
    if ((e->mask & IN_Q_OVERFLOW) != 0)
        return true;
    if ((e->mask & IN_IGNORED) != 0)
        return false;
    for (size_t i = 0; i < w->n; i++)
        if (w->list[i].wd == e->wd && names_file(&w->list[i], e))
            return true;
    return false;
}

bool watchfiles_changed(struct watchfiles *w)
{
    char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;
    ssize_t n;
    while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
        for (char *p = buf; p < buf + n;) {
            const struct inotify_event *e = (const struct inotify_event *)(void *)p;
            any |= concerns(w, e);
            p += sizeof(*e) + e->len;
        }
    }
    return any;
}

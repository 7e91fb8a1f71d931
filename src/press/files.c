#include "press/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "plan/route.h"
#include "press/artifact.h"
#include "press/pinned.h"

#define STATIC_BYTES_MAX ((size_t)250 << 20)
#define STATIC_FILES_MAX 100000
#define STATIC_DEPTH_MAX 32

struct tree {
    struct press *p;
    size_t count;
};

static bool put_file(struct tree *t, const char *file, const char *path, struct error *err)
{
    struct press *p = t->p;
    struct strbuf data = STRBUF_INIT;
    struct manifest_file like = {
        .path = path,
        .set = MANIFEST_NONE,
        .locale = MANIFEST_NONE,
        .from = MANIFEST_NONE,
        .kind = MANIFEST_STATIC,
    };
    bool ok = ++t->count <= STATIC_FILES_MAX ||
              error_set(err, ERROR_USAGE, "more than %d files", STATIC_FILES_MAX);
    ok = ok && (route_check(path, strlen(path), err) || error_context(err, "%s", file));
    ok = ok && file_read(AT_FDCWD, file, STATIC_BYTES_MAX, &data, err) &&
         artifact_put(p, p->site, &like, data.buf, data.len, err);
    strbuf_release(&data);
    return ok;
}

static int skip_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.' || route_is_well_known(e->d_name, strlen(e->d_name));
}

static bool put_folder(struct tree *t, const char *folder, const char *prefix, unsigned depth,
                       struct error *err);

static bool put_entry(struct tree *t, const char *folder, const char *prefix, const char *name,
                      unsigned depth, struct error *err)
{
    struct stat st;
    char file[4096], path[ROUTE_PATH_MAX + 2]; /* room for one '/' behind the longest path */
    int n = snprintf(file, sizeof(file), "%s/%s", folder, name);
    int m = snprintf(path, sizeof(path), "%s%s", prefix, name);
    if (n < 0 || (size_t)n >= sizeof(file) || m < 0 || m > ROUTE_PATH_MAX)
        return error_set(err, ERROR_USAGE, "%s/%s: path too long", folder, name);
    if (lstat(file, &st) < 0)
        return error_errno(err, "%s", file);
    if (S_ISDIR(st.st_mode)) {
        strcat(path, "/");
        return put_folder(t, file, path, depth + 1, err);
    }
    if (S_ISLNK(st.st_mode) && stat(file, &st) < 0)
        return error_errno(err, "%s", file);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERROR_USAGE, "%s: neither a file nor a folder", file);
    return put_file(t, file, path, err);
}

static bool put_folder(struct tree *t, const char *folder, const char *prefix, unsigned depth,
                       struct error *err)
{
    struct dirent **names;
    if (depth > STATIC_DEPTH_MAX)
        return error_set(err, ERROR_USAGE, "%s: more than %d folders deep", folder,
                         STATIC_DEPTH_MAX);
    int n = scandir(folder, &names, skip_hidden, alphasort);
    if (n < 0)
        return (depth == 0 && errno == ENOENT) || error_errno(err, "%s", folder);
    bool ok = true;
    for (int i = 0; i < n; i++) {
        ok = ok && put_entry(t, folder, prefix, names[i]->d_name, depth, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

bool files_put_static(struct press *p, struct error *err)
{
    struct tree t = {.p = p};
    return p->config->static_dir[0] == '\0' || put_folder(&t, p->config->static_dir, "", 0, err);
}

bool files_put_assets(struct press *p, struct error *err)
{
    for (size_t i = 0; i < p->theme->n_assets; i++) {
        const struct theme_asset *a = &p->theme->assets[i];
        struct manifest_file like = {
            .path = a->path,
            .set = MANIFEST_NONE,
            .locale = MANIFEST_NONE,
            .from = MANIFEST_NONE,
            .kind = MANIFEST_ASSET,
        };
        if (pinned_has(p, a->path))
            continue;
        if (!artifact_put(p, p->site, &like, a->data, a->len, err))
            return false;
    }
    return true;
}

static bool is_in_use(const struct press *p, const char *path)
{
    if (p->pinned != NULL && !pinned_uses_theme(p))
        return pinned_has(p, path);
    if (pinned_has(p, path))
        return true;
    for (size_t i = 0; i < p->theme->n_assets; i++)
        if (strcmp(p->theme->assets[i].path, path) == 0)
            return true;
    return false;
}

/* Whether a kept release prints this asset as one in use. Asked only when its time has passed. */
static bool is_needed(const struct press *p, const char *path)
{
    bool needed = false;
    struct manifest m;
    manifest_init(&m);
    for (size_t i = 0; !needed && i < p->releases.n_manifests; i++) {
        struct error ignored = ERROR_INIT;
        if (!release_read(&p->store, p->releases.manifests[i], &m, &ignored))
            continue;
        for (size_t j = 0; !needed && j < m.n_files; j++)
            needed = m.files[j].kind == MANIFEST_ASSET &&
                     (m.files[j].flags & MANIFEST_RETIRED) == 0 &&
                     strcmp(m.files[j].path, path) == 0;
    }
    manifest_release(&m);
    return needed;
}

bool files_carry_assets(struct press *p, struct error *err)
{
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        struct manifest_file like = *f;
        if (f->kind != MANIFEST_ASSET || is_in_use(p, f->path))
            continue;
        if ((f->flags & MANIFEST_RETIRED) == 0) {
            like.flags |= MANIFEST_RETIRED;
            like.lastmod = p->now;
        }
        if (p->now - like.lastmod > p->config->assets_keep_s && !is_needed(p, f->path))
            continue;
        error_clear(err);
        if (!artifact_carry(p, p->site, f, &like, err) && err->kind != ERROR_NONE)
            return false;
    }
    return true;
}

#include "press/artifact.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "pack/mime.h"
#include "plan/route.h"

static bool stat_public(const struct press *p, const char *path, const char *suffix,
                        struct stat *st)
{
    char full[ROUTE_PATH_MAX + 8];
    int n = snprintf(full, sizeof(full), "%s%s", path, suffix);
    return p->store.public_fd >= 0 && n > 0 && (size_t)n < sizeof(full) &&
           fstatat(p->store.public_fd, full, st, AT_SYMLINK_NOFOLLOW) == 0;
}

static const struct manifest_file *find_recorded(const struct press *p, const char *path)
{
    const uint64_t *index = map_get(&p->recorded_index, path, strlen(path));
    return index != NULL ? &p->recorded.manifest.files[*index] : NULL;
}

/* Times of ours are whole seconds: who edits a file within its own second is found out, too. */
static bool matches(const struct stat *st, uint32_t size, int64_t mtime)
{
    return S_ISREG(st->st_mode) && st->st_size == (off_t)size && st->st_mtim.tv_sec == mtime &&
           st->st_mtim.tv_nsec == 0;
}

/* Whether the file on the disk is the one the last release recorded. */
static bool is_intact(const struct press *p, const struct manifest_file *f, const struct stat *st)
{
    struct stat twin;
    if (p->repack || release_is_unknown(&p->recorded, f->path) || !matches(st, f->size, f->mtime))
        return false;
    return f->gz_size == 0 ||
           (stat_public(p, f->path, ".gz", &twin) && matches(&twin, f->gz_size, f->mtime));
}

/* Strictly later than what it replaces: servers make ETags of time and size. A path that is new may
 * have been there before, until a release within this very second or before the clock was set back;
 * it is later than the version file, which changes with every release. And a release that was cut
 * short may have had it for a moment. */
static int64_t next_mtime(const struct press *p, const char *path,
                          const struct manifest_file *recorded, const struct stat *disk)
{
    int64_t mtime = p->now;
    if (recorded == NULL)
        recorded = find_recorded(p, "version.json");
    if (recorded != NULL && recorded->mtime >= mtime)
        mtime = recorded->mtime + 1;
    if (disk != NULL && disk->st_mtim.tv_sec >= mtime)
        mtime = disk->st_mtim.tv_sec + 1;
    if (p->recorded.intended_mtime >= mtime && release_is_unknown(&p->recorded, path))
        mtime = p->recorded.intended_mtime + 1;
    return mtime;
}

/* A copy of the key that lives as long as the look: that of the last release, that of the file
 * before (files of one page follow each other), or a new one. */
static const char *lasting_key(struct press_worker *w, const struct manifest_file *recorded,
                               const char *key)
{
    const struct manifest *out = &w->out;
    const char *before = out->n_files > 0 ? out->files[out->n_files - 1].key : NULL;
    if (recorded != NULL && recorded->key != NULL && strcmp(recorded->key, key) == 0)
        return recorded->key;
    if (before != NULL && strcmp(before, key) == 0)
        return before;
    return arena_strdup(&w->out.arena, key);
}

/* Most files were there before: sharing the strings of the last release halves what they need. */
static struct manifest_file *add(struct press_worker *w, const struct manifest_file *recorded,
                                 const struct manifest_file *like)
{
    const char *key = like->key != NULL ? lasting_key(w, recorded, like->key) : NULL;
    struct manifest_file *f = manifest_add(&w->out);
    *f = *like;
    f->path = recorded != NULL ? recorded->path : arena_strdup(&w->out.arena, like->path);
    f->key = key;
    f->staged = MANIFEST_NOT_STAGED;
    return f;
}

bool artifact_put(struct press *p, struct press_worker *w, const struct manifest_file *like,
                  const char *data, size_t len, struct error *err)
{
    struct stat disk;
    if (len > UINT32_MAX)
        return error_set(err, ERROR_CONTENT, "%s: larger than 4 GiB", like->path);
    const struct manifest_file *recorded = find_recorded(p, like->path);
    bool on_disk = stat_public(p, like->path, "", &disk);
    struct manifest_file *f = add(w, recorded, like);
    digest_of(&w->digest, data, len, f->sha256);
    f->size = (uint32_t)len;
    if (recorded != NULL && on_disk && recorded->size == f->size &&
        memcmp(recorded->sha256, f->sha256, DIGEST_SIZE) == 0 && is_intact(p, recorded, &disk)) {
        f->mtime = recorded->mtime;
        f->gz_size = recorded->gz_size;
        return true;
    }
    if (p->options->dry_run) {
        f->staged = PRESS_STAGED_DRY;
        return true;
    }
    bool twin = p->config->gzip && mime_is_compressible(mime_type(f->path)) &&
                gzip_pack(&w->gzip, data, len, &w->packed);
    f->gz_size = twin ? (uint32_t)w->packed.len : 0;
    f->mtime = next_mtime(p, like->path, recorded, on_disk ? &disk : NULL);
    w->bytes_written += (uint64_t)f->size + f->gz_size;
    unsigned number = (unsigned)(w - p->workers);
    const struct staged file = {.path = w->in_sets && !on_disk ? f->path : NULL,
                                .data = data,
                                .len = len,
                                .gz = w->packed.buf,
                                .gz_len = f->gz_size,
                                .mtime = f->mtime};
    return stage_put(&p->stage, number, &file, &f->staged, err);
}

static bool has_digest(struct press_worker *w, const struct strbuf *sb, const uint8_t *sha256)
{
    uint8_t sum[DIGEST_SIZE];
    digest_of(&w->digest, sb->buf, sb->len, sum);
    return memcmp(sum, sha256, DIGEST_SIZE) == 0;
}

bool artifact_read(struct press *p, struct press_worker *w, const struct manifest_file *recorded,
                   struct strbuf *sb)
{
    char hex[DIGEST_HEX_SIZE + 1], object[DIGEST_HEX_SIZE + 2];
    struct error ignored = ERROR_INIT;
    digest_hex(recorded->sha256, hex);
    snprintf(object, sizeof(object), "%.2s/%s", hex, hex + 2);
    const struct {
        int fd;
        const char *path;
    } places[] = {{p->store.public_fd, recorded->path}, {p->store.objects_fd, object}};
    for (size_t i = 0; i < 2; i++) {
        strbuf_reset(sb);
        if (places[i].fd >= 0 &&
            file_read(places[i].fd, places[i].path, recorded->size, sb, &ignored) &&
            has_digest(w, sb, recorded->sha256))
            return true;
    }
    return false;
}

void artifact_keep(struct press_worker *w, const struct manifest_file *recorded,
                   const struct manifest_file *like)
{
    struct manifest_file *f = add(w, recorded, like);
    memcpy(f->sha256, recorded->sha256, DIGEST_SIZE);
    f->size = recorded->size;
    f->gz_size = recorded->gz_size;
    f->mtime = recorded->mtime;
}

bool artifact_carry(struct press *p, struct press_worker *w, const struct manifest_file *recorded,
                    const struct manifest_file *like, struct error *err)
{
    struct stat disk;
    if (stat_public(p, recorded->path, "", &disk) && is_intact(p, recorded, &disk)) {
        artifact_keep(w, recorded, like);
        return true;
    }
    struct strbuf bytes = STRBUF_INIT;
    bool ok = artifact_read(p, w, recorded, &bytes) &&
              artifact_put(p, w, like, bytes.buf, bytes.len, err);
    strbuf_release(&bytes);
    return ok;
}

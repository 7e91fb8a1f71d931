#include "store/retain.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "store/object.h"
#include "store/release.h"

#define NEWEST 10
#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

void retain_choose(const int64_t *created, size_t count, int64_t now, bool *keep)
{
    for (size_t i = 0; i < count; i++) {
        int64_t age = now - created[i];
        int64_t unit = age <= DAY ? HOUR : DAY;
        bool last_of_unit = i == 0 || created[i - 1] / unit != created[i] / unit;
        keep[i] = i < NEWEST || (age <= 7 * DAY && last_of_unit);
    }
}

/* The time a release was recorded is the time of its manifest's file: no need to read it. */
static int64_t created_at(const struct store *s, uint64_t generation)
{
    char name[40];
    struct stat st;
    snprintf(name, sizeof(name), "%" PRIu64 ".json", generation);
    return fstatat(s->releases_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (int64_t)st.st_mtime : 0;
}

/* The digests of the dropped releases, less those that a kept one names. */
struct candidates {
    uint8_t (*digests)[DIGEST_SIZE];
    size_t count, alloc;
    struct map map; /* digest -> 1 = no kept release needs it */
};

static void add_candidates(struct candidates *c, const struct manifest *m)
{
    MEM_GROW(c->digests, c->count + m->n_files, c->alloc);
    for (size_t i = 0; i < m->n_files; i++)
        memcpy(c->digests[c->count++], m->files[i].sha256, DIGEST_SIZE);
}

static void index_candidates(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++) {
        bool added;
        *map_put(&c->map, (const char *)c->digests[i], DIGEST_SIZE, &added) = 1;
    }
}

static void spare_named(struct candidates *c, const struct manifest *m)
{
    for (size_t i = 0; i < m->n_files; i++) {
        uint64_t *unneeded = map_get(&c->map, (const char *)m->files[i].sha256, DIGEST_SIZE);
        if (unneeded != NULL)
            *unneeded = 0;
    }
}

static bool remove_unneeded(const struct store *s, struct candidates *c, struct error *err)
{
    for (size_t i = 0; i < c->count; i++) {
        uint64_t *unneeded = map_get(&c->map, (const char *)c->digests[i], DIGEST_SIZE);
        if (*unneeded == 0)
            continue;
        if (!object_remove(s, c->digests[i], err))
            return false;
        *unneeded = 0;
    }
    return true;
}

static bool collect(const struct store *s, const struct release_list *list, const bool *keep,
                    struct candidates *c, struct error *err)
{
    struct manifest m;
    manifest_init(&m);
    for (int kept = 0; kept <= 1; kept++) {
        for (size_t i = 0; i < list->n_manifests; i++) {
            struct error unreadable = ERROR_INIT;
            if (keep[i] != (kept == 1))
                continue;
            if (!release_read(s, list->manifests[i], &m, &unreadable)) {
                /* Without knowing what a kept release needs, no object may go. */
                if (kept == 1)
                    return error_set(err, unreadable.kind, "%s", unreadable.text);
                continue;
            }
            if (kept == 0)
                add_candidates(c, &m);
            else
                spare_named(c, &m);
        }
        if (kept == 0)
            index_candidates(c);
    }
    manifest_release(&m);
    return true;
}

bool retain_apply(const struct store *s, int64_t now, struct error *err)
{
    struct release_list list;
    if (!release_list(s, &list, err))
        return false;
    bool ok = true;
    size_t n = list.n_manifests, dropped = 0;
    int64_t *created = mem_calloc(n + 1, sizeof(*created));
    bool *newest_first = mem_calloc(n + 1, sizeof(*newest_first));
    bool *keep = mem_calloc(n + 1, sizeof(*keep));
    struct candidates c = {0};
    map_init(&c.map);
    if (n <= NEWEST)
        goto out;
    for (size_t i = 0; i < n; i++)
        created[i] = created_at(s, list.manifests[n - 1 - i]);
    retain_choose(created, n, now, newest_first);
    for (size_t i = 0; i < n; i++) {
        keep[i] = newest_first[n - 1 - i];
        dropped += keep[i] ? 0 : 1;
    }
    if (dropped == 0)
        goto out;
    /* Objects first: a manifest that goes last is tried again when this is cut short. */
    ok = collect(s, &list, keep, &c, err) && remove_unneeded(s, &c, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = keep[i] || release_remove(s, list.manifests[i], err);
out:
    map_release(&c.map);
    free(c.digests);
    free(keep);
    free(newest_first);
    free(created);
    release_list_free(&list);
    return ok;
}

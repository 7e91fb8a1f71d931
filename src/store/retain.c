#include "store/retain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/object.h"
#include "store/pin.h"
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

/* --- releases that go ----------------------------------------------------------------------- */

/* The digests of the dropped releases, as text, less those that a kept one names. */
struct candidates {
    char (*digests)[DIGEST_HEX_SIZE];
    size_t count, alloc;
    struct map map; /* digest -> 1 = no kept release needs it */
    size_t unneeded;
};

static void add_candidate(void *payload, const char *hex)
{
    struct candidates *c = payload;
    MEM_GROW(c->digests, c->count + 1, c->alloc);
    memcpy(c->digests[c->count++], hex, DIGEST_HEX_SIZE);
}

static void index_candidates(struct candidates *c)
{
    for (size_t i = 0; i < c->count; i++) {
        bool added;
        *map_put(&c->map, c->digests[i], DIGEST_HEX_SIZE, &added) = 1;
        c->unneeded += added;
    }
}

static void spare_named(void *payload, const char *hex)
{
    struct candidates *c = payload;
    uint64_t *unneeded = map_get(&c->map, hex, DIGEST_HEX_SIZE);
    if (unneeded == NULL || *unneeded == 0)
        return;
    *unneeded = 0;
    c->unneeded--;
}

static bool remove_unneeded(const struct store *s, struct candidates *c, struct error *err)
{
    uint8_t sha256[DIGEST_SIZE];
    for (size_t i = 0; i < c->count && c->unneeded > 0; i++) {
        uint64_t *unneeded = map_get(&c->map, c->digests[i], DIGEST_HEX_SIZE);
        if (*unneeded == 0)
            continue;
        if (digest_from_hex(c->digests[i], DIGEST_HEX_SIZE, sha256) &&
            !object_remove(s, sha256, err))
            return false;
        *unneeded = 0;
        c->unneeded--;
    }
    return true;
}

/* Calls `take` for each digest of each manifest that stays (kept) or goes (not kept), until *until
 * is 0. *understood turns false when one that stays is damaged or of a newer platen. */
static bool each_digest(const struct store *s, const struct release_list *list, const bool *keep,
                        bool kept, manifest_digest_fn *take, void *payload, const size_t *until,
                        bool *understood, struct error *err)
{
    for (size_t i = 0; i < list->n_manifests; i++) {
        struct error problem = ERROR_INIT;
        if (*until == 0)
            break;
        if (keep[i] != kept || release_digests(s, list->manifests[i], take, payload, &problem))
            continue;
        if (problem.kind == ERROR_FAILED) {
            *err = problem;
            return false;
        }
        if (kept)
            *understood = false;
    }
    return true;
}

static bool drop(const struct store *s, const struct release_list *list, const bool *keep,
                 struct error *err)
{
    static const size_t to_the_end = 1;
    struct candidates c = {0};
    bool understood = true;
    map_init(&c.map);
    bool ok = each_digest(s, list, keep, false, add_candidate, &c, &to_the_end, &understood, err);
    if (ok)
        index_candidates(&c);
    ok = ok && each_digest(s, list, keep, true, spare_named, &c, &c.unneeded, &understood, err);
    /* Objects first: a manifest that goes last is tried again when this is cut short. */
    ok = ok && (!understood || remove_unneeded(s, &c, err));
    for (size_t i = 0; ok && understood && i < list->n_manifests; i++)
        ok = keep[i] || release_remove(s, list->manifests[i], err);
    map_release(&c.map);
    free(c.digests);
    return ok;
}

/* --- the sweep ------------------------------------------------------------------------------ */

/* Every digest that a manifest names, as text. */
struct named {
    struct map map;
    struct arena arena; /* its keys */
};

static void add_named(void *payload, const char *hex)
{
    struct named *named = payload;
    bool added;
    if (map_get(&named->map, hex, DIGEST_HEX_SIZE) != NULL)
        return;
    char *copy = arena_alloc(&named->arena, DIGEST_HEX_SIZE);
    memcpy(copy, hex, DIGEST_HEX_SIZE);
    map_put(&named->map, copy, DIGEST_HEX_SIZE, &added);
}

/* Whether the object objects/FAN/NAME is one of ours that nobody names. */
static bool is_stray(const struct named *named, const char *fan, const char *name,
                     uint8_t sha256[DIGEST_SIZE])
{
    char hex[DIGEST_HEX_SIZE + 1];
    int n = snprintf(hex, sizeof(hex), "%s%s", fan, name);
    return n == DIGEST_HEX_SIZE && digest_from_hex(hex, DIGEST_HEX_SIZE, sha256) &&
           map_get(&named->map, hex, DIGEST_HEX_SIZE) == NULL;
}

static bool sweep_fan(const struct store *s, const struct named *named, unsigned first,
                      struct error *err)
{
    char fan[4];
    struct dirent *e;
    bool ok = true;
    snprintf(fan, sizeof(fan), "%02x", first);
    int fd = openat(s->objects_fd, fan, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return true;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        error_errno(err, "%s/objects/%s", s->out, fan);
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (ok && (errno = 0, e = readdir(dir)) != NULL) {
        uint8_t sha256[DIGEST_SIZE];
        if (is_stray(named, fan, e->d_name, sha256))
            ok = object_remove(s, sha256, err);
    }
    if (ok && errno != 0)
        ok = error_errno(err, "reading folder %s/objects/%s", s->out, fan);
    closedir(dir);
    return ok;
}

static bool sweep_strays(const struct store *s, const struct release_list *list, struct error *err)
{
    struct named named;
    bool understood = true;
    bool *all = mem_calloc(list->n_manifests + 1, sizeof(*all));
    memset(all, true, list->n_manifests * sizeof(*all));
    map_init(&named.map);
    arena_init(&named.arena);
    const size_t to_the_end = 1;
    bool ok = each_digest(s, list, all, true, add_named, &named, &to_the_end, &understood, err);
    for (unsigned first = 0; ok && understood && first < 256; first++)
        ok = sweep_fan(s, &named, first, err);
    arena_release(&named.arena);
    map_release(&named.map);
    free(all);
    return ok;
}

/* --- both ----------------------------------------------------------------------------------- */

/* What is pinned is printed from, however old it is. A pin nobody can read may name any. */
static bool is_pinned(const struct pin *pin, bool readable, uint64_t generation)
{
    return !readable || pin->generation == generation;
}

/* keep[i] for each of the list, which is in ascending order; the number of those that go. */
static size_t choose(const struct store *s, const struct release_list *list, int64_t now,
                     bool *keep)
{
    struct pin pin;
    struct error ignored = ERROR_INIT;
    size_t n = list->n_manifests, dropped = 0;
    bool readable = pin_read(s, &pin, &ignored);
    int64_t *created = mem_calloc(n + 1, sizeof(*created));
    bool *newest_first = mem_calloc(n + 1, sizeof(*newest_first));
    for (size_t i = 0; i < n; i++)
        created[i] = created_at(s, list->manifests[n - 1 - i]);
    retain_choose(created, n, now, newest_first);
    for (size_t i = 0; i < n; i++) {
        keep[i] = newest_first[n - 1 - i] || is_pinned(&pin, readable, list->manifests[i]);
        dropped += keep[i] ? 0 : 1;
    }
    free(newest_first);
    free(created);
    return dropped;
}

bool retain_apply(const struct store *s, int64_t now, bool sweep, struct error *err)
{
    struct release_list list;
    if (!release_list(s, &list, err)) {
        release_list_free(&list);
        return false;
    }
    bool *keep = mem_calloc(list.n_manifests + 1, sizeof(*keep));
    bool ok = choose(s, &list, now, keep) == 0 || drop(s, &list, keep, err);
    release_list_free(&list);
    if (ok && sweep)
        ok = release_list(s, &list, err) && sweep_strays(s, &list, err);
    release_list_free(&list);
    free(keep);
    return ok;
}

#include "upload/obstacle.h"

#include <string.h>

#include "base/arena.h"
#include "base/map.h"

struct keys {
    const char **list;
    size_t n;
    struct map set;
};

static void add_key(struct keys *k, struct arena *arena, const char *path, unsigned variant)
{
    struct strbuf key;
    bool added;
    strbuf_init(&key, 2 * TARGET_KEY_MAX);
    delta_key(path, variant, &key);
    k->list[k->n] = arena_strdup(arena, key.buf);
    map_put(&k->set, k->list[k->n], key.len, &added);
    k->n += added;
    strbuf_release(&key);
}

/* The first of the folders that hold the key's file whose name is in the set. */
static const char *find_above(const struct keys *k, const char *key, size_t *len)
{
    for (const char *slash = key; (slash = strchr(slash, '/')) != NULL; slash++) {
        *len = (size_t)(slash - key);
        if (map_get(&k->set, key, *len) != NULL)
            return key;
    }
    return NULL;
}

/* Deleted keys that a put needs as a folder, and those below a put's own name. */
static size_t find(const struct keys *puts, const struct keys *deletes, struct arena *arena,
                   const char **found)
{
    size_t n = 0, len;
    struct map seen;
    bool added;
    map_init(&seen);
    for (size_t i = 0; i < puts->n; i++) {
        if (find_above(deletes, puts->list[i], &len) == NULL)
            continue;
        const char *key = arena_printf(arena, "%.*s", (int)len, puts->list[i]);
        map_put(&seen, key, len, &added);
        if (added)
            found[n++] = key;
    }
    for (size_t i = 0; i < deletes->n; i++)
        if (find_above(puts, deletes->list[i], &len) != NULL)
            found[n++] = deletes->list[i];
    map_release(&seen);
    return n;
}

bool obstacle_clear(struct target *target, const struct delta *delta, struct error *err)
{
    struct arena arena;
    struct keys puts, deletes;
    bool ok = true;
    if (!target_is_folder(target) || delta->n_puts == 0 || delta->n_deletes == 0)
        return true;
    arena_init(&arena);
    puts = deletes = (struct keys){0};
    map_init(&puts.set);
    map_init(&deletes.set);
    puts.list = arena_alloc(&arena, delta->n_puts * sizeof(*puts.list));
    deletes.list = arena_alloc(&arena, delta->n_deletes * sizeof(*deletes.list));
    for (size_t i = 0; i < delta->n_puts; i++)
        add_key(&puts, &arena, delta->puts[i].file->path, delta->puts[i].variant);
    for (size_t i = 0; i < delta->n_deletes; i++)
        add_key(&deletes, &arena, delta->deletes[i].path, delta->deletes[i].variant);
    const char **found = arena_alloc(&arena, (puts.n + deletes.n) * sizeof(*found));
    size_t n = find(&puts, &deletes, &arena, found);
    if (n > 0)
        ok = target_delete(target, found, n, err);
    map_release(&puts.set);
    map_release(&deletes.set);
    arena_release(&arena);
    return ok;
}

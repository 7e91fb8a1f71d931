#include <string.h>

#include "upload/upload_pass.h"

/* The record's objects and those that are listed, both in the order of their keys. */
struct verify {
    struct upload *u;
    struct map keys; /* key -> number of its object */
    bool *found;     /* of each object: listed with the ETag that the record names */
    uint64_t strange;
};

static const char **etag_of(struct verify *v, uint64_t number)
{
    return &v->u->record.files[number / RECORD_VARIANTS].etag[number % RECORD_VARIANTS];
}

static bool take(void *payload, const char *key, const char *etag, uint64_t size)
{
    struct verify *v = payload;
    (void)size;
    const uint64_t *number = map_get(&v->keys, key, strlen(key));
    if (number == NULL)
        v->strange += strncmp(key, ".platen/", 8) != 0;
    else if (strcmp(*etag_of(v, *number), etag) == 0)
        v->found[*number] = true;
    return true;
}

static void enter_keys(struct verify *v, struct arena *arena)
{
    struct strbuf key;
    size_t n = v->u->record.n_files * RECORD_VARIANTS;
    strbuf_init(&key, 2 * TARGET_KEY_MAX);
    for (size_t i = 0; i < n; i++) {
        bool added;
        if ((*etag_of(v, i))[0] == '\0')
            continue;
        strbuf_reset(&key);
        delta_key(v->u->record.files[i / RECORD_VARIANTS].path,
                  (enum record_variant)(i % RECORD_VARIANTS), &key);
        *map_put(&v->keys, arena_strndup(arena, key.buf, key.len), key.len, &added) = i;
    }
    strbuf_release(&key);
}

bool upload_verify(struct upload *u, struct upload_result *result, struct error *err)
{
    struct verify v = {.u = u};
    struct arena arena;
    size_t n = u->record.n_files * RECORD_VARIANTS;
    arena_init(&arena);
    map_init(&v.keys);
    v.found = arena_calloc(&arena, n + 1, sizeof(*v.found));
    enter_keys(&v, &arena);
    bool ok = target_list(u->pages, "", take, &v, err);
    for (size_t i = 0; ok && i < n; i++) {
        if ((*etag_of(&v, i))[0] == '\0' || v.found[i])
            continue;
        *etag_of(&v, i) = RECORD_UNKNOWN;
        result->amiss++;
    }
    result->strange = v.strange;
    map_release(&v.keys);
    arena_release(&arena);
    return ok;
}

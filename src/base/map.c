#include "base/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

void map_init(struct map *m)
{
    *m = (struct map){0};
    /* Without entropy the map still works; only the defence against aimed keys is weaker. */
    if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != (ssize_t)sizeof(m->seed))
        m->seed = (uint64_t)(uintptr_t)m;
}

void map_release(struct map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->alloc = m->count = 0;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_bytes(uint64_t seed, const char *key, size_t len)
{
    const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu;
    uint64_t h = seed ^ k0;
    size_t left = len;
    for (; left >= 8; left -= 8, key += 8) {
        uint64_t word;
        memcpy(&word, key, 8);
        h = mix(h ^ word, k1);
    }
    uint64_t tail = 0;
    if (left != 0)
        memcpy(&tail, key, left);
    return mix(h ^ tail, k1 ^ (uint64_t)len);
}

static struct map_slot *find_slot(const struct map *m, uint64_t hash, const char *key, size_t len)
{
    size_t mask = m->alloc - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &m->slots[i];
        if (slot->key == NULL)
            return slot;
        if (slot->hash == hash && slot->len == len && memcmp(slot->key, key, len) == 0)
            return slot;
    }
}

static void rehash(struct map *m, size_t alloc)
{
    struct map old = *m;
    m->slots = mem_calloc(alloc, sizeof(*m->slots));
    m->alloc = alloc;
    for (size_t i = 0; i < old.alloc; i++)
        if (old.slots[i].key != NULL)
            *find_slot(m, old.slots[i].hash, old.slots[i].key, old.slots[i].len) = old.slots[i];
    free(old.slots);
}

uint64_t *map_get(const struct map *m, const char *key, size_t len)
{
    if (m->count == 0)
        return NULL;
    struct map_slot *slot = find_slot(m, hash_bytes(m->seed, key, len), key, len);
    return slot->key != NULL ? &slot->value : NULL;
}

uint64_t *map_put(struct map *m, const char *key, size_t len, bool *added)
{
    if (m->count * 4 >= m->alloc * 3)
        rehash(m, m->alloc == 0 ? 16 : m->alloc * 2);
    uint64_t hash = hash_bytes(m->seed, key, len);
    struct map_slot *slot = find_slot(m, hash, key, len);
    *added = slot->key == NULL;
    if (*added) {
        *slot = (struct map_slot){.key = key, .len = len, .hash = hash};
        m->count++;
    }
    return &slot->value;
}

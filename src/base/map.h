/* A hash map from byte strings to a 64-bit value.
 *
 * For: looking things up by name or path while they are collected. Keys are borrowed: the caller
 * keeps them alive and unchanged as long as the map. Values are whatever the caller puts in (an
 * index, a pointer cast through uintptr_t). Hashing is seeded per map from the system, so hostile
 * keys cannot aim at one bucket; therefore there is no iteration: order must never reach output.
 * Not for: sharing between threads while somebody writes.
 *
 * Order: struct map m; map_init(&m); ... map_release(&m). Entries cannot be removed one by one.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    const char *key; /* NULL = free */
    size_t len;
    uint64_t hash;
    uint64_t value;
};

struct map {
    struct map_slot *slots; /* private */
    size_t alloc;           /* a power of two, or 0 */
    size_t count;           /* callers may read it */
    uint64_t seed;
};

void map_init(struct map *m);
void map_release(struct map *m);

/* The value's place, or NULL. Valid until the next map_put(). */
uint64_t *map_get(const struct map *m, const char *key, size_t len);

/* The value's place for reading or writing; *added tells whether it is new (then it is 0). */
uint64_t *map_put(struct map *m, const char *key, size_t len, bool *added);

#endif

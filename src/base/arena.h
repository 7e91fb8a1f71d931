/* Memory that lives as long as one unit of work.
 *
 * For: everything a page, a query or a file needs while it is worked on: allocate freely, free
 * nothing, reset once. Not for: things that outlive the unit, and not for sharing between threads.
 *
 * Order: struct arena a; arena_init(&a); ... arena_reset(&a) between units; arena_release(&a).
 * Memory from arena_alloc() is aligned for any type and not cleared. arena_reset() keeps up to
 * ARENA_KEEP bytes for the next unit and gives the rest back, so one huge unit costs nothing later.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARENA_KEEP ((size_t)256 << 10)

struct arena_block;

struct arena {
    char *next; /* private */
    char *end;
    struct arena_block *head;
    size_t total; /* bytes held from the system; callers may read it to cap a unit */
};

void arena_init(struct arena *a);
void arena_reset(struct arena *a);
void arena_release(struct arena *a);

/* The slow path of arena_alloc(): a new block. */
void *arena_alloc_block(struct arena *a, size_t size);

static inline void *arena_alloc(struct arena *a, size_t size)
{
    size_t want = (size + 15) & ~(size_t)15;
    if (want >= size && want <= (size_t)(a->end - a->next)) {
        void *p = a->next;
        a->next += want;
        return p;
    }
    return arena_alloc_block(a, size);
}

void *arena_calloc(struct arena *a, size_t count, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len); /* copy, terminated */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

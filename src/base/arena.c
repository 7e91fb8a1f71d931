#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct arena_block {
    struct arena_block *prev;
    size_t size; /* bytes of data */
    _Alignas(16) char data[];
};

#define BLOCK_MIN ((size_t)16 << 10)

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

void arena_release(struct arena *a)
{
    struct arena_block *block = a->head;
    while (block != NULL) {
        struct arena_block *prev = block->prev;
        free(block);
        block = prev;
    }
    arena_init(a);
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->head;
    if (keep != NULL && keep->size <= ARENA_KEEP) {
        a->head = keep->prev;
        size_t size = keep->size;
        arena_release(a);
        keep->prev = NULL;
        a->head = keep;
        a->total = size;
        a->next = keep->data;
        a->end = keep->data + size;
    } else {
        arena_release(a);
    }
}

void *arena_alloc_block(struct arena *a, size_t size)
{
    size_t want = (size + 15) & ~(size_t)15;
    if (want < size)
        want = size; /* near SIZE_MAX: let the allocator refuse it */
    size_t block_size = a->head != NULL ? a->head->size * 2 : BLOCK_MIN;
    if (block_size > ARENA_KEEP)
        block_size = ARENA_KEEP;
    if (block_size < want)
        block_size = want;
    struct arena_block *block = mem_alloc(sizeof(*block) + block_size);
    block->prev = a->head;
    block->size = block_size;
    a->head = block;
    a->total += block_size;
    a->next = block->data + want;
    a->end = block->data + block_size;
    return block->data;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX - 64; /* refused by the allocator */
    void *p = arena_alloc(a, bytes);
    if (bytes != 0)
        memset(p, 0, bytes);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len != 0)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *out = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
    out[0] = '\0';
    if (n > 0) {
        va_start(ap, fmt);
        vsnprintf(out, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return out;
}

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr, size_t size)
{
    if (ptr == NULL && size != 0) {
        fprintf(stderr, "platen: out of memory (wanted %zu bytes)\n", size);
        abort();
    }
    return ptr;
}

void *mem_alloc(size_t size)
{
    return checked(malloc(size), size);
}

void *mem_calloc(size_t count, size_t size)
{
    return checked(calloc(count, size), size == 0 ? 0 : count);
}

void *mem_realloc(void *ptr, size_t size)
{
    return checked(realloc(ptr, size), size);
}

void *mem_realloc_array(void *ptr, size_t count, size_t size)
{
    return checked(reallocarray(ptr, count, size), count);
}

size_t mem_grown(size_t want, size_t alloc)
{
    size_t next = alloc < 8 ? 16 : alloc + alloc / 2;
    return next < want ? want : next;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t len)
{
    char *copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

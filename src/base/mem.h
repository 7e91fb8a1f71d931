/* Allocation that does not return on failure.
 *
 * platen is crash-only: `kill -9` at any instant leaves the last good pages, and so does ending the
 * process when memory runs out. These wrappers print one line and abort; no caller checks for NULL.
 * Not for sizes that come from outside: cap those first (strbuf and arena users say how).
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *ptr, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);

/* Grows a plain array `ptr` of `alloc` elements so that it holds at least `want`. */
#define MEM_GROW(ptr, want, alloc)                                                                 \
    do {                                                                                           \
        if ((want) > (alloc)) {                                                                    \
            (alloc) = mem_grown(want, alloc);                                                      \
            (ptr) = mem_realloc_array(ptr, alloc, sizeof(*(ptr)));                                 \
        }                                                                                          \
    } while (0)

size_t mem_grown(size_t want, size_t alloc);
void *mem_realloc_array(void *ptr, size_t count, size_t size);

#endif

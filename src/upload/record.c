#include "upload/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ROOM ((size_t)16 << 10)

void record_init(struct record *r)
{
    *r = (struct record){.content = "",
                         .created = "",
                         .database = "",
                         .version = "",
                         .claim = "",
                         .packing = "",
                         .mode = ""};
    arena_init(&r->arena);
}

void record_release(struct record *r)
{
    free(r->headers);
    free(r->files);
    arena_release(&r->arena);
    record_init(r);
}

const char *record_text(struct record *r, const char *text, size_t len)
{
    if (len == 0)
        return "";
    if (len + 1 > r->room_left) {
        size_t room = len + 1 > ROOM ? len + 1 : ROOM;
        r->room = arena_alloc(&r->arena, room);
        r->room_left = room;
    }
    char *copy = r->room;
    memcpy(copy, text, len);
    copy[len] = '\0';
    r->room += len + 1;
    r->room_left -= len + 1;
    return copy;
}

struct record_file *record_add(struct record *r)
{
    MEM_GROW(r->files, r->n_files + 1, r->alloc_files);
    struct record_file *f = &r->files[r->n_files++];
    *f = (struct record_file){.path = "", .etag = {"", "", ""}};
    return f;
}

uint16_t record_headers(struct record *r, const char *text)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (strcmp(r->headers[i], text) == 0)
            return (uint16_t)i;
    if (r->n_headers == RECORD_HEADERS_MAX)
        return RECORD_NO_HEADERS;
    MEM_GROW(r->headers, r->n_headers + 1, r->alloc_headers);
    r->headers[r->n_headers] = record_text(r, text, strlen(text));
    return (uint16_t)r->n_headers++;
}

const struct record_file *record_find(const struct record *r, const char *path)
{
    size_t low = 0, high = r->n_files;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, r->files[middle].path);
        if (order == 0)
            return &r->files[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

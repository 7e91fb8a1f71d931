#include "plan/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const kind_names[MANIFEST_KINDS] = {
    "asset", "static", "output", "page", "site", "sitemap", "version",
};

const char *manifest_kind_name(enum manifest_kind kind)
{
    return kind < MANIFEST_KINDS ? kind_names[kind] : "?";
}

void manifest_init(struct manifest *m)
{
    *m = (struct manifest){.created = "", .version = "", .packing = "", .content = ""};
    arena_init(&m->arena);
}

void manifest_release(struct manifest *m)
{
    free(m->files);
    arena_release(&m->arena);
    manifest_init(m);
}

struct manifest_file *manifest_add(struct manifest *m)
{
    MEM_GROW(m->files, m->n_files + 1, m->alloc_files);
    struct manifest_file *f = &m->files[m->n_files++];
    *f = (struct manifest_file){
        .set = MANIFEST_NONE,
        .locale = MANIFEST_NONE,
        .from = MANIFEST_NONE,
        .staged = MANIFEST_NOT_STAGED,
    };
    return f;
}

uint16_t manifest_find_name(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count && i < MANIFEST_MAX_NAMES; i++)
        if (strcmp(names[i], name) == 0)
            return (uint16_t)i;
    return MANIFEST_NONE;
}

static int by_path(const void *a, const void *b)
{
    const struct manifest_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

void manifest_sort(struct manifest *m)
{
    if (m->n_files > 1)
        qsort(m->files, m->n_files, sizeof(*m->files), by_path);
}

void manifest_index(const struct manifest *m, struct map *map)
{
    for (size_t i = 0; i < m->n_files; i++) {
        bool added;
        *map_put(map, m->files[i].path, strlen(m->files[i].path), &added) = i;
    }
}

void manifest_content(const struct manifest *m, char hex[DIGEST_HEX_SIZE + 1])
{
    struct digest d;
    uint8_t sum[DIGEST_SIZE];
    char line[DIGEST_HEX_SIZE + 3];
    digest_init(&d);
    digest_begin(&d);
    for (size_t i = 0; i < m->n_files; i++) {
        const struct manifest_file *f = &m->files[i];
        if (f->kind == MANIFEST_VERSION || (f->flags & MANIFEST_RETIRED) != 0)
            continue;
        digest_hex(f->sha256, line);
        memcpy(line + DIGEST_HEX_SIZE, "  ", 3);
        digest_add(&d, line, DIGEST_HEX_SIZE + 2);
        digest_add(&d, f->path, strlen(f->path));
        digest_add(&d, "\n", 1);
    }
    digest_end(&d, sum);
    digest_release(&d);
    digest_hex(sum, hex);
}

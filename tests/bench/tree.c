#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* nftw() hands nothing through to its callback. */
static struct tree *filling;
static size_t root_len;

void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

double seconds_of(int clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *checked(void *memory)
{
    if (memory == NULL)
        die("memory");
    return memory;
}

static int take(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct tree *t = filling;
    (void)ftw;
    if (type != FTW_F)
        return 0;
    if (t->n_files == t->alloc) {
        t->alloc = t->alloc == 0 ? 1024 : 2 * t->alloc;
        t->files = checked(realloc(t->files, t->alloc * sizeof(*t->files)));
    }
    struct tree_file *f = &t->files[t->n_files++];
    f->path = checked(strdup(path + root_len + 1));
    f->len = (size_t)st->st_size;
    f->data = checked(malloc(f->len + 1));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, f->data, f->len) != (ssize_t)f->len)
        die(path);
    close(fd);
    t->bytes += f->len;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    const struct tree_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

void tree_load(struct tree *t, const char *root)
{
    *t = (struct tree){0};
    filling = t;
    root_len = strlen(root);
    if (nftw(root, take, 64, FTW_PHYS) != 0)
        die(root);
    if (t->n_files > 1)
        qsort(t->files, t->n_files, sizeof(*t->files), by_path);
}

void tree_free(struct tree *t)
{
    for (size_t i = 0; i < t->n_files; i++) {
        free(t->files[i].path);
        free(t->files[i].data);
    }
    free(t->files);
    *t = (struct tree){0};
}

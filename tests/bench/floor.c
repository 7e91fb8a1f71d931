/* floor FROM TO [THREADS]: the least that putting the files of FROM into the new folder TO durably
 * can cost.
 *
 * The bytes are read before the clock starts. Then: every file under a temporary name, one syncfs,
 * folders, every file renamed to its place, one more syncfs. That is the barrier platen keeps: no
 * name before its bytes are on the disk, and nothing reported done before the names are. No
 * template, no digest, no time stamp, no object for a later rollback, no manifest.
 *
 * Prints "WALL CPU FILES BYTES".
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

struct writer {
    const struct tree *tree;
    size_t number, of;
    int stage; /* its own folder: two threads in one would wait for each other */
    pthread_t thread;
};

static int make_folder(int parent, const char *name)
{
    if (mkdirat(parent, name, 0777) < 0)
        die(name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        die(name);
    return fd;
}

static void *write_share(void *arg)
{
    const struct writer *w = arg;
    char name[32];
    for (size_t i = w->number; i < w->tree->n_files; i += w->of) {
        const struct tree_file *f = &w->tree->files[i];
        snprintf(name, sizeof(name), "%zu", i);
        int fd = openat(w->stage, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 || write(fd, f->data, f->len) != (ssize_t)f->len || close(fd) < 0)
            die(f->path);
    }
    return NULL;
}

static void write_all(const struct tree *t, struct writer *writers, size_t n, int stage)
{
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%zu", i);
        writers[i] = (struct writer){.tree = t, .number = i, .of = n};
        writers[i].stage = make_folder(stage, name);
        if (pthread_create(&writers[i].thread, NULL, write_share, &writers[i]) != 0)
            die("thread");
    }
    for (size_t i = 0; i < n; i++)
        pthread_join(writers[i].thread, NULL);
}

static void make_folders(int root, char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(root, path, 0777) < 0 && errno != EEXIST)
            die(path);
        *slash = '/';
    }
}

/* Files come in order of their paths, so a folder is opened once. */
static void place_all(const struct tree *t, const struct writer *writers, size_t n, int root)
{
    char folder[4096] = "", name[32];
    int fd = dup(root);
    for (size_t i = 0; i < t->n_files; i++) {
        char *path = t->files[i].path, *slash = strrchr(path, '/');
        size_t len = slash != NULL ? (size_t)(slash - path) : 0;
        if (strlen(folder) != len || memcmp(folder, path, len) != 0) {
            make_folders(root, path);
            memcpy(folder, path, len);
            folder[len] = '\0';
            close(fd);
            fd = len == 0 ? dup(root) : openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0)
                die(folder);
        }
        snprintf(name, sizeof(name), "%zu", i);
        if (renameat(writers[i % n].stage, name, fd, slash != NULL ? slash + 1 : path) < 0)
            die(path);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct tree tree;
    struct writer writers[64];
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    if (argc < 3 || n < 1 || n > 64) {
        fprintf(stderr, "usage: floor FROM TO [THREADS]\n");
        return 2;
    }
    tree_load(&tree, argv[1]);
    double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    int to = make_folder(AT_FDCWD, argv[2]);
    int stage = make_folder(to, "stage"), root = make_folder(to, "public");
    write_all(&tree, writers, n, stage);
    if (syncfs(to) < 0)
        die("syncfs");
    place_all(&tree, writers, n, root);
    if (syncfs(to) < 0)
        die("syncfs");
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("%.6f %.6f %zu %zu\n", wall, cpu, tree.n_files, tree.bytes);
    tree_free(&tree);
    return 0;
}

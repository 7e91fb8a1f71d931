/* A tree of files in memory: what the bare programs of `make bench` work on.
 *
 * For: having the very bytes that platen printed at hand before a clock starts.
 * Order: tree_load(); tree_free(). Errors end the program with a line on stderr: nothing measured
 * by half is of use.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#include <stddef.h>

struct tree_file {
    char *path; /* relative to the root */
    char *data;
    size_t len;
};

struct tree {
    struct tree_file *files; /* sorted by path */
    size_t n_files, alloc;
    size_t bytes;
};

void tree_load(struct tree *t, const char *root);
void tree_free(struct tree *t);

/* Ends the program: "what: why". */
_Noreturn void die(const char *what);

/* Seconds of a clock (CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID). */
double seconds_of(int clock);

#endif

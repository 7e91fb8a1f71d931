/* zlib_cost FROM: the processor time zlib needs for the twins of the files of FROM.
 *
 * One thread, one reused stream, level 9: what platen asks of zlib, and nothing else.
 * Prints "CPU FILES BYTES PACKED".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "tree.h"

int main(int argc, char **argv)
{
    struct tree tree;
    z_stream z = {0};
    size_t packed = 0, longest = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: zlib_cost FROM\n");
        return 2;
    }
    tree_load(&tree, argv[1]);
    for (size_t i = 0; i < tree.n_files; i++)
        if (tree.files[i].len > longest)
            longest = tree.files[i].len;
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        die("zlib");
    size_t room = deflateBound(&z, longest);
    Bytef *out = malloc(room);
    if (out == NULL)
        die("memory");
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < tree.n_files; i++) {
        const struct tree_file *f = &tree.files[i];
        deflateReset(&z);
        z.next_in = (Bytef *)f->data;
        z.avail_in = (uInt)f->len;
        z.next_out = out;
        z.avail_out = (uInt)room;
        if (deflate(&z, Z_FINISH) != Z_STREAM_END)
            die(f->path);
        packed += z.total_out;
    }
    cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("%.6f %zu %zu %zu\n", cpu, tree.n_files, tree.bytes, packed);
    deflateEnd(&z);
    free(out);
    tree_free(&tree);
    return 0;
}

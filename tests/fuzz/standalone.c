/* Feeds the files of a corpus, each once, to a fuzz target built without libFuzzer.
 *
 * For: `make test`, which must not need clang. usage: TARGET DIRECTORY...
 * Prints each name before it is tried, so that a crash says which file it was.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int try_file(const char *dir, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
        fprintf(stderr, "%s/%s: name too long\n", dir, name);
        return 1;
    }
    puts(path);
    fflush(stdout);

    FILE *f = fopen(path, "rb");
    long size = -1;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    if (size < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (f != NULL)
            fclose(f);
        return 1;
    }
    rewind(f);
    /* exactly as large as the input: the sanitizers then see the first byte read beyond it */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    int bad = data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size;
    fclose(f);
    if (bad)
        fprintf(stderr, "%s: cannot be read\n", path);
    else
        LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    size_t tried = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            bad |= try_file(argv[i], entry->d_name);
            tried++;
        }
        closedir(dir);
    }
    if (tried == 0) {
        fputs("nothing to try\n", stderr);
        return 1;
    }
    return bad;
}

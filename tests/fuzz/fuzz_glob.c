/* Any glob against any path, one line each: what has a fault matches nothing, and without braces
 * the answer is that of a plain table of which beginning matches which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH_MAX_HERE 300

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool is_any_folder(const char *glob, size_t at)
{
    return strncmp(glob + at, "**/", 3) == 0 && (at == 0 || glob[at - 1] == '/');
}

/* table[j]: the glob up to `i` matches the path up to j. ASCII, no braces, no "***". */
static bool plain_match(const char *glob, const char *path)
{
    static bool table[GLOB_MAX + 4][PATH_MAX_HERE + 1];
    size_t n = strlen(glob), m = strlen(path);
    memset(table, 0, sizeof(table));
    table[0][0] = true;
    for (size_t i = 0; i < n;) {
        bool two = glob[i] == '*' && glob[i + 1] == '*';
        size_t width = two ? 2 : 1;
        for (size_t j = 0; j <= m; j++) {
            if (!table[i][j])
                continue;
            if (glob[i] == '*')
                for (size_t k = j; k <= m && (k == j || two || path[k - 1] != '/'); k++)
                    table[i + width][k] = true;
            else if (j < m && (glob[i] == '?' ? path[j] != '/' : path[j] == glob[i]))
                table[i + 1][j + 1] = true;
            if (is_any_folder(glob, i))
                table[i + 3][j] = true;
        }
        i += width;
    }
    return table[n][m];
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t n = line != NULL ? (size_t)(line - data) : size;
    size_t m = line != NULL ? size - n - 1 : 0;
    char *glob = calloc(n + 1, 1), *path = calloc(m + 1, 1);
    if (glob != NULL && path != NULL) {
        if (n > 0)
            memcpy(glob, data, n);
        if (m > 0)
            memcpy(path, line + 1, m);
        bool matches = glob_match(glob, path);
        expect(!matches || glob_fault(glob) == NULL);
        if (glob_fault(glob) == NULL && strpbrk(glob, "{}") == NULL &&
            strstr(glob, "***") == NULL && is_plain(glob) && is_plain(path) &&
            strlen(path) <= PATH_MAX_HERE)
            expect(matches == plain_match(glob, path));
    }
    free(glob);
    free(path);
    return 0;
}

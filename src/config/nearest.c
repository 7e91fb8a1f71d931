#include "config/nearest.h"

#include <limits.h>
#include <string.h>

#define NAME_MAX_LEN 64

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return UINT_MAX;
    unsigned rows[3][NAME_MAX_LEN + 1]; /* of the edit table: two before, one before, this */
    for (size_t j = 0; j <= lb; j++)
        rows[1][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        rows[2][0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned cost = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
            unsigned best = least(rows[1][j] + 1, rows[2][j - 1] + 1);
            best = least(best, rows[1][j - 1] + cost);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                best = least(best, rows[0][j - 2] + 1);
            rows[2][j] = best;
        }
        memcpy(rows[0], rows[1], sizeof(rows[0]));
        memcpy(rows[1], rows[2], sizeof(rows[1]));
    }
    return rows[1][lb];
}

void nearest_init(struct nearest *n, const char *wanted)
{
    size_t len = strlen(wanted);
    n->wanted = wanted;
    n->best = NULL;
    /* A third of the letters may be wrong; a name of one or two letters is never guessed at. */
    n->distance = len < 3 ? 0 : len < 6 ? 2 : (unsigned)(len / 3) + 1;
}

void nearest_offer(struct nearest *n, const char *name)
{
    unsigned distance = nearest_distance(n->wanted, name);
    if (distance < n->distance) {
        n->distance = distance;
        n->best = name;
    }
}

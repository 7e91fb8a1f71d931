/* The known name that a mistyped one most likely means.
 *
 * For: "unknown key 'temlates'; did you mean 'templates'?" in the configuration and on the command
 * line. Not for: accepting the guess.
 *
 * Order: struct nearest n; nearest_init(&n, "temlates"); nearest_offer(&n, "templates") for each
 * known name; then n.best is the closest one, or NULL when none is close. Names are borrowed.
 */
#ifndef CONFIG_NEAREST_H
#define CONFIG_NEAREST_H

struct nearest {
    const char *wanted;
    const char *best;
    unsigned distance; /* private: of best; larger than any accepted one at the start */
};

void nearest_init(struct nearest *n, const char *wanted);
void nearest_offer(struct nearest *n, const char *name);

/* Edits (insert, drop, replace, swap of neighbours) between two names, at most 64 bytes each;
 * longer names count as far apart. Upper and lower case, '_' and '-' are equal. */
unsigned nearest_distance(const char *a, const char *b);

#endif

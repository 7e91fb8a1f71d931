/* Settling: from what was printed to the complete list of a release. Private to press/.
 *
 * For: everything that needs all pages at once: the guards that count, what stays from the last
 * release, two files with one path, the cap of deletions.
 */
#ifndef PRESS_SETTLE_H
#define PRESS_SETTLE_H

#include "press/state.h"

/* Holds pairs whose rows are too few. After all sets were read. */
void settle_count(struct press *p);

/* Moves what the workers printed and what stays into p->next, sorted; withdraws pages whose paths
 * clash or are the site's own, and those of ungrouped keys (then this pass is not the last). */
bool settle_gather(struct press *p, struct error *err);

/* The parts of that: moves everybody's output into p->next, unsorted; withdraws what clashes in
 * p->next, which is sorted. */
void settle_outputs(struct press *p);
bool settle_check(struct press *p, struct error *err);

/* The cap of deletions: when exceeded, everything that would go stays. Before site pages. */
bool settle_deletions(struct press *p, struct error *err);

/* Files of the last release, and paths of unfinished intents, that the new one does not have.
 * *list is malloc'ed. */
void settle_removals(struct press *p, const struct manifest_file ***list, size_t *count);

/* Moves the site worker's output into p->next and sorts. */
void settle_site(struct press *p);

#endif

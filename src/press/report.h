/* From the state of a look to its result (press/press.h). Private to press/. */
#ifndef PRESS_REPORT_H
#define PRESS_REPORT_H

#include "press/state.h"
#include "store/commit.h"

void report_changes(struct press *p, const struct commit_change *changes, size_t n_changes,
                    const struct manifest_file *const *removals, size_t n_removals);

/* Sorted, each once. */
void report_problems(struct press *p);

/* m: what is in out/public after the look. */
void report_release(struct press *p, const struct manifest *m);

#endif

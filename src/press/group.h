/* Groups: the translations of one page are decided together. Private to press/.
 *
 * For: which pages a group of rows gives (tombstones, held locales, fallback chains), where they
 * stand, whether their content is fit, and which alternates they may name.
 */
#ifndef PRESS_GROUP_H
#define PRESS_GROUP_H

#include "press/batch.h"

/* The pages to print, in the batch's arena. Problems go to the policy on the way. */
struct press_page *group_prepare(struct press_batch *b, const struct press_group *g,
                                 struct press_worker *w, size_t *n_pages);

#endif

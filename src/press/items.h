/* Elements of a page's array column, one by one. Private to press/.
 *
 * For: leaving out, or taking from the last release, a single section whose content is not fit, so
 * that the page around it can go live.
 */
#ifndef PRESS_ITEMS_H
#define PRESS_ITEMS_H

#include "press/batch.h"

/* Checks every element of the page's items column; where the policy leaves some out or keeps their
 * last form, the page's data is changed accordingly (values in `arena`). False when the page is
 * held; problems have been told, err stays empty. */
bool items_check(struct press *p, struct press_worker *w, struct arena *arena,
                 struct press_page *page, struct error *err);

#endif

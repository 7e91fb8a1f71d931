/* What the last release left: the record that a look compares with. Private to press/. */
#ifndef PRESS_RECORDED_H
#define PRESS_RECORDED_H

#include "press/state.h"

/* Opens out/ and takes its lock; the look's moment begins when it is ours. */
bool recorded_lock(struct press *p, struct error *err);

/* Reads the newest manifest, the intents and the pin, and assumes to be held what was held then. A
 * session may have that manifest already. */
bool recorded_load(struct press *p, struct error *err);

/* Fills p->recorded_pages, unless that was done. Not while workers ask it. */
void recorded_index_pages(struct press *p);

#endif

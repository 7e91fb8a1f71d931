/* Printing: one page with its outputs becomes artifacts. Private to press/. */
#ifndef PRESS_PRINT_H
#define PRESS_PRINT_H

#include "press/batch.h"

/* False only for what ends the look; content that cannot be printed is told to the policy. */
bool print_page(struct press *p, struct press_worker *w, const struct press_page *page,
                struct error *err);

#endif

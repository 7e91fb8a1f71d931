/* The head of a release's manifest: everything about it that is no file. Private to press/. */
#ifndef PRESS_DESCRIBE_H
#define PRESS_DESCRIBE_H

#include "press/state.h"

/* The page sets and locales that the numbers in p->next stand for. Before the site pages. */
void describe_names(struct press *p);

/* Generation, time, snapshot, what is held. Before the commit. */
void describe_release(struct press *p);

#endif

/* Site pages: what a release has once, made from the list of its pages. Private to press/. */
#ifndef PRESS_SITE_H
#define PRESS_SITE_H

#include "press/state.h"

/* index.html, 404.html, robots.txt, the sitemap, and last version.json, into p->next (sorted). */
bool site_put(struct press *p, struct error *err);

#endif

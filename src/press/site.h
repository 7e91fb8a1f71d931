/* Site pages: what a release has once, made from the list of its pages. Private to press/. */
#ifndef PRESS_SITE_H
#define PRESS_SITE_H

#include "press/state.h"

/* Whether a path belongs to the site: 404.html, robots.txt (where there is a template), the
 * sitemap, version.json, and everything below a folder of such a name. No row may have it. */
bool site_takes(const struct press *p, const char *path);

/* The same for "index.html", which a page may have unless root_page or the template `chooser`
 * prints something there. p->next is sorted. */
bool site_takes_root(const struct press *p);

/* index.html, 404.html, robots.txt, the sitemap, and last version.json, into p->next (sorted). */
bool site_put(struct press *p, struct error *err);

/* The parts of it that a look needs which leaves all else as it was: the sitemap, and index.html
 * when `root`; version.json. */
bool site_put_index(struct press *p, bool root, struct error *err);
bool site_put_version(struct press *p, struct error *err);

#endif

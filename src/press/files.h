/* Files that come as they are: static/ and the theme's fingerprinted assets. Private to press/. */
#ifndef PRESS_FILES_H
#define PRESS_FILES_H

#include "press/state.h"

/* Both go to the site worker's output. Names starting with '.' are left out, but
 * .well-known is not; symbolic links to files are read, links to folders and anything that is no
 * file are errors. */
bool files_put_static(struct press *p, struct error *err);
bool files_put_assets(struct press *p, struct error *err);

/* Assets of earlier releases stay for pages cached elsewhere, `assets_keep` after their retirement
 * and as long as a kept release prints them. */
bool files_carry_assets(struct press *p, struct error *err);

#endif

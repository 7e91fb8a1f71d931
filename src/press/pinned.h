/* Pinned: a look, or a rollback, that prints what an earlier release has. Private to press/.
 *
 * For: the answer to "what stays" as long as out/releases/pin.json stands there. What stays is the
 * content of the release the pin names, not what the last look left: a page whose tombstone is gone
 * again comes back from out/objects as that release had it. Rows are read all the same, for their
 * tombstones: `gone` removes the page, `maintenance` prints that template in its place, with the
 * assets of today that it names; the sitemap and version.json follow, and index.html where it
 * repeats such a page. Everything else keeps its bytes: static files, templates, the configuration
 * and --accept have no effect, nor have guards, for nothing is lost that the pin does not keep.
 * Problems of rows that would not be printed are not told.
 *
 * Sets and locales of the pinned release that the configuration no longer has stay, too: p->next
 * gets their names behind those of this look.
 *
 * A release that a pinned look makes records no snapshot: no incremental look may start from it.
 *
 * Order: pinned_load(), at the end of recorded_load(); in a pass, after the rows were read,
 * pinned_gather() in place of settle_gather() and all that comes before; after the last pass
 * pinned_settle() in place of settle_deletions() and site_put(). For a rollback pinned_open()
 * chooses the release, and no rows are read.
 */
#ifndef PRESS_PINNED_H
#define PRESS_PINNED_H

#include "press/state.h"

/* Reads the pin; p->pinned is set when there is one. A pin whose release is not to be had keeps
 * what stands there now, with a warning. */
bool pinned_load(struct press *p, struct error *err);

/* Pins the look to a release, whatever the pin says. From here on every file's object has to be
 * there and whole: otherwise pinned_gather() fails, naming it. */
bool pinned_open(struct press *p, uint64_t generation, struct error *err);

void pinned_release(struct press *p);

bool pinned_gather(struct press *p, struct error *err);
bool pinned_settle(struct press *p, struct error *err);

/* Whether the release that stays has this path. False when nothing is pinned. */
bool pinned_has(const struct press *p, const char *path);

/* Whether something is printed that names the assets of today. */
bool pinned_uses_theme(const struct press *p);

/* The release that stays. p->pinned is set. */
const struct manifest *pinned_reference(const struct press *p);

#endif

/* Going back: an earlier release is printed again, and pinned.
 *
 * For: undoing what was published, without the database and without the templates of that day:
 * everything comes from out/objects. The content of the kept release `generation` becomes a new
 * release by the same commit as any other (intent, order, durability; a changed file is later than
 * the one it replaces), its compressed twins are made again, and it is pinned, so that the next
 * look does not print over it (press/pinned.h). The new release records no snapshot: the look after
 * `unpin` reads everything. Assets of the releases in between stay until their time has passed.
 *
 * All bytes are read, and compared with their digests, before anything is changed: an object that
 * is missing or damaged is an error that names it. Then the pin is written, then the release: cut
 * short in between, the next look of any kind, or the same rollback again, ends it.
 *
 * Errors: ERROR_USAGE for a generation that is not kept and for a bad reason; otherwise
 * ERROR_FAILED, ERROR_CONTENT for a manifest that is damaged.
 */
#ifndef PRESS_ROLLBACK_H
#define PRESS_ROLLBACK_H

#include <stdint.h>

#include "press/press.h"

struct rollback {
    uint64_t generation; /* 0: the release before the newest; while a rollback is pinned, that one
                            again; set to what was chosen */
    const char *reason;  /* NULL: one that tells which release it is */
};

/* result as of press_look(); the caller releases it in any case. */
bool press_rollback(const struct config *config, const struct press_options *options,
                    struct rollback *rollback, struct press_result *result, struct error *err);

#endif

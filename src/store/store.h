/* The store: the folders of out/ and the one lock that guards them.
 *
 * For: opening out/ for a look and knowing where everything is. The layout is a promise:
 *   public/               the web root; nothing but finished files is ever here
 *   objects/ab/cdef...    one blob per content of kept releases (identity bytes, no twins)
 *   releases/N.json       manifests; N.pending: the intent of a release that has not ended
 *   .stage/               files on their way into public/; no file stays after a look
 *   .lock                 flock(2) by whoever looks
 * Not for: what is in them: store/release.h, store/stage.h, store/commit.h.
 *
 * Order: store_open(), store_lock(), ..., store_close() (which gives the lock back).
 * Errors: ERROR_FAILED naming the path. A store opened to read only creates nothing.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct store {
    const char *out; /* as given, for messages; borrowed */
    int out_fd, public_fd, releases_fd, objects_fd;
    int lock_fd;
};

/* Opens the folders; missing ones are created, or with read_only left at -1 (out itself too). */
bool store_open(struct store *s, const char *out, bool read_only, struct error *err);
void store_close(struct store *s);

/* Takes the lock, waiting up to wait_ms; then fails and names the process that holds it. */
bool store_lock(struct store *s, int64_t wait_ms, struct error *err);

#endif

/* Getting ready: what each change of a release needs before its rename. Private to store/.
 *
 * For: the folders of new files, but those that come as a set, and the objects. Neither changes
 * what is public: a folder without files is served by nobody, and an object is a second name of
 * staged bytes. Being no part of the order in which files appear, they are made by two threads that
 * run ahead of the renames, and begin while the staged bytes are still on their way to the disk.
 * What cannot begin so early waits for ready_flushed(): an object that takes the place of one that
 * kept releases name, and folders where a file may still stand in the way. A few changes are not
 * worth a thread: then ready_wait() does it.
 *
 * Order: ready_begin() when the intent is written; ready_flushed() when the staged bytes are on the
 * disk and nothing stands in the way any more; ready_wait() for each change, in their order;
 * ready_end() in any case, also after errors.
 */
#ifndef STORE_READY_H
#define STORE_READY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/commit.h"
#include "store/object.h"
#include "store/walk.h"

/* One of the two who run ahead. */
struct ready_runner {
    size_t done; /* changes that have what they need from it; under the lock */
    bool failed; /* under the lock */
    struct error err;
};

struct ready {
    const struct commit *c;        /* borrowed */
    struct object_writer *objects; /* borrowed */
    struct pool *pool;             /* NULL: no threads */
    pthread_mutex_t lock;
    pthread_cond_t progress;
    pthread_cond_t flush; /* `flushed` or `stop` was set */
    atomic_bool stop;
    bool flushed; /* under the lock */
    struct ready_runner folders, keeper;
    size_t known; /* what the caller has seen to be done by both */
    struct walk walk;
    bool *fresh; /* of each change: its folder was made; read after `done` has passed it */
};

void ready_begin(struct ready *r, const struct commit *c, struct object_writer *objects);

void ready_flushed(struct ready *r);

/* Returns when the folder and the object of change `i` are there. *fresh: the folder was made by
 * this release, so nothing old is in it. */
bool ready_wait(struct ready *r, size_t i, bool *fresh, struct error *err);

void ready_end(struct ready *r);

#endif

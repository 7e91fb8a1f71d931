/* A cursor over folders below out/public that never leaves it.
 *
 * For: turning the path of a file into (folder descriptor, name). Each component is opened by
 * itself and without following symbolic links, so neither a path nor a planted link leads outside.
 * Folders shared with the path before stay open: in path order a new folder costs one open. Order:
 * walk_init(&w, root_fd); walk_to(...) as often as wanted; walk_release(&w).
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "plan/route.h"

#define WALK_DEPTH_MAX ROUTE_DEPTH_MAX

struct walk {
    int root_fd; /* borrowed */
    char path[ROUTE_PATH_MAX + 1];
    int fd[WALK_DEPTH_MAX];
    size_t end[WALK_DEPTH_MAX]; /* where in path each component ends */
    size_t depth;
};

void walk_init(struct walk *w, int root_fd);
void walk_release(struct walk *w);

/* The folder of file `path` and the name in it. Missing folders are created when `create`, else
 * *dirfd is -1 and the call succeeds. The descriptor lives until the next call. */
bool walk_to(struct walk *w, const char *path, bool create, int *dirfd, const char **name,
             struct error *err);

#endif

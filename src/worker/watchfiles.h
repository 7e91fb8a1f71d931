/* Noticing that the site's own files changed: configuration, templates, static files, queries.
 *
 * For: a reason to read them again. Folders are watched, not files, since editors and deployments
 * replace files rather than write them; folders of templates and static files with all below.
 * Not for: what changed, nor for files on network mounts that others write: SIGHUP is for those.
 *
 * Order: watchfiles_open() for a configuration; when watchfiles_fd() is readable,
 * watchfiles_changed(); before the files are read again a new set of watches is opened, since
 * folders may have come, and the old one is closed. watchfiles_close().
 * Errors: what cannot be watched does no harm: *missed says how many folders.
 */
#ifndef WORKER_WATCHFILES_H
#define WORKER_WATCHFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

struct watchfiles;

/* NULL: the system has no more watches to give at all. */
struct watchfiles *watchfiles_open(const struct config *config, size_t *missed, struct error *err);
void watchfiles_close(struct watchfiles *w); /* accepts NULL */

int watchfiles_fd(const struct watchfiles *w); /* -1 for NULL */

/* Takes what has happened since; true when it concerns the site. */
bool watchfiles_changed(struct watchfiles *w);

#endif

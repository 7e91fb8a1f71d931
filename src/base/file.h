/* Reading and writing whole files, with every step checked.
 *
 * For: small helpers over descriptors that store/, config/ and press/ share. Paths are relative to
 * a directory descriptor (AT_FDCWD allowed). Errors are ERROR_FAILED with the path and the reason
 * of the system. Not for: durability; store/ decides when to fsync what.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Appends the whole regular file to sb; a file over `cap` bytes is an error. */
bool file_read(int dirfd, const char *path, size_t cap, struct strbuf *sb, struct error *err);

/* Writes all of data; short writes are continued, EINTR repeated. */
bool file_write_all(int fd, const char *what, const void *data, size_t len, struct error *err);

/* mkdir -p of `path`. Existing folders are fine; anything else in the way is an error. */
bool file_make_dirs(int dirfd, const char *path, struct error *err);

/* fsync of a folder, so that names created or removed in it are durable. */
bool file_sync_dir(int dirfd, const char *path, struct error *err);

/* Removes a folder with everything below; symbolic links are removed, never followed. Missing is
 * fine. For folders platen alone owns. */
bool file_remove_tree(int dirfd, const char *path, struct error *err);

#endif

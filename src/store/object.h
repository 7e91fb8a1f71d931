/* Objects: the content of kept releases, named by its SHA-256 (out/objects/ab/cdef...).
 *
 * For: having the bytes of an earlier release at hand when it is to be printed again. An object is
 * a hard link to the staged file that becomes a public file, so it costs no room while that file
 * lives; each object is linked to at most one public path, since times belong to files. Where the
 * file system cannot link, it is a copy. Twins are not kept: they follow from the content.
 * Whoever edits a public file in place edits its object with it; therefore the bytes just printed
 * always replace what stands under their name.
 */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "store/store.h"

struct object_writer {
    const struct store *store; /* borrowed */
    int fd[256];               /* fan-out folders, opened when first needed; -1 before */
    bool cleared;              /* what a killed writer may have left under the temporary name */
};

void object_writer_init(struct object_writer *w, const struct store *s);
void object_writer_release(struct object_writer *w);

/* Keeps the file dirfd/name as object `sha256` unless one of that name is there (*added: it was
 * not). The file's bytes must be on the disk before a manifest names the object. */
bool object_add(struct object_writer *w, const uint8_t sha256[DIGEST_SIZE], int dirfd,
                const char *name, bool *added, struct error *err);

/* The same, in place of what is there. Kept manifests may name that one, so here the file's bytes
 * must be on the disk before. */
bool object_keep(struct object_writer *w, const uint8_t sha256[DIGEST_SIZE], int dirfd,
                 const char *name, struct error *err);

/* fsync of objects/ and of every folder in it that the writer opened. */
bool object_sync(const struct object_writer *w, struct error *err);

bool object_remove(const struct store *s, const uint8_t sha256[DIGEST_SIZE], struct error *err);

#endif

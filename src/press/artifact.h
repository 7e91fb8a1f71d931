/* Artifacts: finished bytes meet the record of the last release. Private to press/.
 *
 * For: everything that will be a file of out/public passes here: digest, comparison, twin, staging.
 * Bytes equal to what stands there are dropped at once, and nothing is packed or written for them.
 */
#ifndef PRESS_ARTIFACT_H
#define PRESS_ARTIFACT_H

#include "press/state.h"

/* Adds a file with these bytes to what the worker printed. `like` gives path, kind and the names;
 * path and key are copied. */
bool artifact_put(struct press *p, struct press_worker *w, const struct manifest_file *like,
                  const char *data, size_t len, struct error *err);

/* Adds a file of the last release as it is. When its bytes on the disk cannot be trusted they are
 * put back from out/objects; when that fails too, the file is left out and false returned without
 * error. */
bool artifact_carry(struct press *p, struct press_worker *w, const struct manifest_file *recorded,
                    const struct manifest_file *like, struct error *err);

/* The same without a look at the disk. */
void artifact_keep(struct press_worker *w, const struct manifest_file *recorded,
                   const struct manifest_file *like);

/* Replaces sb's content by the bytes of a recorded file, from out/public or out/objects, digest
 * checked. */
bool artifact_read(struct press *p, struct press_worker *w, const struct manifest_file *recorded,
                   struct strbuf *sb);

#endif

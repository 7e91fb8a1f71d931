/* Obstacles: files and folders of one name, at origins that are file systems.
 *
 * For: a page `a` that has become `a/index.html`, or the other way round. A bucket holds both side
 * by side and deletes come last; in a folder the one cannot be put before the other is gone. Only
 * what the delta deletes anyway is ever removed, so what somebody else has put there stays, and
 * the put fails. Not for: buckets, where it does nothing.
 *
 * Order: behind the claim, which names these paths, and before the puts.
 */
#ifndef UPLOAD_OBSTACLE_H
#define UPLOAD_OBSTACLE_H

#include <stdbool.h>

#include "base/error.h"
#include "upload/delta.h"
#include "upload/target.h"

bool obstacle_clear(struct target *target, const struct delta *delta, struct error *err);

#endif

/* The sender: puts the changed objects of a delta, kind by kind, behind the fence.
 *
 * For: the middle of an upload (upload/upload.h). It holds the bytes of those objects alone that
 * are on their way. Before each object it asks whether the claim is still ours, and renews it in
 * time; what would have gone out after it lapsed is held back until then. An object that is not as
 * the record says, while the claim is ours, was changed by somebody who knows no claims: it is
 * written over.
 *
 * Errors: the first that an object met; *gone as content_read() tells it.
 */
#ifndef UPLOAD_SENDER_H
#define UPLOAD_SENDER_H

#include "upload/content.h"
#include "upload/delta.h"
#include "upload/fence.h"
#include "upload/upload.h"

struct sender {
    struct target *target; /* of the pages */
    struct fence *fence;
    struct content *content;
    struct delta *delta;
    const struct config *config;
    const struct upload_options *options;
    struct upload_result *result; /* counts what was sent */
};

bool sender_run(const struct sender *s, bool *gone, struct error *err);

#endif

/* An upload as part of a command, and what is said of it.
 *
 * For: `platen upload`, and for build, rollback and unpin, which upload where an origin is
 * configured. Not for: listen, which uploads beside its looks.
 */
#ifndef CMD_UPLOADING_H
#define CMD_UPLOADING_H

#include "base/strbuf.h"
#include "cmd/options.h"
#include "upload/upload.h"

struct uploading {
    bool done; /* there was an upload, and `result` is to be released */
    struct upload_result result;
    int code;
};

/* Uploads and says what went wrong on stderr, with progress on a terminal. */
void uploading_run(struct uploading *u, const struct config *c, const struct options *o,
                   const struct upload_options *options);
/* The same as the end of another command: nothing is done without an origin, with --no-upload, or
 * in a dry run. */
void uploading_follow(struct uploading *u, const struct config *c, const struct options *o,
                      bool unpin);
/* The summary, for people. */
void uploading_print(const struct uploading *u, const struct options *o);
/* Appends the result as a JSON object, or null. */
void uploading_add_json(struct strbuf *sb, const struct uploading *u, bool dry_run);
void uploading_release(struct uploading *u);

/* Exit codes of two parts of a command: failures first, then what holds. */
int uploading_worse(int a, int b);

#endif

/* The claim: who is changing an origin right now (`.platen/claim.json` below the state prefix).
 *
 * For: one upload at a time, and knowing after a crash which paths cannot be trusted. It is put
 * before the first page and bound to the state that the uploader knows; it names every path about
 * to change. An upload ends with the record (upload/record.h), which names the ETag of its claim:
 * the claim that stands there is *settled* then. One that is not settled is *live* until its time
 * has passed and *lapsed* after; a lapsed claim may be taken over, and its paths count as unknown.
 * Time is that of the origin's own clock.
 * Not for: deciding which paths.
 *
 * Form: {"platen_claim":1,"owner":"...","generation":12,"until":"RFC 3339","paths":["a",...]} or
 * "paths":null where there are more than CLAIM_PATHS_MAX: then all are unknown.
 * Errors: ERROR_CONTENT for a damaged text (it is taken for a lapsed claim of all paths);
 * ERROR_USAGE for one of a newer platen.
 */
#ifndef UPLOAD_CLAIM_H
#define UPLOAD_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

#define CLAIM_PATHS_MAX 10000
#define CLAIM_OWNER_MAX 120
#define CLAIM_TEXT_MAX ((size_t)16 << 20)

struct claim {
    char owner[CLAIM_OWNER_MAX + 1];
    uint64_t generation;
    int64_t until; /* seconds since 1970 */
    bool all;      /* more paths than are named */
    const char **paths;
    size_t n_paths;
};

void claim_print(const struct claim *c, struct strbuf *out);

/* Paths live in the arena. */
bool claim_parse(struct claim *c, const char *text, size_t len, struct arena *arena,
                 struct error *err);

/* "host-pid-random", so that no two uploads have one name. */
void claim_owner(char out[CLAIM_OWNER_MAX + 1]);

#endif

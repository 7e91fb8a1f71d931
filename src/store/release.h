/* Releases on the disk: manifests and intents in out/releases.
 *
 * For: finding out what is recorded (which release is the newest, which paths cannot be trusted),
 * recording a new one, and forgetting old ones with the objects that only they need.
 * Not for: changing out/public (store/commit.h).
 *
 * An intent (N.pending) is a text file: "platen-intent 1 N", then one path per line, then "end".
 * It is durable before the first change of its release. As long as it stands there, the files it
 * names count as unknown and are written again; an intent without its first line or its end makes
 * all of them unknown. Its own modification time is the latest that its release gives to a file:
 * what is written again is later still.
 */
#ifndef STORE_RELEASE_H
#define STORE_RELEASE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "plan/manifest.h"
#include "store/store.h"

#define INTENT_BEGIN "platen-intent 1 %" PRIu64

struct release_list {
    uint64_t *manifests, *intents; /* ascending */
    size_t n_manifests, n_intents;
};

/* A store without releases/ gives empty lists. Other names in the folder are left alone. */
bool release_list(const struct store *s, struct release_list *list, struct error *err);
void release_list_free(struct release_list *list);

/* The generation a new release gets: above every manifest and intent. */
uint64_t release_next(const struct release_list *list);

/* Reads one manifest into *m (initialised). ERROR_CONTENT when it is damaged, ERROR_USAGE when a
 * newer platen wrote it, ERROR_FAILED when it cannot be read at all. */
bool release_read(const struct store *s, uint64_t generation, struct manifest *m,
                  struct error *err);

/* Its header alone: see manifest_parse_header(). */
bool release_read_header(const struct store *s, uint64_t generation, struct manifest *m,
                         struct error *err);

/* The digests of one manifest: see manifest_digests(). Errors as of release_read(). */
bool release_digests(const struct store *s, uint64_t generation, manifest_digest_fn *take,
                     void *payload, struct error *err);

/* Removes one manifest. */
bool release_remove(const struct store *s, uint64_t generation, struct error *err);

/* What the last release left behind. */
struct release_state {
    struct manifest manifest; /* generation 0 when there is none */
    struct map unknown;       /* paths named by unfinished intents; keys live in `arena` */
    const char **intended;    /* the same paths, each once */
    size_t n_intended, alloc_intended;
    bool all_unknown;
    int64_t intended_mtime; /* the latest of the intents; 0 without any */
    struct arena arena;
    char warning[320]; /* "" or why an older manifest had to serve */
};

/* Reads the newest manifest that is not damaged, and every intent. Fails, with nothing to release,
 * when the newest is of a newer platen or cannot be read at all: guessing would leave behind what
 * only that one knows. */
bool release_load(const struct store *s, const struct release_list *list,
                  struct release_state *state, struct error *err);
void release_state_release(struct release_state *state);

/* Whether a path must be written whatever the manifest says. */
bool release_is_unknown(const struct release_state *state, const char *path);

/* Writes N.json, durable when `durable`, under its name in one step. */
bool release_write(const struct store *s, const struct manifest *m, bool durable,
                   struct error *err);

/* Removes the intents of `list` and N.pending. */
bool release_settle(const struct store *s, const struct release_list *list, uint64_t generation,
                    struct error *err);

#endif

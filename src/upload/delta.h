/* Delta: what an upload has to do, from what the origin has and what the release is.
 *
 * For: comparing the origin's record with a release's manifest, object by object. Pure: no file and
 * no server is asked. Identity is the SHA-256 of the content, the header set, and for gzip forms
 * how they were packed (manifest.packing); times and ETags say nothing. What an unfinished claim
 * names is unknown: it is written again, and where the release does not have it, deleted. Not for:
 * doing it (upload/upload.h).
 *
 * A fingerprinted asset that is no longer part of the release stays for output.assets_keep, counted
 * from the first upload without it: the record carries its time, so any machine can prune.
 *
 * Order: delta_make(); walk `puts`, telling each ETag with delta_put_done(); record_write(&next) is
 * then what the origin has, with what is still to be deleted as unknown; after the deletes
 * delta_drop_deleted(). delta_release().
 * Ownership: the manifest, the old record and the configuration must live as long as the delta.
 * Memory: one struct per changed object, and the next record.
 */
#ifndef UPLOAD_DELTA_H
#define UPLOAD_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "config/config.h"
#include "plan/manifest.h"
#include "upload/record.h"
#include "upload/target.h"

struct delta_put {
    const struct manifest_file *file;
    uint32_t next;     /* index of its path in next.files */
    uint8_t variant;   /* enum record_variant */
    uint8_t condition; /* enum target_if; TARGET_ALWAYS for what is unknown */
    bool gzip;         /* the bytes are the gzip form */
    bool added;        /* there was no such path at the origin */
    const char *etag;  /* of TARGET_IF_SAME */
};

struct delta_delete {
    const char *path;
    uint8_t variant;
    bool whole; /* the path itself is gone, not only one of its variants */
};

struct delta_options {
    const struct config *config;    /* mode, directory_keys, header rules, assets_keep */
    const struct manifest *release; /* sorted by path */
    const struct record *old;       /* generation 0: nothing is known to be there */
    const struct map *unknown;      /* paths (keys) that an unfinished claim names, or NULL */
    const char *const *claimed;     /* the same as a list, for those that nobody else names */
    size_t n_claimed;
    bool all_unknown;
    int64_t now; /* seconds since 1970, by the origin's clock */
};

struct delta {
    struct arena arena;
    struct delta_put *puts; /* in the order in which they must go up: by kind, then path */
    size_t n_puts;
    struct delta_delete *deletes; /* sorted by path */
    size_t n_deletes;
    size_t n_gone;       /* paths among them that are gone as a whole: what max_deletes counts */
    uint64_t n_same;     /* objects that stay as they are */
    bool record_differs; /* header, retired times: a record is due even without puts and deletes */
    struct record next;  /* as it will be after all puts; generation, claim and pin are the
                            caller's */
};

/* ERROR_FAILED where the release is larger than a record can be. *d need not be initialised; after
 * a failure it holds nothing. */
bool delta_make(struct delta *d, const struct delta_options *options, struct error *err);
void delta_release(struct delta *d);

/* Until an object's ETag is told, next says that it is unknown. */
void delta_put_done(struct delta *d, const struct delta_put *put, const char *etag);
void delta_drop_deleted(struct delta *d);

/* The key of an object: PATH, PATH.gz, or for x/index.html x/. */
void delta_key(const char *path, enum record_variant variant, struct strbuf *out);

/* The headers that an object of the put is stored with; in the arena. What holds the gzip form has
 * the type of its content and Content-Encoding, under PATH.gz too: so a proxy can hand it on. */
void delta_headers(const struct delta *d, const struct delta_put *put, const struct config *config,
                   struct arena *arena, struct target_headers *headers);

#endif

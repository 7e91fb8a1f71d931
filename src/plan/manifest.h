/* Manifests: what a release put where.
 *
 * For: the record that the next look compares with, that pruning and rollback trust, and that the
 * origin's state is made from. One manifest lists every file of out/public (twins are part of their
 * file) with its digest, and says which snapshot of which database it was printed from.
 * Not for: knowing what is on the disk (store/ checks), nor for several releases (store/release.h).
 *
 * Form: JSON, one file per line, so that a reader may take the header and stop:
 *   {"platen":1,"generation":12,...,"columns":["path",...],
 *   "files":[
 *   ["en/index.html","<sha-256>",5120,1432,1764000000,"page",0,1,1,"homepage",1763990000,""],
 *   ...
 *   ]}
 *
 * Ownership: every string lives in the manifest's arena. manifest_init() ... manifest_release().
 * Errors: manifest_parse() gives ERROR_CONTENT "line N: ..." for a text that is damaged,
 * ERROR_USAGE for one that a newer platen wrote. It never trusts a size or an index: in what it
 * accepts, paths are good (plan/route.h), different and in order, and exactly pages and their
 * outputs have set, locale, from and key.
 */
#ifndef PLAN_MANIFEST_H
#define PLAN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_NOT_STAGED UINT64_MAX
#define MANIFEST_NONE UINT16_MAX /* no page set, no locale */
#define MANIFEST_MAX_NAMES 1024  /* page sets; locales */

/* In the order in which files appear: dependencies before dependents. */
enum manifest_kind {
    MANIFEST_ASSET,  /* fingerprinted files of templates/assets */
    MANIFEST_STATIC, /* copied from static/ */
    MANIFEST_OUTPUT, /* further files of a page: JSON, fragments */
    MANIFEST_PAGE,   /* the file of a row's own path */
    MANIFEST_SITE,   /* root page, 404, robots */
    MANIFEST_SITEMAP,
    MANIFEST_VERSION,
    MANIFEST_KINDS
};

enum manifest_flag {
    MANIFEST_FALLBACK = 1,    /* a page printed from another locale's row */
    MANIFEST_MAINTENANCE = 2, /* printed with the maintenance template */
    MANIFEST_RETIRED = 4,     /* an asset nothing names any more, since `lastmod` */
};

struct manifest_file {
    const char *path;
    const char *key; /* the row's key; NULL where there is none */
    uint8_t sha256[DIGEST_SIZE];
    int64_t mtime;   /* seconds */
    int64_t lastmod; /* the row's updated_at in seconds, 0 = unknown */
    uint32_t size;
    uint32_t gz_size;     /* 0 = no twin */
    uint32_t group;       /* not stored: which run of rows it came from, in this look */
    uint64_t staged;      /* not stored: where its new bytes wait, see store/stage.h */
    uint16_t set, locale; /* indexes into the manifest's names, or MANIFEST_NONE */
    uint16_t from;        /* locale of the row it was printed from */
    uint8_t kind, flags;
};

struct manifest_pair {
    uint16_t set, locale;
};

struct manifest {
    struct arena arena;
    uint64_t generation;  /* 0: there is no release yet */
    const char *created;  /* RFC 3339 UTC */
    const char *version;  /* of platen */
    const char *packing;  /* how twins were made, "" = none */
    const char *content;  /* hex: digest over every file but version.json */
    const char *snapshot; /* pg_snapshot text; NULL where not read from a database */
    const char *database; /* JSON object naming it, as text; NULL likewise */
    const char *next_change_at;
    const char **sets;
    size_t n_sets;
    const char **locales;
    size_t n_locales;
    struct manifest_pair *held;
    size_t n_held;
    struct manifest_file *files; /* sorted by path once published */
    size_t n_files, alloc_files;
};

void manifest_init(struct manifest *m);
void manifest_release(struct manifest *m);

/* Replaces *m (initialised) by what the text says. */
bool manifest_parse(struct manifest *m, const char *text, size_t len, struct error *err);

/* The header alone: no files. The text may be a whole manifest; what stands behind its first line
 * is not looked at. */
bool manifest_parse_header(struct manifest *m, const char *text, size_t len, struct error *err);

/* What comes of a text for those who want its digests alone: a fraction of the work. The header and
 * the form of each line are checked, the columns behind the digest are not. `hex` has
 * DIGEST_HEX_SIZE lower-case digits and is not terminated. */
typedef void manifest_digest_fn(void *payload, const char *hex);
bool manifest_digests(const char *text, size_t len, uint64_t *generation, manifest_digest_fn *take,
                      void *payload, struct error *err);

/* Appends the text of everything before the files. */
void manifest_write_header(struct strbuf *sb, const struct manifest *m);
/* Appends one file's line; the caller separates lines with ",\n". */
void manifest_write_file(struct strbuf *sb, const struct manifest_file *f);
/* What stands after the last file. */
#define MANIFEST_TAIL "\n]}\n"

/* A new file at the end, cleared, with set, locale and from = MANIFEST_NONE. */
struct manifest_file *manifest_add(struct manifest *m);

/* Index of a name among sets or locales, or MANIFEST_NONE. */
uint16_t manifest_find_name(const char *const *names, size_t count, const char *name);

/* Sorts by path, byte by byte. */
void manifest_sort(struct manifest *m);

/* Fills `map` (initialised) with path -> index. */
void manifest_index(const struct manifest *m, struct map *map);

/* The release's content digest: SHA-256 over "HEX  PATH\n" for each file in path order but
 * version.json and retired assets, which is what `sha256sum` prints for the sorted files. */
void manifest_content(const struct manifest *m, char hex[DIGEST_HEX_SIZE + 1]);

const char *manifest_kind_name(enum manifest_kind kind);

#endif

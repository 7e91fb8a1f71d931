/* The origin's record: what a release put where, kept at the origin itself.
 *
 * For: knowing with one GET what stands at the origin, from any machine that has credentials. It is
 * the object `.platen/manifest.json.gz` below the state prefix; its PUT is the commit point of an
 * upload. Not for: listing what is really there (upload/verify.h).
 *
 * Form: JSON like a local manifest (plan/manifest.h), gzipped; its first line is the header and can
 * be read alone. One line for each path, with the ETags that the PUTs of its variants answered;
 * columns at the end that are empty or 0 are left out. At most 60 bytes an object, compressed:
 * digests, and ETags that are an MD5 in hex, are written as base64 without padding; any other ETag
 * as it is with '=' in front.
 *   {"platen_origin":1,"generation":12,"content":"<hex>","database":"<hex>","created":"...",
 *    "version":"...","claim":"<etag of the claim it was written under>","packing":"...",
 *    "mode":"sidecar","conditions":{"none_match":true,"match":"quoted"},"pin":null,
 *    "headers":[["text/html; charset=utf-8","..."],...],
 *   "columns":["path","headers","sha256","etag","gz","folder","retired"],"files":[
 *   ["en/index.html",0,"<sha-256>","<etag>","<etag of .gz>"],
 *   ...
 *   ]}
 * `claim` is empty while deletes are to come: the upload is not over before them.
 * `database` is a digest that tells databases apart and names none.
 *
 * A path stands for up to three objects (see enum record_variant). `headers` is an index into the
 * table of header sets: an object whose rule has changed is another object. `retired` is when an
 * asset was last part of a release (seconds since 1970), 0: it is part of this one.
 *
 * Ownership: strings live in the record's arena. Errors: ERROR_CONTENT for a damaged text,
 * ERROR_USAGE for one of a newer platen; nothing in it is trusted before it is checked.
 */
#ifndef UPLOAD_RECORD_H
#define UPLOAD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "store/pin.h"
#include "upload/target.h"

#define RECORD_FORMAT 1
#define RECORD_BYTES_MAX ((size_t)64 << 20)   /* gzipped */
#define RECORD_TEXT_MAX ((uint64_t)256 << 20) /* unpacked */
#define RECORD_FILES_MAX 2000000
#define RECORD_HEADERS_MAX 4096 /* header sets */
#define RECORD_WORD_MAX 256     /* bytes of a text of the header */
#define RECORD_NO_HEADERS UINT16_MAX

/* Objects of one path. */
enum record_variant {
    RECORD_PLAIN,  /* PATH: the content itself, or with origin.mode replace its gzip form */
    RECORD_GZIP,   /* PATH.gz */
    RECORD_FOLDER, /* of x/index.html: x/ (origin.directory_keys), the same bytes as PATH */
    RECORD_VARIANTS
};

struct record_file {
    const char *path;
    uint8_t sha256[DIGEST_SIZE];       /* of the content, not of its gzip form */
    const char *etag[RECORD_VARIANTS]; /* "" = no such object; RECORD_UNKNOWN: there may be any */
    uint16_t headers; /* index of the header set that all its objects were put with */
    int64_t retired;
};
#define RECORD_UNKNOWN "?" /* written again whatever it is */

struct record {
    struct arena arena;
    uint64_t generation; /* of the origin, one more with each upload; 0: none yet */
    const char *content, *created, *database, *version, *claim, *packing;
    const char *mode; /* sidecar, replace, both */
    struct target_conditions conditions;
    struct pin pin;       /* generation 0: none */
    const char **headers; /* header sets as text, see rules.h */
    size_t n_headers, alloc_headers;
    struct record_file *files; /* sorted by path */
    size_t n_files, alloc_files;
    char *room; /* private: of the texts that record_text() packs */
    size_t room_left;
};

void record_init(struct record *r);
void record_release(struct record *r);

/* Replaces *r (initialised) by what the gzipped text says. */
bool record_read(struct record *r, const char *data, size_t len, struct error *err);
/* The header alone; `data` may be the beginning of the object. Both leave *r empty when they fail.
 */
bool record_read_header(struct record *r, const char *data, size_t len, struct error *err);
/* Appends the gzipped text: equal records, equal bytes. The generation is not 0, the files are
 * sorted, the mode is set, and texts are short and without control characters, else ERROR_FAILED.
 */
bool record_write(const struct record *r, struct strbuf *out, struct error *err);

/* A new file at the end, cleared. */
struct record_file *record_add(struct record *r);
/* A copy of a text that lives as long as the record, packed tightly: for paths and ETags. */
const char *record_text(struct record *r, const char *text, size_t len);
/* Index of a header set's text, added if it is new; RECORD_NO_HEADERS when there is no room. */
uint16_t record_headers(struct record *r, const char *text);
/* In a sorted record, or NULL. */
const struct record_file *record_find(const struct record *r, const char *path);

#endif

/* From a request to a file below the web root: what `platen serve` answers, without any socket.
 *
 * For: deciding status, file, variant and validators of one request. The path is hostile: it is
 * percent-decoded once, then every segment is checked, and the file is opened beneath the root by
 * the kernel (openat2), so that neither "..", nor an encoded slash, nor a symbolic link leads out.
 * Files whose name begins with '.' are not served, except below /.well-known/ (RFC 8615).
 * Not for: methods other than GET and HEAD, ranges, caching.
 *
 * A build may rename files meanwhile: the page is opened first and everything is taken from that
 * descriptor; a twin counts only when its mtime equals the page's, so it is of the same generation.
 *
 * Ownership: release the answer; it owns the descriptor (take it by setting fd to -1).
 */
#ifndef CMD_SERVE_FILES_H
#define CMD_SERVE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Texts are those of the request; NULL: the header is missing. */
struct serve_request {
    const char *path;  /* as it came, begins with '/', without the query */
    const char *query; /* behind the '?', or NULL */
    const char *accept_encoding, *if_none_match, *if_modified_since;
};

struct serve_answer {
    unsigned status;
    int fd; /* the body, or -1: `text` is the body */
    uint64_t size;
    const char *text;
    const char *type;
    const char *encoding; /* "gzip", "br" or NULL */
    bool varies;          /* send Vary: Accept-Encoding */
    char etag[64];        /* "" : none; else with its quotes */
    char last_modified[32];
    struct strbuf location; /* of a 301 or 302 */
};

/* root: descriptor of the web root. base: the path the site is served below, "/" or "/shop/". */
void serve_files_answer(int root, const char *base, const struct serve_request *request,
                        struct serve_answer *answer);

void serve_files_release(struct serve_answer *answer);

/* Opens a path below the root for reading, never outside: -1 and errno. Without openat2 (old
 * kernels, some sandboxes; walk: pretend so) each segment is opened without following links. */
int serve_files_open(int root, const char *path, bool walk);

#endif

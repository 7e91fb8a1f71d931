#include "cmd/serve_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cmd/serve_accept.h"
#include "pack/mime.h"

#define PATH_BYTES_MAX 4096
#define PLAIN "text/plain; charset=utf-8"
/* Never block on a pipe that somebody put there. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* --- opening beneath the root -------------------------------------------------------------------
 */

static int open_step(int dir, const char *name, size_t len, bool last)
{
    char segment[256];
    if (len >= sizeof(segment)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(segment, name, len);
    segment[len] = '\0';
    return openat(dir, segment, OPEN_FLAGS | O_NOFOLLOW | (last ? 0 : O_DIRECTORY));
}

static int open_walking(int root, const char *path)
{
    int dir = dup(root);
    while (dir >= 0) {
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';
        int next = open_step(dir, path, len, last);
        int saved = errno;
        close(dir);
        errno = saved;
        if (last || next < 0)
            return next;
        dir = next;
        path += len + 1;
    }
    return -1;
}

int serve_files_open(int root, const char *path, bool walk)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    if (path[0] == '\0')
        path = ".";
    if (!walk) {
        long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
            return (int)fd;
    }
    return open_walking(root, path);
}

/* --- the path ------------------------------------------------------------------------------------
 */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes once. False for malformed escapes and for what no printed path can hold: control
 * characters, backslashes, invalid UTF-8, a '/' that came encoded. */
static bool decode(const char *raw, char *out, size_t size)
{
    size_t n = 0;
    for (const char *p = raw; *p != '\0'; p++) {
        int c = (unsigned char)*p;
        bool escaped = c == '%';
        if (escaped) {
            int high = hex(p[1]), low = high >= 0 ? hex(p[2]) : -1;
            if (low < 0)
                return false;
            c = high * 16 + low;
            p += 2;
        }
        if (c < 0x20 || c == 0x7f || c == '\\' || (escaped && c == '/') || n + 1 >= size)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return utf8_valid_prefix(out, n) == n;
}

/* 0 when every segment may be served, else the status that refuses the path. A single '/' at the
 * end is allowed. */
static unsigned check_segments(const char *path)
{
    bool first = true;
    for (const char *p = path; *p != '\0'; first = false) {
        size_t len = strcspn(p, "/");
        if (len == 0)
            return 404;
        if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return 400;
        if (p[0] == '.' && !(first && len == 11 && memcmp(p, ".well-known", 11) == 0))
            return 404;
        p += len;
        p += *p == '/';
    }
    return 0;
}

static void add_encoded(struct strbuf *out, const char *path)
{
    for (const char *p = path; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("/-._~", c) != NULL;
        strbuf_addf(out, plain ? "%c" : "%%%02X", c);
    }
}

/* --- the file and its twins ------------------------------------------------------------------- */

/* Opens a regular file. 0, or the status that says why not; *is_folder tells of folders. */
static unsigned open_file(int root, const char *path, int *fd, struct stat *st, bool *is_folder)
{
    *is_folder = false;
    *fd = serve_files_open(root, path, false);
    if (*fd < 0)
        return errno == EACCES || errno == EMFILE || errno == ENFILE || errno == EIO ? 500 : 404;
    if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return 0;
    *is_folder = S_ISDIR(st->st_mode);
    close(*fd);
    *fd = -1;
    return 404;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int open_twin(int root, const char *path, const char *suffix, const struct stat *page,
                     struct stat *st)
{
    char name[PATH_BYTES_MAX + 16];
    bool is_folder;
    int fd;
    snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (open_file(root, name, &fd, st, &is_folder) != 0)
        return -1;
    if (same_time(page, st))
        return fd;
    close(fd); /* of another generation: a build is just passing */
    return -1;
}

/* The best variant the client takes: its descriptor, or -1 when it takes none. page stays open. */
static int choose(int root, const char *path, int page, const struct stat *page_st,
                  const char *accept, struct serve_answer *a)
{
    static const char *const suffixes[] = {".br", ".gz"};
    static const char *const names[] = {"br", "gzip"};
    unsigned weight[SERVE_CODINGS];
    enum serve_coding order[SERVE_CODINGS];
    serve_accept_read(accept, weight);
    unsigned n = serve_accept_order(weight, order);
    for (unsigned i = 0; i < n; i++) {
        if (order[i] == SERVE_IDENTITY)
            return page;
        struct stat st;
        int fd = open_twin(root, path, suffixes[order[i]], page_st, &st);
        if (fd >= 0) {
            a->encoding = names[order[i]];
            a->size = (uint64_t)st.st_size;
            return fd;
        }
    }
    return -1;
}

static void set_validators(const struct stat *page, struct serve_answer *a)
{
    char fraction[24] = "";
    if (page->st_mtim.tv_nsec != 0)
        snprintf(fraction, sizeof(fraction), ".%lx", (unsigned long)page->st_mtim.tv_nsec);
    snprintf(a->etag, sizeof(a->etag), "\"%llx%s-%llx%s%s\"",
             (unsigned long long)page->st_mtim.tv_sec, fraction, (unsigned long long)a->size,
             a->encoding != NULL ? "-" : "", a->encoding != NULL ? a->encoding : "");
    struct tm tm;
    if (gmtime_r(&page->st_mtim.tv_sec, &tm) != NULL)
        strftime(a->last_modified, sizeof(a->last_modified), "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* --- conditions ------------------------------------------------------------------------------- */

/* Weak comparison, as If-None-Match wants it; the list may be "*". */
static bool matches_etag(const char *list, const char *etag)
{
    size_t len = strlen(etag);
    for (const char *p = list; *p != '\0'; p++) {
        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        if (*p != '"')
            return false;
        const char *end = strchr(p + 1, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end + 1 - p) == len && memcmp(p, etag, len) == 0)
            return true;
        p = end;
    }
    return false;
}

static bool not_modified_since(const char *date, time_t mtime)
{
    struct tm tm = {0};
    const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return end != NULL && *end == '\0' && mtime <= timegm(&tm);
}

static bool is_unchanged(const struct serve_request *request, const struct stat *page,
                         const struct serve_answer *a)
{
    if (request->if_none_match != NULL)
        return matches_etag(request->if_none_match, a->etag);
    return request->if_modified_since != NULL &&
           not_modified_since(request->if_modified_since, page->st_mtim.tv_sec);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void set_text(struct serve_answer *a, unsigned status, const char *text)
{
    a->status = status;
    a->text = text;
    a->size = strlen(text);
    a->type = PLAIN;
}

/* Opens the page and picks its variant. 0, or a status. */
static unsigned set_file(int root, const char *path, const struct serve_request *request,
                         struct stat *page_st, struct serve_answer *a, bool *is_folder)
{
    int page;
    unsigned status = open_file(root, path, &page, page_st, is_folder);
    if (status != 0)
        return status;
    a->size = (uint64_t)page_st->st_size;
    a->type = mime_type(path);
    a->varies = true;
    a->fd = choose(root, path, page, page_st, request->accept_encoding, a);
    if (a->fd != page)
        close(page);
    return a->fd < 0 ? 406 : 0;
}

static void set_not_found(int root, const struct serve_request *request, struct serve_answer *a)
{
    struct stat st;
    bool is_folder;
    if (set_file(root, "404.html", request, &st, a, &is_folder) == 0)
        a->status = 404;
    else
        set_text(a, 404, "404: there is no such page\n");
}

static bool is_graphic(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return true;
}

static void set_redirect(struct serve_answer *a, unsigned status, const char *base,
                         const char *path, const char *query)
{
    set_text(a, status, "");
    strbuf_addstr(&a->location, base);
    add_encoded(&a->location, path);
    if (path[0] != '\0')
        strbuf_addch(&a->location, '/');
    if (query != NULL && query[0] != '\0' && is_graphic(query))
        strbuf_addf(&a->location, "?%s", query);
}

static void set_refusal(int root, unsigned status, const struct serve_request *request,
                        struct serve_answer *a)
{
    if (status == 404)
        set_not_found(root, request, a);
    else if (status == 400)
        set_text(a, 400, "400: this path cannot be the name of a page\n");
    else if (status == 406)
        set_text(a, 406, "406: Accept-Encoding leaves nothing to send\n");
    else
        set_text(a, 500, "500: the file cannot be read\n");
}

static void answer_path(int root, const char *base, const char *path,
                        const struct serve_request *request, struct serve_answer *a)
{
    char name[PATH_BYTES_MAX + 16];
    size_t len = strlen(path);
    bool is_folder, wants_index = len == 0 || path[len - 1] == '/';
    struct stat st;
    snprintf(name, sizeof(name), "%s%s", path, wants_index ? "index.html" : "");
    unsigned status = set_file(root, name, request, &st, a, &is_folder);
    if (status == 404 && is_folder && !wants_index) {
        set_redirect(a, 301, base, path, request->query);
    } else if (status != 0) {
        set_refusal(root, status, request, a);
    } else {
        set_validators(&st, a);
        a->status = is_unchanged(request, &st, a) ? 304 : 200;
    }
}

/* The part of the raw path below base, or NULL. */
static const char *below_base(const char *base, const char *path)
{
    size_t len = strlen(base);
    return strncmp(path, base, len) == 0 ? path + len : NULL;
}

void serve_files_answer(int root, const char *base, const struct serve_request *request,
                        struct serve_answer *answer)
{
    char path[PATH_BYTES_MAX];
    *answer = (struct serve_answer){.fd = -1, .text = "", .type = PLAIN};
    strbuf_init(&answer->location, (size_t)64 << 10);
    const char *raw = below_base(base, request->path);
    size_t base_len = strlen(base);
    bool at_gate =
        strcmp(request->path, "/") == 0 ||
        (strncmp(request->path, base, base_len - 1) == 0 && request->path[base_len - 1] == '\0');
    if (raw == NULL && at_gate)
        set_redirect(answer, 302, base, "", request->query);
    else if (raw == NULL)
        set_not_found(root, request, answer);
    else if (strlen(raw) >= sizeof(path))
        set_text(answer, 414, "414: the path is too long\n");
    else if (!decode(raw, path, sizeof(path)))
        set_refusal(root, 400, request, answer);
    else if (check_segments(path) != 0)
        set_refusal(root, check_segments(path), request, answer);
    else
        answer_path(root, base, path, request, answer);
}

void serve_files_release(struct serve_answer *answer)
{
    if (answer->fd >= 0)
        close(answer->fd);
    answer->fd = -1;
    strbuf_release(&answer->location);
}

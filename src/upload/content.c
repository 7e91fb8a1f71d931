#include "upload/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/route.h"

void content_open(struct content *c, const struct store *store)
{
    *c = (struct content){.store = store};
    digest_init(&c->digest);
}

void content_close(struct content *c)
{
    digest_release(&c->digest);
    if (c->has_gzip)
        gzip_release(&c->gzip);
    *c = (struct content){0};
}

/* Reads exactly `size` bytes of a regular file. False without an error: it is not there, or not of
 * that size or time (time < 0: of any). */
static bool read_file(int dirfd, const char *path, uint32_t size, int64_t time, struct strbuf *out)
{
    struct stat st;
    strbuf_reset(out);
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)size &&
              (time < 0 || (st.st_mtim.tv_sec == time)) && strbuf_reserve(out, size);
    size_t done = 0;
    while (ok && done < size) {
        ssize_t n = read(fd, out->buf + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n > 0;
        done += ok ? (size_t)n : 0;
    }
    close(fd);
    if (ok && size > 0)
        strbuf_setlen(out, size);
    return ok;
}

static bool is_digest(struct content *c, const struct strbuf *bytes, const uint8_t *wanted,
                      uint8_t sha256[DIGEST_SIZE])
{
    digest_of(&c->digest, bytes->buf, bytes->len, sha256);
    return memcmp(sha256, wanted, DIGEST_SIZE) == 0;
}

static bool read_plain(struct content *c, const struct manifest_file *f, struct strbuf *out,
                       uint8_t sha256[DIGEST_SIZE], bool *gone, struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1], name[DIGEST_HEX_SIZE + 2];
    if (read_file(c->store->public_fd, f->path, f->size, f->mtime, out) &&
        is_digest(c, out, f->sha256, sha256))
        return true;
    digest_hex(f->sha256, hex);
    snprintf(name, sizeof(name), "%.2s/%s", hex, hex + 2);
    if (read_file(c->store->objects_fd, name, f->size, -1, out) &&
        is_digest(c, out, f->sha256, sha256))
        return true;
    *gone = true;
    return error_set(err, ERROR_FAILED,
                     "%s/public/%s is not what was printed, and objects/ does not have it: print "
                     "again (platen build)",
                     c->store->out, f->path);
}

static bool pack_again(struct content *c, const struct manifest_file *f, struct strbuf *out,
                       uint8_t sha256[DIGEST_SIZE], bool *gone, struct error *err)
{
    struct strbuf plain;
    strbuf_init(&plain, (size_t)f->size + 1);
    bool ok = read_plain(c, f, &plain, sha256, gone, err);
    if (ok && !c->has_gzip)
        ok = c->has_gzip = gzip_init(&c->gzip, err);
    strbuf_reset(out);
    if (ok && !gzip_pack(&c->gzip, plain.buf, plain.len, out))
        ok = error_set(err, ERROR_FAILED, "%s/public/%s.gz cannot be made again", c->store->out,
                       f->path);
    if (ok)
        digest_of(&c->digest, out->buf, out->len, sha256);
    strbuf_release(&plain);
    return ok;
}

bool content_read(struct content *c, const struct manifest_file *f, bool twin, struct strbuf *out,
                  uint8_t sha256[DIGEST_SIZE], bool *gone, struct error *err)
{
    char name[ROUTE_PATH_MAX + 8];
    *gone = false;
    if (!twin)
        return read_plain(c, f, out, sha256, gone, err);
    snprintf(name, sizeof(name), "%s.gz", f->path);
    if (!read_file(c->store->public_fd, name, f->gz_size, f->mtime, out))
        return pack_again(c, f, out, sha256, gone, err);
    digest_of(&c->digest, out->buf, out->len, sha256);
    return true;
}

/* What becomes of a delta while it is carried out. */
#include <stdlib.h>
#include <string.h>

#include "upload/delta.h"
#include "upload/record_code.h"
#include "upload/rules.h"

void delta_release(struct delta *d)
{
    free(d->puts);
    free(d->deletes);
    record_release(&d->next);
    arena_release(&d->arena);
    *d = (struct delta){0};
    arena_init(&d->arena);
    record_init(&d->next);
}

/* An ETag that cannot be kept is unknown: the object is written again the next time. */
void delta_put_done(struct delta *d, const struct delta_put *put, const char *etag)
{
    size_t len = strlen(etag);
    d->next.files[put->next].etag[put->variant] =
        record_code_is_etag(etag, len) ? record_text(&d->next, etag, len) : RECORD_UNKNOWN;
}

static bool is_empty(const struct record_file *f)
{
    for (unsigned v = 0; v < RECORD_VARIANTS; v++)
        if (f->etag[v][0] != '\0')
            return false;
    return true;
}

void delta_drop_deleted(struct delta *d)
{
    struct record *next = &d->next;
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < next->n_files; i++) {
        struct record_file *f = &next->files[i];
        bool whole = false;
        for (; at < d->n_deletes && strcmp(d->deletes[at].path, f->path) == 0; at++) {
            f->etag[d->deletes[at].variant] = "";
            whole |= d->deletes[at].whole;
        }
        if (!whole || !is_empty(f))
            next->files[kept++] = *f;
    }
    next->n_files = kept;
}

void delta_key(const char *path, enum record_variant variant, struct strbuf *out)
{
    size_t len = strlen(path);
    if (variant == RECORD_FOLDER)
        len -= strlen("index.html");
    strbuf_add(out, path, len);
    if (variant == RECORD_GZIP)
        strbuf_addstr(out, ".gz");
}

void delta_headers(const struct delta *d, const struct delta_put *put, const struct config *config,
                   struct arena *arena, struct target_headers *headers)
{
    (void)d;
    rules_headers(config, put->file, arena, headers);
    if (put->gzip)
        headers->content_encoding = "gzip";
}

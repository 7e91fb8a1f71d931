/* Any bytes as a manifest: damage is told, and what is accepted keeps what plan/manifest.h promises
 * and says the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plan/manifest.h"
#include "plan/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_file(const struct manifest *m, const struct manifest_file *f)
{
    struct error err = ERROR_INIT;
    bool of_a_row = f->kind == MANIFEST_PAGE || f->kind == MANIFEST_OUTPUT;
    expect(f->kind < MANIFEST_KINDS);
    expect(route_check(f->path, strlen(f->path), &err));
    expect(of_a_row == (f->key != NULL));
    expect(of_a_row ? f->set < m->n_sets : f->set == MANIFEST_NONE);
    expect(of_a_row ? f->locale < m->n_locales : f->locale == MANIFEST_NONE);
    expect(of_a_row ? f->from < m->n_locales : f->from == MANIFEST_NONE);
    expect(f->staged == MANIFEST_NOT_STAGED && f->group == 0);
}

static void check_promises(const struct manifest *m)
{
    expect(m->generation > 0 && m->created != NULL && m->version != NULL);
    expect(m->packing != NULL && m->content != NULL);
    expect(m->n_sets <= MANIFEST_MAX_NAMES && m->n_locales <= MANIFEST_MAX_NAMES);
    for (size_t i = 0; i < m->n_held; i++)
        expect(m->held[i].set < m->n_sets && m->held[i].locale < m->n_locales);
    for (size_t i = 0; i < m->n_files; i++) {
        check_file(m, &m->files[i]);
        expect(i == 0 || strcmp(m->files[i - 1].path, m->files[i].path) < 0);
    }
}

static void write_all(struct strbuf *sb, const struct manifest *m)
{
    manifest_write_header(sb, m);
    for (size_t i = 0; i < m->n_files; i++) {
        strbuf_addstr(sb, i != 0 ? ",\n" : "");
        manifest_write_file(sb, &m->files[i]);
    }
    strbuf_addstr(sb, MANIFEST_TAIL);
}

struct seen {
    const struct manifest *m;
    size_t n;
};

static void take_digest(void *payload, const char *hex)
{
    struct seen *seen = payload;
    uint8_t sha256[DIGEST_SIZE];
    expect(digest_from_hex(hex, DIGEST_HEX_SIZE, sha256) && seen->n < seen->m->n_files);
    expect(memcmp(sha256, seen->m->files[seen->n++].sha256, DIGEST_SIZE) == 0);
}

/* What we write gives the same digests without being read in whole. */
static void check_digests(const struct manifest *m, const struct strbuf *text)
{
    struct seen seen = {.m = m};
    struct error err = ERROR_INIT;
    uint64_t generation;
    expect(manifest_digests(text->buf, text->len, &generation, take_digest, &seen, &err));
    expect(generation == m->generation && seen.n == m->n_files);
}

static void ignore_digest(void *payload, const char *hex)
{
    (void)payload;
    expect(memchr(hex, '"', DIGEST_HEX_SIZE) == NULL);
}

static void check_written(const struct manifest *m)
{
    struct manifest again;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    write_all(&once, m);
    manifest_init(&again);
    expect(manifest_parse(&again, once.buf, once.len, &err));
    write_all(&twice, &again);
    expect(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
    check_digests(m, &once);
    manifest_release(&again);
    strbuf_release(&once);
    strbuf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest m;
    struct error err = ERROR_INIT;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size); /* of exactly this size: reading past the end is seen */
    manifest_init(&m);
    if (manifest_parse(&m, text, size, &err)) {
        check_promises(&m);
        check_written(&m);
    } else {
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
        expect(err.text[0] != '\0' && m.n_files == 0 && m.generation == 0);
    }
    manifest_release(&m);
    uint64_t generation;
    error_clear(&err);
    if (!manifest_digests(text, size, &generation, ignore_digest, NULL, &err))
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
    free(text);
    return 0;
}

#include "store/release.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "plan/route.h"

#define MANIFEST_BYTES_MAX ((size_t)1 << 30)
#define INTENT_BYTES_MAX ((size_t)256 << 20)

/* "12.json" -> 12; 0 when the name is not a generation with this suffix. */
static uint64_t parse_name(const char *name, const char *suffix)
{
    uint64_t n = 0;
    const char *p = name;
    for (; *p >= '0' && *p <= '9' && p - name < 18; p++)
        n = n * 10 + (uint64_t)(*p - '0');
    return strcmp(p, suffix) == 0 && name[0] != '0' ? n : 0;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

bool release_list(const struct store *s, struct release_list *list, struct error *err)
{
    size_t alloc_manifests = 0, alloc_intents = 0;
    *list = (struct release_list){0};
    if (s->releases_fd < 0)
        return true;
    int fd = openat(s->releases_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        error_errno(err, "%s/releases", s->out);
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct dirent *e;
    while ((errno = 0, e = readdir(dir)) != NULL) {
        uint64_t n = parse_name(e->d_name, ".json");
        if (n != 0) {
            MEM_GROW(list->manifests, list->n_manifests + 1, alloc_manifests);
            list->manifests[list->n_manifests++] = n;
        } else if ((n = parse_name(e->d_name, ".pending")) != 0) {
            MEM_GROW(list->intents, list->n_intents + 1, alloc_intents);
            list->intents[list->n_intents++] = n;
        }
    }
    bool ok = errno == 0 || error_errno(err, "reading %s/releases", s->out);
    closedir(dir);
    if (list->n_manifests > 1)
        qsort(list->manifests, list->n_manifests, sizeof(uint64_t), by_number);
    if (list->n_intents > 1)
        qsort(list->intents, list->n_intents, sizeof(uint64_t), by_number);
    return ok;
}

void release_list_free(struct release_list *list)
{
    free(list->manifests);
    free(list->intents);
    *list = (struct release_list){0};
}

uint64_t release_next(const struct release_list *list)
{
    uint64_t last = 0;
    if (list->n_manifests > 0)
        last = list->manifests[list->n_manifests - 1];
    if (list->n_intents > 0 && list->intents[list->n_intents - 1] > last)
        last = list->intents[list->n_intents - 1];
    return last + 1;
}

static bool read_text(const struct store *s, uint64_t generation, char name[40],
                      struct strbuf *text, struct error *err)
{
    strbuf_init(text, MANIFEST_BYTES_MAX + 4096);
    snprintf(name, 40, "%" PRIu64 ".json", generation);
    return file_read(s->releases_fd, name, MANIFEST_BYTES_MAX, text, err);
}

static bool is_of(uint64_t generation, uint64_t said, struct error *err)
{
    return said == generation ||
           error_set(err, ERROR_CONTENT, "says it is generation %" PRIu64, said);
}

static bool read_with(bool (*parse)(struct manifest *, const char *, size_t, struct error *),
                      const struct store *s, uint64_t generation, struct manifest *m,
                      struct error *err)
{
    char name[40];
    struct strbuf text;
    bool ok = read_text(s, generation, name, &text, err);
    if (ok && (!parse(m, text.buf, text.len, err) || !is_of(generation, m->generation, err))) {
        manifest_release(m);
        ok = error_context(err, "%s", name);
    }
    strbuf_release(&text);
    return ok || error_context(err, "%s/releases", s->out);
}

bool release_read(const struct store *s, uint64_t generation, struct manifest *m, struct error *err)
{
    return read_with(manifest_parse, s, generation, m, err);
}

bool release_read_header(const struct store *s, uint64_t generation, struct manifest *m,
                         struct error *err)
{
    return read_with(manifest_parse_header, s, generation, m, err);
}

bool release_digests(const struct store *s, uint64_t generation, manifest_digest_fn *take,
                     void *payload, struct error *err)
{
    char name[40];
    uint64_t said;
    struct strbuf text;
    bool ok = read_text(s, generation, name, &text, err);
    if (ok && (!manifest_digests(text.buf, text.len, &said, take, payload, err) ||
               !is_of(generation, said, err)))
        ok = error_context(err, "%s", name);
    strbuf_release(&text);
    return ok || error_context(err, "%s/releases", s->out);
}

/* The file is platen's own, but it may have been damaged: nothing that is no path comes of it. */
static void note_intended(struct release_state *state, const char *line, size_t len)
{
    struct error ignored = ERROR_INIT;
    bool added;
    if (!route_check(line, len, &ignored))
        return;
    char *path = arena_strndup(&state->arena, line, len);
    map_put(&state->unknown, path, len, &added);
    if (!added)
        return;
    MEM_GROW(state->intended, state->n_intended + 1, state->alloc_intended);
    state->intended[state->n_intended++] = path;
}

/* Takes the paths of an intent's text; false when it does not end as it should. */
static bool take_intent(struct release_state *state, uint64_t generation, char *text)
{
    char begin[48];
    int n = snprintf(begin, sizeof(begin), INTENT_BEGIN "\n", generation);
    if (strncmp(text, begin, (size_t)n) != 0)
        return false;
    char *next;
    for (char *line = text + n; (next = strchr(line, '\n')) != NULL; line = next + 1) {
        *next = '\0';
        if (strcmp(line, "end") == 0)
            return true;
        note_intended(state, line, (size_t)(next - line));
    }
    return false;
}

static bool load_intent(const struct store *s, uint64_t generation, struct release_state *state,
                        struct error *err)
{
    char name[40];
    struct stat st;
    struct strbuf text;
    snprintf(name, sizeof(name), "%" PRIu64 ".pending", generation);
    if (fstatat(s->releases_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) /* gone: its look has ended, */
        return errno == ENOENT || /* for a dry run reads without the lock */
               error_errno(err, "%s/releases/%s", s->out, name);
    if (st.st_mtim.tv_sec > state->intended_mtime)
        state->intended_mtime = st.st_mtim.tv_sec;
    strbuf_init(&text, INTENT_BYTES_MAX + 4096);
    bool ok = file_read(s->releases_fd, name, INTENT_BYTES_MAX, &text, err) ||
              error_context(err, "%s/releases", s->out);
    /* Cut off while it was written: nothing was changed yet, but nothing proves that. */
    if (ok && !take_intent(state, generation, text.buf))
        state->all_unknown = true;
    strbuf_release(&text);
    return ok;
}

static bool load_manifest(const struct store *s, const struct release_list *list,
                          struct release_state *state, struct error *err)
{
    for (size_t i = list->n_manifests; i-- > 0;) {
        struct error problem = ERROR_INIT;
        if (release_read(s, list->manifests[i], &state->manifest, &problem))
            return true;
        if (problem.kind != ERROR_CONTENT) {
            *err = problem;
            return false;
        }
        /* Damaged: an older one tells at least what platen once wrote. */
        state->all_unknown = true;
        if (state->warning[0] == '\0')
            snprintf(state->warning, sizeof(state->warning),
                     "%.200s; everything is printed again, and files that only this release knew "
                     "stay where they are",
                     problem.text);
    }
    return true;
}

bool release_load(const struct store *s, const struct release_list *list,
                  struct release_state *state, struct error *err)
{
    manifest_init(&state->manifest);
    map_init(&state->unknown);
    arena_init(&state->arena);
    state->intended = NULL;
    state->n_intended = state->alloc_intended = 0;
    state->all_unknown = false;
    state->intended_mtime = 0;
    state->warning[0] = '\0';
    bool ok = load_manifest(s, list, state, err);
    for (size_t i = 0; ok && i < list->n_intents; i++)
        ok = load_intent(s, list->intents[i], state, err);
    if (!ok)
        release_state_release(state);
    return ok;
}

void release_state_release(struct release_state *state)
{
    manifest_release(&state->manifest);
    map_release(&state->unknown);
    free(state->intended);
    state->intended = NULL;
    state->n_intended = state->alloc_intended = 0;
    arena_release(&state->arena);
}

bool release_is_unknown(const struct release_state *state, const char *path)
{
    return state->all_unknown || map_get(&state->unknown, path, strlen(path)) != NULL;
}

/* Written in pieces, so that a manifest of many files is never in memory as text. */
static bool write_manifest(int fd, const char *name, const struct manifest *m, struct error *err)
{
    struct strbuf sb = STRBUF_INIT;
    bool ok = true;
    manifest_write_header(&sb, m);
    for (size_t i = 0; ok && i < m->n_files; i++) {
        if (i != 0)
            strbuf_addstr(&sb, ",\n");
        manifest_write_file(&sb, &m->files[i]);
        if (sb.len > 256 * 1024) {
            ok = file_write_all(fd, name, sb.buf, sb.len, err);
            strbuf_reset(&sb);
        }
    }
    strbuf_addstr(&sb, MANIFEST_TAIL);
    ok = ok && file_write_all(fd, name, sb.buf, sb.len, err);
    strbuf_release(&sb);
    return ok;
}

bool release_write(const struct store *s, const struct manifest *m, bool durable, struct error *err)
{
    static const char temporary[] = ".manifest.new";
    char name[40];
    snprintf(name, sizeof(name), "%" PRIu64 ".json", m->generation);
    int fd = openat(s->releases_fd, temporary,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return error_errno(err, "%s/releases/%s", s->out, temporary);
    bool ok = write_manifest(fd, name, m, err);
    if (ok && durable && fsync(fd) < 0)
        ok = error_errno(err, "flushing %s", name);
    if (close(fd) < 0 && ok)
        ok = error_errno(err, "closing %s", name);
    if (ok && renameat(s->releases_fd, temporary, s->releases_fd, name) < 0)
        ok = error_errno(err, "renaming %s", name);
    if (ok && durable)
        ok = file_sync_dir(s->releases_fd, ".", err);
    return ok || error_context(err, "%s/releases", s->out);
}

static bool remove_named(const struct store *s, uint64_t generation, const char *suffix,
                         struct error *err)
{
    char name[40];
    snprintf(name, sizeof(name), "%" PRIu64 "%s", generation, suffix);
    if (unlinkat(s->releases_fd, name, 0) < 0 && errno != ENOENT)
        return error_errno(err, "removing %s/releases/%s", s->out, name);
    return true;
}

bool release_settle(const struct store *s, const struct release_list *list, uint64_t generation,
                    struct error *err)
{
    for (size_t i = 0; i < list->n_intents; i++)
        if (!remove_named(s, list->intents[i], ".pending", err))
            return false;
    return remove_named(s, generation, ".pending", err);
}

bool release_remove(const struct store *s, uint64_t generation, struct error *err)
{
    return remove_named(s, generation, ".json", err);
}

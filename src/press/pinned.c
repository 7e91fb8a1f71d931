#include "press/pinned.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "press/artifact.h"
#include "press/files.h"
#include "press/settle.h"
#include "press/site.h"

#define OBJECT_BYTES_MAX ((size_t)1 << 30)
#define STRIDE 16 /* files a worker takes at a time */

struct pinned {
    struct pin pin; /* generation 0: a rollback, which is about to write it */
    struct manifest reference;
    struct map paths; /* path -> index into reference.files */
    uint16_t sets[MANIFEST_MAX_NAMES], locales[MANIFEST_MAX_NAMES]; /* its names in p->next */
    bool strict;                                                    /* a rollback */
    bool acted;   /* a tombstone makes a difference to the reference */
    bool root;    /* also to index.html */
    size_t *stay; /* files of the reference that stay: indexes */
    size_t n_stay;
};

/* --- from the pin to the release -------------------------------------------------------------- */

static struct pinned *pinned_new(struct press *p)
{
    pinned_release(p);
    struct pinned *x = mem_calloc(1, sizeof(*x));
    manifest_init(&x->reference);
    map_init(&x->paths);
    p->pinned = x;
    return x;
}

void pinned_release(struct press *p)
{
    struct pinned *x = p->pinned;
    if (x == NULL)
        return;
    manifest_release(&x->reference);
    map_release(&x->paths);
    free(x->stay);
    free(x);
    p->pinned = NULL;
}

static void hold_everything(const struct press *p, struct verdict *v)
{
    for (uint16_t set = 0; set < p->config->n_sets; set++)
        verdict_hold(v, set, MANIFEST_NONE);
}

/* What stands there is better than nothing, but a page under maintenance cannot come back. */
static bool load_newest(struct press *p, const struct error *why, struct error *err)
{
    struct pinned *x = p->pinned;
    struct press_result *r = p->result;
    uint64_t newest = p->recorded.manifest.generation;
    if (newest == 0)
        return error_set(err, ERROR_FAILED,
                         "%s is pinned to release %" PRIu64 ", but no release is there; 'platen "
                         "unpin' ends that",
                         p->store.out, x->pin.generation);
    r->warning = arena_printf(&r->arena,
                              "the pinned release %" PRIu64 " is not to be had (%.300s): release "
                              "%" PRIu64 " stays in its place",
                              x->pin.generation, why->text, newest);
    return release_read(&p->store, newest, &x->reference, err);
}

bool pinned_load(struct press *p, struct error *err)
{
    struct pin pin;
    struct error why = ERROR_INIT;
    if (!pin_read(&p->store, &pin, err))
        return false;
    if (pin.generation == 0)
        return true;
    struct pinned *x = pinned_new(p);
    x->pin = pin;
    if (!release_read(&p->store, pin.generation, &x->reference, &why) && !load_newest(p, &why, err))
        return false;
    manifest_index(&x->reference, &x->paths);
    hold_everything(p, &p->assumed);
    struct pin *copy = arena_calloc(&p->result->arena, 1, sizeof(*copy));
    *copy = pin;
    p->result->pin = copy;
    return true;
}

bool pinned_open(struct press *p, uint64_t generation, struct error *err)
{
    struct pinned *x = pinned_new(p);
    x->strict = true;
    if (!release_read(&p->store, generation, &x->reference, err))
        return false;
    manifest_index(&x->reference, &x->paths);
    return true;
}

bool pinned_has(const struct press *p, const char *path)
{
    return p->pinned != NULL && map_get(&p->pinned->paths, path, strlen(path)) != NULL;
}

bool pinned_uses_theme(const struct press *p)
{
    return p->pinned->acted;
}

const struct manifest *pinned_reference(const struct press *p)
{
    return &p->pinned->reference;
}

/* --- problems --------------------------------------------------------------------------------- */

static bool is_of_tombstone(const struct press *p, struct arena *scratch,
                            const struct press_problem *problem)
{
    const char *name =
        arena_printf(scratch, "%s\037%s\037%s", problem->set, problem->locale, problem->key);
    return map_get(&p->gone, name, strlen(name)) != NULL;
}

static void forget_what_is_not_printed(struct press *p)
{
    struct press_problems *list = &p->problems;
    size_t n = 0;
    list->omitted = false;
    list->more = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (is_of_tombstone(p, &p->site->scratch, &list->items[i])) {
            list->omitted = list->omitted || list->items[i].action != PRESS_HELD;
            list->items[n++] = list->items[i];
        }
        arena_reset(&p->site->scratch);
    }
    list->n = n;
}

/* --- names ------------------------------------------------------------------------------------ */

/* The names of this look, and behind them those that only the reference has. */
static bool merge_names(struct arena *arena, const char *const *own, size_t n_own,
                        const char *const *old, size_t n_old, const char ***names, size_t *n_names,
                        uint16_t *numbers, struct error *err)
{
    *names = arena_calloc(arena, n_own + n_old, sizeof(**names));
    *n_names = n_own;
    for (size_t i = 0; i < n_own; i++)
        (*names)[i] = own[i];
    for (size_t i = 0; i < n_old; i++) {
        numbers[i] = manifest_find_name(*names, *n_names, old[i]);
        if (numbers[i] != MANIFEST_NONE)
            continue;
        if (*n_names == MANIFEST_MAX_NAMES)
            return error_set(err, ERROR_FAILED,
                             "the pinned release and the configuration together have more than %d "
                             "page sets or locales",
                             MANIFEST_MAX_NAMES);
        numbers[i] = (uint16_t)*n_names;
        (*names)[(*n_names)++] = old[i];
    }
    return true;
}

static bool name_all(struct press *p, struct error *err)
{
    struct pinned *x = p->pinned;
    struct manifest *m = &p->next, *old = &x->reference;
    const char **own = arena_calloc(&m->arena, p->config->n_sets, sizeof(*own));
    for (size_t i = 0; i < p->config->n_sets; i++)
        own[i] = p->config->sets[i].name;
    return merge_names(&m->arena, own, p->config->n_sets, old->sets, old->n_sets, &m->sets,
                       &m->n_sets, x->sets, err) &&
           merge_names(&m->arena, p->locales.codes, p->locales.count, old->locales, old->n_locales,
                       &m->locales, &m->n_locales, x->locales, err);
}

/* A file of the reference as p->next has it. */
static struct manifest_file in_next(const struct pinned *x, const struct manifest_file *f)
{
    struct manifest_file like = *f;
    if (f->set != MANIFEST_NONE) {
        like.set = x->sets[f->set];
        like.locale = x->locales[f->locale];
        like.from = x->locales[f->from];
    }
    like.group = 0;
    like.staged = MANIFEST_NOT_STAGED;
    return like;
}

/* --- what stays ------------------------------------------------------------------------------- */

/* Tombstones, and the pages they printed. */
struct fallen {
    struct arena arena;
    struct map printed; /* "set\037locale\037key" */
};

static void find_printed(const struct press *p, struct fallen *fallen)
{
    for (size_t i = 0; i < p->next.n_files; i++) {
        const struct manifest_file *f = &p->next.files[i];
        bool added;
        if (f->kind != MANIFEST_PAGE)
            continue;
        const char *name = press_page_name(&fallen->arena, p, f->set, f->locale, f->key);
        map_put(&fallen->printed, name, strlen(name), &added);
    }
}

static bool is_in(const struct press *p, const struct map *map, struct arena *scratch, uint16_t set,
                  uint16_t locale, const char *key)
{
    if (map->count == 0 || set >= p->config->n_sets || locale >= p->locales.count)
        return false;
    const char *name = press_page_name(scratch, p, set, locale, key);
    return map_get(map, name, strlen(name)) != NULL;
}

/* Whether a tombstone has removed the file's page, or printed it in another form. */
static bool has_fallen(struct press *p, const struct fallen *fallen, const struct manifest_file *f)
{
    if (f->set == MANIFEST_NONE)
        return false;
    struct manifest_file like = in_next(p->pinned, f);
    struct arena *scratch = &p->site->scratch;
    bool found = is_in(p, &p->gone, scratch, like.set, like.from, like.key) ||
                 is_in(p, &fallen->printed, scratch, like.set, like.locale, like.key);
    arena_reset(scratch);
    return found;
}

static const struct manifest_file *find_file(const struct pinned *x, const char *path)
{
    const uint64_t *i = map_get(&x->paths, path, strlen(path));
    return i != NULL ? &x->reference.files[*i] : NULL;
}

/* Pages first: the rest depends on what became of them. Chooses them into x->stay. */
static void choose_pages(struct press *p, const struct fallen *fallen)
{
    struct pinned *x = p->pinned;
    const struct manifest_file *root = find_file(x, "index.html");
    for (size_t i = 0; i < x->reference.n_files; i++) {
        const struct manifest_file *f = &x->reference.files[i];
        if (f->kind != MANIFEST_PAGE && f->kind != MANIFEST_OUTPUT)
            continue;
        if (!has_fallen(p, fallen, f)) {
            x->stay[x->n_stay++] = i;
            continue;
        }
        x->acted = true;
        if (f->kind == MANIFEST_PAGE && root != NULL && root->kind == MANIFEST_SITE &&
            memcmp(root->sha256, f->sha256, DIGEST_SIZE) == 0)
            x->root = true;
    }
}

static void choose_others(struct press *p)
{
    struct pinned *x = p->pinned;
    for (size_t i = 0; i < x->reference.n_files; i++) {
        const struct manifest_file *f = &x->reference.files[i];
        bool follows = f->kind == MANIFEST_VERSION || (x->acted && f->kind == MANIFEST_SITEMAP) ||
                       (x->root && strcmp(f->path, "index.html") == 0);
        if (f->kind != MANIFEST_PAGE && f->kind != MANIFEST_OUTPUT && !follows)
            x->stay[x->n_stay++] = i;
    }
}

static void choose(struct press *p)
{
    struct pinned *x = p->pinned;
    struct fallen fallen;
    free(x->stay);
    x->stay = mem_calloc(x->reference.n_files + 1, sizeof(*x->stay));
    x->n_stay = 0;
    x->acted = p->next.n_files > 0;
    x->root = false;
    arena_init(&fallen.arena);
    map_init(&fallen.printed);
    find_printed(p, &fallen);
    choose_pages(p, &fallen);
    choose_others(p);
    map_release(&fallen.printed);
    arena_release(&fallen.arena);
}

/* --- putting it back -------------------------------------------------------------------------- */

static const struct manifest_file *find_recorded(const struct press *p, const char *path)
{
    const uint64_t *i = map_get(&p->recorded_index, path, strlen(path));
    return i != NULL ? &p->recorded.manifest.files[*i] : NULL;
}

static bool same_bytes(const struct manifest_file *a, const struct manifest_file *b)
{
    return a->size == b->size && memcmp(a->sha256, b->sha256, DIGEST_SIZE) == 0;
}

/* The bytes of a file from out/objects, or why not. */
static bool read_object(const struct press *p, struct press_worker *w,
                        const struct manifest_file *f, struct strbuf *bytes, struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1], object[DIGEST_HEX_SIZE + 2];
    uint8_t sum[DIGEST_SIZE];
    struct error why = ERROR_INIT;
    digest_hex(f->sha256, hex);
    snprintf(object, sizeof(object), "%.2s/%s", hex, hex + 2);
    strbuf_reset(bytes);
    bool ok = file_read(p->store.objects_fd, object, OBJECT_BYTES_MAX, bytes, &why);
    if (ok) {
        digest_of(&w->digest, bytes->buf, bytes->len, sum);
        ok = memcmp(sum, f->sha256, DIGEST_SIZE) == 0 ||
             error_set(&why, ERROR_FAILED, "%s: damaged: its %zu bytes are others", object,
                       bytes->len);
    }
    return ok ||
           error_set(err, ERROR_FAILED,
                     "release %" PRIu64 " cannot be printed again: %s, with the digest %s, is not "
                     "to be had: %s/objects/%s; nothing was changed",
                     p->pinned->reference.generation, f->path, hex, p->store.out, why.text);
}

/* Its bytes are nowhere: what stands at the path is all there is. */
static bool leave(struct press *p, struct press_worker *w, const struct manifest_file *recorded,
                  struct manifest_file *like, struct error *err)
{
    bool known = like->set < p->config->n_sets && like->from < p->locales.count;
    if (recorded != NULL) {
        like->flags = recorded->flags;
        error_clear(err);
        if (!artifact_carry(p, w, recorded, like, err) && err->kind != ERROR_NONE)
            return false;
    }
    char text[ERROR_TEXT_MAX];
    snprintf(text, sizeof(text),
             "%s: neither out/public nor out/objects has the bytes of release "
             "%" PRIu64,
             like->path, p->pinned->reference.generation);
    press_record(p, PRESS_OMITTED, known ? like->set : MANIFEST_NONE,
                 known ? like->from : MANIFEST_NONE, like->key, text);
    return true;
}

static bool put_back(struct press *p, struct press_worker *w, const struct manifest_file *f,
                     struct strbuf *bytes, struct error *err)
{
    struct manifest_file like = in_next(p->pinned, f);
    const struct manifest_file *recorded = find_recorded(p, f->path);
    if (p->pinned->strict)
        return read_object(p, w, f, bytes, err) &&
               artifact_put(p, w, &like, bytes->buf, bytes->len, err);
    error_clear(err);
    if (recorded != NULL && same_bytes(recorded, f)) {
        if (artifact_carry(p, w, recorded, &like, err))
            return true;
        return err->kind == ERROR_NONE && leave(p, w, NULL, &like, err);
    }
    if (artifact_read(p, w, f, bytes))
        return artifact_put(p, w, &like, bytes->buf, bytes->len, err);
    return leave(p, w, recorded, &like, err);
}

struct restoring {
    struct press *p;
    atomic_size_t next;
};

static void restore_job(void *payload, unsigned worker)
{
    struct restoring *r = payload;
    struct press *p = r->p;
    const struct pinned *x = p->pinned;
    struct strbuf bytes;
    struct error err = ERROR_INIT;
    bool ok = true;
    size_t i;
    strbuf_init(&bytes, OBJECT_BYTES_MAX + 8192);
    while (ok && (i = atomic_fetch_add(&r->next, STRIDE)) < x->n_stay)
        for (size_t end = i + STRIDE; ok && i < end && i < x->n_stay; i++)
            ok = !atomic_load(&p->failed) &&
                 put_back(p, &p->workers[worker], &x->reference.files[x->stay[i]], &bytes, &err);
    if (!ok && err.kind != ERROR_NONE)
        press_fail(p, &err);
    strbuf_release(&bytes);
}

static bool restore(struct press *p, struct error *err)
{
    struct restoring r = {.p = p};
    atomic_init(&r.next, 0);
    for (unsigned i = 0; i < p->n_workers; i++)
        pool_submit(p->pool, restore_job, &r);
    pool_wait(p->pool);
    if (atomic_load(&p->failed))
        *err = p->error;
    return !atomic_load(&p->failed);
}

bool pinned_gather(struct press *p, struct error *err)
{
    hold_everything(p, &p->found);
    forget_what_is_not_printed(p);
    settle_outputs(p);
    bool printed = p->next.n_files > 0;
    if (!name_all(p, err))
        return false;
    choose(p);
    if (!restore(p, err))
        return false;
    settle_outputs(p);
    settle_site(p);
    return !printed || settle_check(p, err);
}

/* --- what follows from it --------------------------------------------------------------------- */

/* Equal content has the version file of that release, whatever platen printed it. */
static bool put_version(struct press *p, struct error *err)
{
    struct pinned *x = p->pinned;
    char hex[DIGEST_HEX_SIZE + 1];
    struct strbuf bytes = STRBUF_INIT;
    const struct manifest_file *version = find_file(x, "version.json");
    manifest_content(&p->next, hex);
    if (version == NULL || version->kind != MANIFEST_VERSION ||
        strcmp(hex, x->reference.content) != 0)
        return site_put_version(p, err);
    p->next.content = arena_strdup(&p->next.arena, hex);
    bool ok = put_back(p, p->site, version, &bytes, err);
    strbuf_release(&bytes);
    return ok;
}

bool pinned_settle(struct press *p, struct error *err)
{
    struct pinned *x = p->pinned;
    if (x->acted && (!files_put_assets(p, err) || !site_put_index(p, x->root, err)))
        return false;
    if (!files_carry_assets(p, err))
        return false;
    settle_site(p);
    bool ok = put_version(p, err);
    settle_site(p);
    return ok;
}

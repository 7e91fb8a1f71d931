#include "upload/delta.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/route.h"
#include "upload/rules.h"

/* One comparison: the release, the old record and what a claim names, side by side in the order of
 * paths. */
struct compare {
    struct delta *d;
    const struct delta_options *o;
    struct arena scratch;
    const char **claimed; /* sorted */
    size_t n_claimed;
    uint16_t *sets; /* of each header set of the old record: its index in the next, or none yet */
    bool same_packing; /* gzip forms were made as those of the release are */
    bool same_mode;
    size_t alloc_puts, alloc_deletes;
    struct error *err;
};

/* One path of it. Any of the first two may be NULL, not both but for what a claim alone names. */
struct pair {
    const struct manifest_file *file;
    const struct record_file *old;
    const char *path;
    bool unknown; /* whatever the old record says */
    bool named;   /* by an unfinished claim: somebody may have put it there */
};

static const char *const mode_names[] = {
    [CONFIG_SIDECAR] = "sidecar",
    [CONFIG_REPLACE] = "replace",
    [CONFIG_BOTH] = "both",
};

static bool is_index(const char *path)
{
    static const char index[] = "/index.html";
    size_t len = strlen(path), n = sizeof(index) - 1;
    return len > n && memcmp(path + len - n, index, n) == 0;
}

/* assets/NAME.HASH.SUFFIX, as render/theme.c names them. */
static bool is_fingerprinted(const char *path)
{
    if (strncmp(path, "assets/", 7) != 0)
        return false;
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        if (strspn(dot + 1, "0123456789abcdef") == 8 && (dot[9] == '.' || dot[9] == '\0'))
            return strchr(dot, '/') == NULL;
    return false;
}

static bool is_there(const struct record_file *old, unsigned variant)
{
    return old != NULL && old->etag[variant][0] != '\0';
}

/* --- what is wanted --------------------------------------------------------------------------- */

/* Whether PATH holds the gzip form. */
static bool is_packed(const struct compare *c, const struct manifest_file *f)
{
    return c->o->config->origin_mode != CONFIG_SIDECAR && f->gz_size > 0;
}

static bool is_wanted(const struct compare *c, const struct manifest_file *f, unsigned variant)
{
    const struct config *config = c->o->config;
    if (variant == RECORD_GZIP)
        return f->gz_size > 0 && config->origin_mode != CONFIG_REPLACE;
    return variant == RECORD_PLAIN || (config->origin_directory_keys && is_index(f->path));
}

/* Whether the object holds the bytes that it should, its content being the same. Which form an
 * object under PATH has follows from the mode, the content and the packing. */
static bool has_same_form(const struct compare *c, const struct manifest_file *f, unsigned variant)
{
    bool was_sidecar = strcmp(c->o->old->mode, mode_names[CONFIG_SIDECAR]) == 0;
    if (variant == RECORD_GZIP)
        return c->same_packing;
    if (was_sidecar)
        return !is_packed(c, f);
    return c->same_packing && is_packed(c, f) == (f->gz_size > 0);
}

static bool is_same(const struct compare *c, const struct pair *p, uint16_t set, unsigned variant)
{
    if (p->unknown || !is_there(p->old, variant) ||
        strcmp(p->old->etag[variant], RECORD_UNKNOWN) == 0)
        return false;
    return c->sets[p->old->headers] == set &&
           memcmp(p->old->sha256, p->file->sha256, DIGEST_SIZE) == 0 &&
           has_same_form(c, p->file, variant);
}

/* --- what has to be done ---------------------------------------------------------------------- */

static void add_put(struct compare *c, const struct pair *p, unsigned variant)
{
    struct delta *d = c->d;
    MEM_GROW(d->puts, d->n_puts + 1, c->alloc_puts);
    struct delta_put *put = &d->puts[d->n_puts++];
    *put = (struct delta_put){
        .file = p->file,
        .next = (uint32_t)(d->next.n_files - 1),
        .variant = (uint8_t)variant,
        .condition = TARGET_IF_NEW,
        .gzip = variant == RECORD_GZIP || is_packed(c, p->file),
        .added = p->old == NULL,
        .etag = "",
    };
    if (p->unknown ||
        (is_there(p->old, variant) && strcmp(p->old->etag[variant], RECORD_UNKNOWN) == 0)) {
        put->condition = TARGET_ALWAYS;
    } else if (is_there(p->old, variant)) {
        put->condition = TARGET_IF_SAME;
        put->etag = p->old->etag[variant];
    }
}

static void add_delete(struct compare *c, const char *path, unsigned variant, bool whole)
{
    struct delta *d = c->d;
    MEM_GROW(d->deletes, d->n_deletes + 1, c->alloc_deletes);
    d->deletes[d->n_deletes++] =
        (struct delta_delete){.path = path, .variant = (uint8_t)variant, .whole = whole};
}

/* An object that nothing wants. Of an unknown path any object may be there; a stale twin would be
 * served beside a new page. Where there is no record and no claim, nothing is guessed at. */
static bool may_be_there(const struct compare *c, const struct pair *p, unsigned variant)
{
    if (variant == RECORD_FOLDER && !is_index(p->path))
        return false;
    return is_there(p->old, variant) || p->named || (p->unknown && c->o->old->generation > 0);
}

/* --- the next record -------------------------------------------------------------------------- */

static bool add_set(struct compare *c, const char *text, uint16_t *set)
{
    *set = record_headers(&c->d->next, text);
    return *set != RECORD_NO_HEADERS ||
           error_set(c->err, ERROR_FAILED, "origin.headers: more than %d sets of headers",
                     RECORD_HEADERS_MAX);
}

/* The index of the old record's header set in the next record. */
static bool carry_set(struct compare *c, const struct record_file *old, uint16_t *set)
{
    uint16_t *known = &c->sets[old->headers];
    if (*known == RECORD_NO_HEADERS && !add_set(c, c->o->old->headers[old->headers], known))
        return false;
    *set = *known;
    return true;
}

static bool new_set(struct compare *c, const struct manifest_file *f, uint16_t *set)
{
    struct target_headers headers;
    arena_reset(&c->scratch);
    rules_headers(c->o->config, f, &c->scratch, &headers);
    return add_set(c, rules_text(&headers, &c->scratch), set);
}

static struct record_file *add_next(struct compare *c, const char *path)
{
    if (c->d->next.n_files == RECORD_FILES_MAX) {
        error_set(c->err, ERROR_FAILED, "more than %d files for one origin", RECORD_FILES_MAX);
        return NULL;
    }
    struct record_file *next = record_add(&c->d->next);
    next->path = path;
    return next;
}

/* --- path by path ----------------------------------------------------------------------------- */

static void set_retired(struct compare *c, const struct pair *p, struct record_file *next)
{
    const struct manifest_file *f = p->file;
    int64_t before = p->old != NULL ? p->old->retired : 0;
    bool retired = (f->flags & MANIFEST_RETIRED) != 0;
    int64_t since = f->lastmod > 0 ? f->lastmod : 1;
    next->retired = !retired ? 0 : before != 0 ? before : since;
    c->d->record_differs |= p->old != NULL && next->retired != before;
}

/* A path of the release. */
static bool compare_file(struct compare *c, const struct pair *p)
{
    struct record_file *next = add_next(c, p->path);
    uint16_t old_set;
    if (next == NULL || !new_set(c, p->file, &next->headers) ||
        (p->old != NULL && !carry_set(c, p->old, &old_set)))
        return false;
    memcpy(next->sha256, p->file->sha256, DIGEST_SIZE);
    set_retired(c, p, next);
    for (unsigned v = 0; v < RECORD_VARIANTS; v++) {
        if (!is_wanted(c, p->file, v)) {
            if (!may_be_there(c, p, v))
                continue;
            next->etag[v] = RECORD_UNKNOWN; /* see compare_gone() */
            add_delete(c, p->path, v, false);
        } else if (is_same(c, p, next->headers, v)) {
            next->etag[v] = p->old->etag[v];
            c->d->n_same++;
        } else {
            next->etag[v] = RECORD_UNKNOWN;
            add_put(c, p, v);
        }
    }
    return true;
}

/* An asset that pages in caches may still name; its name tells its content, so it is right also
 * where it is unknown. */
static bool is_kept(const struct compare *c, const struct pair *p)
{
    if (!is_fingerprinted(p->path))
        return false;
    return p->old == NULL || p->old->retired == 0 ||
           c->o->now - p->old->retired <= c->o->config->assets_keep_s;
}

/* Of a file that is not in the release nobody can say later in which form it was stored. */
static const char *kept_etag(const struct compare *c, const struct pair *p, unsigned variant)
{
    if (p->unknown || p->old == NULL || !c->same_mode || !c->same_packing)
        return RECORD_UNKNOWN;
    return p->old->etag[variant];
}

/* A path that is not in the release. What is to be deleted is unknown from the record on that comes
 * before the deletes: who is cut off between them has deleted some, and content that comes back
 * must not be taken for being there. */
static bool compare_gone(struct compare *c, const struct pair *p)
{
    struct record_file *next = add_next(c, p->path);
    bool kept = is_kept(c, p), any = false;
    if (next == NULL || (p->old != NULL ? !carry_set(c, p->old, &next->headers)
                                        : !add_set(c, "[\"\",\"\"]", &next->headers)))
        return false;
    if (p->old != NULL)
        memcpy(next->sha256, p->old->sha256, DIGEST_SIZE);
    int64_t before = p->old != NULL ? p->old->retired : 0;
    next->retired = kept && before == 0 ? c->o->now : before;
    c->d->record_differs |= next->retired != before;
    for (unsigned v = 0; v < RECORD_VARIANTS; v++) {
        if (!may_be_there(c, p, v))
            continue;
        any = true;
        next->etag[v] = kept ? kept_etag(c, p, v) : RECORD_UNKNOWN;
        if (kept)
            c->d->n_same++;
        else
            add_delete(c, p->path, v, true);
    }
    c->d->n_gone += any && !kept;
    if (!any) { /* nothing of it is there: it only leaves the record */
        c->d->next.n_files--;
        c->d->record_differs |= p->old != NULL;
    }
    return true;
}

/* --- side by side ----------------------------------------------------------------------------- */

static const char *first_of(const char *a, const char *b)
{
    return a == NULL ? b : b == NULL ? a : strcmp(a, b) <= 0 ? a : b;
}

static bool is_named(const struct compare *c, const char *path)
{
    return c->o->unknown != NULL && map_get(c->o->unknown, path, strlen(path)) != NULL;
}

static bool is_path(const char *a, const char *path)
{
    return a != NULL && strcmp(a, path) == 0;
}

static bool walk(struct compare *c)
{
    const struct manifest *m = c->o->release;
    const struct record *old = c->o->old;
    size_t i = 0, j = 0, k = 0;
    while (i < m->n_files || j < old->n_files || k < c->n_claimed) {
        const char *file = i < m->n_files ? m->files[i].path : NULL;
        const char *before = j < old->n_files ? old->files[j].path : NULL;
        const char *claimed = k < c->n_claimed ? c->claimed[k] : NULL;
        struct pair p = {.path = first_of(first_of(file, before), claimed)};
        if (is_path(file, p.path))
            p.file = &m->files[i++];
        if (is_path(before, p.path))
            p.old = &old->files[j++];
        p.named = is_path(claimed, p.path) || is_named(c, p.path);
        p.unknown = p.named || c->o->all_unknown;
        while (k < c->n_claimed && is_path(c->claimed[k], p.path))
            k++;
        if (p.file != NULL ? !compare_file(c, &p) : !compare_gone(c, &p))
            return false;
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A claim is read from the origin: what is no path of a site is none of ours. */
static void take_claimed(struct compare *c)
{
    struct error ignored = ERROR_INIT;
    const char **paths = arena_calloc(&c->d->arena, c->o->n_claimed + 1, sizeof(*paths));
    for (size_t i = 0; i < c->o->n_claimed; i++)
        if (route_check(c->o->claimed[i], strlen(c->o->claimed[i]), &ignored))
            paths[c->n_claimed++] = c->o->claimed[i];
    if (c->n_claimed > 1)
        qsort(paths, c->n_claimed, sizeof(*paths), by_text);
    c->claimed = paths;
}

/* By kind; within one the order stays, which is that of paths. */
static void order_puts(struct delta *d)
{
    size_t at[MANIFEST_KINDS + 1] = {0};
    if (d->n_puts == 0)
        return;
    struct delta_put *sorted = mem_calloc(d->n_puts, sizeof(*sorted));
    for (size_t i = 0; i < d->n_puts; i++)
        at[d->puts[i].file->kind + 1]++;
    for (size_t kind = 1; kind <= MANIFEST_KINDS; kind++)
        at[kind] += at[kind - 1];
    for (size_t i = 0; i < d->n_puts; i++)
        sorted[at[d->puts[i].file->kind]++] = d->puts[i];
    free(d->puts);
    d->puts = sorted;
}

/* --- the header ------------------------------------------------------------------------------- */

/* A database is told apart, not named. */
static const char *database_digest(struct delta *d, const char *database)
{
    struct digest digest;
    uint8_t sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    if (database == NULL)
        return "";
    digest_init(&digest);
    digest_of(&digest, database, strlen(database), sum);
    digest_release(&digest);
    digest_hex(sum, hex);
    return record_text(&d->next, hex, DIGEST_HEX_SIZE);
}

/* When and by which version a release was printed is told by the next record that is due, and makes
 * none due: printing the same again must cost an origin nothing. */
static void make_header(struct compare *c)
{
    const struct manifest *m = c->o->release;
    const struct record *old = c->o->old;
    struct record *next = &c->d->next;
    next->content = m->content;
    next->created = m->created;
    next->version = m->version;
    next->packing = m->packing;
    next->database = database_digest(c->d, m->database);
    next->mode = mode_names[c->o->config->origin_mode];
    next->conditions = old->conditions;
    c->same_mode = strcmp(old->mode, next->mode) == 0;
    c->same_packing = strcmp(old->packing, next->packing) == 0;
    c->d->record_differs = old->generation == 0 || !c->same_mode || !c->same_packing ||
                           strcmp(old->content, next->content) != 0;
}

bool delta_make(struct delta *d, const struct delta_options *options, struct error *err)
{
    struct compare c = {.d = d, .o = options, .err = err};
    *d = (struct delta){0};
    arena_init(&d->arena);
    record_init(&d->next);
    arena_init(&c.scratch);
    c.sets = mem_calloc(options->old->n_headers + 1, sizeof(*c.sets));
    for (size_t i = 0; i < options->old->n_headers; i++)
        c.sets[i] = RECORD_NO_HEADERS;
    make_header(&c);
    take_claimed(&c);
    bool ok = walk(&c);
    if (ok)
        order_puts(d);
    else
        delta_release(d);
    free(c.sets);
    arena_release(&c.scratch);
    return ok;
}

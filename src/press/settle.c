#include "press/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/route.h"
#include "press/artifact.h"
#include "press/scope.h"
#include "press/site.h"

/* --- guards that count --------------------------------------------------------------------- */

/* Pages with words of their own in the last release, per pair. */
static uint64_t *count_recorded(const struct press *p)
{
    uint64_t *counts = mem_calloc(p->config->n_sets * MANIFEST_MAX_NAMES + 1, sizeof(*counts));
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        uint16_t set = press_recorded_set(p, f->set), from = press_recorded_locale(p, f->from);
        if (f->kind == MANIFEST_PAGE && (f->flags & MANIFEST_FALLBACK) == 0 &&
            set != MANIFEST_NONE && from != MANIFEST_NONE)
            counts[(size_t)set * MANIFEST_MAX_NAMES + from]++;
    }
    return counts;
}

static void count_pair(struct press *p, uint16_t set, uint16_t locale, uint64_t before)
{
    const struct config *c = p->config;
    const struct config_page_set *s = &c->sets[set];
    uint64_t rows = p->rows[(size_t)set * MANIFEST_MAX_NAMES + locale];
    int64_t min_rows = s->min_rows >= 0 ? s->min_rows : c->guard_min_rows;
    double max_shrink = s->max_shrink >= 0 ? s->max_shrink : c->guard_max_shrink;
    char why[160];
    if ((rows == 0 && before == 0) || !press_is_asked_for(p, locale))
        return; /* nothing there, nothing lost; or none of this look's business */
    if (rows < (uint64_t)min_rows) {
        snprintf(why, sizeof(why),
                 "%llu rows, fewer than min_rows (%lld); the last release has %llu",
                 (unsigned long long)rows, (long long)min_rows, (unsigned long long)before);
        press_record(p, PRESS_HELD, set, locale, NULL, why);
    } else if ((double)rows < (double)before * (1 - max_shrink)) {
        snprintf(why, sizeof(why),
                 "%llu rows where the last release has %llu: shrunk by more than "
                 "max_shrink (%g)",
                 (unsigned long long)rows, (unsigned long long)before, max_shrink);
        press_record(p, PRESS_HELD, set, locale, NULL, why);
    }
}

/* Nothing at all: no pair would tell. */
static void count_set(struct press *p, uint16_t set)
{
    char why[200];
    if (p->unlisted[set] > 0)
        snprintf(why, sizeof(why),
                 "none of the query's %llu rows is in a locale of the list 'locales'",
                 (unsigned long long)p->unlisted[set]);
    else
        snprintf(why, sizeof(why),
                 "the query returned no rows, and there is no release to stay with; set "
                 "min_rows: 0 where that is right");
    press_record(p, PRESS_HELD, set, MANIFEST_NONE, NULL, why);
}

void settle_count(struct press *p)
{
    if (p->options->accept)
        return;
    uint64_t *before = count_recorded(p);
    for (uint16_t set = 0; set < p->config->n_sets; set++) {
        const struct config_page_set *s = &p->config->sets[set];
        int64_t min_rows = s->min_rows >= 0 ? s->min_rows : p->config->guard_min_rows;
        uint64_t rows = 0, recorded = 0;
        for (uint16_t l = 0; l < p->locales.count; l++) {
            size_t pair = (size_t)set * MANIFEST_MAX_NAMES + l;
            rows += p->rows[pair];
            recorded += before[pair];
            count_pair(p, set, l, before[pair]);
        }
        if (rows == 0 && recorded == 0 && min_rows > 0)
            count_set(p, set);
    }
    free(before);
}

/* --- what stays ---------------------------------------------------------------------------- */

static bool is_named(const struct map *map, struct arena *scratch, const struct press *p,
                     uint16_t set, uint16_t locale, const char *key)
{
    if (map->count == 0 || key == NULL)
        return false;
    const char *name = press_page_name(scratch, p, set, locale, key);
    return map_get(map, name, strlen(name)) != NULL;
}

/* A file of the last release in terms of this look. */
struct old_file {
    const struct manifest_file *file;
    uint16_t set, locale, from;
};

static struct old_file old_file(const struct press *p, const struct manifest_file *f)
{
    return (struct old_file){
        .file = f,
        .set = press_recorded_set(p, f->set),
        .locale = press_recorded_locale(p, f->locale),
        .from = press_recorded_locale(p, f->from),
    };
}

/* False for files of the site, and for sets and locales taken out of the configuration. */
static bool is_of_page(const struct old_file *o)
{
    return (o->file->kind == MANIFEST_PAGE || o->file->kind == MANIFEST_OUTPUT) &&
           o->set != MANIFEST_NONE && o->locale != MANIFEST_NONE && o->from != MANIFEST_NONE;
}

static bool stays(struct press *p, const struct old_file *o)
{
    struct arena *scratch = &p->site->scratch;
    const char *key = o->file->key;
    if (!press_is_asked_for(p, o->locale))
        return true;
    if (is_named(&p->gone, scratch, p, o->set, o->from, key))
        return false;
    return verdict_is_held(&p->found, o->set, o->from) ||
           is_named(&p->kept, scratch, p, o->set, o->locale, key);
}

static bool is_printed(const struct map *printed, const char *path)
{
    return map_get(printed, path, strlen(path)) != NULL;
}

static bool carry(struct press *p, const struct old_file *o, struct error *err)
{
    struct manifest_file like = *o->file;
    like.set = o->set;
    like.from = o->from;
    like.locale = o->locale;
    like.group = 0; /* none of this look: that is how it is told from what was printed */
    error_clear(err);
    if (artifact_carry(p, p->site, o->file, &like, err))
        return true;
    if (err->kind != ERROR_NONE)
        return false;
    press_record(p, PRESS_OMITTED, o->set, o->from, o->file->key,
                 "stays as it is, but neither out/public nor out/objects has its last bytes");
    return true;
}

/* Pages that stay name the style sheets they were printed with, however long ago that was. */
static bool carry_assets(struct press *p, const struct map *index, struct error *err)
{
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        struct old_file o = old_file(p, &p->recorded.manifest.files[i]);
        if (o.file->kind == MANIFEST_ASSET && !is_printed(index, o.file->path) &&
            !carry(p, &o, err))
            return false;
    }
    return true;
}

/* The pages that this look printed, by name. Names live in `names`. */
static void index_printed(const struct press *p, struct arena *names, struct map *pages)
{
    for (size_t i = 0; i < p->next.n_files; i++) {
        const struct manifest_file *f = &p->next.files[i];
        bool added;
        if (f->kind != MANIFEST_PAGE)
            continue;
        const char *name = press_page_name(names, p, f->set, f->locale, f->key);
        map_put(pages, name, strlen(name), &added);
    }
}

/* Of an incremental look: what it did not read, and what no row has to do with. */
static void keep_unread(struct press *p)
{
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        struct old_file o = old_file(p, f);
        if (f->kind != MANIFEST_ASSET && f->kind != MANIFEST_STATIC &&
            (!is_of_page(&o) || scope_has(p, o.set, o.from, f->key)))
            continue;
        struct manifest_file like = *f;
        like.set = o.set;
        like.from = o.from;
        like.locale = o.locale;
        like.group = 0;
        artifact_keep(p->site, f, &like);
    }
}

/* What stays from the last release: whole pages that are not printed anew. */
static bool carry_pages(struct press *p, struct error *err)
{
    struct arena names;
    struct map pages, index;
    if (p->partial) {
        keep_unread(p); /* if something is held or kept, the look starts again as a full one */
        return true;
    }
    if (!verdict_any_at_all(&p->found) && p->kept.count == 0 && p->config->n_only_locales == 0)
        return true;
    arena_init(&names);
    map_init(&pages);
    map_init(&index);
    index_printed(p, &names, &pages);
    manifest_index(&p->next, &index);
    bool ok = carry_assets(p, &index, err);
    for (size_t i = 0; ok && i < p->recorded.manifest.n_files; i++) {
        struct old_file o = old_file(p, &p->recorded.manifest.files[i]);
        if (is_of_page(&o) && stays(p, &o) && !site_takes(p, o.file->path) &&
            !is_named(&pages, &p->site->scratch, p, o.set, o.locale, o.file->key))
            ok = carry(p, &o, err);
        arena_reset(&p->site->scratch);
    }
    map_release(&index);
    map_release(&pages);
    arena_release(&names);
    return ok;
}

/* --- clashes ------------------------------------------------------------------------------- */

static void describe(const struct press *p, const struct manifest_file *f, char *out, size_t size)
{
    /* A pinned release may have names that this look does not know. */
    if (f->set >= p->config->n_sets || f->from >= p->locales.count)
        snprintf(out, size, "a file of kind %s", manifest_kind_name(f->kind));
    else
        snprintf(out, size, "page set '%s', key '%.80s', locale %s%s", p->config->sets[f->set].name,
                 f->key, p->locales.codes[f->from],
                 f->group == 0 ? " (as in the last release)" : "");
}

/* What stays from the last release was there first. */
static void blame(struct press *p, const struct manifest_file *f, const char *text)
{
    const struct press_where where = {.set = f->set,
                                      .locale = f->locale,
                                      .from = f->from,
                                      .key = f->key,
                                      .live = (f->flags & MANIFEST_MAINTENANCE) == 0};
    if (f->group != 0)
        press_withdraw(p, &p->site->scratch, &where, text);
}

/* Both rows are to blame, so both are told; a file of static/ is its author's own mistake. */
static bool clash(struct press *p, const struct manifest_file *a, const struct manifest_file *b,
                  const char *how, struct error *err)
{
    char first[256], second[256];
    struct error text;
    describe(p, a, first, sizeof(first));
    describe(p, b, second, sizeof(second));
    error_set(&text, ERROR_CONTENT, "%s '%.200s': %s; and %s", how, a->path, first, second);
    if (p->pinned == NULL && (a->set == MANIFEST_NONE || b->set == MANIFEST_NONE))
        return error_set(err, ERROR_USAGE, "%s", text.text);
    blame(p, a, text.text);
    blame(p, b, text.text);
    return true;
}

static int by_origin(const void *a, const void *b)
{
    const struct manifest_file *x = a, *y = b;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    int c = x->key != NULL && y->key != NULL ? strcmp(x->key, y->key) : 0;
    return c != 0 ? c : (int)x->locale - (int)y->locale;
}

/* Files with one path were printed in no order, but are told in one. */
static bool find_doubles(struct press *p, struct error *err)
{
    struct manifest *m = &p->next;
    for (size_t i = 0, end; i < m->n_files; i = end) {
        struct manifest_file *first = &m->files[i];
        for (end = i + 1; end < m->n_files && strcmp(first->path, m->files[end].path) == 0;)
            end++;
        if (end > i + 1)
            qsort(first, end - i, sizeof(*first), by_origin);
        for (size_t j = i + 1; j < end; j++)
            if (!clash(p, first, &m->files[j], "two files want the path", err))
                return false;
    }
    return true;
}

/* *blocked: a folder of this file's path is itself a file. */
static bool find_file_in_the_way(struct press *p, const struct map *index,
                                 const struct manifest_file *f, bool *blocked, struct error *err)
{
    *blocked = false;
    for (const char *slash = strchr(f->path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const uint64_t *i = map_get(index, f->path, (size_t)(slash - f->path));
        if (i == NULL)
            continue;
        *blocked = true;
        if (!clash(p, &p->next.files[*i], f, "a file and a folder want the path", err))
            return false;
    }
    return true;
}

/* Paths in order share their folders with the one before: those are not asked about again. */
static bool check_folders(struct press *p, struct error *err)
{
    struct map index;
    bool ok = true, blocked = false;
    const char *last = "";
    map_init(&index);
    manifest_index(&p->next, &index);
    for (size_t i = 0; ok && i < p->next.n_files; i++) {
        const struct manifest_file *f = &p->next.files[i];
        const char *slash = strrchr(f->path, '/');
        size_t folder = slash != NULL ? (size_t)(slash - f->path) + 1 : 0;
        if (blocked || strncmp(last, f->path, folder) != 0)
            ok = find_file_in_the_way(p, &index, f, &blocked, err);
        last = f->path;
    }
    map_release(&index);
    return ok;
}

static int by_key_and_group(const void *a, const void *b)
{
    const struct manifest_file *x = *(const struct manifest_file *const *)a;
    const struct manifest_file *y = *(const struct manifest_file *const *)b;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    int c = strcmp(x->key, y->key);
    return c != 0 ? c : x->group < y->group ? -1 : x->group > y->group;
}

/* Pages of one key that did not come together do not know each other. */
static void check_groups(struct press *p)
{
    const struct manifest_file **pages = mem_calloc(p->next.n_files + 1, sizeof(*pages));
    size_t n = 0;
    for (size_t i = 0; i < p->next.n_files; i++)
        if (p->next.files[i].kind == MANIFEST_PAGE && p->next.files[i].group != 0)
            pages[n++] = &p->next.files[i];
    if (n > 1)
        qsort(pages, n, sizeof(*pages), by_key_and_group);
    for (size_t i = 1; i < n; i++)
        if (pages[i]->set == pages[i - 1]->set && pages[i]->group != pages[i - 1]->group &&
            strcmp(pages[i]->key, pages[i - 1]->key) == 0)
            blame(p, pages[i],
                  "rows of this key do not come together; end the query with ORDER BY key, "
                  "locale");
    free(pages);
}

/* --- the list ------------------------------------------------------------------------------ */

static void move_output(struct press *p, struct press_worker *w)
{
    struct manifest *to = &p->next, *from = &w->out;
    if (to->n_files == 0) {
        free(to->files);
        to->files = from->files;
        to->n_files = from->n_files;
        to->alloc_files = from->alloc_files;
        from->files = NULL;
        from->alloc_files = 0;
    } else if (from->n_files > 0) {
        MEM_GROW(to->files, to->n_files + from->n_files, to->alloc_files);
        memcpy(to->files + to->n_files, from->files, from->n_files * sizeof(*from->files));
        to->n_files += from->n_files;
        free(from->files);
        from->files = NULL;
        from->alloc_files = 0;
    }
    from->n_files = 0;
}

void settle_site(struct press *p)
{
    move_output(p, p->site);
    manifest_sort(&p->next);
}

/* Paths that belong to the site are no row's. */
static void check_site_paths(struct press *p)
{
    char text[ROUTE_PATH_MAX + 100];
    bool root = site_takes_root(p);
    for (size_t i = 0; i < p->next.n_files; i++) {
        const struct manifest_file *f = &p->next.files[i];
        if (f->set == MANIFEST_NONE || f->group == 0)
            continue;
        if (!site_takes(p, f->path) && !(root && strcmp(f->path, "index.html") == 0))
            continue;
        snprintf(text, sizeof(text), "path '%s' is taken: platen prints the site's own file there",
                 f->path);
        blame(p, f, text);
    }
}

void settle_outputs(struct press *p)
{
    for (unsigned i = 0; i <= p->n_workers; i++)
        move_output(p, &p->workers[i]);
}

bool settle_check(struct press *p, struct error *err)
{
    if (!find_doubles(p, err) || !check_folders(p, err))
        return false;
    check_site_paths(p);
    check_groups(p);
    arena_reset(&p->site->scratch);
    return true;
}

bool settle_gather(struct press *p, struct error *err)
{
    settle_outputs(p);
    if (!carry_pages(p, err))
        return false;
    settle_site(p);
    return settle_check(p, err);
}

/* --- what goes ----------------------------------------------------------------------------- */

/* Whether the removal of the file was somebody's decision: no guard counts those. */
static bool is_deliberate(struct press *p, const struct old_file *o)
{
    if (!is_of_page(o))
        return true;
    bool named = is_named(&p->gone, &p->site->scratch, p, o->set, o->from, o->file->key);
    arena_reset(&p->site->scratch);
    return named;
}

static bool goes_by_accident(struct press *p, const struct map *index, const struct old_file *o)
{
    return !is_printed(index, o->file->path) && !is_deliberate(p, o);
}

/* A new file where an old one's folder was, or the other way round: the old one cannot stay. */
static bool is_displaced(const struct press *p, const struct map *index, const char *path)
{
    size_t len = strlen(path), low = 0, high = p->next.n_files;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        if (map_get(index, path, (size_t)(slash - path)) != NULL)
            return true;
    while (low < high) { /* the first path not before PATH/ */
        size_t mid = low + (high - low) / 2;
        const char *at = p->next.files[mid].path;
        int c = strncmp(at, path, len);
        if (c < 0 || (c == 0 && (unsigned char)at[len] < '/'))
            low = mid + 1;
        else
            high = mid;
    }
    const char *found = low < p->next.n_files ? p->next.files[low].path : "";
    return strncmp(found, path, len) == 0 && found[len] == '/';
}

static bool keep_all(struct press *p, const struct map *index, struct error *err)
{
    const struct manifest *old = &p->recorded.manifest;
    for (size_t i = 0; i < old->n_files; i++) {
        struct old_file o = old_file(p, &old->files[i]);
        if (goes_by_accident(p, index, &o) && !is_displaced(p, index, o.file->path) &&
            !carry(p, &o, err))
            return false;
    }
    if (!carry_assets(p, index, err))
        return false;
    settle_site(p);
    return true;
}

bool settle_deletions(struct press *p, struct error *err)
{
    struct map index;
    const struct manifest *old = &p->recorded.manifest;
    uint64_t going = 0;
    bool ok = true;
    if (p->options->accept)
        return true;
    map_init(&index);
    manifest_index(&p->next, &index);
    for (size_t i = 0; i < old->n_files; i++) {
        struct old_file o = old_file(p, &old->files[i]);
        going += goes_by_accident(p, &index, &o) && !is_displaced(p, &index, o.file->path);
    }
    if (going > (uint64_t)p->config->guard_max_deletes) {
        char why[160];
        snprintf(why, sizeof(why),
                 "%llu files would be deleted, more than guards.max_deletes (%lld); none is",
                 (unsigned long long)going, (long long)p->config->guard_max_deletes);
        press_record(p, PRESS_HELD, MANIFEST_NONE, MANIFEST_NONE, NULL, why);
        p->deletions_held = true;
        ok = keep_all(p, &index, err);
    }
    map_release(&index);
    return ok;
}

static void add_removal(const struct manifest_file ***list, size_t *count, size_t *alloc,
                        const struct manifest_file *f)
{
    MEM_GROW(*list, *count + 1, *alloc);
    (*list)[(*count)++] = f;
}

void settle_removals(struct press *p, const struct manifest_file ***list, size_t *count)
{
    const struct manifest *old = &p->recorded.manifest;
    struct map index;
    size_t alloc = 0;
    *list = NULL;
    *count = 0;
    map_init(&index);
    manifest_index(&p->next, &index);
    for (size_t i = 0; i < old->n_files; i++)
        if (!is_printed(&index, old->files[i].path))
            add_removal(list, count, &alloc, &old->files[i]);
    /* What an unfinished release may have put there and no manifest knows. */
    for (size_t i = 0; i < p->recorded.n_intended; i++) {
        const char *path = p->recorded.intended[i];
        if (is_printed(&index, path) || is_printed(&p->recorded_index, path))
            continue;
        struct manifest_file *f = arena_calloc(&p->shared, 1, sizeof(*f));
        f->path = path;
        add_removal(list, count, &alloc, f);
    }
    map_release(&index);
}

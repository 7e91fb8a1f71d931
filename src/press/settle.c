#include "press/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "press/artifact.h"

/* --- names of the last release in terms of this one ---------------------------------------- */

static uint16_t set_of(const struct press *p, const struct manifest_file *f)
{
    if (f->set == MANIFEST_NONE)
        return MANIFEST_NONE;
    const char *name = p->recorded.manifest.sets[f->set];
    for (size_t i = 0; i < p->config->n_sets; i++)
        if (strcmp(p->config->sets[i].name, name) == 0)
            return (uint16_t)i;
    return MANIFEST_NONE;
}

static uint16_t locale_of(const struct press *p, uint16_t recorded)
{
    if (recorded == MANIFEST_NONE)
        return MANIFEST_NONE;
    return locale_table_find(&p->locales, p->recorded.manifest.locales[recorded]);
}

/* --- guards that count --------------------------------------------------------------------- */

/* Pages with words of their own in the last release, per pair. */
static uint64_t *count_recorded(const struct press *p)
{
    uint64_t *counts = mem_calloc(p->config->n_sets * MANIFEST_MAX_NAMES + 1, sizeof(*counts));
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        uint16_t set = set_of(p, f), from = locale_of(p, f->from);
        if (f->kind == MANIFEST_PAGE && (f->flags & MANIFEST_FALLBACK) == 0 &&
            set != MANIFEST_NONE && from != MANIFEST_NONE)
            counts[(size_t)set * MANIFEST_MAX_NAMES + from]++;
    }
    return counts;
}

static void hold_count(struct press *p, uint16_t set, uint16_t locale, const char *why)
{
    press_record(p, PRESS_HELD, set, locale, NULL, why);
    verdict_hold(&p->found, set, locale);
}

static void count_pair(struct press *p, uint16_t set, uint16_t locale, uint64_t before)
{
    const struct config *c = p->config;
    const struct config_page_set *s = &c->sets[set];
    uint64_t rows = p->rows[(size_t)set * MANIFEST_MAX_NAMES + locale];
    int64_t min_rows = s->min_rows >= 0 ? s->min_rows : c->guard_min_rows;
    double max_shrink = s->max_shrink >= 0 ? s->max_shrink : c->guard_max_shrink;
    char why[160];
    if (rows == 0 && before == 0)
        return; /* nothing there, nothing lost */
    if (rows < (uint64_t)min_rows) {
        snprintf(why, sizeof(why),
                 "%llu rows, fewer than min_rows (%lld); the last release has %llu",
                 (unsigned long long)rows, (long long)min_rows, (unsigned long long)before);
        hold_count(p, set, locale, why);
    } else if ((double)rows < (double)before * (1 - max_shrink)) {
        snprintf(why, sizeof(why),
                 "%llu rows where the last release has %llu: shrunk by more than "
                 "max_shrink (%g)",
                 (unsigned long long)rows, (unsigned long long)before, max_shrink);
        hold_count(p, set, locale, why);
    }
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
            hold_count(p, set, MANIFEST_NONE,
                       "the query returned no rows, and there is no release "
                       "to stay with; set min_rows: 0 where that is right");
    }
    free(before);
}

/* --- what stays ---------------------------------------------------------------------------- */

static bool is_named(const struct map *map, struct arena *scratch, const struct press *p,
                     uint16_t set, uint16_t from, const char *key)
{
    if (map->count == 0 || key == NULL)
        return false;
    const char *name =
        press_page_name(scratch, p->config->sets[set].name, p->locales.codes[from], key);
    return map_get(map, name, strlen(name)) != NULL;
}

static bool was_asked_for(const struct press *p, uint16_t locale)
{
    const struct config *c = p->config;
    for (size_t i = 0; i < c->n_only_locales; i++)
        if (strcmp(c->only_locales[i], p->locales.codes[locale]) == 0)
            return true;
    return c->n_only_locales == 0;
}

static bool stays(struct press *p, const struct manifest_file *f, uint16_t set, uint16_t from)
{
    struct arena *scratch = &p->site->scratch;
    if ((f->kind != MANIFEST_PAGE && f->kind != MANIFEST_OUTPUT) || set == MANIFEST_NONE ||
        from == MANIFEST_NONE)
        return false;
    if (is_named(&p->gone, scratch, p, set, from, f->key))
        return false;
    return verdict_is_held(&p->found, set, from) || !was_asked_for(p, from) ||
           is_named(&p->kept, scratch, p, set, from, f->key);
}

static bool is_printed(const struct map *printed, const char *path)
{
    return map_get(printed, path, strlen(path)) != NULL;
}

static bool carry(struct press *p, const struct manifest_file *f, uint16_t set, uint16_t from,
                  struct error *err)
{
    struct manifest_file like = *f;
    like.set = set;
    like.from = from;
    like.locale = locale_of(p, f->locale);
    like.group = 0;
    error_clear(err);
    if (like.locale == MANIFEST_NONE || artifact_carry(p, p->site, f, &like, err))
        return true;
    if (err->kind != ERROR_NONE)
        return false;
    press_record(p, PRESS_OMITTED, set, from, f->key,
                 "held, but neither out/public nor out/objects has its last bytes");
    return true;
}

static bool carry_held(struct press *p, const struct map *printed, struct error *err)
{
    for (size_t i = 0; i < p->recorded.manifest.n_files; i++) {
        const struct manifest_file *f = &p->recorded.manifest.files[i];
        uint16_t set = set_of(p, f), from = locale_of(p, f->from);
        bool ok =
            !stays(p, f, set, from) || is_printed(printed, f->path) || carry(p, f, set, from, err);
        arena_reset(&p->site->scratch);
        if (!ok)
            return false;
    }
    return true;
}

/* --- clashes ------------------------------------------------------------------------------- */

static void describe(const struct press *p, const struct manifest_file *f, char *out, size_t size)
{
    if (f->set == MANIFEST_NONE)
        snprintf(out, size, "a file of kind %s", manifest_kind_name(f->kind));
    else
        snprintf(out, size, "page set '%s', key '%.80s', locale %s", p->config->sets[f->set].name,
                 f->key, p->locales.codes[f->from]);
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
    if (a->set == MANIFEST_NONE || b->set == MANIFEST_NONE)
        return error_set(err, ERROR_USAGE, "%s", text.text);
    press_problem(p, a->set, a->from, a->key, NULL, text.text);
    if (b->set != a->set || b->from != a->from || strcmp(a->key, b->key) != 0)
        press_problem(p, b->set, b->from, b->key, NULL, text.text);
    return true;
}

/* Files with the path of the one before them are dropped together with it. */
static bool drop_doubles(struct press *p, struct error *err)
{
    struct manifest *m = &p->next;
    size_t kept = 0;
    for (size_t i = 0, end; i < m->n_files; i = end) {
        for (end = i + 1; end < m->n_files && strcmp(m->files[i].path, m->files[end].path) == 0;
             end++)
            if (!clash(p, &m->files[i], &m->files[end], "two files want the path", err))
                return false;
        if (end == i + 1)
            m->files[kept++] = m->files[i];
    }
    m->n_files = kept;
    return true;
}

/* *blocked: a folder of this file's path is itself a file. */
static bool find_file_in_the_way(struct press *p, const struct map *index,
                                 const struct manifest_file *f, bool *blocked, struct error *err)
{
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
    struct manifest_file *files = p->next.files;
    size_t n = p->next.n_files, kept = 0;
    bool *drop = mem_calloc(n + 1, sizeof(*drop));
    map_init(&index);
    manifest_index(&p->next, &index);
    for (size_t i = 0; ok && i < n; i++) {
        const char *slash = strrchr(files[i].path, '/');
        size_t folder = slash != NULL ? (size_t)(slash - files[i].path) + 1 : 0;
        if (strncmp(last, files[i].path, folder) != 0) {
            blocked = false;
            ok = find_file_in_the_way(p, &index, &files[i], &blocked, err);
        }
        drop[i] = blocked && folder > 0;
        last = files[i].path;
    }
    map_release(&index);
    for (size_t i = 0; ok && i < n; i++)
        if (!drop[i])
            files[kept++] = files[i];
    if (ok)
        p->next.n_files = kept;
    free(drop);
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
            press_problem(p, pages[i]->set, pages[i]->from, pages[i]->key, NULL,
                          "rows of this key do not come together; end the query with "
                          "ORDER BY key, locale");
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
    }
    from->n_files = 0;
}

void settle_site(struct press *p)
{
    move_output(p, p->site);
    manifest_sort(&p->next);
}

bool settle_gather(struct press *p, struct error *err)
{
    struct map printed;
    for (unsigned i = 0; i < p->n_workers; i++)
        move_output(p, &p->workers[i]);
    move_output(p, p->site);
    map_init(&printed);
    manifest_index(&p->next, &printed);
    bool ok = carry_held(p, &printed, err);
    map_release(&printed);
    if (!ok)
        return false;
    settle_site(p);
    if (!drop_doubles(p, err) || !check_folders(p, err))
        return false;
    check_groups(p);
    return true;
}

/* --- what goes ----------------------------------------------------------------------------- */

static bool is_deliberate(struct press *p, const struct manifest_file *f)
{
    uint16_t set = set_of(p, f), from = locale_of(p, f->from);
    if ((f->kind != MANIFEST_PAGE && f->kind != MANIFEST_OUTPUT) || set == MANIFEST_NONE ||
        from == MANIFEST_NONE)
        return true; /* files of the site, and sets or locales taken out of the configuration */
    bool named = is_named(&p->gone, &p->site->scratch, p, set, from, f->key);
    arena_reset(&p->site->scratch);
    return named;
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
    for (size_t i = 0; i < old->n_files; i++)
        if (!is_printed(&index, old->files[i].path) && !is_deliberate(p, &old->files[i]))
            going++;
    if (going > (uint64_t)p->config->guard_max_deletes) {
        char why[160];
        snprintf(why, sizeof(why),
                 "%llu files would be deleted, more than guards.max_deletes (%lld);"
                 " none is",
                 (unsigned long long)going, (long long)p->config->guard_max_deletes);
        press_record(p, PRESS_HELD, 0, MANIFEST_NONE, NULL, why);
        p->deletions_held = true;
        for (size_t i = 0; ok && i < old->n_files; i++) {
            const struct manifest_file *f = &old->files[i];
            if (!is_printed(&index, f->path) && !is_deliberate(p, f))
                ok = carry(p, f, set_of(p, f), locale_of(p, f->from), err);
        }
        settle_site(p);
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

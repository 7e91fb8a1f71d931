#include "press/report.h"

#include <stdlib.h>
#include <string.h>

static void add_change(struct press_result *r, enum press_change_kind kind, const char *path,
                       uint32_t old_size, uint32_t size)
{
    r->changes[r->n_changes++] = (struct press_change){
        .path = arena_strdup(&r->arena, path), .kind = kind, .old_size = old_size, .size = size};
    r->added += kind == PRESS_ADDED;
    r->changed += kind == PRESS_CHANGED;
    r->removed += kind == PRESS_REMOVED;
}

void report_changes(struct press *p, const struct commit_change *changes, size_t n_changes,
                    const struct manifest_file *const *removals, size_t n_removals)
{
    struct press_result *r = p->result;
    r->changes = arena_calloc(&r->arena, n_changes + n_removals, sizeof(*r->changes));
    for (size_t i = 0; i < n_changes; i++) {
        const struct manifest_file *f = changes[i].file;
        const uint64_t *old = map_get(&p->recorded_index, f->path, strlen(f->path));
        add_change(r, old != NULL ? PRESS_CHANGED : PRESS_ADDED, f->path,
                   old != NULL ? p->recorded.manifest.files[*old].size : 0, f->size);
    }
    for (size_t i = 0; i < n_removals; i++)
        add_change(r, PRESS_REMOVED, removals[i]->path, removals[i]->size, 0);
}

static int by_text(const void *a, const void *b)
{
    const struct press_problem *x = a, *y = b;
    int c = strcmp(x->set, y->set);
    if (c == 0)
        c = strcmp(x->locale, y->locale);
    if (c == 0)
        c = strcmp(x->key, y->key);
    if (c == 0)
        c = (int)x->action - (int)y->action;
    return c != 0 ? c : strcmp(x->text, y->text);
}

static void copy_problems(struct press_result *r, const struct press_problems *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct press_problem *from = &list->items[i];
        r->problems[r->n_problems++] = (struct press_problem){
            .set = arena_strdup(&r->arena, from->set),
            .locale = arena_strdup(&r->arena, from->locale),
            .key = arena_strdup(&r->arena, from->key),
            .text = arena_strdup(&r->arena, from->text),
            .action = from->action,
        };
    }
    r->more_problems += list->more;
    r->omitted = r->omitted || list->omitted;
}

/* A row that several locales borrow is told for each of them; one is enough. */
static void drop_repeated(struct press_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_problems; i++)
        if (i == 0 || by_text(&r->problems[n - 1], &r->problems[i]) != 0)
            r->problems[n++] = r->problems[i];
    r->n_problems = n;
}

void report_problems(struct press *p)
{
    struct press_result *r = p->result;
    r->problems = arena_calloc(&r->arena, p->problems.n + p->late.n, sizeof(*r->problems));
    copy_problems(r, &p->problems);
    copy_problems(r, &p->late);
    if (r->n_problems > 1)
        qsort(r->problems, r->n_problems, sizeof(*r->problems), by_text);
    drop_repeated(r);
    r->held = verdict_any_at_all(&p->found) || p->deletions_held;
}

void report_release(struct press *p, const struct manifest *m)
{
    struct press_result *r = p->result;
    r->generation = m->generation;
    r->content = arena_strdup(&r->arena, m->content);
    r->files = m->n_files;
    for (size_t i = 0; i < m->n_files; i++)
        r->pages += m->files[i].kind == MANIFEST_PAGE;
    for (unsigned i = 0; i <= p->n_workers; i++)
        r->bytes_written += p->workers[i].bytes_written;
}

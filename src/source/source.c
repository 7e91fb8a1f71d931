#include "source/source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "source/driver.h"

struct source *source_new(size_t size, const struct config *cfg, const struct symtab *st)
{
    struct source *s = mem_calloc(1, size);
    arena_init(&s->arena);
    s->cfg = cfg;
    s->st = st;
    s->columns = arena_calloc(&s->arena, cfg->n_sets + 1, sizeof(*s->columns));
    return s;
}

void source_free(struct source *s)
{
    arena_release(&s->arena);
    free(s);
}

bool source_open(struct source **out, const struct config *cfg, const struct symtab *st,
                 struct error *err)
{
    *out = NULL;
    return cfg->source_is_file ? source_file_open(out, cfg, st, err)
                               : source_database_open(out, cfg, st, err);
}

bool source_columns(struct source *s, size_t index, const char *const **names, size_t *n,
                    struct error *err)
{
    if (s->columns[index].names == NULL && !s->columns_of(s, index, err))
        return error_context(err, "page set '%s'", s->cfg->sets[index].name);
    *names = s->columns[index].names;
    *n = s->columns[index].n;
    return true;
}

bool source_read(struct source *s, size_t index, const struct source_scope *scope,
                 source_arena_fn *arena, source_row_fn *row, source_bad_fn *bad, void *payload,
                 struct error *err)
{
    const struct source_sink to = {.arena = arena, .row = row, .bad = bad, .payload = payload};
    const char *const *names;
    size_t n;
    if (scope != NULL && !scope->whole && scope->n_keys == 0)
        return true;
    if (scope != NULL && scope->whole)
        scope = NULL;
    return source_columns(s, index, &names, &n, err) && s->read(s, index, scope, &to, err);
}

bool source_end(struct source *s, struct error *err)
{
    return s->end == NULL || s->end(s, err);
}

bool source_again(struct source *s, struct error *err)
{
    return s->begin == NULL || (s->end(s, err) && s->begin(s, err));
}

bool source_catch_up(struct source *s, const char *position, int64_t wait_ms, bool *behind,
                     struct error *err)
{
    *behind = false;
    return s->catch_up == NULL || s->catch_up(s, position, wait_ms, behind, err);
}

bool source_mark(struct source *s, struct arena *arena, struct source_mark *mark, struct error *err)
{
    *mark = (struct source_mark){0};
    return s->mark == NULL || s->mark(s, arena, mark, err);
}

bool source_covers(struct source *s, const struct source_mark *since, struct arena *arena,
                   const char **why, struct error *err)
{
    *why = "the rows come from a file";
    return s->covers == NULL || s->covers(s, since, arena, why, err);
}

bool source_misses(struct source *s, bool *misses, struct error *err)
{
    *misses = false;
    return s->misses == NULL || s->misses(s, misses, err);
}

bool source_affected(struct source *s, size_t index, const struct source_mark *since,
                     struct arena *arena, struct source_scope *scope, struct error *err)
{
    *scope = (struct source_scope){.whole = true};
    return s->affected == NULL || s->affected(s, index, since, arena, scope, err);
}

const struct source_info *source_info(const struct source *s)
{
    return &s->info;
}

void source_close(struct source *s)
{
    if (s != NULL)
        s->close(s);
}

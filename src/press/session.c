#include "press/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct press_session *press_session_open(const struct config *config)
{
    struct press_session *s = mem_calloc(1, sizeof(*s));
    s->config = config;
    arena_init(&s->arena);
    return s;
}

void session_disconnect(struct press_session *s)
{
    source_close(s->source);
    s->source = NULL;
}

static void forget_recorded(struct press_session *s)
{
    if (s->has_recorded)
        release_state_release(&s->recorded);
    s->has_recorded = false;
}

void press_session_close(struct press_session *s)
{
    if (s == NULL)
        return;
    session_disconnect(s);
    forget_recorded(s);
    if (s->has_theme)
        theme_release(&s->theme);
    arena_release(&s->arena);
    free(s);
}

bool session_is_comparable(const struct press_session *s)
{
    return s->generation != 0 && s->mark.snapshot != NULL;
}

#define RETAIN_EVERY 10 /* seconds */

bool session_may_retain(struct press_session *s, int64_t now)
{
    if (s == NULL)
        return true;
    if (now >= s->retained && now < s->retained + RETAIN_EVERY)
        return false;
    s->retained = now;
    return true;
}

/* The manifest is read back at once: the next look should not have to. */
static void load_recorded(struct press_session *s, const struct store *store)
{
    struct release_list list;
    struct error ignored = ERROR_INIT;
    forget_recorded(s);
    if (release_list(store, &list, &ignored))
        s->has_recorded = release_load(store, &list, &s->recorded, &ignored);
    release_list_free(&list);
}

static const char *copy(struct press_session *s, const char *text)
{
    return text != NULL ? arena_strdup(&s->arena, text) : NULL;
}

const char *session_due(const struct press_session *s, const char *of_rows_read)
{
    const char *a = of_rows_read, *b = s->next_change_at;
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    return strcmp(a, b) < 0 ? a : b; /* one form of time: text order is time order */
}

/* --- what the log should have named ----------------------------------------------------------- */

void session_recall(const struct press_session *s, struct session_past *past)
{
    *past = (struct session_past){0};
    arena_init(&past->arena);
    if (!session_is_comparable(s) || !s->has_recorded || s->mark.log == NULL)
        return;
    past->mark = (struct source_mark){.snapshot = arena_strdup(&past->arena, s->mark.snapshot),
                                      .log = arena_strdup(&past->arena, s->mark.log),
                                      .in_recovery = s->mark.in_recovery};
    if (s->mark.identity != NULL)
        past->mark.identity = arena_strdup(&past->arena, s->mark.identity);
    past->generation = s->generation;
    past->content = arena_strdup(&past->arena, s->recorded.manifest.content);
    if (s->next_change_at != NULL)
        past->next_change_at = arena_strdup(&past->arena, s->next_change_at);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* What is watched is as it was, or ought to be: triggers were disabled. */
static bool ought_to_be_named(struct press_session *s, const struct source_mark *since,
                              struct arena *arena, bool *ought, struct error *err)
{
    struct source_mark now = {0};
    bool misses = false, ok = source_mark(s->source, arena, &now, err);
    bool same = ok && same_text(now.log, since->log);
    ok = ok && (same || source_misses(s->source, &misses, err));
    *ought = ok && (same || misses);
    return ok;
}

static bool names_nothing(struct press_session *s, const struct source_mark *since,
                          struct arena *arena, struct error *err)
{
    const char *why = NULL;
    bool ok = source_covers(s->source, since, arena, &why, err), nothing = why == NULL;
    for (size_t i = 0; ok && nothing && i < s->config->n_sets; i++) {
        struct source_scope scope;
        ok = source_affected(s->source, i, since, arena, &scope, err);
        nothing = ok && !scope.whole && scope.n_keys == 0;
    }
    return ok && nothing && ought_to_be_named(s, since, arena, &nothing, err) && nothing;
}

bool session_is_unnamed(struct press_session *s, const struct session_past *past)
{
    struct error lost = ERROR_INIT;
    if (past->mark.snapshot == NULL || s->source == NULL || !session_is_comparable(s) ||
        !s->has_recorded || s->generation != past->generation + 1 ||
        same_text(s->recorded.manifest.content, past->content) ||
        !same_text(s->next_change_at, past->next_change_at))
        return false;
    struct arena arena;
    arena_init(&arena);
    bool unnamed = source_again(s->source, &lost) && names_nothing(s, &past->mark, &arena, &lost);
    arena_release(&arena);
    if (lost.text[0] != '\0' || !source_end(s->source, &lost))
        session_disconnect(s);
    return unnamed;
}

void session_note(struct press_session *s, struct press *p, const struct source_mark *mark)
{
    char *due = p->next_change_at != NULL ? mem_strdup(p->next_change_at) : NULL;
    arena_reset(&s->arena);
    s->mark = (struct source_mark){0};
    if (mark != NULL)
        s->mark = (struct source_mark){.snapshot = copy(s, mark->snapshot),
                                       .identity = copy(s, mark->identity),
                                       .log = copy(s, mark->log),
                                       .in_recovery = mark->in_recovery};
    s->next_change_at = copy(s, due);
    free(due);
    s->generation = p->result->generation;
    if (p->result->released || p->releases.n_intents > 0) {
        load_recorded(s, &p->store);
    } else { /* what the look took is still true */
        forget_recorded(s);
        s->recorded = p->recorded;
        s->has_recorded = true;
        p->recorded = (struct release_state){0};
        manifest_init(&p->recorded.manifest);
        map_init(&p->recorded.unknown);
        arena_init(&p->recorded.arena);
    }
}

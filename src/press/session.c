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

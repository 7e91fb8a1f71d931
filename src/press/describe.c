#include "press/describe.h"

#include <string.h>
#include <time.h>

#include "base/version.h"

/* The names its files' numbers stand for: the sitemap wants them, too. */
void describe_names(struct press *p)
{
    struct manifest *m = &p->next;
    m->sets = arena_calloc(&m->arena, p->config->n_sets, sizeof(*m->sets));
    for (size_t i = 0; i < p->config->n_sets; i++)
        m->sets[i] = p->config->sets[i].name;
    m->n_sets = p->config->n_sets;
    m->locales = p->locales.codes;
    m->n_locales = p->locales.count;
}

static const char *timestamp(struct arena *arena, int64_t seconds)
{
    struct tm tm;
    char text[40] = "";
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return arena_strdup(arena, text);
}

static void add_member(struct strbuf *sb, const char *name, const char *value)
{
    strbuf_addf(sb, "%s\"%s\":", sb->len > 1 ? "," : "", name);
    if (value == NULL)
        strbuf_addstr(sb, "null");
    else
        json_write_string(sb, value, strlen(value));
}

/* Which database a snapshot belongs to: what a later look compares before it trusts the snapshot.
 */
static void describe_source(struct press *p)
{
    const struct source_info *info = source_info(p->source);
    struct strbuf sb = STRBUF_INIT;
    if (info->snapshot == NULL)
        return;
    p->next.snapshot = arena_strdup(&p->next.arena, info->snapshot);
    strbuf_addch(&sb, '{');
    add_member(&sb, "system_identifier", info->system_identifier);
    add_member(&sb, "timeline", info->timeline);
    add_member(&sb, "database", info->database);
    add_member(&sb, "postmaster_start", info->postmaster_start);
    strbuf_addf(&sb, ",\"in_recovery\":%s}", info->in_recovery ? "true" : "false");
    p->next.database = arena_strndup(&p->next.arena, sb.buf, sb.len);
    strbuf_release(&sb);
}

static void list_held(struct press *p)
{
    struct manifest *m = &p->next;
    size_t most = p->config->n_sets * p->locales.count;
    m->held = arena_calloc(&m->arena, most, sizeof(*m->held));
    for (uint16_t set = 0; set < p->config->n_sets; set++)
        for (uint16_t l = 0; l < p->locales.count; l++)
            if (verdict_is_held(&p->found, set, l))
                m->held[m->n_held++] = (struct manifest_pair){set, l};
}

void describe_release(struct press *p)
{
    struct manifest *m = &p->next;
    m->generation = release_next(&p->releases);
    m->created = timestamp(&m->arena, p->now);
    m->version = PLATEN_VERSION;
    m->packing = press_packing(p->config);
    m->next_change_at = p->next_change_at;
    if (p->pinned != NULL)
        return; /* its pages are of no snapshot, and nothing is held that would not be anyway */
    list_held(p);
    describe_source(p);
}

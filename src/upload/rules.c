#include "upload/rules.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/json.h"
#include "pack/mime.h"

/* Pages may be purged, so caches of a CDN keep them and browsers ask; the two stale- words keep a
 * site readable while its origin is asked or away. */
#define PURGED                                                                                     \
    "public, max-age=0, s-maxage=31536000, stale-while-revalidate=60, stale-if-error=86400"
#define NEVER_CHANGES "public, max-age=31536000, immutable"

bool rules_glob(const char *glob, const char *path)
{
    return glob_match(glob, path);
}

static bool has_meta(const struct target_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->n_meta; i++)
        if (strcmp(headers->meta[i].name, name) == 0)
            return true;
    return false;
}

/* What earlier rules have given stays. */
static void add_meta(const struct config_headers *rule, struct arena *arena,
                     struct target_headers *headers, struct target_meta *meta)
{
    for (size_t i = 0; i < rule->n_meta; i++) {
        const char *text = rule->meta[i];
        size_t len = strcspn(text, "=");
        const char *name = arena_strndup(arena, text, len);
        if (text[len] == '=' && !has_meta(headers, name))
            meta[headers->n_meta++] = (struct target_meta){name, text + len + 1};
    }
}

static int by_name(const void *a, const void *b)
{
    const struct target_meta *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static size_t count_meta(const struct config *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_headers; i++)
        n += c->headers[i].n_meta;
    return n;
}

void rules_headers(const struct config *c, const struct manifest_file *f, struct arena *arena,
                   struct target_headers *headers)
{
    size_t room = count_meta(c);
    struct target_meta *meta = room > 0 ? arena_calloc(arena, room, sizeof(*meta)) : NULL;
    *headers = (struct target_headers){.meta = meta};
    for (size_t i = 0; i < c->n_headers; i++) {
        const struct config_headers *rule = &c->headers[i];
        if (!glob_match(rule->match, f->path))
            continue;
        if (headers->cache_control == NULL && rule->cache_control[0] != '\0')
            headers->cache_control = rule->cache_control;
        if (headers->content_type == NULL && rule->content_type[0] != '\0')
            headers->content_type = rule->content_type;
        add_meta(rule, arena, headers, meta);
    }
    if (headers->cache_control == NULL)
        headers->cache_control = f->kind == MANIFEST_ASSET ? NEVER_CHANGES : PURGED;
    if (headers->content_type == NULL)
        headers->content_type = mime_type(f->path);
    if (headers->n_meta > 1)
        qsort(meta, headers->n_meta, sizeof(*meta), by_name);
}

static void add_text(struct strbuf *sb, const char *text)
{
    if (sb->len > 1)
        strbuf_addch(sb, ',');
    json_write_string(sb, text, strlen(text));
}

const char *rules_text(const struct target_headers *headers, struct arena *arena)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addch(&sb, '[');
    add_text(&sb, headers->content_type != NULL ? headers->content_type : "");
    add_text(&sb, headers->cache_control != NULL ? headers->cache_control : "");
    for (size_t i = 0; i < headers->n_meta; i++) {
        add_text(&sb, headers->meta[i].name);
        add_text(&sb, headers->meta[i].value);
    }
    strbuf_addch(&sb, ']');
    const char *text = arena_strndup(arena, sb.buf, sb.len);
    strbuf_release(&sb);
    return text;
}

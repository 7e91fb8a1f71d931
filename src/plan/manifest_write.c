/* The writing half of plan/manifest.h. */
#include <inttypes.h>

#include "base/json.h"
#include "plan/manifest.h"

static void add_string(struct strbuf *sb, const char *name, const char *value)
{
    strbuf_addf(sb, ",\"%s\":", name);
    if (value == NULL)
        strbuf_addstr(sb, "null");
    else
        json_write_string(sb, value, strlen(value));
}

static void add_names(struct strbuf *sb, const char *name, const char *const *names, size_t count)
{
    strbuf_addf(sb, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            strbuf_addch(sb, ',');
        json_write_string(sb, names[i], strlen(names[i]));
    }
    strbuf_addch(sb, ']');
}

void manifest_write_header(struct strbuf *sb, const struct manifest *m)
{
    strbuf_addf(sb, "{\"platen\":%d,\"generation\":%" PRIu64, MANIFEST_FORMAT, m->generation);
    add_string(sb, "created", m->created);
    add_string(sb, "version", m->version);
    add_string(sb, "packing", m->packing);
    add_string(sb, "content", m->content);
    add_string(sb, "snapshot", m->snapshot);
    strbuf_addf(sb, ",\"database\":%s", m->database != NULL ? m->database : "null");
    add_string(sb, "next_change_at", m->next_change_at);
    add_names(sb, "sets", (const char *const *)m->sets, m->n_sets);
    add_names(sb, "locales", (const char *const *)m->locales, m->n_locales);
    strbuf_addstr(sb, ",\"held\":[");
    for (size_t i = 0; i < m->n_held; i++)
        strbuf_addf(sb, "%s[%u,%u]", i != 0 ? "," : "", m->held[i].set, m->held[i].locale);
    strbuf_addstr(sb, "],\"columns\":[\"path\",\"sha256\",\"size\",\"gz\",\"mtime\",\"kind\","
                      "\"set\",\"locale\",\"from\",\"key\",\"lastmod\",\"flags\"],\n\"files\":[\n");
}

static void add_index(struct strbuf *sb, uint16_t index)
{
    if (index == MANIFEST_NONE)
        strbuf_addstr(sb, ",-1");
    else
        strbuf_addf(sb, ",%u", index);
}

void manifest_write_file(struct strbuf *sb, const struct manifest_file *f)
{
    char hex[DIGEST_HEX_SIZE + 1];
    digest_hex(f->sha256, hex);
    strbuf_addch(sb, '[');
    json_write_string(sb, f->path, strlen(f->path));
    strbuf_addf(sb, ",\"%s\",%u,%u,%" PRId64 ",\"%s\"", hex, f->size, f->gz_size, f->mtime,
                manifest_kind_name(f->kind));
    add_index(sb, f->set);
    add_index(sb, f->locale);
    add_index(sb, f->from);
    strbuf_addch(sb, ',');
    if (f->key != NULL)
        json_write_string(sb, f->key, strlen(f->key));
    else
        strbuf_addstr(sb, "null");
    strbuf_addf(sb, ",%" PRId64 ",%u]", f->lastmod, f->flags);
}

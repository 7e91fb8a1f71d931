/* Varnish: PURGE of each address, or BANs of many; wildcards are BANs. The VCL that takes them is
 * deploy/varnish.vcl. */
#include <string.h>

#include "upload/purge_provider.h"

struct state {
    const char *host;     /* of the site: what visitors ask for */
    const size_t *starts; /* of each BAN among the addresses, and one behind the last */
};

static bool address(struct purge_job *job, struct purge_slot *slot, const char *path,
                    struct error *err)
{
    const struct state *s = job->state;
    purge_add_base(&slot->url, job->entry->url);
    strbuf_addstr(&slot->url, path);
    return purge_set(slot, "Host", s->host, err);
}

static bool make_purge(struct purge_job *job, size_t i, struct purge_slot *slot, struct error *err)
{
    slot->http.method = "PURGE";
    return address(job, slot, job->urls[i], err);
}

/* --- BAN -------------------------------------------------------------------------------------- */

/* What PCRE takes for more than itself. Addresses hold no blanks and no quotes, which would end the
 * word in the ban. */
static void add_regex(struct strbuf *sb, const char *url)
{
    for (; *url != '\0'; url++) {
        if (strchr("\\^$.|?*+()[]{}", *url) != NULL)
            strbuf_addch(sb, '\\');
        strbuf_addch(sb, *url);
    }
}

static void add_pattern(struct purge_job *job, size_t from, size_t to, struct strbuf *sb)
{
    strbuf_addstr(sb, "^(");
    for (size_t i = from; i < to; i++) {
        strbuf_addstr(sb, i == from ? "" : "|");
        add_regex(sb, job->urls[i]);
    }
    strbuf_addstr(sb, ")$");
}

static bool make_ban(struct purge_job *job, size_t i, struct purge_slot *slot, struct error *err)
{
    const struct state *s = job->state;
    struct strbuf *pattern = &slot->pattern;
    slot->http.method = "BAN";
    if (job->everything) {
        strbuf_addch(pattern, '^');
        add_regex(pattern, config_base_path(job->config));
    } else {
        add_pattern(job, s->starts[i], s->starts[i + 1], pattern);
    }
    return address(job, slot, "/", err) && purge_set(slot, "X-Ban-Url", pattern->buf, err);
}

/* As many addresses a BAN as fit. */
static size_t divide(struct purge_job *job, struct state *s)
{
    size_t *starts = arena_calloc(job->arena, job->n_urls + 1, sizeof(*starts)), n = 0, have = 0;
    struct strbuf one = STRBUF_INIT;
    for (size_t i = 0; i < job->n_urls; i++) {
        strbuf_reset(&one);
        add_regex(&one, job->urls[i]);
        if (i == 0 || have + one.len + 1 > PURGE_BAN_MAX) {
            starts[n++] = i;
            have = sizeof("^()$");
        }
        have += one.len + 1;
    }
    starts[n] = job->n_urls;
    s->starts = starts;
    strbuf_release(&one);
    return n;
}

bool purge_varnish(struct purge_job *job, struct error *err)
{
    struct state *s = arena_calloc(job->arena, 1, sizeof(*s));
    const char *method = job->entry->method;
    s->host = purge_host(job->arena, job->config->base_url);
    job->state = s;
    if (job->everything)
        return purge_send(job, 1, make_ban, purge_judge_status, err);
    if (method != NULL && strcmp(method, "BAN") == 0)
        return purge_send(job, divide(job, s), make_ban, purge_judge_status, err);
    return purge_send(job, job->n_urls, make_purge, purge_judge_status, err);
}

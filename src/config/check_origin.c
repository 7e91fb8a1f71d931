/* What must hold of the origin, its header rules and the caches in front of it. */
#include <string.h>

#include "base/glob.h"
#include "config/bucket.h"
#include "config/check.h"
#include "config/url.h"
#include "config/yaml.h"

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define META_MAX 20
#define META_BYTES_MAX 1900 /* S3 takes 2 KB of metadata; some of it is ours */
#define VALUE_MAX 1024      /* bytes of a header */

static bool made_of(const char *text, const char *characters, size_t most)
{
    size_t len = strlen(text);
    return len > 0 && len <= most && strspn(text, characters) == len;
}

/* --- where it is ------------------------------------------------------------------------------ */

static bool is_inside(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool check_place(struct config *c, struct error *err)
{
    if (c->origin_state[0] != '\0' && c->origin[0] == '\0')
        return check_error(c, "origin.state", err, "there is no origin.url that it belongs to");
    if (!made_of(c->origin_region, SMALL CAPITALS DIGITS "-_", 64))
        return check_error(c, "origin.region", err,
                           "a region is made of at most 64 letters, digits, '-' and '_'");
    if (c->origin[0] != '\0' && !bucket_is(c->origin) && is_inside(c->origin, c->out))
        return check_error(c, "origin.url", err,
                           "the folder is in output.dir; an origin is another one");
    if (c->origin[0] != '\0' && !bucket_is(c->origin) && c->origin_directory_keys)
        return check_error(c, "origin.directory_keys", err,
                           "a folder cannot hold a file 'x/' beside a folder 'x'; leave it false");
    if (!bucket_is(c->origin_state) && c->origin_state[0] != '\0' &&
        is_inside(c->origin_state, c->out))
        return check_error(c, "origin.state", err,
                           "the folder is in output.dir; an origin is another one");
    return true;
}

/* --- header rules ----------------------------------------------------------------------------- */

static bool rule_error(const struct config *c, const struct config_headers *rule, struct error *err,
                       const char *what)
{
    return yaml_error(err, c->file, rule->line, rule->column, "origin.headers: '%.60s': %s",
                      rule->match, what);
}

/* Printable ASCII without blanks at its ends: what every server stores and signs alike. */
static bool is_header_value(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
            return false;
    return len <= VALUE_MAX && (len == 0 || (text[0] != ' ' && text[len - 1] != ' '));
}

static bool is_same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");
    return strcspn(b, "=") == len && strncmp(a, b, len) == 0;
}

static const char *meta_fault(const struct config_headers *rule, size_t index, size_t *total)
{
    const char *meta = rule->meta[index];
    size_t len = strcspn(meta, "=");
    if (meta[len] == '\0' || len == 0 || strspn(meta, SMALL DIGITS "-") != len)
        return "meta is a list of NAME=VALUE, with names of small letters, digits and '-'";
    if (strncmp(meta, "platen-", 7) == 0)
        return "meta names that begin with platen- are platen's own";
    if (meta[len + 1] == '\0' || !is_header_value(meta + len + 1))
        return "a value of meta is 1 to 1024 printable ASCII characters";
    for (size_t i = 0; i < index; i++)
        if (is_same_name(rule->meta[i], meta))
            return "meta has the same name twice";
    *total += strlen(meta);
    return *total > META_BYTES_MAX ? "meta is longer than 1900 bytes" : NULL;
}

static bool check_headers(struct config *c, const struct config_headers *rule, struct error *err)
{
    const char *fault = glob_fault(rule->match);
    size_t total = 0;
    if (fault == NULL && rule->cache_control[0] == '\0' && rule->content_type[0] == '\0' &&
        rule->n_meta == 0)
        fault = "the rule names no header; give it cache_control, content_type or meta";
    if (fault == NULL &&
        (!is_header_value(rule->cache_control) || !is_header_value(rule->content_type)))
        fault = "a header is at most 1024 printable ASCII characters";
    if (fault == NULL && rule->n_meta > META_MAX)
        fault = "meta has more than 20 entries";
    for (size_t i = 0; fault == NULL && i < rule->n_meta; i++)
        fault = meta_fault(rule, i, &total);
    return fault == NULL || rule_error(c, rule, err, fault);
}

/* --- purges ----------------------------------------------------------------------------------- */

/* A webhook's address may hold a query; all else that may stand in it is plain. */
static const char *purge_url_fault(const struct config_purge *p)
{
    if (p->url[0] == '\0')
        return p->type == CONFIG_VARNISH || p->type == CONFIG_WEBHOOK
                   ? "it needs the url of the cache"
                   : NULL;
    size_t len = strcspn(p->url, p->type == CONFIG_WEBHOOK ? "?" : "");
    char plain[VALUE_MAX + 1];
    if (strlen(p->url) > VALUE_MAX)
        return "its url is longer than 1024 bytes";
    for (const char *q = p->url + len; *q != '\0'; q++)
        if ((unsigned char)*q <= 0x20 || (unsigned char)*q > 0x7e || *q == '#' || *q == '"')
            return "its url holds a character that must be percent-encoded";
    memcpy(plain, p->url, len);
    plain[len] = '\0';
    return url_fault(plain, false) != NULL
               ? "its url must be http(s)://HOST/..., without user, password and '#'"
               : NULL;
}

static bool is_variable(const char *name)
{
    return made_of(name, CAPITALS SMALL DIGITS "_", 128) && strchr(DIGITS, name[0]) == NULL;
}

static const char *purge_fault(const struct config_purge *p)
{
    bool has_id = p->type == CONFIG_CLOUDFRONT || p->type == CONFIG_CLOUDFLARE;
    if (has_id && p->id[0] == '\0')
        return p->type == CONFIG_CLOUDFRONT ? "it needs the id of the distribution"
                                            : "it needs the id of the zone";
    if (!has_id && p->id[0] != '\0')
        return "only cloudfront and cloudflare have an id";
    if (has_id && !made_of(p->id, CAPITALS SMALL DIGITS "-_", 64))
        return "an id is made of at most 64 letters, digits, '-' and '_'";
    /* The value is never quoted: it may be the token itself. */
    if (p->token_env[0] != '\0' && !is_variable(p->token_env))
        return "token_env is the name of an environment variable, not the token";
    if (p->type == CONFIG_CLOUDFRONT && p->token_env[0] != '\0')
        return "cloudfront takes the origin's credentials; it has no token_env";
    if (has_id && p->method[0] != '\0')
        return "only varnish and webhook have a method";
    if (p->type == CONFIG_VARNISH && strcmp(p->method, "PURGE") != 0 &&
        strcmp(p->method, "BAN") != 0)
        return "the method of varnish is PURGE or BAN";
    if (p->type == CONFIG_WEBHOOK && !made_of(p->method, CAPITALS, 16))
        return "a method is at most 16 capital letters";
    if (p->by_tag && p->type != CONFIG_CLOUDFLARE)
        return "only cloudflare purges by tag";
    return purge_url_fault(p);
}

static bool is_same_purge(const struct config_purge *a, const struct config_purge *b)
{
    return a->type == b->type && strcmp(a->id, b->id) == 0 && strcmp(a->url, b->url) == 0;
}

static bool check_purge(struct config *c, struct config_purge *p, struct error *err)
{
    if (p->method[0] == '\0' && (p->type == CONFIG_VARNISH || p->type == CONFIG_WEBHOOK))
        p->method = p->type == CONFIG_VARNISH ? "PURGE" : "POST";
    if (p->token_env[0] == '\0' && p->type == CONFIG_CLOUDFLARE)
        p->token_env = "CLOUDFLARE_API_TOKEN";
    const char *fault = purge_fault(p);
    for (size_t i = 0; fault == NULL && &c->purges[i] < p; i++)
        if (is_same_purge(&c->purges[i], p))
            fault = "the same cache stands in the list twice";
    return fault == NULL ||
           yaml_error(err, c->file, p->line, p->column, "an entry of purge: %s", fault);
}

bool check_origin(struct config *c, struct error *err)
{
    if (!check_place(c, err))
        return false;
    for (size_t i = 0; i < c->n_headers; i++)
        if (!check_headers(c, &c->headers[i], err))
            return false;
    for (size_t i = 0; i < c->n_purges; i++)
        if (!check_purge(c, &c->purges[i], err))
            return false;
    return true;
}

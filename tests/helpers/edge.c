/* Purges or proves once, as a JSON object on standard input says, for the tests of upload/purge.h
 * and upload/prove.h against real and scripted servers:
 *
 *   {"base_url":"http://..","give_up_ms":2000,"stall_ms":1000,
 *    "purge":[{"type":"varnish","url":"..","id":"..","token_env":"..","method":"..",
 *              "by_tag":false,"threshold":1000}],
 *    "release":"12","all":false,"paths":["en/index.html"]}
 *   {"base_url":"http://..","prove":"content","prove_url":"..","deadline_ms":3000,"most":50,
 *    "paths":[["en/index.html","<sha-256>"],["old.html",null]]}
 *
 * Writes one JSON object: ok, error, and the counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "upload/prove.h"
#include "upload/purge.h"

struct run {
    struct config config;
    struct json_value in;
    struct http *http;
    struct error err;
    bool ok;
    size_t counts[2]; /* requests and failed, or live and missing */
    double seconds;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "edge: %s\n", what);
    exit(2);
}

static const char *text(struct run *r, const struct json_value *o, const char *key)
{
    const struct json_value *v = json_gets(o, key);
    if (v == NULL || v->type != JSON_STRING)
        return "";
    return arena_strndup(&r->config.arena, v->text, v->len);
}

static int64_t number(struct run *r, const struct json_value *o, const char *key, int64_t standard)
{
    const struct json_value *v = json_gets(o, key);
    if (v == NULL || v->type != JSON_NUMBER)
        return standard;
    return atoll(arena_strndup(&r->config.arena, v->text, v->len));
}

static bool truth(const struct json_value *o, const char *key)
{
    const struct json_value *v = json_gets(o, key);
    return v != NULL && v->type == JSON_TRUE;
}

static enum config_purger kind(const struct json_value *o)
{
    static const char *const names[] = {"cloudfront", "cloudflare", "varnish", "webhook"};
    for (int i = 0; i < 4; i++)
        if (json_is(json_gets(o, "type"), names[i]))
            return (enum config_purger)i;
    die("no such type");
}

static void read_purges(struct run *r, const struct json_value *list)
{
    struct config *c = &r->config;
    c->n_purges = list->len;
    c->purges = arena_calloc(&c->arena, list->len, sizeof(*c->purges));
    for (size_t i = 0; i < list->len; i++) {
        const struct json_value *o = &list->items[i];
        c->purges[i] = (struct config_purge){.type = kind(o),
                                             .url = text(r, o, "url"),
                                             .id = text(r, o, "id"),
                                             .token_env = text(r, o, "token_env"),
                                             .method = text(r, o, "method"),
                                             .by_tag = truth(o, "by_tag"),
                                             .threshold = number(r, o, "threshold", 1000)};
    }
}

static void purge(struct run *r, const struct json_value *paths)
{
    const char **list = arena_calloc(&r->config.arena, paths->len + 1, sizeof(*list));
    for (size_t i = 0; i < paths->len; i++)
        list[i] = arena_strndup(&r->config.arena, paths->items[i].text, paths->items[i].len);
    struct purge_request request = {.paths = list,
                                    .n_paths = paths->len,
                                    .release = text(r, &r->in, "release"),
                                    .all = truth(&r->in, "all")};
    struct purge_result result;
    struct credentials *credentials = credentials_new();
    r->ok = purge_run(&r->config, r->http, credentials, &request, &result, &r->err);
    credentials_free(credentials);
    r->counts[0] = result.requests;
    r->counts[1] = result.failed;
}

static void prove(struct run *r, const struct json_value *paths)
{
    struct arena *arena = &r->config.arena;
    struct prove_path *list = arena_calloc(arena, paths->len + 1, sizeof(*list));
    for (size_t i = 0; i < paths->len; i++) {
        const struct json_value *pair = paths->items[i].items;
        list[i].path = arena_strndup(arena, pair[0].text, pair[0].len);
        if (pair[1].type == JSON_NULL)
            continue;
        uint8_t *sha256 = arena_alloc(arena, DIGEST_SIZE);
        if (!digest_from_hex(pair[1].text, pair[1].len, sha256))
            die("no digest");
        list[i].sha256 = sha256;
    }
    struct prove_result result;
    r->ok = prove_run(&r->config, r->http, list, paths->len, &result, &r->err);
    r->counts[0] = result.live;
    r->counts[1] = result.missing;
    r->seconds = result.seconds;
}

static void read_input(struct run *r, struct strbuf *sb)
{
    struct error err = ERROR_INIT;
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof(piece), stdin)) > 0)
        strbuf_add(sb, piece, got);
    if (!json_parse(&r->config.arena, NULL, sb->buf, sb->len, NULL, &r->in, &err))
        die(err.text);
}

static void report(const struct run *r, const char *const names[2])
{
    struct strbuf out = STRBUF_INIT;
    strbuf_addf(&out, "{\"ok\":%s,\"%s\":%zu,\"%s\":%zu,\"seconds\":%.3f,\"error\":",
                r->ok ? "true" : "false", names[0], r->counts[0], names[1], r->counts[1],
                r->seconds);
    json_write_string(&out, r->err.text, strlen(r->err.text));
    printf("%s}\n", out.buf);
    strbuf_release(&out);
}

int main(void)
{
    static const char *const purged[] = {"requests", "failed"}, *const proven[] = {"live",
                                                                                   "missing"};
    struct run r = {.err = ERROR_INIT};
    struct strbuf input = STRBUF_INIT;
    config_init(&r.config);
    read_input(&r, &input);
    r.config.base_url = text(&r, &r.in, "base_url");
    r.config.prove_url = text(&r, &r.in, "prove_url");
    r.config.prove_deadline_ms = number(&r, &r.in, "deadline_ms", 3000);
    r.config.prove_most = number(&r, &r.in, "most", 50);
    r.config.prove =
        json_is(json_gets(&r.in, "prove"), "header") ? CONFIG_PROVE_HEADER : CONFIG_PROVE_CONTENT;
    struct http_options options = {.concurrency = 8,
                                   .connect_timeout_ms = 2000,
                                   .stall_ms = number(&r, &r.in, "stall_ms", 1000),
                                   .give_up_ms = number(&r, &r.in, "give_up_ms", 0)};
    r.http = http_new(&options, &r.err);
    if (r.http == NULL)
        die(r.err.text);
    const struct json_value *purges = json_gets(&r.in, "purge"), *paths = json_gets(&r.in, "paths");
    if (purges != NULL) {
        read_purges(&r, purges);
        purge(&r, paths);
    } else {
        prove(&r, paths);
    }
    report(&r, purges != NULL ? purged : proven);
    http_free(r.http);
    config_release(&r.config);
    strbuf_release(&input);
    return 0;
}

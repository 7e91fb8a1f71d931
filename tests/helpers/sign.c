/* sign: signs what standard input says, for tests that compare signers.
 *
 * One JSON object a line: method, host, path (to be encoded; or `encoded_path`, as it is), query
 * (pairs to be encoded; or `encoded_query`), sha256, headers (pairs), access_key, secret_key,
 * region, service, time. For each it prints one: path, query, canonical, authorization.
 * Any damage ends it with status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "upload/sigv4.h"

static void die(const char *what)
{
    fprintf(stderr, "sign: %s\n", what);
    exit(1);
}

static const char *text_of(struct arena *arena, const struct json_value *v)
{
    if (v == NULL || v->type != JSON_STRING)
        die("a text is missing");
    return arena_strndup(arena, v->text, v->len);
}

static const char *field(struct arena *arena, const struct json_value *job, const char *name)
{
    return text_of(arena, json_gets(job, name));
}

/* Pairs of texts, as headers. */
static struct sigv4_header *pairs(struct arena *arena, const struct json_value *list, size_t *n)
{
    if (list == NULL || list->type != JSON_ARRAY)
        die("a list is missing");
    struct sigv4_header *found = arena_calloc(arena, list->len + 1, sizeof(*found));
    for (size_t i = 0; i < list->len; i++) {
        if (list->items[i].type != JSON_ARRAY || list->items[i].len != 2)
            die("no pair");
        found[i].name = text_of(arena, &list->items[i].items[0]);
        found[i].value = text_of(arena, &list->items[i].items[1]);
    }
    *n = list->len;
    return found;
}

static void add_path(struct arena *arena, const struct json_value *job, struct strbuf *out)
{
    if (json_gets(job, "encoded_path") != NULL) {
        strbuf_addstr(out, field(arena, job, "encoded_path"));
    } else {
        const char *path = field(arena, job, "path");
        sigv4_encode(out, path, strlen(path), false);
    }
}

static void add_query(struct arena *arena, const struct json_value *job, struct strbuf *out)
{
    size_t n;
    if (json_gets(job, "encoded_query") != NULL) {
        strbuf_addstr(out, field(arena, job, "encoded_query"));
    } else {
        const struct sigv4_header *query = pairs(arena, json_gets(job, "query"), &n);
        for (size_t i = 0; i < n; i++)
            sigv4_add_query(out, query[i].name, query[i].value);
    }
}

static void print(struct arena *arena, const char *const names[],
                  const struct strbuf *const texts[], size_t n)
{
    struct strbuf line = STRBUF_INIT;
    struct json_value o = json_object(arena, n);
    for (size_t i = 0; i < n; i++)
        json_add(arena, NULL, &o, names[i], json_string(texts[i]->buf, texts[i]->len));
    json_write(&line, &o);
    puts(line.buf);
    strbuf_release(&line);
}

static void sign(struct arena *arena, const struct json_value *job, struct sigv4_key *key)
{
    struct strbuf path = STRBUF_INIT, query = STRBUF_INIT, canonical = STRBUF_INIT;
    struct strbuf authorization = STRBUF_INIT;
    add_path(arena, job, &path);
    add_query(arena, job, &query);
    struct sigv4_request r = {.method = field(arena, job, "method"),
                              .host = field(arena, job, "host"),
                              .path = path.buf,
                              .query = query.buf,
                              .payload_sha256 = field(arena, job, "sha256")};
    struct sigv4_scope scope = {.access_key = field(arena, job, "access_key"),
                                .secret_key = field(arena, job, "secret_key"),
                                .region = field(arena, job, "region"),
                                .service = field(arena, job, "service")};
    r.headers = pairs(arena, json_gets(job, "headers"), &r.n_headers);
    const char *time = field(arena, job, "time");
    if (strlen(time) != 16)
        die("no time");
    sigv4_sign(&r, &scope, time, key, &authorization);
    sigv4_canonical_request(&r, strcmp(scope.service, "s3") == 0, &canonical);
    print(arena, (const char *const[]){"path", "query", "canonical", "authorization"},
          (const struct strbuf *const[]){&path, &query, &canonical, &authorization}, 4);
    strbuf_release(&path);
    strbuf_release(&query);
    strbuf_release(&canonical);
    strbuf_release(&authorization);
}

int main(void)
{
    struct arena arena;
    struct sigv4_key key = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    arena_init(&arena);
    while ((len = getline(&line, &room, stdin)) > 0) {
        struct json_value job;
        struct error err = ERROR_INIT;
        if (!json_parse(&arena, NULL, line, (size_t)len, NULL, &job, &err))
            die(err.text);
        sign(&arena, &job, &key);
        arena_reset(&arena);
    }
    free(line);
    arena_release(&arena);
    return 0;
}

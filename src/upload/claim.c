#include "upload/claim.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "plan/route.h"

#define TIME_TEXT "%Y-%m-%dT%H:%M:%SZ"

void claim_print(const struct claim *c, struct strbuf *out)
{
    char until[32] = "";
    struct tm tm;
    time_t at = (time_t)c->until;
    if (gmtime_r(&at, &tm) != NULL)
        strftime(until, sizeof(until), TIME_TEXT, &tm);
    strbuf_addstr(out, "{\"platen_claim\":1,\"owner\":");
    json_write_string(out, c->owner, strlen(c->owner));
    strbuf_addf(out, ",\"generation\":%" PRIu64 ",\"until\":\"%s\",\"paths\":", c->generation,
                until);
    if (c->all) {
        strbuf_addstr(out, "null}\n");
        return;
    }
    for (size_t i = 0; i < c->n_paths; i++) {
        strbuf_addstr(out, i == 0 ? "[\n" : ",\n");
        json_write_string(out, c->paths[i], strlen(c->paths[i]));
    }
    strbuf_addstr(out, c->n_paths == 0 ? "[]}\n" : "]}\n");
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool take_number(const struct json_value *v, uint64_t most, uint64_t *number)
{
    uint64_t n = 0;
    if (v == NULL || v->type != JSON_NUMBER || v->len == 0 || v->len > 19)
        return false;
    for (uint32_t i = 0; i < v->len; i++) {
        if (v->text[i] < '0' || v->text[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(v->text[i] - '0');
    }
    *number = n;
    return n <= most;
}

static bool take_time(const struct json_value *v, int64_t *seconds)
{
    char text[24];
    struct tm tm = {0};
    if (v == NULL || v->type != JSON_STRING || v->len != 20)
        return false;
    memcpy(text, v->text, 20);
    text[20] = '\0';
    const char *end = strptime(text, TIME_TEXT, &tm);
    *seconds = (int64_t)timegm(&tm);
    return end != NULL && *end == '\0';
}

static bool take_owner(const struct json_value *v, char out[CLAIM_OWNER_MAX + 1])
{
    if (v == NULL || v->type != JSON_STRING || v->len > CLAIM_OWNER_MAX)
        return false;
    for (uint32_t i = 0; i < v->len; i++)
        if ((unsigned char)v->text[i] < 0x20 || (unsigned char)v->text[i] >= 0x7f)
            return false;
    memcpy(out, v->text, v->len);
    out[v->len] = '\0';
    return true;
}

static bool take_paths(const struct json_value *v, struct claim *c, struct arena *arena)
{
    c->all = v != NULL && v->type == JSON_NULL;
    if (c->all)
        return true;
    if (v == NULL || v->type != JSON_ARRAY || v->len > CLAIM_PATHS_MAX)
        return false;
    c->paths = arena_alloc(arena, ((size_t)v->len + 1) * sizeof(*c->paths));
    for (uint32_t i = 0; i < v->len; i++) {
        const struct json_value *path = &v->items[i];
        if (path->type != JSON_STRING || path->len == 0 || path->len > ROUTE_PATH_MAX ||
            memchr(path->text, '\0', path->len) != NULL)
            return false;
        c->paths[c->n_paths++] = arena_strndup(arena, path->text, path->len);
    }
    return true;
}

bool claim_parse(struct claim *c, const char *text, size_t len, struct arena *arena,
                 struct error *err)
{
    struct json_value v;
    struct json_limits limits = {.depth = 4, .bytes = CLAIM_TEXT_MAX};
    uint64_t format;
    *c = (struct claim){0};
    if (!json_parse(arena, NULL, text, len, &limits, &v, err))
        return false;
    if (!take_number(json_gets(&v, "platen_claim"), UINT32_MAX, &format) || format == 0)
        return error_set(err, ERROR_CONTENT, "not a claim of platen");
    if (format > 1)
        return error_set(err, ERROR_USAGE, "a newer platen has claimed this origin: use that one");
    if (!take_owner(json_gets(&v, "owner"), c->owner) ||
        !take_number(json_gets(&v, "generation"), UINT64_MAX, &c->generation) ||
        !take_time(json_gets(&v, "until"), &c->until) ||
        !take_paths(json_gets(&v, "paths"), c, arena))
        return error_set(err, ERROR_CONTENT, "the claim is damaged");
    return true;
}

void claim_owner(char out[CLAIM_OWNER_MAX + 1])
{
    char host[HOST_NAME_MAX + 1] = "";
    uint32_t chance = 0;
    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
        snprintf(host, sizeof(host), "host");
    for (char *c = host; *c != '\0'; c++)
        if (*c < 0x21 || *c > 0x7e)
            *c = '?';
    if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        chance = (uint32_t)time(NULL);
    snprintf(out, CLAIM_OWNER_MAX + 1, "%.64s-%ld-%08" PRIx32, host, (long)getpid(), chance);
}

#include "upload/purge_answer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <expat.h>

#include "base/arena.h"
#include "base/json.h"

#define DEPTH_MAX 32

/* --- CloudFront ------------------------------------------------------------------------------- */

enum root { ROOT_OTHER, ROOT_INVALIDATION, ROOT_ERROR };

struct reading {
    XML_Parser parser;
    struct purge_answer *out;
    enum root root;
    unsigned depth;
    char *into; /* where text goes, or NULL */
    size_t room;
    char id[64];
};

static void aim(struct reading *r, char *into, size_t room)
{
    if (into[0] != '\0')
        return; /* the first one counts */
    r->into = into;
    r->room = room;
}

static void XMLCALL begin(void *payload, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *r = payload;
    (void)attributes;
    r->into = NULL;
    if (++r->depth > DEPTH_MAX)
        XML_StopParser(r->parser, XML_FALSE);
    if (r->depth == 1 && strcmp(name, "Invalidation") == 0)
        r->root = ROOT_INVALIDATION;
    else if (r->depth == 1 && (strcmp(name, "ErrorResponse") == 0 || strcmp(name, "Error") == 0))
        r->root = ROOT_ERROR;
    else if (r->root == ROOT_INVALIDATION && r->depth == 2 && strcmp(name, "Id") == 0)
        aim(r, r->id, sizeof(r->id));
    else if (r->root == ROOT_ERROR && r->depth <= 3 && strcmp(name, "Code") == 0)
        aim(r, r->out->code, sizeof(r->out->code));
    else if (r->root == ROOT_ERROR && r->depth <= 3 && strcmp(name, "Message") == 0)
        aim(r, r->out->message, sizeof(r->out->message));
}

static void XMLCALL end(void *payload, const XML_Char *name)
{
    struct reading *r = payload;
    (void)name;
    r->depth--;
    r->into = NULL;
}

static void XMLCALL text(void *payload, const XML_Char *data, int len)
{
    struct reading *r = payload;
    if (r->into == NULL)
        return;
    size_t have = strlen(r->into), want = (size_t)len;
    if (want > r->room - 1 - have)
        want = r->room - 1 - have;
    memcpy(r->into + have, data, want);
    r->into[have + want] = '\0';
}

/* No answer has one, and entities are how a small document becomes a large one. */
static void XMLCALL doctype(void *payload, const XML_Char *name, const XML_Char *sysid,
                            const XML_Char *pubid, int has_internal_subset)
{
    struct reading *r = payload;
    (void)name, (void)sysid, (void)pubid, (void)has_internal_subset;
    XML_StopParser(r->parser, XML_FALSE);
}

void purge_answer_cloudfront(const char *body, size_t len, struct purge_answer *out)
{
    struct reading r = {.out = out, .parser = XML_ParserCreate(NULL)};
    memset(out, 0, sizeof(*out));
    if (r.parser == NULL || len > INT_MAX) {
        XML_ParserFree(r.parser);
        return;
    }
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, begin, end);
    XML_SetCharacterDataHandler(r.parser, text);
    XML_SetStartDoctypeDeclHandler(r.parser, doctype);
    bool whole = XML_Parse(r.parser, body, (int)len, 1) == XML_STATUS_OK;
    out->accepted = whole && r.root == ROOT_INVALIDATION && r.id[0] != '\0';
    XML_ParserFree(r.parser);
}

/* --- Cloudflare ------------------------------------------------------------------------------- */

static void copy(char *to, size_t room, const struct json_value *v)
{
    if (v == NULL || (v->type != JSON_STRING && v->type != JSON_NUMBER))
        return;
    size_t len = v->len < room - 1 ? v->len : room - 1;
    memcpy(to, v->text, len);
    to[len] = '\0';
}

void purge_answer_cloudflare(const char *body, size_t len, struct purge_answer *out)
{
    const struct json_limits limits = {.depth = DEPTH_MAX, .bytes = (size_t)1 << 20};
    struct arena arena;
    struct json_value v;
    struct error err = ERROR_INIT;
    memset(out, 0, sizeof(*out));
    arena_init(&arena);
    if (json_parse(&arena, NULL, body, len, &limits, &v, &err)) {
        const struct json_value *success = json_gets(&v, "success");
        const struct json_value *errors = json_gets(&v, "errors");
        out->accepted = success != NULL && success->type == JSON_TRUE;
        if (errors != NULL && errors->type == JSON_ARRAY && errors->len > 0) {
            copy(out->code, sizeof(out->code), json_gets(&errors->items[0], "code"));
            copy(out->message, sizeof(out->message), json_gets(&errors->items[0], "message"));
        }
    }
    arena_release(&arena);
}

#include "upload/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define TEXT_MAX ((size_t)8 << 10)

struct reader;
/* An element has ended; r->names[] says where, r->text what it held. */
typedef void element_fn(struct reader *r);

struct reader {
    XML_Parser parser;
    element_fn *begun, *ended; /* begun may be NULL */
    void *payload;
    char names[DEPTH_MAX][32]; /* of what is open, outermost first */
    int depth;
    struct strbuf text;
    const char *fault; /* of ours; NULL: none, or the parser's */
};

/* ---- elements ---- */

static void refuse(struct reader *r, const char *fault)
{
    if (r->fault == NULL)
        r->fault = fault;
    XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_begin(void *payload, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = payload;
    (void)attributes;
    const char *colon = strrchr(name, ':');
    if (r->depth == DEPTH_MAX) {
        refuse(r, "elements are nested too deeply");
        return;
    }
    snprintf(r->names[r->depth++], sizeof(r->names[0]), "%s", colon != NULL ? colon + 1 : name);
    strbuf_reset(&r->text);
    if (r->begun != NULL)
        r->begun(r);
}

static void XMLCALL on_text(void *payload, const XML_Char *text, int len)
{
    struct reader *r = payload;
    strbuf_add(&r->text, text, (size_t)len);
    if (r->text.overflow)
        refuse(r, "a text is too long");
}

static void XMLCALL on_end(void *payload, const XML_Char *name)
{
    struct reader *r = payload;
    (void)name;
    if (r->fault != NULL || r->depth == 0)
        return;
    r->ended(r);
    r->depth--;
    strbuf_reset(&r->text);
}

static void XMLCALL on_doctype(void *payload, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    refuse(payload, "it has a document type");
}

/* The names that are open, from the outermost: at(r, "Error", "Code", NULL). */
static bool at(const struct reader *r, const char *first, const char *second, const char *third)
{
    const char *wanted[] = {first, second, third};
    int n = 0;
    while (n < 3 && wanted[n] != NULL)
        n++;
    if (r->depth != n)
        return false;
    for (int i = 0; i < n; i++)
        if (strcmp(r->names[i], wanted[i]) != 0)
            return false;
    return true;
}

static bool read_xml(struct reader *r, const char *data, size_t len, struct error *err)
{
    if (len > INT_MAX)
        return error_set(err, ERROR_FAILED, "the XML answer is too long");
    r->parser = XML_ParserCreate(NULL);
    if (r->parser == NULL)
        return error_set(err, ERROR_FAILED, "libexpat cannot be set up");
    strbuf_init(&r->text, TEXT_MAX);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    bool ok = XML_Parse(r->parser, data, (int)len, 1) == XML_STATUS_OK;
    if (!ok)
        error_set(err, ERROR_FAILED, "the answer is no XML that can be read: line %lu: %s",
                  (unsigned long)XML_GetCurrentLineNumber(r->parser),
                  r->fault != NULL ? r->fault : XML_ErrorString(XML_GetErrorCode(r->parser)));
    strbuf_release(&r->text);
    XML_ParserFree(r->parser);
    return ok;
}

/* ---- errors ---- */

/* Cut where it does not fit; what is shown is made harmless by error_set(). */
static void keep(char *out, size_t size, const struct strbuf *text)
{
    snprintf(out, size, "%s", text->buf);
}

static void keep_error(struct reader *r, struct s3_xml_error *e, const char *name)
{
    if (strcmp(name, "Code") == 0)
        keep(e->code, sizeof(e->code), &r->text);
    else if (strcmp(name, "Message") == 0)
        keep(e->message, sizeof(e->message), &r->text);
    else if (strcmp(name, "Region") == 0)
        keep(e->region, sizeof(e->region), &r->text);
}

static void error_element(struct reader *r)
{
    if (r->depth == 2 && strcmp(r->names[0], "Error") == 0)
        keep_error(r, r->payload, r->names[1]);
}

bool s3_xml_error(const char *data, size_t len, struct s3_xml_error *error)
{
    *error = (struct s3_xml_error){0};
    struct error ignored = ERROR_INIT; /* a page of some proxy, or one cut short */
    struct reader r = {.ended = error_element, .payload = error};
    read_xml(&r, data, len, &ignored);
    return error->code[0] != '\0';
}

/* ---- listings ---- */

struct listing {
    s3_xml_take_fn *take;
    void *payload;
    struct s3_xml_page *page;
    bool is_list, is_encoded;
    struct strbuf key, etag;
    bool has_size;
    uint64_t size;
    size_t n;
};

static void listing_begun(struct reader *r)
{
    struct listing *l = r->payload;
    if (!at(r, "ListBucketResult", "Contents", NULL))
        return;
    strbuf_reset(&l->key);
    strbuf_reset(&l->etag);
    l->has_size = false;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. AWS writes a space as '+'. */
static bool decode_url(struct strbuf *text)
{
    size_t to = 0;
    for (size_t from = 0; from < text->len; from++) {
        char c = text->buf[from];
        if (c == '%') {
            int high = from + 2 < text->len ? hex(text->buf[from + 1]) : -1;
            int low = high >= 0 ? hex(text->buf[from + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            from += 2;
        } else if (c == '+') {
            c = ' ';
        }
        text->buf[to++] = c;
    }
    strbuf_setlen(text, to);
    return true;
}

static bool read_size(const char *text, uint64_t *size)
{
    char *end;
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 18)
        return false;
    *size = strtoull(text, &end, 10);
    return *end == '\0';
}

static void strip_quotes(struct strbuf *text)
{
    size_t len = text->len;
    if (len >= 2 && text->buf[0] == '"' && text->buf[len - 1] == '"') {
        memmove(text->buf, text->buf + 1, len - 2);
        strbuf_setlen(text, len - 2);
    }
}

static void listing_object(struct reader *r)
{
    struct listing *l = r->payload;
    if (l->key.len == 0 || !l->has_size || l->etag.len == 0) {
        refuse(r, "an object lacks its key, its size or its ETag");
        return;
    }
    if (l->is_encoded && !decode_url(&l->key)) {
        refuse(r, "a key is not encoded as it should be");
        return;
    }
    strip_quotes(&l->etag);
    l->n++;
    if (!l->take(l->payload, l->key.buf, l->key.len, l->etag.buf, l->size)) {
        l->page->ended = true;
        refuse(r, "ended");
    }
}

static void listing_ended(struct reader *r)
{
    struct listing *l = r->payload;
    if (at(r, "ListBucketResult", "Contents", "Key")) {
        strbuf_add(&l->key, r->text.buf, r->text.len);
    } else if (at(r, "ListBucketResult", "Contents", "ETag")) {
        strbuf_add(&l->etag, r->text.buf, r->text.len);
    } else if (at(r, "ListBucketResult", "Contents", "Size")) {
        l->has_size = read_size(r->text.buf, &l->size);
    } else if (at(r, "ListBucketResult", "Contents", NULL)) {
        listing_object(r);
    } else if (at(r, "ListBucketResult", "IsTruncated", NULL)) {
        l->page->truncated = strcmp(r->text.buf, "true") == 0;
    } else if (at(r, "ListBucketResult", "NextContinuationToken", NULL)) {
        if (r->text.len > S3_XML_TOKEN_MAX)
            refuse(r, "the continuation token is too long");
        else
            keep(l->page->token, sizeof(l->page->token), &r->text);
    } else if (at(r, "ListBucketResult", NULL, NULL)) {
        l->is_list = true;
    }
}

/* Whether keys are encoded, which some servers say only behind them. */
static void encoding_ended(struct reader *r)
{
    bool *is_encoded = r->payload;
    if (at(r, "ListBucketResult", "EncodingType", NULL))
        *is_encoded = strcmp(r->text.buf, "url") == 0;
}

bool s3_xml_list(const char *data, size_t len, s3_xml_take_fn *take, void *payload,
                 struct s3_xml_page *page, struct error *err)
{
    *page = (struct s3_xml_page){0};
    struct listing l = {.take = take, .payload = payload, .page = page};
    struct reader first = {.ended = encoding_ended, .payload = &l.is_encoded};
    if (!read_xml(&first, data, len, err)) /* nothing is taken from half a page */
        return false;
    strbuf_init(&l.key, TEXT_MAX);
    strbuf_init(&l.etag, TEXT_MAX);
    struct reader r = {.begun = listing_begun, .ended = listing_ended, .payload = &l};
    struct error why = ERROR_INIT;
    bool ok = read_xml(&r, data, len, &why) || page->ended;
    if (!ok)
        *err = why;
    else if (!page->ended && !l.is_list)
        ok = error_set(err, ERROR_FAILED, "the answer is no listing");
    else if (page->truncated && !page->ended && (page->token[0] == '\0' || l.n == 0))
        ok = error_set(err, ERROR_FAILED, "the listing says that it goes on, but not where");
    strbuf_release(&l.key);
    strbuf_release(&l.etag);
    return ok;
}

/* ---- deletions ---- */

struct deletion {
    struct s3_xml_deleted *deleted;
    bool is_result;
    char key[sizeof(((struct s3_xml_deleted *)NULL)->key)];
    struct s3_xml_error error;
};

static void deletion_begun(struct reader *r)
{
    struct deletion *d = r->payload;
    if (!at(r, "DeleteResult", "Error", NULL))
        return;
    d->key[0] = '\0';
    d->error = (struct s3_xml_error){0};
}

static void deletion_ended(struct reader *r)
{
    struct deletion *d = r->payload;
    if (at(r, "DeleteResult", NULL, NULL))
        d->is_result = true;
    else if (at(r, "DeleteResult", "Error", "Key"))
        keep(d->key, sizeof(d->key), &r->text);
    else if (r->depth == 3 && strcmp(r->names[1], "Error") == 0)
        keep_error(r, &d->error, r->names[2]);
    else if (at(r, "DeleteResult", "Error", NULL) && strcmp(d->error.code, "NoSuchKey") != 0 &&
             !d->deleted->refused) {
        d->deleted->refused = true;
        d->deleted->error = d->error;
        memcpy(d->deleted->key, d->key, sizeof(d->key));
    }
}

bool s3_xml_deleted(const char *data, size_t len, struct s3_xml_deleted *deleted, struct error *err)
{
    *deleted = (struct s3_xml_deleted){0};
    struct deletion d = {.deleted = deleted};
    struct reader r = {.begun = deletion_begun, .ended = deletion_ended, .payload = &d};
    if (!read_xml(&r, data, len, err))
        return false;
    return d.is_result ||
           error_set(err, ERROR_FAILED, "the answer does not say what became of the deletion");
}

void s3_xml_escape(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            strbuf_addstr(out, "&amp;");
        else if (*text == '<')
            strbuf_addstr(out, "&lt;");
        else if (*text == '>')
            strbuf_addstr(out, "&gt;");
        else
            strbuf_addch(out, *text);
    }
}

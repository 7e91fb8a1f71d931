#include "config/yaml.h"

#include <stdint.h>
#include <string.h>
#include <yaml.h>

#include "base/map.h"

/* One open list or map. */
struct frame {
    struct yaml_node *node;
    struct yaml_node *last;
    struct map keys; /* key -> line; maps only */
    const char *key; /* read, its value not yet */
    unsigned key_line, key_column;
};

struct reader {
    struct arena *arena;
    const char *file;
    yaml_parser_t parser;
    struct frame frames[YAML_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    struct yaml_node *root;
    struct error *err;
};

bool yaml_error(struct error *err, const char *file, unsigned line, unsigned column,
                const char *fmt, ...)
{
    char what[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return error_set(err, ERROR_USAGE, "%s:%u:%u: %s", file, line, column, what);
}

static bool fail_at(struct reader *r, yaml_mark_t mark, const char *what)
{
    return yaml_error(r->err, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "%s",
                      what);
}

/* --- what libyaml itself refuses -------------------------------------------------------------- */

/* Errors of the byte level come with an offset only. */
static yaml_mark_t mark_of_offset(const char *text, size_t len, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < len; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* The byte a mark points at (its index counts characters), or 0. */
static char char_at(const char *text, size_t len, yaml_mark_t mark)
{
    const char *end = text + len;
    for (size_t line = 0; line < mark.line && text != NULL; line++) {
        text = memchr(text, '\n', (size_t)(end - text));
        text = text != NULL ? text + 1 : NULL;
    }
    for (size_t column = 0; text != NULL && text < end; text++) {
        if (((unsigned char)*text & 0xc0) == 0x80)
            continue;
        if (column++ == mark.column)
            return *text;
    }
    return 0;
}

static bool fail_parse(struct reader *r, const char *text, size_t len)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem != NULL ? p->problem : "cannot be read";
    if (p->error == YAML_READER_ERROR)
        return fail_at(r, mark_of_offset(text, len, p->problem_offset), problem);
    yaml_mark_t mark = p->problem_mark;
    if (char_at(text, len, mark) == '\t')
        return fail_at(r, mark, "a tab where YAML wants spaces; indent with spaces");
    char context[256] = "";
    if (p->context != NULL)
        snprintf(context, sizeof(context), " (%s that began in line %zu)", p->context,
                 p->context_mark.line + 1);
    return yaml_error(r->err, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
                      "not valid YAML: %s%s", problem, context);
}

/* --- events to nodes -------------------------------------------------------------------------- */

static void copy_text(struct reader *r, struct yaml_node *node, const yaml_event_t *event)
{
    node->text =
        arena_strndup(r->arena, (const char *)event->data.scalar.value, event->data.scalar.length);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
}

/* Hangs a node into the open list or map. */
static void attach(struct reader *r, struct yaml_node *node)
{
    if (r->depth == 0) {
        r->root = node;
        return;
    }
    struct frame *top = &r->frames[r->depth - 1];
    node->key = top->key;
    node->key_line = top->key_line;
    node->key_column = top->key_column;
    top->key = NULL;
    if (top->last == NULL)
        top->node->first = node;
    else
        top->last->next = node;
    top->last = node;
    top->node->count++;
}

static struct yaml_node *new_node(struct reader *r, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml_node *node = arena_calloc(r->arena, 1, sizeof(*node));
    node->kind = kind;
    node->line = (unsigned)mark.line + 1;
    node->column = (unsigned)mark.column + 1;
    return node;
}

static bool awaits_key(const struct reader *r)
{
    return r->depth != 0 && r->frames[r->depth - 1].node->kind == YAML_MAP &&
           r->frames[r->depth - 1].key == NULL;
}

static bool take_key(struct reader *r, const yaml_event_t *event)
{
    struct frame *top = &r->frames[r->depth - 1];
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (len == 0)
        return fail_at(r, event->start_mark, "an empty key");
    char *key = arena_strndup(r->arena, text, len);
    bool added;
    uint64_t *line = map_put(&top->keys, key, len, &added);
    if (!added)
        return yaml_error(r->err, r->file, (unsigned)event->start_mark.line + 1,
                          (unsigned)event->start_mark.column + 1,
                          "key '%s' a second time; the first is in line %u", key, (unsigned)*line);
    *line = event->start_mark.line + 1;
    top->key = key;
    top->key_line = (unsigned)event->start_mark.line + 1;
    top->key_column = (unsigned)event->start_mark.column + 1;
    return true;
}

static bool take_scalar(struct reader *r, const yaml_event_t *event)
{
    if (memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL)
        return fail_at(r, event->start_mark, "text with a NUL character");
    if (awaits_key(r))
        return take_key(r, event);
    struct yaml_node *node = new_node(r, YAML_SCALAR, event->start_mark);
    copy_text(r, node, event);
    attach(r, node);
    return true;
}

static bool open_frame(struct reader *r, enum yaml_kind kind, yaml_mark_t mark)
{
    if (awaits_key(r))
        return fail_at(r, mark, "a key must be text");
    if (r->depth == YAML_DEPTH_MAX)
        return fail_at(r, mark, "nested too deeply (32 levels are the most)");
    struct yaml_node *node = new_node(r, kind, mark);
    attach(r, node);
    struct frame *frame = &r->frames[r->depth++];
    *frame = (struct frame){.node = node};
    map_init(&frame->keys);
    return true;
}

static void close_frame(struct reader *r)
{
    map_release(&r->frames[--r->depth].keys);
}

static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default:
        return false;
    }
}

static bool take_event(struct reader *r, const yaml_event_t *event)
{
    if (is_decorated(event))
        return fail_at(r, event->start_mark,
                       "anchors (&) and tags (!) are not used here; a value "
                       "that starts with one of these must be in quotes");
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(r, event->start_mark,
                       "aliases (*) are not used here; write the value out, "
                       "or put it in quotes");
    case YAML_DOCUMENT_START_EVENT:
        if (r->root != NULL)
            return fail_at(r, event->start_mark, "a second document; the file must hold one");
        return true;
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        if (++r->nodes > YAML_NODES_MAX)
            return fail_at(r, event->start_mark, "too many values (100000 are the most)");
        if (event->type == YAML_SCALAR_EVENT)
            return take_scalar(r, event);
        return open_frame(r, event->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST,
                          event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_frame(r);
        return true;
    default:
        return true;
    }
}

static bool read_events(struct reader *r, const char *text, size_t len)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event))
            return fail_parse(r, text, len);
        bool last = event.type == YAML_STREAM_END_EVENT || event.type == YAML_NO_EVENT;
        bool ok = take_event(r, &event);
        yaml_event_delete(&event);
        if (!ok || last)
            return ok;
    }
}

/* --- JSON's surrogate pairs ------------------------------------------------------------------- */

static unsigned hex4(const char *s)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return 0;
        value = value * 16 + digit;
    }
    return value;
}

/* JSON writes U+1F600 as \ud83d\ude00, which YAML does not know: rewritten as \U0001F600. Columns
 * behind it on its line shift by two, which messages can bear. In JSON a backslash is always inside
 * a string, hence no need to know where strings are. */
static char *join_surrogates(struct arena *arena, const char *text, size_t *len)
{
    char *out = arena_strndup(arena, text, *len);
    size_t n = 0;
    for (size_t i = 0; i < *len;) {
        unsigned high = 0, low = 0;
        if (text[i] == '\\' && *len - i >= 12 && text[i + 1] == 'u' && text[i + 6] == '\\' &&
            text[i + 7] == 'u') {
            high = hex4(text + i + 2);
            low = hex4(text + i + 8);
        }
        if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            char escape[11];
            snprintf(escape, sizeof(escape), "\\U%08X",
                     0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            memcpy(out + n, escape, 10);
            n += 10;
            i += 12;
        } else {
            size_t step =
                text[i] == '\\' && i + 1 < *len ? 2 : 1; /* "\\" is not an escape's start */
            memcpy(out + n, text + i, step);
            n += step;
            i += step;
        }
    }
    out[n] = '\0';
    *len = n;
    return out;
}

static bool looks_like_json(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r'))
        i++;
    return i < len && text[i] == '{';
}

/* --- the face --------------------------------------------------------------------------------- */

bool yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
                const struct yaml_node **out, struct error *err)
{
    if (len > YAML_BYTES_MAX)
        return error_set(err, ERROR_USAGE, "%s: larger than 1 MiB", file);
    if (looks_like_json(text, len))
        text = join_surrogates(arena, text, &len);
    struct reader r = {.arena = arena, .file = file, .err = err};
    if (!yaml_parser_initialize(&r.parser))
        return error_set(err, ERROR_FAILED, "%s: out of memory", file);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    bool ok = read_events(&r, text, len);
    while (r.depth > 0)
        close_frame(&r);
    yaml_parser_delete(&r.parser);
    if (!ok)
        return false;
    if (r.root == NULL || yaml_is_null(r.root))
        r.root = new_node(&r, YAML_MAP, (yaml_mark_t){0});
    *out = r.root;
    return true;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *child = map->first; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const char *yaml_kind_name(const struct yaml_node *node)
{
    static const char *const names[] = {"text", "a list", "a map"};
    return yaml_is_null(node) ? "nothing" : names[node->kind];
}

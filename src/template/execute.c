#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "template/code.h"
#include "template/escape.h"

#define DEPTH_MAX 512 /* what the C stack is good for, whatever the caller allows */
#define STACK_BASE (sizeof(((struct template_exec *)0)->stack) / sizeof(const struct json_value *))
#define PIECE ((size_t)16 << 10) /* bytes escaped at once: bounds what is reserved for nothing */
#define NAME_MAX_LEN 256         /* of a template chosen by data */

/* Indentations of the calls that led here, innermost first. */
struct indent {
    const struct indent *outer;
    const char *text;
    size_t len;
};

/* The blocks that were given to the template that runs, by its caller, its caller's caller ... */
struct arguments {
    const struct arguments *outer;
    const struct op_call *call;
    const struct template *owner; /* whose operations the arguments are */
};

struct run {
    const struct template_exec *exec;
    struct strbuf *out;
    char *p, *end;       /* where the next byte goes; reserved up to here */
    size_t room;         /* bytes that may be reserved behind `end` */
    uint64_t operations; /* left */
    unsigned depth;      /* levels left */
    unsigned n_stack;
    struct error *err;
    const struct json_value *stack[DEPTH_MAX + STACK_BASE];
};

/* What one stretch of operations runs with. */
struct place {
    const struct template *t;
    const struct indent *indent;
    const struct arguments *arguments;
};

static bool run_range(struct run *r, const struct place *at, uint32_t from, uint32_t to);

/* --- limits --------------------------------------------------------------------------------- */

static bool too_long(struct run *r, const struct place *at, const struct op *op)
{
    size_t most = r->exec->limits.output;
    return template_error(at->t, op->pos, r->err, ERROR_CONTENT,
                          "the output is larger than %zu bytes",
                          most < r->out->cap ? most : r->out->cap);
}

static bool too_many(struct run *r, const struct place *at, const struct op *op)
{
    return template_error(at->t, op->pos, r->err, ERROR_CONTENT,
                          "more than %llu operations; do templates include each other in a circle?",
                          (unsigned long long)r->exec->limits.operations);
}

static inline bool spend(struct run *r, uint64_t operations)
{
    if (r->operations < operations) {
        r->operations = 0;
        return false;
    }
    r->operations -= operations;
    return true;
}

/* --- names ---------------------------------------------------------------------------------- */

static inline const struct json_value *member(struct run *r, const struct json_value *v,
                                              uint32_t symbol)
{
    if (v->type != JSON_OBJECT)
        return NULL;
    if (v->len >= 16) /* large objects cost what they cost */
        spend(r, v->len / 16);
    for (uint32_t i = v->len; i-- > 0;)
        if (v->members[i].symbol == symbol)
            return &v->members[i].value;
    return NULL;
}

/* The first part is searched from the top of the stack; the others only in what it found. */
static inline const struct json_value *look_up(struct run *r, uint32_t symbol, uint32_t n_rest,
                                               const uint32_t *rest)
{
    const struct json_value *v = NULL;
    if (symbol == 0)
        return r->n_stack != 0 ? r->stack[r->n_stack - 1] : NULL;
    for (unsigned i = r->n_stack; v == NULL && i-- > 0;)
        v = member(r, r->stack[i], symbol);
    for (uint32_t i = 0; v != NULL && i < n_rest; i++)
        v = member(r, v, rest[i]);
    return v;
}

static bool is_zero(const struct json_value *number)
{
    for (uint32_t i = 0; i < number->len; i++) {
        char c = number->text[i];
        if (c >= '1' && c <= '9')
            return false;
        if (c == 'e' || c == 'E')
            break;
    }
    return true;
}

static bool is_true(const struct json_value *v)
{
    if (v == NULL)
        return false;
    switch (v->type) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_NUMBER:
        return !is_zero(v);
    case JSON_STRING:
    case JSON_ARRAY:
        return v->len != 0;
    case JSON_TRUE:
    case JSON_OBJECT:
        break;
    }
    return true;
}

/* --- output --------------------------------------------------------------------------------- */

/* Bytes go straight into the reserved part of the buffer; its length is set at the end. Reserves
 * `want` bytes, false when the limits do not allow it. */
static bool reserve(struct run *r, size_t want)
{
    size_t left = (size_t)(r->end - r->p);
    size_t len = (size_t)(r->p - r->out->buf);
    size_t most = left + r->room; /* from p on */
    if (most > r->out->cap - len)
        most = r->out->cap - len;
    if (want > most)
        return false;
    size_t ahead = want + PIECE < most ? want + PIECE : most;
    strbuf_setlen(r->out, len);
    if (!strbuf_reserve(r->out, ahead))
        return false;
    r->p = r->out->buf + len;
    r->end = r->p + ahead;
    r->room -= ahead - left;
    return true;
}

static inline bool put(struct run *r, const char *text, size_t len)
{
    if (len > (size_t)(r->end - r->p) && !reserve(r, len))
        return false;
    memcpy(r->p, text, len);
    r->p += len;
    return true;
}

/* Text of the template: short, and readable for OP_TEXT_PAD bytes behind its end. */
static inline bool put_text(struct run *r, const struct op *op)
{
    size_t len = op->len;
    if (len > 64 || (size_t)(r->end - r->p) < len + OP_TEXT_PAD)
        return put(r, op->text, len);
    for (size_t i = 0; i < len; i += OP_TEXT_PAD)
        memcpy(r->p + i, op->text + i, OP_TEXT_PAD);
    r->p += len;
    return true;
}

/* Where the buffer cannot take the worst case any more: by way of a block of memory. */
static bool put_escaped_tight(struct run *r, const char *text, size_t len)
{
    char *block = mem_alloc(len * TEMPLATE_ESCAPE_MOST);
    bool ok = put(r, block, template_escape_html(block, text, len));
    free(block);
    return ok;
}

static bool put_escaped(struct run *r, const char *text, size_t len)
{
    while (len != 0) {
        size_t n = len < PIECE ? len : PIECE, most = n * TEMPLATE_ESCAPE_MOST;
        if (most <= (size_t)(r->end - r->p) || reserve(r, most))
            r->p += template_escape_html(r->p, text, n);
        else if (!put_escaped_tight(r, text, n))
            return false;
        text += n;
        len -= n;
    }
    return true;
}

static bool put_indent(struct run *r, const struct indent *indent)
{
    if (indent == NULL)
        return true;
    return put_indent(r, indent->outer) && put(r, indent->text, indent->len);
}

/* Text of an indented template: white space before each line that is not empty. */
static bool put_lines(struct run *r, const struct indent *indent, const struct op *op)
{
    const char *p = op->text, *end = p + op->len;
    bool starts_line = (op->flags & OP_LINE_START) != 0;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *next = newline != NULL ? newline + 1 : end;
        bool empty = p[0] == '\n' || (p[0] == '\r' && next - p == 2);
        if (starts_line && !empty && !put_indent(r, indent))
            return false;
        if (!put(r, p, (size_t)(next - p)))
            return false;
        starts_line = true;
        p = next;
    }
    return true;
}

/* Arrays and objects have no text of their own; as JSON an author at least sees what it was. */
static bool put_json(struct run *r, const struct json_value *v, bool escape)
{
    struct strbuf text;
    strbuf_init(&text, r->room + (size_t)(r->end - r->p));
    json_write(&text, v);
    bool ok = !text.overflow &&
              (escape ? put_escaped(r, text.buf, text.len) : put(r, text.buf, text.len));
    strbuf_release(&text);
    return ok;
}

static inline bool put_value(struct run *r, const struct json_value *v, bool escape)
{
    if (v == NULL)
        return true;
    switch (v->type) {
    case JSON_STRING:
        return escape ? put_escaped(r, v->text, v->len) : put(r, v->text, v->len);
    case JSON_NUMBER:
        return put(r, v->text, v->len);
    case JSON_TRUE:
        return put(r, "true", 4);
    case JSON_FALSE:
        return put(r, "false", 5);
    case JSON_NULL:
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return put_json(r, v, escape);
}

/* --- sections ------------------------------------------------------------------------------- */

static bool run_section(struct run *r, const struct place *at, const struct op *op,
                        const struct json_value *v)
{
    uint32_t from = (uint32_t)(op - at->t->ops) + 1;
    const struct json_value *items = v;
    uint32_t count = 1;
    if (v->type == JSON_ARRAY) {
        items = v->items;
        count = v->len;
    }
    for (uint32_t i = 0; i < count; i++) {
        r->stack[r->n_stack++] = &items[i];
        if (!spend(r, 1))
            return too_many(r, at, op);
        bool ok = run_range(r, at, from, op->next);
        r->n_stack--;
        if (!ok)
            return false;
    }
    return true;
}

/* --- other templates ------------------------------------------------------------------------ */

/* A dynamic name picks among the loaded templates of the set, by equality, and nothing else. */
static bool choose(struct run *r, const struct place *at, const struct op_call *call,
                   const struct template **target)
{
    const struct json_value *v =
        look_up(r, call->lookup.symbol, call->lookup.n_rest, call->lookup.rest);
    const char *parts = r->exec->parts != NULL ? r->exec->parts : "";
    size_t parts_len = strlen(parts);
    bool text = v != NULL && (v->type == JSON_STRING || v->type == JSON_NUMBER);
    *target = NULL;
    if (text && parts_len < NAME_MAX_LEN && v->len <= NAME_MAX_LEN - parts_len) {
        char name[NAME_MAX_LEN];
        memcpy(name, parts, parts_len);
        memcpy(name + parts_len, v->text, v->len);
        *target = template_find(at->t->set, name, parts_len + v->len);
    }
    if (*target != NULL || !at->t->set->strict)
        return true;
    if (!text)
        return template_error(at->t, call->pos, r->err, ERROR_CONTENT,
                              "*%.*s should name a template, but is no string in the data",
                              (int)call->name_len, call->name);
    size_t shown = utf8_valid_prefix(v->text, v->len < 80 ? v->len : 80);
    return template_error(at->t, call->pos, r->err, ERROR_CONTENT,
                          "*%.*s asks for the template '%s%.*s%s', which does not exist",
                          (int)call->name_len, call->name, parts, (int)shown, v->text,
                          shown < v->len ? "..." : "");
}

/* Runs a template that was called from `at`. */
static bool run_call(struct run *r, const struct place *at, const struct op *op)
{
    const struct op_call *call = op->call;
    const struct template *target = call->target;
    if (call->dynamic && !choose(r, at, call, &target))
        return false;
    if (target == NULL)
        return true;
    struct indent indent = {
        .outer = at->indent, .text = call->indent.text, .len = call->indent.len};
    struct arguments arguments = {.outer = at->arguments, .call = call, .owner = at->t};
    struct place there = {.t = target};
    if (!call->indent.in_place)
        there.indent = indent.len != 0 ? &indent : at->indent;
    if (op->code == OP_PARENT)
        there.arguments = &arguments;
    return run_range(r, &there, 0, target->n_ops);
}

/* What the outermost caller gave for the block, or NULL. *given: the call that gave it. */
static const struct op_argument *find_argument(const struct arguments *arguments, uint32_t block,
                                               const struct arguments **given)
{
    const struct op_argument *found = NULL;
    for (; arguments != NULL; arguments = arguments->outer) {
        const struct op_call *call = arguments->call;
        for (uint32_t i = 0; i < call->n_arguments; i++)
            if (call->arguments[i].block == block) {
                found = &call->arguments[i];
                *given = arguments;
                break;
            }
    }
    return found;
}

/* The content sees the data as it is here, but blocks as they were where it was written. */
static bool run_argument(struct run *r, const struct place *at, const struct op_slot *slot,
                         const struct op_argument *argument, const struct arguments *given)
{
    struct indent indent = {
        .outer = at->indent, .text = slot->indent.text, .len = slot->indent.len};
    struct place there = {.t = given->owner, .arguments = given->outer};
    if (!slot->indent.in_place)
        there.indent = indent.len != 0 ? &indent : at->indent;
    return run_range(r, &there, argument->from, argument->to);
}

/* --- the machine ---------------------------------------------------------------------------- */

static bool run_ops(struct run *r, const struct place *at, uint32_t from, uint32_t to)
{
    const struct op *ops = at->t->ops;
    for (uint32_t i = from; i < to;) {
        const struct op *op = &ops[i++];
        if (!spend(r, 1))
            return too_many(r, at, op);
        const struct json_value *v;
        const struct arguments *given = NULL;
        const struct op_argument *argument;
        bool ok = true;
        switch (op->code) {
        case OP_TEXT:
            ok = at->indent == NULL ? put_text(r, op) : put_lines(r, at->indent, op);
            if (!ok)
                return too_long(r, at, op);
            break;
        case OP_VALUE:
        case OP_RAW:
            v = look_up(r, op->symbol, op->n_rest, op->rest);
            if (!put_value(r, v, op->code == OP_VALUE))
                return too_long(r, at, op);
            break;
        case OP_SECTION:
            v = look_up(r, op->symbol, op->n_rest, op->rest);
            if (is_true(v))
                ok = run_section(r, at, op, v);
            i = op->next;
            break;
        case OP_INVERTED:
            v = look_up(r, op->symbol, op->n_rest, op->rest);
            if (is_true(v))
                i = op->next;
            break;
        case OP_INDENT:
            if (!put_indent(r, at->indent))
                return too_long(r, at, op);
            break;
        case OP_PARTIAL:
            ok = run_call(r, at, op);
            break;
        case OP_PARENT:
            ok = run_call(r, at, op);
            i = op->next;
            break;
        case OP_BLOCK:
            argument = find_argument(at->arguments, op->slot->block, &given);
            if (argument != NULL) {
                ok = run_argument(r, at, op->slot, argument, given);
                i = op->next;
            }
            break;
        default:
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

static bool run_range(struct run *r, const struct place *at, uint32_t from, uint32_t to)
{
    if (from == to)
        return true;
    if (r->depth == 0)
        return template_error(at->t, at->t->ops[from].pos, r->err, ERROR_CONTENT,
                              "sections, blocks and templates more than %u deep; does one include "
                              "itself?",
                              r->exec->limits.depth);
    r->depth--;
    bool ok = run_ops(r, at, from, to);
    r->depth++;
    return ok;
}

bool template_execute(const struct template *t, const struct template_exec *exec,
                      struct strbuf *out, struct error *err)
{
    struct run r;
    r.exec = exec;
    r.out = out;
    r.room = exec->limits.output;
    r.operations = exec->limits.operations;
    r.depth = exec->limits.depth < DEPTH_MAX ? exec->limits.depth : DEPTH_MAX;
    r.n_stack = exec->stack_len < STACK_BASE ? exec->stack_len : STACK_BASE;
    r.err = err;
    memcpy(r.stack, exec->stack, r.n_stack * sizeof(*r.stack));
    struct place at = {.t = t};
    if (out->overflow)
        return error_set(err, ERROR_CONTENT, "%s: the output is full", t->file);
    r.p = r.end = out->buf + out->len;
    bool ok = run_range(&r, &at, 0, t->n_ops);
    strbuf_setlen(out, (size_t)(r.p - out->buf));
    return ok;
}

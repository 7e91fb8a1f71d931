#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "template/code.h"
#include "template/lex.h"

/* White space taken away from the beginning of each line of a block's content. */
struct margin {
    const char *text;
    uint32_t len;
};

struct compiler {
    struct template_set *set;
    struct template *t;
    struct tag *tags;
    struct op *ops;
    size_t n_ops, alloc_ops;
    struct strbuf text; /* waiting to become an OP_TEXT */
    uint32_t text_pos;
    bool text_starts_line;
    bool starts_line; /* what comes next begins a line */
    struct margin margins[TEMPLATE_NESTING_MAX];
    unsigned n_margins;
    struct error *err;
};

bool template_error(const struct template *t, uint32_t pos, struct error *err, enum error_kind kind,
                    const char *fmt, ...)
{
    size_t line = 1, column = 1;
    for (uint32_t i = 0; i < pos && i < t->len; i++) {
        if (t->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)t->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    char what[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return error_set(err, kind, "%s:%zu:%zu: %s", t->file, line, column, what);
}

/* --- text ----------------------------------------------------------------------------------- */

static struct op *push_op(struct compiler *c, enum op_code code, uint32_t pos)
{
    MEM_GROW(c->ops, c->n_ops + 1, c->alloc_ops);
    struct op *op = &c->ops[c->n_ops++];
    *op = (struct op){.code = (uint8_t)code, .pos = pos};
    return op;
}

static void flush_text(struct compiler *c)
{
    if (c->text.len == 0)
        return;
    struct op *op = push_op(c, OP_TEXT, c->text_pos);
    op->flags = c->text_starts_line ? OP_LINE_START : 0;
    char *text = arena_calloc(&c->set->arena, 1, c->text.len + OP_TEXT_PAD);
    memcpy(text, c->text.buf, c->text.len);
    op->text = text;
    op->len = (uint32_t)c->text.len;
    strbuf_reset(&c->text);
}

static void append_text(struct compiler *c, uint32_t from, uint32_t to)
{
    if (from >= to)
        return;
    if (c->text.len == 0) {
        c->text_pos = from;
        c->text_starts_line = c->starts_line;
    }
    strbuf_add(&c->text, c->t->text + from, to - from);
    c->starts_line = c->t->text[to - 1] == '\n';
}

/* Skips the margins that begin the line at `from`, as far as `to`. */
static uint32_t skip_margins(const struct compiler *c, uint32_t from, uint32_t to)
{
    const char *text = c->t->text;
    if (from != 0 && text[from - 1] != '\n')
        return from;
    for (unsigned i = 0; i < c->n_margins; i++) {
        const struct margin *m = &c->margins[i];
        if (to - from >= m->len && memcmp(text + from, m->text, m->len) == 0)
            from += m->len;
    }
    return from;
}

static void add_text(struct compiler *c, uint32_t from, uint32_t to)
{
    if (c->n_margins == 0) {
        append_text(c, from, to);
        return;
    }
    const char *text = c->t->text;
    while (from < to) {
        const char *newline = memchr(text + from, '\n', to - from);
        uint32_t end = newline != NULL ? (uint32_t)(newline + 1 - text) : to;
        append_text(c, skip_margins(c, from, end), end);
        from = end;
    }
}

/* A tag that stays in its line. */
static void begin_inline(struct compiler *c, uint32_t pos)
{
    if (!c->starts_line)
        return;
    flush_text(c);
    push_op(c, OP_INDENT, pos);
    c->starts_line = false;
}

/* The white space at `from`, without margins, no further than `to`. */
static struct margin white_space(const struct compiler *c, uint32_t from, uint32_t to)
{
    const char *text = c->t->text;
    from = skip_margins(c, from, to);
    uint32_t end = from;
    while (end < to && (text[end] == ' ' || text[end] == '\t'))
        end++;
    return (struct margin){.text = text + from, .len = end - from};
}

static struct op_indent indent_before(const struct compiler *c, const struct tag *tag)
{
    struct margin m = white_space(c, tag->line_pos, tag->pos);
    return (struct op_indent){.text = m.text, .len = m.len, .in_place = false};
}

/* --- names ---------------------------------------------------------------------------------- */

static struct op_name compile_name(struct compiler *c, const char *name, uint32_t len)
{
    struct op_name out = {0};
    if (len == 1 && name[0] == '.')
        return out;
    uint32_t parts = 1;
    for (uint32_t i = 0; i < len; i++)
        parts += name[i] == '.';
    uint32_t *symbols = arena_alloc(&c->set->arena, parts * sizeof(*symbols));
    for (uint32_t i = 0; i < parts; i++) {
        const char *dot = memchr(name, '.', len);
        uint32_t part = dot != NULL ? (uint32_t)(dot - name) : len;
        symbols[i] = symtab_add(c->set->symtab, name, part);
        if (dot != NULL) {
            name += part + 1;
            len -= part + 1;
        }
    }
    out.symbol = symbols[0];
    out.rest = symbols + 1;
    out.n_rest = parts - 1;
    return out;
}

static bool push_named(struct compiler *c, enum op_code code, const struct tag *tag)
{
    struct op_name name = compile_name(c, tag->name, tag->name_len);
    if (name.n_rest > UINT16_MAX)
        return template_error(c->t, tag->pos, c->err, ERROR_USAGE, "a name of %u parts",
                              name.n_rest + 1);
    struct op *op = push_op(c, code, tag->pos);
    op->symbol = name.symbol;
    op->rest = name.rest;
    op->n_rest = (uint16_t)name.n_rest;
    return true;
}

/* --- tags ----------------------------------------------------------------------------------- */

static bool compile_range(struct compiler *c, uint32_t first, uint32_t stop, uint32_t from,
                          uint32_t to);

/* Text up to the tag; returns where the text behind it goes on. Tags alone on their line take the
 * whole line with them. */
static uint32_t begin_tag(struct compiler *c, const struct tag *tag, uint32_t from)
{
    if (tag_alone(tag)) {
        add_text(c, from, tag->line_pos);
        return tag->line_end;
    }
    add_text(c, from, tag->pos);
    begin_inline(c, tag->pos);
    return tag->end;
}

/* What begin_tag() knew about the place behind the tag. */
static void end_tag(struct compiler *c, const struct tag *tag)
{
    c->starts_line = tag_alone(tag);
}

static bool compile_section(struct compiler *c, uint32_t index, uint32_t *from)
{
    const struct tag *open = &c->tags[index], *close = &c->tags[open->match];
    uint32_t inner = begin_tag(c, open, *from);
    flush_text(c);
    size_t op = c->n_ops;
    if (!push_named(c, open->kind == TAG_SECTION ? OP_SECTION : OP_INVERTED, open))
        return false;
    end_tag(c, open);
    bool alone = tag_alone(close);
    if (!compile_range(c, index + 1, open->match, inner, alone ? close->line_pos : close->pos))
        return false;
    if (!alone)
        begin_inline(c, close->pos);
    flush_text(c);
    c->ops[op].next = (uint32_t)c->n_ops;
    end_tag(c, close);
    *from = alone ? close->line_end : close->end;
    return true;
}

static struct op_call *new_call(struct compiler *c, const struct tag *tag)
{
    struct op_call *call = arena_calloc(&c->set->arena, 1, sizeof(*call));
    call->name = tag->name;
    call->name_len = tag->name_len;
    call->pos = tag->pos;
    call->dynamic = tag->dynamic;
    if (tag->dynamic)
        call->lookup = compile_name(c, tag->name, tag->name_len);
    call->indent.in_place = true;
    call->previous = c->t->calls;
    c->t->calls = call;
    return call;
}

static void compile_partial(struct compiler *c, const struct tag *tag, uint32_t *from)
{
    *from = begin_tag(c, tag, *from);
    flush_text(c);
    struct op_call *call = new_call(c, tag);
    if (tag_alone(tag))
        call->indent = indent_before(c, tag);
    push_op(c, OP_PARTIAL, tag->pos)->call = call;
    end_tag(c, tag);
}

/* The content of a block given to a parent. Its own indentation (that of its first line) is taken
 * away here; the place where it is put gives it another one. */
static bool compile_argument(struct compiler *c, uint32_t index, struct op_argument *out)
{
    const struct tag *open = &c->tags[index], *close = &c->tags[open->match];
    uint32_t from = open->clear_right ? open->line_end : open->end;
    uint32_t to = close->clear_left ? close->line_pos : close->pos;
    unsigned margins = c->n_margins;
    if (open->clear_right && from < to) {
        struct margin own = white_space(c, from, to);
        if (own.len != 0 && c->n_margins < TEMPLATE_NESTING_MAX)
            c->margins[c->n_margins++] = own;
    }
    out->block = symtab_add(&c->set->blocks, open->name, open->name_len);
    out->from = (uint32_t)c->n_ops;
    c->starts_line = true;
    if (!compile_range(c, index + 1, open->match, from, to))
        return false;
    flush_text(c);
    out->to = (uint32_t)c->n_ops;
    c->n_margins = margins;
    return true;
}

static bool compile_arguments(struct compiler *c, uint32_t index, struct op_call *call)
{
    uint32_t stop = c->tags[index].match, count = 0;
    for (uint32_t i = index + 1; i < stop; i++) {
        count += c->tags[i].kind == TAG_BLOCK;
        if (c->tags[i].kind == TAG_BLOCK)
            i = c->tags[i].match;
    }
    if (count != 0)
        call->arguments = arena_calloc(&c->set->arena, count, sizeof(*call->arguments));
    for (uint32_t i = index + 1; i < stop; i++) {
        const struct tag *tag = &c->tags[i];
        if (tag->kind != TAG_BLOCK)
            continue;
        struct op_argument *argument = &call->arguments[call->n_arguments];
        if (!compile_argument(c, i, argument))
            return false;
        for (uint32_t k = 0; k < call->n_arguments; k++)
            if (call->arguments[k].block == argument->block)
                return template_error(c->t, tag->pos, c->err, ERROR_USAGE,
                                      "the block '%.*s' is given twice", (int)tag->name_len,
                                      tag->name);
        call->n_arguments++;
        i = tag->match;
    }
    return true;
}

/* A parent is alone when nothing else stands before its opening and behind its closing tag. */
static bool compile_parent(struct compiler *c, uint32_t index, uint32_t *from)
{
    const struct tag *open = &c->tags[index], *close = &c->tags[open->match];
    bool alone = open->clear_left && close->clear_right;
    add_text(c, *from, alone ? open->line_pos : open->pos);
    if (!alone)
        begin_inline(c, open->pos);
    flush_text(c);
    struct op_call *call = new_call(c, open);
    if (alone)
        call->indent = indent_before(c, open);
    size_t op = c->n_ops;
    push_op(c, OP_PARENT, open->pos)->call = call;
    if (!compile_arguments(c, index, call))
        return false;
    c->ops[op].next = (uint32_t)c->n_ops;
    c->starts_line = alone;
    *from = alone ? close->line_end : close->end;
    return true;
}

/* A place that may be filled from outside. When nothing else stands before its opening and behind
 * its closing tag, whatever fills it is indented like the default's first line, or, where the
 * default begins behind the tag or is empty, like the tag. */
static bool compile_slot(struct compiler *c, uint32_t index, uint32_t *from)
{
    const struct tag *open = &c->tags[index], *close = &c->tags[open->match];
    bool alone = open->clear_left && close->clear_right;
    bool alone_inside = alone && open->clear_right; /* the default begins on a line of its own */
    bool close_alone = tag_alone(close);
    uint32_t inner = alone_inside || tag_alone(open) ? open->line_end : open->end;
    uint32_t inner_end = close_alone ? close->line_pos : close->pos;

    struct op_slot *slot = arena_calloc(&c->set->arena, 1, sizeof(*slot));
    slot->block = symtab_add(&c->set->blocks, open->name, open->name_len);
    slot->indent.in_place = !alone;
    if (alone && open->clear_right && inner < inner_end) {
        struct margin m = white_space(c, inner, inner_end);
        slot->indent = (struct op_indent){.text = m.text, .len = m.len};
    } else if (alone) {
        slot->indent = indent_before(c, open);
    }

    add_text(c, *from, alone || tag_alone(open) ? open->line_pos : open->pos);
    if (!alone && !tag_alone(open))
        begin_inline(c, open->pos);
    flush_text(c);
    size_t op = c->n_ops;
    push_op(c, OP_BLOCK, open->pos)->slot = slot;
    if (alone && !open->clear_right)
        add_text(c, open->line_pos, open->pos); /* only the default needs the tag's indentation */
    if (!compile_range(c, index + 1, open->match, inner, inner_end))
        return false;
    if (!close_alone)
        begin_inline(c, close->pos);
    flush_text(c);
    c->ops[op].next = (uint32_t)c->n_ops;
    c->starts_line = close_alone;
    *from = close_alone ? close->line_end : close->end;
    return true;
}

/* Compiles tags [first, stop) and the text [from, to) they stand in. */
static bool compile_range(struct compiler *c, uint32_t first, uint32_t stop, uint32_t from,
                          uint32_t to)
{
    for (uint32_t i = first; i < stop; i++) {
        const struct tag *tag = &c->tags[i];
        bool ok = true;
        switch (tag->kind) {
        case TAG_VALUE:
        case TAG_RAW:
            add_text(c, from, tag->pos);
            begin_inline(c, tag->pos);
            flush_text(c);
            ok = push_named(c, tag->kind == TAG_VALUE && c->t->escape ? OP_VALUE : OP_RAW, tag);
            from = tag->end;
            break;
        case TAG_SILENT:
            from = begin_tag(c, tag, from);
            end_tag(c, tag);
            break;
        case TAG_SECTION:
        case TAG_INVERTED:
            ok = compile_section(c, i, &from);
            i = tag->match;
            break;
        case TAG_PARTIAL:
            compile_partial(c, tag, &from);
            break;
        case TAG_PARENT:
            ok = compile_parent(c, i, &from);
            i = tag->match;
            break;
        case TAG_BLOCK:
            ok = compile_slot(c, i, &from);
            i = tag->match;
            break;
        case TAG_END: /* passed over with its opening tag */
            break;
        }
        if (!ok)
            return false;
    }
    add_text(c, from, to);
    return true;
}

bool template_compile(struct template_set *set, struct template *t, struct error *err)
{
    struct compiler c = {.set = set, .t = t, .text = STRBUF_INIT, .starts_line = true, .err = err};
    size_t n_tags;
    bool ok =
        template_lex(t, &c.tags, &n_tags, err) && compile_range(&c, 0, (uint32_t)n_tags, 0, t->len);
    if (ok) {
        flush_text(&c);
        t->n_ops = (uint32_t)c.n_ops;
        t->ops = arena_alloc(&set->arena, c.n_ops * sizeof(*t->ops));
        if (c.n_ops != 0)
            memcpy(t->ops, c.ops, c.n_ops * sizeof(*t->ops));
    }
    t->compiled = ok;
    free(c.ops);
    free(c.tags);
    strbuf_release(&c.text);
    return ok;
}

/* What a compiled template looks like: shared by the files of template/ alone.
 *
 * The text becomes one flat array of operations. Operations with a body (sections, blocks) are
 * followed by it and know in `next` where it ends; the bodies that a parent tag passes on are kept
 * in the same array and skipped when the text is run in order.
 *
 * Indentation: a template may be included with an indentation, which stands before each of its own
 * lines but not before lines inside data. Therefore operations know where a line of the *template*
 * begins: texts by OP_LINE_START and the newlines they hold, tags by an OP_INDENT in front of them.
 */
#ifndef TEMPLATE_CODE_H
#define TEMPLATE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"
#include "base/symtab.h"
#include "template/template.h"

#define TEMPLATE_NESTING_MAX 128      /* tags inside tags of one file */
#define TEMPLATE_BYTES_MAX (4u << 20) /* of one file */
#define TEMPLATE_COUNT_MAX 10000u     /* of one set */
#define TEMPLATE_ERRORS_MAX 20        /* reported at once */

enum op_code {
    OP_TEXT,     /* text, len */
    OP_VALUE,    /* name: escaped */
    OP_RAW,      /* name: as it is */
    OP_SECTION,  /* name, next */
    OP_INVERTED, /* name, next */
    OP_INDENT,   /* a line of the template begins here with a tag */
    OP_PARTIAL,  /* call */
    OP_PARENT,   /* call, next */
    OP_BLOCK,    /* slot, next; the body is the default */
};

#define OP_TEXT_PAD 16  /* bytes behind each text that may be read */
#define OP_LINE_START 1 /* OP_TEXT: its first byte begins a line of the template */

/* A dotted name. symbol 0 is ".", the top of the stack. */
struct op_name {
    uint32_t symbol;
    uint32_t n_rest;
    const uint32_t *rest;
};

struct op {
    uint8_t code;
    uint8_t flags;
    uint16_t n_rest;
    union {
        uint32_t symbol;
        uint32_t len;
    };
    uint32_t pos;  /* of the tag in the source, for messages */
    uint32_t next; /* first operation behind the body */
    union {
        const uint32_t *rest;
        const char *text;
        const struct op_call *call;
        const struct op_slot *slot;
    };
};

/* White space put in front of each line; in_place: there is none, lines stay as they are. */
struct op_indent {
    const char *text;
    uint32_t len;
    bool in_place;
};

/* {{>name}} and {{<name}}...{{/name}} */
struct op_call {
    const struct template *target; /* NULL: nobody, or dynamic */
    const char *name;              /* as written, without the asterisk */
    uint32_t name_len;
    uint32_t pos;
    bool dynamic;
    struct op_name lookup; /* of a dynamic name */
    struct op_indent indent;
    struct op_argument *arguments; /* blocks given to a parent */
    uint32_t n_arguments;
    struct op_call *previous; /* list of all calls of a template */
};

struct op_argument {
    uint32_t block;    /* id of the block's name */
    uint32_t from, to; /* operations */
};

/* {{$name}}...{{/name}} outside of a parent: a place that callers may fill. */
struct op_slot {
    uint32_t block;
    struct op_indent indent; /* of what is put here instead of the default */
};

struct template
{
    const char *name;
    size_t name_len;
    const char *file; /* for messages */
    const char *text;
    uint32_t len;
    bool escape;
    bool compiled;
    const struct template_set *set;
    struct op *ops;
    uint32_t n_ops;
    struct op_call *calls;
};

struct template_set {
    struct symtab *symtab; /* names of data, shared with the JSON reader */
    struct symtab blocks;  /* names of blocks: a space of their own */
    struct map by_name;    /* template name -> pointer */
    struct template **all;
    size_t n_all, alloc_all;
    struct arena arena;
    bool strict;
};

/* Adds a template whose messages call it `shown`; file and text are copied. */
bool template_set_add_as(struct template_set *set, const char *file, const char *shown,
                         const char *text, size_t len, struct error *err);

/* Text to operations; ERROR_USAGE with file:line:column. */
bool template_compile(struct template_set *set, struct template *t, struct error *err);

/* "file:line:column: message"; pos is an offset in the template's text. Returns false. */
bool template_error(const struct template *t, uint32_t pos, struct error *err, enum error_kind kind,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif

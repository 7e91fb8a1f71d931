/* Template text to tags: where each tag stands, what it says, which tag closes it.
 *
 * Also decides what "standalone" is made of: whether only white space stands between a tag and the
 * beginning (clear_left) or the end (clear_right) of its line.
 */
#ifndef TEMPLATE_LEX_H
#define TEMPLATE_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "template/code.h"

enum tag_kind {
    TAG_VALUE,
    TAG_RAW,
    TAG_SECTION,
    TAG_INVERTED,
    TAG_PARTIAL,
    TAG_PARENT,
    TAG_BLOCK,
    TAG_END,
    TAG_SILENT, /* comments and changes of the delimiters */
};

struct tag {
    enum tag_kind kind;
    bool dynamic; /* the name was written with an asterisk */
    bool clear_left, clear_right;
    uint32_t pos, end; /* the tag with its delimiters */
    uint32_t line_pos; /* clear_left: first byte of its line */
    uint32_t line_end; /* clear_right: first byte of the next line */
    const char *name;  /* in the template's text */
    uint32_t name_len;
    uint32_t match; /* index of the closing tag; of a closing tag: of the opening one */
};

/* Alone on its line, which then disappears. Values are never meant to be asked. */
static inline bool tag_alone(const struct tag *tag)
{
    return tag->clear_left && tag->clear_right;
}

/* *tags is malloc'ed (also after an error) for the caller to free. */
bool template_lex(const struct template *t, struct tag **tags, size_t *n_tags, struct error *err);

#endif

/* JSON values: strict reading (RFC 8259), a tree in an arena, compact writing.
 *
 * For: everything structured that platen reads (columns, exported snapshots, manifests, data files)
 * and the context that templates see. Numbers keep their text: a price never passes through a
 * double. Strings are valid UTF-8 without exception.
 * Not for: YAML (config/yaml.h), nor for streaming documents larger than memory.
 *
 * Symbols (base/symtab.h): the reader tags each object key with its id in a symtab (0 = a name
 * nobody asks for), so that templates compare ids. Values must be read or built with the symtab
 * that the templates were compiled with, and after that: a name entered later is not found in older
 * values.
 *
 * Ownership: values live in the arena given to the function that made them; strings of a parsed
 * document may point into the text that was parsed, which must live as long as the values.
 * Errors: kind ERROR_CONTENT, "line L, column C: what is wrong".
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/symtab.h"

/* --- values ------------------------------------------------------------------------------- */

enum json_type {
    JSON_NULL = 0,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER, /* text: the digits as written */
    JSON_STRING, /* text: UTF-8, not terminated, may hold U+0000 */
    JSON_ARRAY,  /* items[len] */
    JSON_OBJECT, /* members[len], in the order of the text */
};

struct json_member;

struct json_value {
    enum json_type type : 8;
    uint32_t room : 24; /* private: members that fit before json_add() must move them */
    uint32_t len;       /* bytes, items or members */
    union {
        const char *text;
        struct json_value *items;
        struct json_member *members;
    };
};

struct json_member {
    uint32_t symbol; /* id in the symtab, or 0 */
    uint32_t key_len;
    const char *key;
    struct json_value value;
};

/* Defaults: depth 512, 256 MiB (no more than 1,024 and 4 GiB have an effect). Duplicate keys: the
 * last one wins on look-up; reading keeps both. */
struct json_limits {
    unsigned depth;
    size_t bytes;
};
#define JSON_LIMITS_DEFAULT                                                                        \
    (struct json_limits)                                                                           \
    {                                                                                              \
        .depth = 512, .bytes = (size_t)256 << 20                                                   \
    }

/* Reads exactly one value with optional white space around it. symtab and limits may be NULL.
 * Refused beyond the grammar: invalid UTF-8, halves of surrogate pairs, a byte order mark. */
bool json_parse(struct arena *arena, const struct symtab *st, const char *text, size_t len,
                const struct json_limits *limits, struct json_value *out, struct error *err);

/* Appends the value without white space, members in their order; strings with the shortest escapes,
 * non-ASCII as it is. */
void json_write(struct strbuf *sb, const struct json_value *v);

/* Appends one JSON string literal with its quotes. */
void json_write_string(struct strbuf *sb, const char *text, size_t len);

/* --- looking up --------------------------------------------------------------------------- */

/* The member's value, or NULL when v is no object or has no such member. */
const struct json_value *json_get(const struct json_value *v, const char *key, size_t len);
const struct json_value *json_get_symbol(const struct json_value *v, uint32_t symbol);
static inline const struct json_value *json_gets(const struct json_value *v, const char *key)
{
    return json_get(v, key, strlen(key));
}

/* True when v is a string and equals s. */
bool json_is(const struct json_value *v, const char *s);

/* --- building ----------------------------------------------------------------------------- */

static inline struct json_value json_null(void)
{
    return (struct json_value){.type = JSON_NULL};
}
static inline struct json_value json_bool(bool b)
{
    return (struct json_value){.type = b ? JSON_TRUE : JSON_FALSE};
}
/* Borrowed text; the caller vouches for UTF-8 and, for numbers, for the grammar. */
static inline struct json_value json_string(const char *text, size_t len)
{
    return (struct json_value){.type = JSON_STRING, .len = (uint32_t)len, .text = text};
}
static inline struct json_value json_strings(const char *text)
{
    return json_string(text, strlen(text));
}
static inline struct json_value json_number(const char *text, size_t len)
{
    return (struct json_value){.type = JSON_NUMBER, .len = (uint32_t)len, .text = text};
}

/* An object with room for exactly `room` members; json_add() past the room grows it. */
struct json_value json_object(struct arena *arena, size_t room);
void json_add(struct arena *arena, const struct symtab *st, struct json_value *object,
              const char *key, struct json_value value); /* key is borrowed */

/* An array of `count` null items for the caller to fill. */
struct json_value json_array(struct arena *arena, size_t count);

#endif

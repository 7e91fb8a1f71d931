/* YAML text to a small tree in which every node knows its line and column.
 *
 * For: the configuration file. Scalars stay text as written (`no` is "no", 1.10 is "1.10"); what
 * they mean is the reader's business, who knows the type. JSON is read too, being nearly a part of
 * YAML. Refused: anchors, aliases, tags, more than one document, keys that are not text, a key
 * twice in one map, more than YAML_BYTES_MAX bytes, YAML_DEPTH_MAX levels, YAML_NODES_MAX nodes.
 * Not for: data (base/json.h is faster and stricter).
 *
 * Ownership: the tree lives in the arena given. Errors: ERROR_USAGE "FILE:LINE:COLUMN: what".
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define YAML_BYTES_MAX ((size_t)1 << 20)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool quoted; /* a scalar in quotes or a block scalar: surely text, never a number or null */
    unsigned line, column;
    const char *text;              /* scalar: UTF-8, terminated, no NUL inside */
    const struct yaml_node *first; /* list, map: the children in order */
    const struct yaml_node *next;
    const char *key; /* of a map's child, else NULL */
    unsigned key_line, key_column;
    size_t count; /* children */
};

/* Reads one document. file: the name for messages. An empty document is an empty map. */
bool yaml_parse(struct arena *arena, const char *file, const char *text, size_t len,
                const struct yaml_node **out, struct error *err);

/* The value of a key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* True for an empty plain scalar, `null` and `~`: a key without a value. */
bool yaml_is_null(const struct yaml_node *node);

/* "a map", "a list", "text": for messages. */
const char *yaml_kind_name(const struct yaml_node *node);

/* ERROR_USAGE with the place in front; returns false. */
bool yaml_error(struct error *err, const char *file, unsigned line, unsigned column,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif

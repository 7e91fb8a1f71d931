/* The text of a page set's query, and what is sent to the server for it.
 *
 * For: reading the file, making sure it is one SELECT, finding its columns, and wrapping it so that
 * the server itself measures each row: libpq keeps a whole row in memory (twice), so a row above
 * max_row_bytes must not travel. The wrapped query gives every column as it would be sent anyway
 * (an output function's text, or the value), null instead of everything but key and locale where a
 * row is too large, and last the row's size.
 * Not for anybody outside src/source/.
 */
#ifndef SOURCE_QUERY_H
#define SOURCE_QUERY_H

#include <libpq-fe.h>

#include "pg/conn.h"
#include "source/row.h"
#include "source/source.h"

/* Bytes of key and locale that a row above the limit still shows. */
#define QUERY_NAME_MAX 200

/* How a column's text becomes a JSON value. */
enum query_kind {
    QUERY_TEXT,
    QUERY_BOOL,
    QUERY_NUMBER,
    QUERY_JSON,
    QUERY_TIME, /* timestamp with time zone */
};

struct query_column {
    const char *name;
    size_t name_len;
    uint32_t symbol; /* set by each read */
    enum query_kind kind;
    Oid type;
    bool varies; /* in length: counts towards the row's size */
};

struct query {
    struct pg_sql own; /* the user's statement, for describing it; text NULL: not loaded */
    struct query_column *columns;
    const char **names; /* of the columns */
    size_t n;
    struct row_columns at;
    struct pg_sql wrapped; /* what is run */
    int64_t max_row_bytes;
};

/* Reads the file at `path` (as it should appear in messages) into the arena. */
bool query_load(struct query *q, struct arena *arena, const char *path, struct error *err);

/* Takes the columns from the server's description and builds q->wrapped. */
bool query_describe(struct query *q, struct arena *arena, const PGresult *described,
                    int64_t max_row_bytes, struct error *err);

/* What is run for some of the rows, and its parameters; their number. */
int query_scope(const struct query *q, struct arena *arena, const struct source_scope *scope,
                struct pg_sql *sql, const char *params[2]);

#endif

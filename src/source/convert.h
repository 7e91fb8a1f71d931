/* From a row as PostgreSQL sends it to a row as templates see it.
 *
 * Not for anybody outside src/source/.
 */
#ifndef SOURCE_CONVERT_H
#define SOURCE_CONVERT_H

#include "source/query.h"

/* Builds the row in the arena: every column's text is copied, JSON columns are parsed. Errors:
 * ERROR_CONTENT; row then holds what is known (key, locale). limit: max_row_bytes. */
bool convert_row(struct source_row *row, struct arena *arena, const struct query *q,
                 const struct symtab *st, const PGresult *res, int64_t limit, struct error *err);

#endif

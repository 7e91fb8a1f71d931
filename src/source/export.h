/* Writing a snapshot to a file, and what such a file looks like.
 *
 * For: `platen export`, and printing without a database (`--source FILE`). The file is JSON Lines:
 *
 *   {"platen_export":1,"sets":[{"name":"products","columns":["key","locale","title"]}]}
 *   {"set":"products","row":{"key":"1","locale":"en","title":"Lamp"}}
 *   {"end":{"products":1}}
 *
 * Line 1 lists the page sets and the columns of each; rows follow, set by set in that order, each
 * row with all columns in the order of line 1; the last line counts the rows, so that a file cut
 * short is recognized. Times are RFC 3339 in UTC; numbers keep their digits. Nothing in it depends
 * on when or where it was written: equal content gives an equal file, and exporting an exported
 * file gives the same bytes again. A reader ignores page sets it was not asked for.
 * Not for: backups; drafts, users and everything else the queries do not select are not in it.
 */
#ifndef SOURCE_EXPORT_H
#define SOURCE_EXPORT_H

#include "base/strbuf.h"
#include "source/source.h"

/* A bad row, which is left out. */
typedef void export_problem_fn(void *payload, const struct error *problem);

struct export_result {
    uint64_t rows, omitted, bytes;
};

/* Streams all page sets of cfg, of its only_locales where it has some, to `path`: "-" is standard
 * output, a plain file appears complete (a temporary file beside it, fsync, rename), anything else
 * (a pipe, a device) is written to. */
bool export_write(struct source *s, const struct config *cfg, const char *path,
                  export_problem_fn *problem, void *payload, struct export_result *out,
                  struct error *err);

/* Appends one line of a row. */
void export_row(struct strbuf *sb, const char *set, size_t set_len, const struct json_value *row);

#endif

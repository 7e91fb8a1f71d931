/* Cutting a file of SQL into its statements, as psql would.
 *
 * For: running migrations one statement at a time with a place for every error, and making sure
 * that a page set's query is one statement. It knows comments (nested ones too), standard strings,
 * E'' strings and their continuation on the next line, quoted identifiers, dollar quotes,
 * parentheses (CREATE RULE ... DO (a; b)) and the SQL-standard function body BEGIN ATOMIC ... END.
 * It expects standard_conforming_strings = on.
 * Not for: understanding SQL. psql's own commands (\i, \set) are refused, since nobody would run
 * them.
 *
 * Order: struct sqlsplit s; sqlsplit_init(&s, text, len); then sqlsplit_next() until it says
 * SQLSPLIT_END. Nothing to release; statements point into the text.
 * Errors: ERROR_USAGE, "LINE:COLUMN: what is wrong"; the caller puts the file's name in front.
 */
#ifndef PG_SQLSPLIT_H
#define PG_SQLSPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct sqlsplit {
    const char *text; /* private */
    size_t len, pos;
    unsigned line, column;
    size_t line_start, counted;
};

struct sql_statement {
    const char *text; /* from its first word to its last, without ';' and comments around it */
    size_t len;
    unsigned line, column; /* of the first word; columns count characters from 1 */
    size_t end;            /* offset in the file behind the ';' (or of the end of the file) */
    bool closed;           /* by a ';' */
};

enum sqlsplit_status { SQLSPLIT_STATEMENT, SQLSPLIT_END, SQLSPLIT_BAD };

/* A byte order mark at the start is skipped. */
void sqlsplit_init(struct sqlsplit *s, const char *text, size_t len);

/* The next statement that is not empty. */
enum sqlsplit_status sqlsplit_next(struct sqlsplit *s, struct sql_statement *out,
                                   struct error *err);

/* --- the words of a statement ------------------------------------------------------------- */

/* A bare word: key word or identifier that is not quoted. */
struct sql_word {
    const char *text;
    size_t len;
};

/* The first words of a statement outside comments, strings, quotes; returns how many (<= max). */
size_t sqlsplit_words(const struct sql_statement *st, struct sql_word *out, size_t max);

/* Case does not matter. */
bool sql_word_is(const struct sql_word *w, const char *lower);

#endif

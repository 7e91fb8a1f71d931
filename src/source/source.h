/* One snapshot of the page sets: from PostgreSQL, or from a file that `platen export` wrote.
 *
 * For: giving whoever prints (or exports) the rows of each page set, without saying where they came
 * from: equal content gives equal rows from both. Rows are streamed; memory does not grow with
 * their number, and a row above max_row_bytes never reaches it (PostgreSQL keeps it on its side).
 * Not for: judging content beyond what makes a row a page (press/press.h), nor for printing.
 *
 * Order: source_open() once; source_read() for any page set, in any order, again if need be: every
 * read sees the same snapshot. source_close(). One thread at a time. After source_read() failed
 * only source_close() is left.
 * PostgreSQL: one REPEATABLE READ READ ONLY transaction lasts from open to close; a constant number
 * of queries, whatever the number of rows. statement_timeout counts while rows are handed over too.
 * Ownership: a row and its values live in the arena the caller gave for it, but names of columns
 * belong to the source: rows are done with before source_close().
 * Errors: ERROR_USAGE when a query file, its columns or an exported file's header are wrong,
 * ERROR_FAILED when the server, the connection or the disk is; both end the read. What is wrong
 * with a single row is ERROR_CONTENT and goes to the source_bad_fn; the read goes on.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "config/config.h"

struct source; /* one open snapshot */

enum source_state { SOURCE_LIVE = 0, SOURCE_MAINTENANCE, SOURCE_GONE };

/* One page. Members whose column is bad or missing are NULL in a row given to source_bad_fn. */
struct source_row {
    const char *key, *locale;   /* terminated, not empty, no NUL inside */
    const char *updated_at;     /* RFC 3339 UTC, whole seconds ("2026-01-02T03:04:05Z"), or NULL */
    const char *next_change_at; /* the same; NULL: not by the clock alone */
    enum source_state state;
    struct json_value data; /* object: every column in column order, reserved ones included */
    uint64_t number;        /* 1-based, for messages */
    size_t bytes;           /* as read */
};

/* What the snapshot is and which server it came from. Everything empty when it is a file. */
struct source_info {
    const char *snapshot;          /* pg_current_snapshot() */
    const char *system_identifier; /* NULL: not readable by this role */
    const char *timeline;          /* decimal; NULL like the above */
    const char *database;
    const char *postmaster_start; /* RFC 3339 UTC with microseconds */
    bool in_recovery;
    int server_version; /* 150004 */
    int64_t changed_ms; /* when the oldest change was made that source_covers() found logged, by
                           pg_conn_clock(); 0: none, or nothing was asked */
};

/* The arena to build the next row in; asked for before each row, bad ones included. */
typedef struct arena *source_arena_fn(void *payload);

/* One good row. Return false, with err set, to end the read. */
typedef bool source_row_fn(void *payload, struct source_row *row, struct error *err);

/* One bad row; problem names page set, row number, key and locale where known. Return false to end
 * the read: then `problem` becomes its error. */
typedef bool source_bad_fn(void *payload, const struct source_row *row,
                           const struct error *problem);

/* cfg->source says what to open, cfg->source_is_file which kind it is. cfg and st stay with the
 * caller and must outlive the source; st must not change any more once source_read() is called (it
 * may be NULL). */
bool source_open(struct source **out, const struct config *cfg, const struct symtab *st,
                 struct error *err);

/* Which rows of a page set: those of any of the keys, in any of the locales (none listed: in every
 * locale). More rows than asked for may come. */
struct source_scope {
    bool whole; /* every row; the rest means nothing */
    const char **keys, **locales;
    size_t n_keys, n_locales; /* n_keys 0: no row at all, and nothing is asked of the server */
};

/* Streams the rows of page set `index` of cfg->sets. scope NULL: all of them. */
bool source_read(struct source *s, size_t index, const struct source_scope *scope,
                 source_arena_fn *arena, source_row_fn *row, source_bad_fn *bad, void *payload,
                 struct error *err);

/* The columns of page set `index`, in order; they live as long as the source. */
bool source_columns(struct source *s, size_t index, const char *const **names, size_t *n,
                    struct error *err);

const struct source_info *source_info(const struct source *s);

/* --- one snapshot after another ----------------------------------------------------------------
 *
 * A listener keeps its connection: source_end() ends the snapshot, source_again() takes the next.
 * After either failed only source_close() is left. */
bool source_end(struct source *s, struct error *err);
bool source_again(struct source *s, struct error *err);

/* Where the snapshot is a standby's: takes another one instead, as soon as what its primary had
 * written up to `position` (a pg_lsn) is replayed, but after wait_ms at the latest; then *behind is
 * true. Before the first read. Elsewhere nothing happens. */
bool source_catch_up(struct source *s, const char *position, int64_t wait_ms, bool *behind,
                     struct error *err);

/* A snapshot that a later one can be compared with by the change log (schema platen). */
struct source_mark {
    const char *snapshot; /* NULL: none */
    const char *identity; /* which server and database; NULL: unknown */
    const char *log;      /* what is watched, and how, as a digest; NULL: there is no change log */
    bool in_recovery;
};

/* The mark of the snapshot that is open, in `arena`. */
bool source_mark(struct source *s, struct arena *arena, struct source_mark *mark,
                 struct error *err);

/* Whether the change log names every change between `since` and the snapshot that is open; *why in
 * `arena` says why not, and is NULL when it does. Whether the same is watched as before is another
 * question, which takes longer to answer: that is so when the marks' `log` are equal. */
bool source_covers(struct source *s, const struct source_mark *since, struct arena *arena,
                   const char **why, struct error *err);

/* *misses: a table is watched, but its triggers are disabled or not all there, so that changes of
 * its rows are not logged. */
bool source_misses(struct source *s, bool *misses, struct error *err);

/* Which rows of page set `index` those changes may have changed: what NAME.affected.sql beside the
 * set's query NAME.sql says, and without that file, whole as soon as anything changed. */
bool source_affected(struct source *s, size_t index, const struct source_mark *since,
                     struct arena *arena, struct source_scope *scope, struct error *err);

void source_close(struct source *s); /* accepts NULL */

#endif

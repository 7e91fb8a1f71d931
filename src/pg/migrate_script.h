/* One migration file, read and cut into statements.
 *
 * For: knowing, before anything is run, whether a file can be run at all: psql's own commands, COPY
 * from the client, transaction control and CONCURRENTLY inside a transaction are refused with their
 * place. The rules keep the same files good for `psql -f`.
 * Not for: running (pg/migrate.h).
 *
 * A file runs as one transaction. With the words "-- platen: no-transaction" in a comment line
 * before its first statement it runs statement by statement outside any transaction; then it must
 * bear being run again after it stopped half-way (IF EXISTS, IF NOT EXISTS). A BEGIN as the first
 * and a COMMIT as the last statement are allowed: they make `psql -f` one transaction, too.
 */
#ifndef PG_MIGRATE_SCRIPT_H
#define PG_MIGRATE_SCRIPT_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "pg/sqlsplit.h"

#define MIGRATE_SCRIPT_MAX ((size_t)16 << 20)

struct migrate_script {
    const char *path;
    const char *text;
    size_t len;
    char checksum[DIGEST_HEX_SIZE + 1]; /* SHA-256 of the file */
    bool no_transaction;
    struct sql_statement *statements; /* those to run */
    size_t n;
};

/* Reads the file into the arena and computes its checksum; nothing is cut yet. */
bool migrate_script_read(struct migrate_script *out, struct arena *arena, const char *path,
                         struct error *err);

/* Cuts and checks. Errors: ERROR_USAGE "FILE:LINE:COLUMN: ...". */
bool migrate_script_cut(struct migrate_script *s, struct arena *arena, struct error *err);

#endif

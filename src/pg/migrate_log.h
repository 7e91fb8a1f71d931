/* The table platen.migration: which migrations the database has.
 *
 * For: reading and writing its rows. Not for: deciding what to run (pg/migrate.h).
 */
#ifndef PG_MIGRATE_LOG_H
#define PG_MIGRATE_LOG_H

#include "base/arena.h"
#include "pg/conn.h"

enum migrate_state {
    MIGRATE_PENDING,
    MIGRATE_APPLIED,
    MIGRATE_APPLYING,  /* a file without a transaction that stopped half-way */
    MIGRATE_REVERTING, /* the same on the way back */
};

struct migrate_row {
    unsigned number;
    const char *name, *checksum;
    enum migrate_state state;
    unsigned statements_done; /* of a file that stopped half-way */
    const char *applied_at;   /* RFC 3339 UTC */
    const char *applied_by;
};

struct migrate_log {
    struct migrate_row *rows; /* by number */
    size_t n;
};

/* Empty when the table is not there. Everything from the arena. */
bool migrate_log_read(struct migrate_log *out, struct arena *arena, struct pg_conn *c,
                      struct error *err);
const struct migrate_row *migrate_log_find(const struct migrate_log *log, unsigned number);

/* Makes schema and table where they are missing. */
bool migrate_log_create(struct pg_conn *c, struct error *err);

/* Writes the row, new or not. */
bool migrate_log_put(struct pg_conn *c, const struct migrate_row *row, struct error *err);

/* Removes the row. It is no error when the table itself is gone and `last` says that nothing else
 * was recorded in it. */
bool migrate_log_remove(struct pg_conn *c, unsigned number, bool last, struct error *err);

const char *migrate_state_name(enum migrate_state state);

#endif

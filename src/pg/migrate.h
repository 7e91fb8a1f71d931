/* Bringing a database's schema to a version, forward and back.
 *
 * For: `platen migrate`. What is to be run is read, cut and checked as a whole before the first
 * statement runs. Then, file by file in order: one transaction for each, its record in
 * platen.migration included; a file marked "-- platen: no-transaction" runs statement by statement,
 * is recorded as half-way while it runs, and is run from its start again when it stopped.
 * Statements wait at most 10 s for a lock in a transaction (a file may set lock_timeout itself), so
 * that a migration queues nobody behind it for long; otherwise there is no time limit. One session
 * at a time: an advisory lock, waited for. Not for: poolers in transaction mode (the lock and the
 * settings belong to a session).
 *
 * Order: a connection of its own; migrate_run() or migrate_list(); pg_conn_close().
 * Errors: the first failing statement as "FILE:LINE:COLUMN: ...", its first line, the server's
 * words, and what became of the file. Everything before it stays applied.
 */
#ifndef PG_MIGRATE_H
#define PG_MIGRATE_H

#include "pg/migrate_dir.h"
#include "pg/migrate_log.h"

enum migrate_direction { MIGRATE_UP, MIGRATE_DOWN };

struct migrate_options {
    const char *dir;
    enum migrate_direction direction;
    int64_t target;       /* up: apply up to this number, < 0: all. Down: until it is the newest */
    int64_t lock_wait_ms; /* for another migrate to end */
    bool dry_run;         /* say what would be run, change nothing */
};

enum migrate_event_kind {
    MIGRATE_EVENT_WAITING, /* for the lock: another platen migrates */
    MIGRATE_EVENT_START,   /* of a file; with dry_run the only event of it */
    MIGRATE_EVENT_DONE,
    MIGRATE_EVENT_WARNING,
};

struct migrate_event {
    enum migrate_event_kind kind;
    const struct migrate_script *script; /* NULL: about no file */
    const char *name;                    /* of the migration; NULL like the above */
    bool again;                          /* START: it stopped half-way before */
    int64_t ms;                          /* DONE: how long it took */
    const char *text;                    /* WARNING */
};

typedef void migrate_event_fn(void *payload, const struct migrate_event *event);

/* *count: files run (dry_run: that would be). */
bool migrate_run(struct pg_conn *c, const struct migrate_options *options, migrate_event_fn *event,
                 void *payload, unsigned *count, struct error *err);

/* One migration of folder or database. */
struct migrate_entry {
    unsigned number;
    const char *name;
    enum migrate_state state;
    bool changed;                  /* the file is not the one that was applied */
    bool missing;                  /* in the database, not in the folder */
    const struct migrate_row *row; /* NULL: pending */
};

typedef void migrate_entry_fn(void *payload, const struct migrate_entry *entry);

bool migrate_list(struct pg_conn *c, const char *dir, migrate_entry_fn *entry, void *payload,
                  struct error *err);

#endif

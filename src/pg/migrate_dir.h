/* A folder of migrations.
 *
 * For: finding NNNN_name.sql and NNNN_name.down.sql, numbered from 0001 without a gap, each with
 * its way back. Files that do not end in .sql are ignored.
 * Not for: what is in them (pg/migrate_script.h) or in the database (pg/migrate.h).
 *
 * Errors: ERROR_USAGE, naming the files: a number missing or there twice, a way back missing, a
 * name of another form.
 */
#ifndef PG_MIGRATE_DIR_H
#define PG_MIGRATE_DIR_H

#include "base/arena.h"
#include "base/error.h"
#include "pg/migrate_script.h"

#define MIGRATE_NUMBER_MAX 9999

struct migration {
    unsigned number;
    const char *name;         /* "0001_roles" */
    struct migrate_script up; /* read, with its checksum; not cut */
    const char *down;         /* path */
};

struct migrate_dir {
    const char *path;
    struct migration *items; /* items[i].number == i + 1 */
    size_t n;
};

/* Everything is allocated from the arena. */
bool migrate_dir_read(struct migrate_dir *out, struct arena *arena, const char *path,
                      struct error *err);

#endif

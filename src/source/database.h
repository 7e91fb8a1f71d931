/* The state of a snapshot in PostgreSQL. Not for anybody outside src/source/. */
#ifndef SOURCE_DATABASE_H
#define SOURCE_DATABASE_H

#include "pg/conn.h"
#include "source/driver.h"
#include "source/query.h"

struct database {
    struct source common;
    struct pg_conn *conn;
    struct query *queries;  /* one per page set */
    struct query *affected; /* one per page set: its NAME.affected.sql */
    struct arena snapshot;  /* what lasts as long as the transaction */
    bool open;              /* the transaction is */
    bool direct;            /* no pooler stands in between */
};

/* The path of a page set's query as messages should show it. */
const char *database_query_path(struct database *d, const struct config_page_set *set);

/* Adds what the server cannot know: which option of platen mends it. Always false. */
bool database_advice(const struct database *d, int64_t started, struct error *err);

/* How long the server may be silent from now on: briefly, while it is asked what takes no time, as
 * long as connecting may take. A connection may have died in silence. */
void database_set_wait(struct database *d, bool briefly);

/* The driver of source_catch_up(). */
bool standby_catch_up(struct source *s, const char *position, int64_t wait_ms, bool *behind,
                      struct error *err);

/* The drivers of source_mark(), source_covers(), source_misses() and source_affected(). */
bool changes_mark(struct source *s, struct arena *arena, struct source_mark *mark,
                  struct error *err);
bool changes_cover(struct source *s, const struct source_mark *since, struct arena *arena,
                   const char **why, struct error *err);
bool changes_miss(struct source *s, bool *misses, struct error *err);
bool changes_affected(struct source *s, size_t index, const struct source_mark *since,
                      struct arena *arena, struct source_scope *scope, struct error *err);

#endif

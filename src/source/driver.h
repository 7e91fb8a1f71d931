/* What a kind of source must be able to do. Not for anybody outside src/source/.
 *
 * A driver's struct begins with struct source. columns_of() fills s->columns[index]; it is called
 * before the first read() of that page set.
 */
#ifndef SOURCE_DRIVER_H
#define SOURCE_DRIVER_H

#include "source/source.h"

/* Who gets the rows. */
struct source_sink {
    source_arena_fn *arena;
    source_row_fn *row;
    source_bad_fn *bad;
    void *payload;
};

struct source_columns {
    const char **names;
    size_t n;
};

struct source {
    bool (*columns_of)(struct source *s, size_t index, struct error *err);
    bool (*read)(struct source *s, size_t index, const struct source_scope *scope,
                 const struct source_sink *to, struct error *err);
    void (*close)(struct source *s);
    /* NULL where there is no server: see source_again() and source_mark(). */
    bool (*begin)(struct source *s, struct error *err);
    bool (*end)(struct source *s, struct error *err);
    bool (*catch_up)(struct source *s, const char *position, int64_t wait_ms, bool *behind,
                     struct error *err);
    bool (*mark)(struct source *s, struct arena *arena, struct source_mark *mark,
                 struct error *err);
    bool (*covers)(struct source *s, const struct source_mark *since, struct arena *arena,
                   const char **why, struct error *err);
    bool (*misses)(struct source *s, bool *misses, struct error *err);
    bool (*affected)(struct source *s, size_t index, const struct source_mark *since,
                     struct arena *arena, struct source_scope *scope, struct error *err);
    const struct config *cfg;
    const struct symtab *st;
    struct source_info info;
    struct source_columns *columns; /* one per page set; names NULL: not asked yet */
    struct arena arena;             /* lives as long as the source */
};

bool source_database_open(struct source **out, const struct config *cfg, const struct symtab *st,
                          struct error *err);
bool source_file_open(struct source **out, const struct config *cfg, const struct symtab *st,
                      struct error *err);

/* Common beginning and end of a driver's struct of `size` bytes. */
struct source *source_new(size_t size, const struct config *cfg, const struct symtab *st);
void source_free(struct source *s);

#endif

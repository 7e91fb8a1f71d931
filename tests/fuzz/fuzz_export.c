/* Any bytes as an exported file: good rows keep what source.h promises, bad ones say why, and what
 * was read can be written and read again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct reader {
    struct arena arena;
    size_t columns;
    uint64_t rows;
};

static struct arena *next_arena(void *payload)
{
    struct reader *r = payload;
    arena_reset(&r->arena);
    return &r->arena;
}

static void write_and_read(const struct json_value *data)
{
    struct arena arena;
    struct json_value line;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    arena_init(&arena);
    export_row(&once, "a", 1, data);
    HOLDS(json_parse(&arena, NULL, once.buf, once.len, &JSON_LIMITS_DEFAULT, &line, &err));
    export_row(&twice, "a", 1, json_gets(&line, "row"));
    HOLDS(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
    strbuf_release(&once);
    strbuf_release(&twice);
    arena_release(&arena);
}

static bool take_row(void *payload, struct source_row *row, struct error *err)
{
    struct reader *r = payload;
    (void)err;
    HOLDS(row->key != NULL && row->key[0] != '\0');
    HOLDS(row->locale != NULL && row->locale[0] != '\0');
    HOLDS(row->updated_at == NULL || strlen(row->updated_at) == strlen("2026-01-02T03:04:05Z"));
    HOLDS(row->data.type == JSON_OBJECT && row->data.len == r->columns);
    HOLDS(row->number == ++r->rows);
    write_and_read(&row->data);
    return true;
}

static bool take_bad(void *payload, const struct source_row *row, const struct error *problem)
{
    struct reader *r = payload;
    HOLDS(row->number == ++r->rows);
    HOLDS(problem->kind == ERROR_CONTENT && problem->text[0] != '\0');
    return true;
}

static void read_all(struct source *s, const struct config *cfg)
{
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < cfg->n_sets; i++) {
        struct reader r = {0};
        const char *const *names;
        arena_init(&r.arena);
        bool ok = source_columns(s, i, &names, &r.columns, &err) &&
                  source_read(s, i, NULL, next_arena, take_row, take_bad, &r, &err);
        HOLDS(ok || err.text[0] != '\0');
        arena_release(&r.arena);
        if (!ok)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_page_set sets[] = {{.name = "a"}, {.name = "b"}};
    struct config cfg = {.sets = sets, .n_sets = 2, .source_is_file = true, .max_row_bytes = 4096};
    struct source *s = NULL;
    struct error err = ERROR_INIT;
    char path[64];
    int fd = memfd_create("export", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    cfg.source = path;
    if (source_open(&s, &cfg, NULL, &err))
        read_all(s, &cfg);
    else
        HOLDS(err.text[0] != '\0');
    source_close(s);
    close(fd);
    return 0;
}

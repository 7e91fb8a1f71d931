/* Any bytes as templates and data. The input is cut at NUL bytes: the template, the partials "p"
 * and "q", the data; what is missing is empty. Limits must hold, and one template prints the same
 * twice.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

struct piece {
    const char *text;
    size_t len;
};

static struct piece cut(const char **p, const char *end)
{
    const char *nul = *p < end ? memchr(*p, '\0', (size_t)(end - *p)) : NULL;
    struct piece piece = {*p, (size_t)((nul != NULL ? nul : end) - *p)};
    *p = nul != NULL ? nul + 1 : end;
    return piece;
}

static bool add(struct template_set *set, const char *file, struct piece piece)
{
    struct error err = ERROR_INIT;
    return template_set_add(set, file, piece.text, piece.len, &err);
}

static void execute(const struct template *t, const struct json_value *data)
{
    struct template_exec exec = {
        .stack = {data},
        .stack_len = 1,
        .parts = "",
        .limits = {.depth = 40, .operations = 20000, .output = 50000},
    };
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    struct error err = ERROR_INIT, again = ERROR_INIT;
    bool ok = template_execute(t, &exec, &once, &err);
    require(once.len <= exec.limits.output);
    require(ok || (err.kind == ERROR_CONTENT && err.text[0] != '\0'));
    require(ok == template_execute(t, &exec, &twice, &again));
    require(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
    require(strcmp(err.text, again.text) == 0);
    if (ok && once.len != 0) { /* exactly enough, and one byte too little */
        exec.limits.output = once.len;
        strbuf_reset(&twice);
        require(template_execute(t, &exec, &twice, &again));
        exec.limits.output = once.len - 1;
        strbuf_reset(&twice);
        require(!template_execute(t, &exec, &twice, &again));
    }
    strbuf_release(&once);
    strbuf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    struct piece main_text = cut(&p, end), partial = cut(&p, end), other = cut(&p, end);
    struct symtab st;
    symtab_init(&st);
    struct template_set *set = template_set_new(&st);
    struct arena arena;
    arena_init(&arena);
    struct json_value v;
    struct error err = ERROR_INIT;
    bool strict = size % 2 != 0;
    if (add(set, "main.html.mustache", main_text) && add(set, "p.html.mustache", partial) &&
        add(set, "q.txt.mustache", other) && template_set_compile(set, strict, &err)) {
        if (!json_parse(&arena, &st, p, (size_t)(end - p), NULL, &v, &err))
            v = json_strings("<&>");
        execute(template_find(set, "main", 4), &v);
    }
    arena_release(&arena);
    template_set_free(set);
    symtab_release(&st);
    return 0;
}

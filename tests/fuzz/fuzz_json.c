/* Any bytes as JSON: what is accepted must survive being written and read again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* Values of one document point into `text`; `text` has no byte to spare. */
static int round_trip(const struct symtab *st, const char *text, size_t len, struct strbuf *out)
{
    struct arena arena;
    arena_init(&arena);
    struct json_value v;
    struct error err = ERROR_INIT;
    int ok = json_parse(&arena, st, text, len, NULL, &v, &err);
    require(ok || (err.kind == ERROR_CONTENT && err.text[0] != '\0'));
    if (ok)
        json_write(out, &v);
    arena_release(&arena);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symtab st;
    symtab_init(&st);
    symtab_add(&st, "title", 5);
    symtab_add(&st, "a", 1);
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    if (round_trip(&st, (const char *)data, size, &once)) {
        require(utf8_valid_prefix(once.buf, once.len) == once.len);
        char *exact = malloc(once.len);
        memcpy(exact, once.buf, once.len);
        require(round_trip(NULL, exact, once.len, &twice));
        require(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
        free(exact);
    }
    strbuf_release(&once);
    strbuf_release(&twice);
    symtab_release(&st);
    return 0;
}

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "template/code.h"

struct template_set *template_set_new(struct symtab *symtab)
{
    struct template_set *set = mem_calloc(1, sizeof(*set));
    set->symtab = symtab;
    symtab_init(&set->blocks);
    map_init(&set->by_name);
    arena_init(&set->arena);
    return set;
}

void template_set_free(struct template_set *set)
{
    if (set == NULL)
        return;
    symtab_release(&set->blocks);
    map_release(&set->by_name);
    arena_release(&set->arena);
    free(set->all);
    free(set);
}

static bool strip_suffix(size_t *len, const char *file, const char *suffix)
{
    size_t n = strlen(suffix);
    if (*len <= n || memcmp(file + *len - n, suffix, n) != 0)
        return false;
    *len -= n;
    return true;
}

/* Length of the name in a file name, and whether its values are escaped; 0: no template's name. */
static size_t name_of(const char *file, bool *escape)
{
    size_t len = strlen(file);
    *escape = true;
    if (!strip_suffix(&len, file, ".mustache"))
        return 0;
    const char *slash = memrchr(file, '/', len);
    const char *last = slash != NULL ? slash + 1 : file;
    if (last == file + len || *last == '.')
        return 0;
    size_t name_len = len;
    if (!strip_suffix(&name_len, file, ".html"))
        *escape = !strip_suffix(&len, file, ".txt");
    return name_len;
}

bool template_set_add_as(struct template_set *set, const char *file, const char *shown,
                         const char *text, size_t len, struct error *err)
{
    bool escape;
    size_t name_len = name_of(file, &escape);
    if (name_len == 0)
        return error_set(err, ERROR_USAGE,
                         "%s: a template's file name ends in .html.mustache, "
                         ".txt.mustache or .mustache",
                         shown);
    if (len > TEMPLATE_BYTES_MAX)
        return error_set(err, ERROR_USAGE, "%s: %zu bytes; a template has at most %u", shown, len,
                         TEMPLATE_BYTES_MAX);
    if (set->n_all == TEMPLATE_COUNT_MAX)
        return error_set(err, ERROR_USAGE, "%s: more than %u templates", shown, TEMPLATE_COUNT_MAX);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark is no content */
        text += 3;
        len -= 3;
    }
    struct template *t = arena_calloc(&set->arena, 1, sizeof(*t));
    t->name = arena_strndup(&set->arena, file, name_len);
    t->name_len = name_len;
    t->file = arena_strdup(&set->arena, shown);
    t->text = arena_strndup(&set->arena, text, len);
    t->len = (uint32_t)len;
    t->escape = escape;
    t->set = set;
    size_t valid = utf8_valid_prefix(t->text, len);
    if (valid != len)
        return template_error(t, (uint32_t)valid, err, ERROR_USAGE, "invalid UTF-8");
    bool added;
    uint64_t *place = map_put(&set->by_name, t->name, name_len, &added);
    if (!added) {
        const struct template *other = (const struct template *)(uintptr_t)*place;
        return error_set(err, ERROR_USAGE, "%s: the template '%s' is also in %s; keep one of them",
                         shown, t->name, other->file);
    }
    *place = (uint64_t)(uintptr_t)t;
    MEM_GROW(set->all, set->n_all + 1, set->alloc_all);
    set->all[set->n_all++] = t;
    return true;
}

bool template_set_add(struct template_set *set, const char *file, const char *text, size_t len,
                      struct error *err)
{
    return template_set_add_as(set, file, file, text, len, err);
}

const struct template *template_find(const struct template_set *set, const char *name, size_t len)
{
    const uint64_t *place = map_get(&set->by_name, name, len);
    return place != NULL ? (const struct template *)(uintptr_t)*place : NULL;
}

static bool link_call(const struct template_set *set, const struct template *t,
                      struct op_call *call, struct error *err)
{
    if (call->dynamic)
        return true;
    call->target = template_find(set, call->name, call->name_len);
    if (call->target != NULL || !set->strict)
        return true;
    return template_error(t, call->pos, err, ERROR_USAGE, "there is no template '%.*s'",
                          (int)call->name_len, call->name);
}

/* Errors are gathered, so that an author sees them all at once. */
static void gather(struct strbuf *all, unsigned *count, const struct error *err)
{
    if (++*count <= TEMPLATE_ERRORS_MAX)
        strbuf_addf(all, "%s%s", *count == 1 ? "" : "\n", err->text);
}

bool template_set_compile(struct template_set *set, bool strict, struct error *err)
{
    struct strbuf errors = STRBUF_INIT;
    unsigned count = 0;
    struct error one = ERROR_INIT;
    set->strict = strict;
    for (size_t i = 0; i < set->n_all; i++)
        if (!set->all[i]->compiled && !template_compile(set, set->all[i], &one))
            gather(&errors, &count, &one);
    for (size_t i = 0; i < set->n_all; i++)
        for (struct op_call *call = set->all[i]->calls; call != NULL; call = call->previous)
            if (!link_call(set, set->all[i], call, &one))
                gather(&errors, &count, &one);
    if (count > TEMPLATE_ERRORS_MAX)
        strbuf_addf(&errors, "\nand %u more", count - TEMPLATE_ERRORS_MAX);
    if (count != 0)
        error_set(err, ERROR_USAGE, "%s", errors.buf);
    strbuf_release(&errors);
    return count == 0;
}

/* platen render: one template and one JSON file to standard output. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "template/template.h"

struct request {
    const char *dir, *name, *data;
    struct strbuf parts; /* with '/' behind it, or empty */
    bool strict;
};

static bool read_all(int fd, struct strbuf *text, struct error *err)
{
    for (;;) {
        if (!strbuf_reserve(text, 65536))
            return error_set(err, ERROR_CONTENT, "more than %zu bytes", text->cap - 65536);
        ssize_t n = read(fd, text->buf + text->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot read");
        if (n == 0)
            return true;
        strbuf_setlen(text, text->len + (size_t)n);
    }
}

static bool read_data(const char *file, struct strbuf *text, struct error *err)
{
    if (strcmp(file, "-") == 0)
        return read_all(STDIN_FILENO, text, err);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot open");
    bool ok = read_all(fd, text, err);
    close(fd);
    return ok;
}

static bool write_all(int fd, const char *p, size_t len, struct error *err)
{
    while (len != 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot write to standard output");
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool load(const struct request *rq, struct template_set *set, const struct template **t,
                 struct error *err)
{
    if (!template_set_load_dir(set, rq->dir, err) || !template_set_compile(set, rq->strict, err))
        return false;
    *t = template_find(set, rq->name, strlen(rq->name));
    if (*t == NULL)
        return error_set(err, ERROR_USAGE,
                         "there is no template %s/%s.html.mustache, nor %s/%s.mustache", rq->dir,
                         rq->name, rq->dir, rq->name);
    return true;
}

/* Templates first: the JSON reader must know the names they use. */
static bool render(const struct request *rq, struct template_set *set, const struct symtab *st,
                   struct strbuf *out, struct error *err)
{
    const struct template *t;
    if (!load(rq, set, &t, err))
        return false;
    struct arena arena;
    arena_init(&arena);
    struct strbuf text;
    strbuf_init(&text, JSON_LIMITS_DEFAULT.bytes + 65536);
    struct json_value data;
    bool ok = read_data(rq->data, &text, err) &&
              json_parse(&arena, st, text.buf, text.len, NULL, &data, err);
    if (!ok)
        error_context(err, "%s", strcmp(rq->data, "-") == 0 ? "standard input" : rq->data);
    struct template_exec exec = {
        .stack_len = 1, .parts = rq->parts.buf, .limits = TEMPLATE_LIMITS_DEFAULT};
    exec.stack[0] = &data;
    ok = ok && template_execute(t, &exec, out, err);
    strbuf_release(&text);
    arena_release(&arena);
    return ok;
}

static bool take_arguments(const struct options *o, struct request *rq, struct error *err)
{
    rq->dir = o->operands[0];
    rq->name = o->operands[1];
    rq->data = o->operands[2];
    rq->strict = o->strict;
    if (rq->name[0] == '/' || strstr(rq->name, "..") != NULL)
        return error_set(err, ERROR_USAGE, "NAME must stay inside of TEMPLATE_DIR");
    if (o->parts != NULL)
        strbuf_addf(&rq->parts, "%s%s", o->parts, o->parts[strlen(o->parts) - 1] == '/' ? "" : "/");
    return true;
}

int cmd_render(int argc, char **argv)
{
    struct options o;
    struct error err = ERROR_INIT;
    struct request rq = {.parts = STRBUF_INIT};
    struct strbuf out = STRBUF_INIT;
    struct symtab st;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    symtab_init(&st);
    struct template_set *set = template_set_new(&st);
    bool ok = take_arguments(&o, &rq, &err) && render(&rq, set, &st, &out, &err) &&
              write_all(STDOUT_FILENO, out.buf, out.len, &err);
    if (!ok)
        code = say_error(&err);
    template_set_free(set);
    symtab_release(&st);
    strbuf_release(&out);
    strbuf_release(&rq.parts);
    return code;
}

/* platen render: one template and one JSON file to standard output. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
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

static bool read_request(const struct options *o, struct request *rq, struct error *err)
{
    *rq = (struct request){.dir = o->operands[0],
                           .name = o->operands[1],
                           .data = o->operands[2],
                           .parts = STRBUF_INIT,
                           .strict = o->strict};
    if (o->parts != NULL && o->parts[0] != '\0')
        strbuf_addf(&rq->parts, "%s%s", o->parts, o->parts[strlen(o->parts) - 1] == '/' ? "" : "/");
    if (rq->name[0] == '/' || strstr(rq->name, "..") != NULL)
        return error_set(err, ERROR_USAGE, "NAME '%s' must stay inside of TEMPLATE_DIR", rq->name);
    return true;
}

int cmd_render(int argc, char **argv)
{
    struct options o;
    struct request rq;
    struct error err = ERROR_INIT;
    struct strbuf out = STRBUF_INIT;
    struct symtab st;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    symtab_init(&st);
    struct template_set *set = template_set_new(&st);
    bool ok = read_request(&o, &rq, &err) && render(&rq, set, &st, &out, &err) &&
              file_write_all(STDOUT_FILENO, "standard output", out.buf, out.len, &err);
    code = ok ? CMD_DONE : say_error(&err);
    template_set_free(set);
    symtab_release(&st);
    strbuf_release(&out);
    strbuf_release(&rq.parts);
    return code;
}

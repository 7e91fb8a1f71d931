/* platen render: one template and one JSON file to standard output. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"
#include "template/template.h"

static const char help[] =
    "Usage: platen render [OPTION]... TEMPLATE_DIR NAME DATA\n"
    "\n"
    "Prints TEMPLATE_DIR/NAME.html.mustache (or NAME.mustache) with the data of the\n"
    "JSON file DATA, \"-\" for standard input, to standard output. DATA may be any JSON\n"
    "value. Partials and parents are found in TEMPLATE_DIR.\n"
    "\n"
    "  --parts FOLDER  where dynamic names ({{>*name}}) pick from; default: TEMPLATE_DIR\n"
    "  --strict        a template that is named and missing is an error, not empty\n"
    "  --help          print this text\n"
    "\n"
    "Exit code: 0 printed, 1 the data or the output failed, 2 usage or a wrong template.\n";

struct request {
    const char *dir, *name, *data;
    struct strbuf parts; /* with '/' behind it, or empty */
    bool strict;
};

static bool usage(struct error *err, const char *what)
{
    return error_set(err, ERROR_USAGE, "%s; see 'platen render --help'", what);
}

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

/* false with err->kind ERROR_NONE: --help was printed. */
static bool parse_arguments(int argc, char **argv, struct request *rq, struct error *err)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"parts", required_argument, NULL, 'p'},
        {"strict", no_argument, NULL, 's'},
        {0},
    };
    optind = 0;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (c) {
        case 'h':
            if (fputs(help, stdout) < 0 || fflush(stdout) != 0)
                error_errno(err, "cannot write to standard output");
            return false;
        case 'p':
            strbuf_reset(&rq->parts);
            strbuf_addf(&rq->parts, "%s%s", optarg,
                        optarg[0] == '\0' || optarg[strlen(optarg) - 1] == '/' ? "" : "/");
            break;
        case 's':
            rq->strict = true;
            break;
        case ':':
            return error_set(err, ERROR_USAGE, "%s needs a value; see 'platen render --help'",
                             argv[optind - 1]);
        default:
            return error_set(err, ERROR_USAGE, "unknown option %s; see 'platen render --help'",
                             argv[optind - 1]);
        }
    }
    if (argc - optind != 3)
        return usage(err, "TEMPLATE_DIR, NAME and DATA are needed");
    rq->dir = argv[optind];
    rq->name = argv[optind + 1];
    rq->data = argv[optind + 2];
    if (rq->name[0] == '/' || strstr(rq->name, "..") != NULL)
        return usage(err, "NAME must stay inside of TEMPLATE_DIR");
    return true;
}

int cmd_render(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct request rq = {.parts = STRBUF_INIT};
    struct strbuf out = STRBUF_INIT;
    struct symtab st;
    symtab_init(&st);
    struct template_set *set = template_set_new(&st);
    bool ok = parse_arguments(argc, argv, &rq, &err) && render(&rq, set, &st, &out, &err) &&
              write_all(STDOUT_FILENO, out.buf, out.len, &err);
    if (!ok && err.kind != ERROR_NONE)
        fprintf(stderr, "platen render: %s\n", err.text);
    template_set_free(set);
    symtab_release(&st);
    strbuf_release(&out);
    strbuf_release(&rq.parts);
    if (ok || err.kind == ERROR_NONE)
        return 0;
    return err.kind == ERROR_USAGE ? 2 : 1;
}

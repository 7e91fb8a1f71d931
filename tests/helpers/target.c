/* Drives upload/target.h and upload/http.h for the integration tests.
 *
 *   target [OPTION VALUE]... COMMAND [ARGUMENT]...
 *
 *   --folder DIR, or --bucket NAME --prefix P --endpoint URL --region R --style path|host
 *   --concurrency N --connect MS --stall MS --give-up MS --ca FILE
 *   --none-match yes|no --match quoted|bare|none
 *   --type T --encoding E --cache C --meta NAME VALUE --identity HEX    of what is put
 *
 *   put-many         lines of standard input, "KEY<tab>FILE<tab>CONDITION": -, new, or an ETag
 *   put-tree DIR     every regular file directly in it, by its name
 *   get KEY [ETAG]   the body to standard output; what was found to standard error
 *   head KEY
 *   delete           keys are lines of standard input
 *   list PREFIX      "KEY<tab>ETAG<tab>SIZE"
 *   fetch URL        one GET by upload/http.h: "STATUS<tab>ATTEMPTS", then the body
 *
 * What is told goes out as "OUTCOME<tab>KEY<tab>ETAG or reason". Exit status 1 and the error on
 * standard error when the target cannot be worked with. Ends with "requests N" on standard error.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "upload/http.h"
#include "upload/target.h"

#define LINES_MAX ((size_t)64 << 20)
#define METAS_MAX 8

struct setting {
    const char *folder;
    struct target_s3 s3;
    struct target_options options;
    struct target_conditions conditions;
    struct target_headers headers;
    struct target_meta meta[METAS_MAX];
    const char *identity;
};

static const char *const outcomes[] = {"DONE", "MISSING", "CONFLICT", "FAILED"};

static int usage(const char *what)
{
    fprintf(stderr, "target: %s\n", what);
    return 2;
}

static bool set_number(struct setting *s, const char *name, const char *value)
{
    int64_t n = strtoll(value, NULL, 10);
    if (strcmp(name, "--concurrency") == 0)
        s->options.concurrency = (unsigned)n;
    else if (strcmp(name, "--connect") == 0)
        s->options.connect_timeout_ms = n;
    else if (strcmp(name, "--stall") == 0)
        s->options.stall_ms = n;
    else if (strcmp(name, "--give-up") == 0)
        s->options.give_up_ms = n;
    else
        return false;
    return true;
}

static bool set_text(struct setting *s, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **to;
    } texts[] = {{"--folder", &s->folder},
                 {"--bucket", &s->s3.bucket},
                 {"--prefix", &s->s3.prefix},
                 {"--endpoint", &s->s3.endpoint},
                 {"--region", &s->s3.region},
                 {"--ca", &s->options.ca_file},
                 {"--identity", &s->identity},
                 {"--type", &s->headers.content_type},
                 {"--encoding", &s->headers.content_encoding},
                 {"--cache", &s->headers.cache_control}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].to = value;
            return true;
        }
    return false;
}

static bool set_option(struct setting *s, const char *name, const char *value)
{
    if (set_text(s, name, value) || set_number(s, name, value))
        return true;
    if (strcmp(name, "--style") == 0)
        s->s3.path_style = strcmp(value, "path") == 0;
    else if (strcmp(name, "--none-match") == 0)
        s->conditions.none_match = strcmp(value, "yes") == 0;
    else if (strcmp(name, "--match") == 0)
        s->conditions.match = strcmp(value, "quoted") == 0 ? TARGET_MATCH_QUOTED
                              : strcmp(value, "bare") == 0 ? TARGET_MATCH_BARE
                                                           : TARGET_MATCH_NONE;
    else
        return false;
    return true;
}

/* ---- put ---- */

struct piece {
    struct target_object object;
    struct strbuf body;
    struct piece *next;
};

struct puts {
    const struct setting *setting;
    DIR *dir; /* or NULL: lines */
    int dirfd;
    char *line;
    bool quiet;
    size_t done, failed;
    struct piece *idle;
};

static bool put_line(struct puts *p, char **key, const char **file, const char **condition)
{
    if (*p->line == '\0')
        return false;
    char *end = p->line + strcspn(p->line, "\n");
    char *tab1 = strchr(p->line, '\t'), *tab2 = tab1 != NULL ? strchr(tab1 + 1, '\t') : NULL;
    if (tab2 == NULL)
        return false;
    *key = p->line;
    *file = tab1 + 1;
    *condition = tab2 + 1;
    p->line = *end == '\n' ? end + 1 : end;
    *tab1 = *tab2 = *end = '\0';
    return true;
}

static bool put_entry(struct puts *p, char **key, const char **file, const char **condition)
{
    for (struct dirent *e; (e = readdir(p->dir)) != NULL;)
        if (e->d_type == DT_REG) {
            *file = *key = e->d_name;
            *condition = "-";
            return true;
        }
    return false;
}

static bool next(void *payload, struct target_object **object)
{
    struct puts *p = payload;
    struct error err = ERROR_INIT;
    char *key;
    const char *file, *condition;
    if (!(p->dir != NULL ? put_entry : put_line)(p, &key, &file, &condition))
        return false;
    struct piece *piece = p->idle;
    if (piece != NULL)
        p->idle = piece->next;
    else
        *(piece = mem_calloc(1, sizeof(*piece))) = (struct piece){.body = STRBUF_INIT};
    strbuf_reset(&piece->body);
    if (!file_read(p->dirfd, file, STRBUF_CAP_DEFAULT, &piece->body, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    free((void *)(uintptr_t)piece->object.key);
    free((void *)(uintptr_t)piece->object.etag);
    piece->object =
        (struct target_object){.key = mem_strdup(key),
                               .body = piece->body.buf,
                               .len = piece->body.len,
                               .identity = p->setting->identity,
                               .headers = &p->setting->headers,
                               .condition = strcmp(condition, "-") == 0     ? TARGET_ALWAYS
                                            : strcmp(condition, "new") == 0 ? TARGET_IF_NEW
                                                                            : TARGET_IF_SAME,
                               .etag = mem_strdup(condition),
                               .payload = piece};
    *object = &piece->object;
    return true;
}

static bool done(void *payload, struct target_object *object, enum target_outcome outcome,
                 const char *etag, const struct error *why)
{
    struct puts *p = payload;
    struct piece *piece = object->payload;
    if (!p->quiet || outcome != TARGET_DONE)
        printf("%s\t%s\t%s\n", outcomes[outcome], object->key,
               outcome == TARGET_DONE     ? etag
               : outcome == TARGET_FAILED ? why->text
                                          : "");
    p->done += outcome == TARGET_DONE;
    p->failed += outcome == TARGET_FAILED;
    piece->next = p->idle;
    p->idle = piece;
    return true;
}

static bool put_all(struct target *t, struct puts *p, struct error *err)
{
    bool ok = target_put_many(t, next, done, p, err);
    for (struct piece *piece; (piece = p->idle) != NULL;) {
        p->idle = piece->next;
        free((void *)(uintptr_t)piece->object.key);
        free((void *)(uintptr_t)piece->object.etag);
        strbuf_release(&piece->body);
        free(piece);
    }
    printf("%zu done, %zu failed\n", p->done, p->failed);
    return ok;
}

static void read_input(struct strbuf *text)
{
    char chunk[4096];
    strbuf_init(text, LINES_MAX);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), stdin)) > 0;)
        strbuf_add(text, chunk, n);
    strbuf_addch(text, '\0');
}

static bool put_many(struct target *t, const struct setting *s, struct error *err)
{
    struct strbuf text;
    read_input(&text);
    struct puts p = {.setting = s, .dirfd = AT_FDCWD, .line = text.buf};
    bool ok = put_all(t, &p, err);
    strbuf_release(&text);
    return ok;
}

static bool put_tree(struct target *t, const struct setting *s, const char *dir, struct error *err)
{
    struct puts p = {.setting = s, .dir = opendir(dir), .quiet = true};
    if (p.dir == NULL)
        return error_errno(err, "%s", dir);
    p.dirfd = dirfd(p.dir);
    bool ok = put_all(t, &p, err);
    closedir(p.dir);
    return ok;
}

/* ---- the others ---- */

static bool get(struct target *t, const char *key, const char *etag, struct error *err)
{
    struct target_found found;
    enum target_outcome outcome;
    struct strbuf body = STRBUF_INIT;
    bool unchanged;
    bool ok = target_get(t, key, (size_t)1 << 20, etag, &body, &found, &unchanged, &outcome, err);
    if (ok)
        fprintf(stderr, "%s\t%s\t%s\t%s\t%llu\n", unchanged ? "UNCHANGED" : outcomes[outcome], key,
                found.etag, found.identity, (unsigned long long)found.size);
    fwrite(body.buf, 1, body.len, stdout);
    strbuf_release(&body);
    return ok;
}

static bool head(struct target *t, const char *key, struct error *err)
{
    struct target_found found;
    enum target_outcome outcome;
    if (!target_head(t, key, &found, &outcome, err))
        return false;
    printf("%s\t%s\t%s\t%s\t%llu\n", outcomes[outcome], key, found.etag, found.identity,
           (unsigned long long)found.size);
    return true;
}

static bool delete (struct target *t, struct error *err)
{
    struct strbuf text;
    const char **keys = NULL;
    size_t n = 0, alloc = 0;
    read_input(&text);
    for (char *line = text.buf; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        MEM_GROW(keys, n + 1, alloc);
        keys[n++] = line;
        line = *end == '\n' ? end + 1 : end;
        *end = '\0';
    }
    bool ok = target_delete(t, keys, n, err);
    free(keys);
    strbuf_release(&text);
    return ok;
}

static bool take(void *payload, const char *key, const char *etag, uint64_t size)
{
    (void)payload;
    printf("%s\t%s\t%llu\n", key, etag, (unsigned long long)size);
    return true;
}

static int fetch(const struct setting *s, const char *url)
{
    struct error err = ERROR_INIT;
    struct http_options options = {.concurrency = 1,
                                   .connect_timeout_ms = s->options.connect_timeout_ms,
                                   .stall_ms = s->options.stall_ms,
                                   .give_up_ms = s->options.give_up_ms,
                                   .ca_file = s->options.ca_file};
    struct http_request r = {.method = "GET", .url = url, .answer_max = (size_t)1 << 20};
    struct http_answer a;
    struct http *h = http_new(&options, &err);
    bool ok = h != NULL && http_one(h, &r, &a, &err);
    if (h != NULL) {
        printf("%ld\t%u\n%s", a.status, a.attempts, a.body.buf);
        http_answer_release(&a);
    }
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    http_free(h);
    return ok ? 0 : 1;
}

static int run(const struct setting *s, const char *command, char **argv, struct error *err)
{
    struct target *t = s->folder != NULL ? target_open_folder(s->folder, &s->options, err)
                                         : target_open_s3(&s->s3, &s->options, err);
    bool ok = false, known = true;
    if (t == NULL)
        return 1;
    target_set_conditions(t, s->conditions);
    if (strcmp(command, "put-many") == 0)
        ok = put_many(t, s, err);
    else if (strcmp(command, "delete") == 0)
        ok = delete (t, err);
    else if (argv[0] == NULL)
        known = false;
    else if (strcmp(command, "put-tree") == 0)
        ok = put_tree(t, s, argv[0], err);
    else if (strcmp(command, "get") == 0)
        ok = get(t, argv[0], argv[1], err);
    else if (strcmp(command, "head") == 0)
        ok = head(t, argv[0], err);
    else if (strcmp(command, "list") == 0)
        ok = target_list(t, argv[0], take, NULL, err);
    else
        known = false;
    fprintf(stderr, "requests %llu\n", (unsigned long long)target_requests(t));
    target_close(t);
    return !known ? usage("no such command") : ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct setting s = {.s3 = {.prefix = "", .path_style = true},
                        .options = {.concurrency = 8, .give_up_ms = 10000},
                        .conditions = {true, TARGET_MATCH_BARE}};
    struct error err = ERROR_INIT;
    int i = 1;
    s.headers.meta = s.meta;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--meta") == 0 && i + 2 < argc && s.headers.n_meta < METAS_MAX) {
            s.meta[s.headers.n_meta++] = (struct target_meta){argv[i + 1], argv[i + 2]};
            i++;
        } else if (!set_option(&s, argv[i], argv[i + 1])) {
            return usage(argv[i]);
        }
    }
    if (i >= argc)
        return usage("no command");
    if (strcmp(argv[i], "fetch") == 0 && i + 1 < argc)
        return fetch(&s, argv[i + 1]);
    int code = run(&s, argv[i], argv + i + 1, &err);
    if (err.text[0] != '\0')
        fprintf(stderr, "%s\n", err.text);
    return code;
}

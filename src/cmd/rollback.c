/* platen rollback: an earlier release again, or which there are. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/result.h"
#include "cmd/say.h"
#include "cmd/uploading.h"
#include "press/rollback.h"
#include "store/release.h"

/* --- the list --------------------------------------------------------------------------------- */

struct listing {
    const struct options *o;
    struct store store;
    struct release_list releases;
    struct pin pin;
    struct strbuf json;
    uint64_t current; /* the newest that can be read */
    size_t shown;
};

static void show_json(struct listing *l, const struct manifest *m, uint64_t bytes)
{
    struct strbuf *sb = &l->json;
    strbuf_addf(sb, "%s{\"generation\":%" PRIu64 ",", l->shown > 0 ? "," : "", m->generation);
    result_add_text(sb, "created", m->created);
    strbuf_addf(sb, ",\"files\":%zu,\"bytes\":%" PRIu64 ",", m->n_files, bytes);
    result_add_text(sb, "content", m->content);
    strbuf_addf(sb, ",\"current\":%s,\"pinned\":%s}",
                m->generation == l->current ? "true" : "false",
                m->generation == l->pin.generation ? "true" : "false");
}

static void show_text(const struct listing *l, const struct manifest *m, uint64_t bytes)
{
    char created[32], content[32];
    snprintf(created, sizeof(created), "%.24s", m->created);
    snprintf(content, sizeof(content), "%.12s", m->content);
    result_flatten(created);
    result_flatten(content);
    if (l->shown == 0)
        printf("release  %-20s    files          bytes  content\n", "time");
    printf("%7" PRIu64 "  %-20s %8zu %14" PRIu64 "  %-12s%s%s\n", m->generation, created,
           m->n_files, bytes, content, m->generation == l->current ? "  current" : "",
           m->generation == l->pin.generation ? "  pinned" : "");
}

/* What is on the disk: each file with its twin. */
static uint64_t count_bytes(const struct manifest *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->n_files; i++)
        bytes += (uint64_t)m->files[i].size + m->files[i].gz_size;
    return bytes;
}

/* Newest first. The folder is not locked: what goes meanwhile is left out. */
static void list_one(struct listing *l, uint64_t generation)
{
    struct manifest m;
    struct error err = ERROR_INIT;
    manifest_init(&m);
    errno = 0;
    if (release_read(&l->store, generation, &m, &err)) {
        if (l->current == 0)
            l->current = generation;
        if (l->o->json)
            show_json(l, &m, count_bytes(&m));
        else
            show_text(l, &m, count_bytes(&m));
        l->shown++;
    } else if (errno != ENOENT) {
        say_warning("%s", err.text);
    }
    manifest_release(&m);
}

static void print_list(struct listing *l)
{
    strbuf_addstr(&l->json, "{\"exit\":0,\"releases\":[");
    for (size_t i = l->releases.n_manifests; i-- > 0;)
        list_one(l, l->releases.manifests[i]);
    strbuf_addch(&l->json, ']');
    result_add_pin(&l->json, &l->pin);
    strbuf_addstr(&l->json, "}");
    if (l->o->json)
        puts(l->json.buf);
    else if (l->shown == 0 && !l->o->quiet)
        say_note("%s: there is no release yet", l->store.out);
    if (l->pin.generation != 0 && !l->o->json && !l->o->quiet)
        result_say_pinned(&l->pin);
}

static int list(const struct config *c, const struct options *o)
{
    struct listing l = {.o = o, .json = STRBUF_INIT};
    struct error err = ERROR_INIT;
    if (!store_open(&l.store, c->out, true, &err))
        return say_error(&err);
    if (!pin_read(&l.store, &l.pin, &err)) {
        say_warning("%s", err.text);
        error_clear(&err);
    }
    int code = CMD_DONE;
    if (release_list(&l.store, &l.releases, &err)) {
        print_list(&l);
        code = result_flush(CMD_DONE);
    } else {
        code = say_error(&err);
    }
    release_list_free(&l.releases);
    strbuf_release(&l.json);
    store_close(&l.store);
    return code;
}

/* --- going back ------------------------------------------------------------------------------- */

static void print_json(const struct press_result *r, const struct rollback *b,
                       const struct uploading *u, const struct options *o)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb,
                "{\"exit\":%d,\"dry_run\":%s,\"released\":%s,\"generation\":%" PRIu64
                ",\"rolled_back_to\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"files\":%" PRIu64
                ",\"added\":%" PRIu64 ",\"changed\":%" PRIu64 ",\"removed\":%" PRIu64
                ",\"bytes_written\":%" PRIu64 ",\"seconds\":%.3f,",
                u->code, o->dry_run ? "true" : "false", r->released ? "true" : "false",
                r->generation, b->generation, r->pages, r->files, r->added, r->changed, r->removed,
                r->bytes_written, r->seconds);
    result_add_text(&sb, "content", r->content);
    result_add_changes(&sb, r);
    result_add_pin(&sb, o->dry_run ? NULL : r->pin);
    strbuf_addstr(&sb, ",\"upload\":");
    uploading_add_json(&sb, u, o->dry_run);
    strbuf_addstr(&sb, "}");
    puts(sb.buf);
    strbuf_release(&sb);
}

static void print_summary(const struct press_result *r, const struct rollback *b,
                          const struct options *o)
{
    if (o->dry_run)
        printf("back to release %" PRIu64 ": would add %" PRIu64 ", change %" PRIu64
               ", remove %" PRIu64 " files (dry run: nothing was written); %.3f s\n",
               b->generation, r->added, r->changed, r->removed, r->seconds);
    else
        printf("release %" PRIu64 " repeats release %" PRIu64 ": %" PRIu64 " added, %" PRIu64
               " changed, %" PRIu64 " removed; %" PRIu64 " pages, %" PRIu64 " files; %.3f s\n"
               "pinned: nothing but tombstones is printed until 'platen unpin'\n",
               r->generation, b->generation, r->added, r->changed, r->removed, r->pages, r->files,
               r->seconds);
}

static int report(const struct press_result *r, const struct rollback *b, const struct config *c,
                  const struct options *o)
{
    struct uploading u;
    bool words = !o->json && !o->quiet;
    if (r->warning != NULL)
        say_warning("%s", r->warning);
    if (words && (o->dry_run || o->verbose))
        result_print_changes(r);
    if (words)
        print_summary(r, b, o);
    fflush(stdout);
    uploading_follow(&u, c, o, false);
    if (o->json)
        print_json(r, b, &u, o);
    else if (words)
        uploading_print(&u, o);
    int code = result_flush(u.code);
    uploading_release(&u);
    return code;
}

/* GENERATION is a number as the list has it. */
static bool take_generation(const struct options *o, uint64_t *generation, struct error *err)
{
    const char *text = o->n_operands > 0 ? o->operands[0] : "";
    char *end;
    *generation = 0;
    if (o->n_operands == 0)
        return true;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '1' || text[0] > '9')
        return error_set(err, ERROR_USAGE,
                         "'%s' is no release: a number, as 'platen rollback --list' shows them",
                         text);
    *generation = n;
    return true;
}

static int run(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    struct press_result result;
    struct rollback b = {.reason = o->reason};
    struct press_options options = {.dry_run = o->dry_run};
    if (!take_generation(o, &b.generation, &err))
        return say_error(&err);
    if (o->list)
        return list(c, o);
    bool ok = press_rollback(c, &options, &b, &result, &err);
    int code = ok ? report(&result, &b, c, o) : say_error(&err);
    press_result_release(&result);
    return code;
}

int cmd_rollback(int argc, char **argv)
{
    return options_run(argc, argv, run);
}

/* platen build: look once, print to out/. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/utf8.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/result.h"
#include "cmd/say.h"
#include "cmd/uploading.h"
#include "press/press.h"

#define KEY_SHOWN 80

static const char *const action_names[] = {"held", "omitted", "kept"};

/* --- progress, on a terminal only ------------------------------------------------------------- */

struct meter {
    struct timespec shown;
    bool any;
};

static bool is_due(struct meter *m)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since =
        (double)(now.tv_sec - m->shown.tv_sec) + (double)(now.tv_nsec - m->shown.tv_nsec) / 1e9;
    if (since < 0.1)
        return false;
    m->shown = now;
    return true;
}

static void show_progress(void *payload, const char *step, uint64_t done, uint64_t total)
{
    struct meter *m = payload;
    if (done == 0 || !is_due(m))
        return;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s %" PRIu64 " of %" PRIu64 " files (%d %%)", step, done, total,
                (int)(done * 100 / total));
    else
        fprintf(stderr, "\r\033[K%s: %" PRIu64 " rows", step, done);
    m->any = true;
}

static void clear_progress(const struct meter *m)
{
    if (m->any)
        fputs("\r\033[K", stderr);
}

/* --- words ------------------------------------------------------------------------------------ */

static void say_problem(const struct press_problem *p)
{
    struct strbuf sb = STRBUF_INIT;
    size_t len = strlen(p->key),
           shown = utf8_valid_prefix(p->key, len < KEY_SHOWN ? len : KEY_SHOWN);
    strbuf_addf(&sb, "%s: ", action_names[p->action]);
    if (p->set[0] != '\0')
        strbuf_addf(&sb, "page set '%s'", p->set);
    if (p->locale[0] != '\0')
        strbuf_addf(&sb, ", locale %s", p->locale);
    if (p->key[0] != '\0')
        strbuf_addf(&sb, ", key '%.*s%s'", (int)shown, p->key, shown < len ? "..." : "");
    strbuf_addf(&sb, "%s%s", p->set[0] != '\0' ? ": " : "", p->text);
    result_flatten(sb.buf);
    say_warning("%s", sb.buf);
    strbuf_release(&sb);
}

static void say_problems(const struct press_result *r, const struct options *o)
{
    for (size_t i = 0; i < r->n_problems; i++)
        say_problem(&r->problems[i]);
    if (r->more_problems > 0)
        say_warning("and %" PRIu64 " more problems", r->more_problems);
    if (r->warning != NULL)
        say_warning("%s", r->warning);
    if (r->pin != NULL)
        result_say_pinned(r->pin);
    else if (r->held && !o->quiet && !o->json)
        say_note("what is held stays as it was; mend the cause and build again, or, where it is "
                 "meant: platen build --accept");
}

static void print_summary(const struct press_result *r, const struct options *o)
{
    if (r->n_changes == 0)
        printf("nothing changed: release %" PRIu64 ", %" PRIu64 " pages, %" PRIu64
               " files; %.3f s\n",
               r->generation, r->pages, r->files, r->seconds);
    else if (o->dry_run)
        printf("would add %" PRIu64 ", change %" PRIu64 ", remove %" PRIu64
               " files (dry run: nothing was written); %.3f s\n",
               r->added, r->changed, r->removed, r->seconds);
    else
        printf("release %" PRIu64 ": %" PRIu64 " added, %" PRIu64 " changed, %" PRIu64
               " removed; %" PRIu64 " pages, %" PRIu64 " files, %" PRIu64
               " bytes written; %.3f s\n",
               r->generation, r->added, r->changed, r->removed, r->pages, r->files,
               r->bytes_written, r->seconds);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_problems(struct strbuf *sb, const struct press_result *r)
{
    strbuf_addstr(sb, ",\"problems\":[");
    for (size_t i = 0; i < r->n_problems; i++) {
        const struct press_problem *p = &r->problems[i];
        strbuf_addstr(sb, i > 0 ? ",{" : "{");
        result_add_text(sb, "action", action_names[p->action]);
        strbuf_addch(sb, ',');
        result_add_text(sb, "page_set", p->set);
        strbuf_addch(sb, ',');
        result_add_text(sb, "locale", p->locale);
        strbuf_addch(sb, ',');
        result_add_text(sb, "key", p->key);
        strbuf_addch(sb, ',');
        result_add_text(sb, "text", p->text);
        strbuf_addch(sb, '}');
    }
    strbuf_addf(sb, "],\"more_problems\":%" PRIu64 ",\"warning\":", r->more_problems);
    if (r->warning != NULL)
        json_write_string(sb, r->warning, strlen(r->warning));
    else
        strbuf_addstr(sb, "null");
}

static void print_json(const struct press_result *r, const struct options *o,
                       const struct uploading *u, int code)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb,
                "{\"exit\":%d,\"dry_run\":%s,\"released\":%s,\"generation\":%" PRIu64
                ",\"pages\":%" PRIu64 ",\"files\":%" PRIu64 ",\"added\":%" PRIu64
                ",\"changed\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"bytes_written\":%" PRIu64
                ",\"seconds\":%.3f,",
                code, o->dry_run ? "true" : "false", r->released ? "true" : "false", r->generation,
                r->pages, r->files, r->added, r->changed, r->removed, r->bytes_written, r->seconds);
    result_add_text(&sb, "content", r->content);
    result_add_changes(&sb, r);
    add_problems(&sb, r);
    result_add_pin(&sb, r->pin);
    strbuf_addstr(&sb, ",\"upload\":");
    uploading_add_json(&sb, u, o->dry_run);
    strbuf_addstr(&sb, "}\n");
    fwrite(sb.buf, 1, sb.len, stdout);
    strbuf_release(&sb);
}

/* --- the command ------------------------------------------------------------------------------ */

static int exit_code(const struct press_result *r)
{
    return r->held ? CMD_HELD : r->omitted ? CMD_OMITTED : CMD_DONE;
}

/* What was printed is told before it is uploaded, which may take a while. */
static int report(const struct press_result *r, const struct config *c, const struct options *o)
{
    struct uploading u;
    bool words = !o->json && !o->quiet;
    say_problems(r, o);
    if (words && (o->dry_run || o->verbose))
        result_print_changes(r);
    if (words)
        print_summary(r, o);
    fflush(stdout);
    uploading_follow(&u, c, o, false);
    int code = uploading_worse(exit_code(r), u.code);
    if (o->json)
        print_json(r, o, &u, code);
    else if (words)
        uploading_print(&u, o);
    code = result_flush(code);
    uploading_release(&u);
    return code;
}

static int build(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    struct press_result result;
    struct meter meter = {0};
    struct press_options options = {
        .accept = o->accept,
        .dry_run = o->dry_run,
        .progress = isatty(STDERR_FILENO) && !o->quiet && !o->json ? show_progress : NULL,
        .payload = &meter,
    };
    bool ok = press_look(c, &options, &result, &err);
    clear_progress(&meter);
    int code = ok ? report(&result, c, o) : say_error(&err);
    press_result_release(&result);
    return code;
}

int cmd_build(int argc, char **argv)
{
    return options_run(argc, argv, build);
}

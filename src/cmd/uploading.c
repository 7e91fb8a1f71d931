#include "cmd/uploading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "cmd/result.h"
#include "cmd/say.h"

static const char *const action_names[] = {"added", "changed", "deleted"};

/* --- progress, on a terminal only ------------------------------------------------------------- */

struct meter {
    struct timespec shown;
    bool any;
};

static void show_progress(void *payload, const char *step, uint64_t done, uint64_t total)
{
    struct meter *m = payload;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since =
        (double)(now.tv_sec - m->shown.tv_sec) + (double)(now.tv_nsec - m->shown.tv_nsec) / 1e9;
    if (since < 0.1 && done < total)
        return;
    m->shown = now;
    m->any = true;
    fprintf(stderr, "\r\033[K%s %" PRIu64 " of %" PRIu64 " objects (%d %%)", step, done, total,
            total > 0 ? (int)(done * 100 / total) : 0);
}

/* --- words ------------------------------------------------------------------------------------ */

static void say_held(const struct upload_result *r)
{
    if (r->pin.generation > 0)
        say_warning("%s is pinned to release %" PRIu64 " since %s by %s%s%s%s: nothing was "
                    "uploaded. To end that: platen unpin",
                    r->origin, r->pin.generation, r->pin.since, pin_by_name(r->pin.by),
                    r->pin.reason[0] != '\0' ? " (" : "", r->pin.reason,
                    r->pin.reason[0] != '\0' ? ")" : "");
    else
        say_warning("%" PRIu64 " paths are gone, more than origin.max_deletes: none of them was "
                    "deleted. Where it is meant: platen upload --accept",
                    r->n_held);
}

static void say_result(const struct upload_result *r)
{
    if (r->warning != NULL)
        say_warning("%s", r->warning);
    if (r->purge_failed)
        say_warning("uploaded, but not purged: %s", r->purge_error);
    if (r->unproven)
        say_warning("uploaded, but not seen live: %s", r->proof_error);
    if (r->held)
        say_held(r);
}

static int code_of(const struct upload_result *r)
{
    return r->purge_failed || r->unproven ? CMD_FAILED : r->held ? CMD_HELD : CMD_DONE;
}

void uploading_run(struct uploading *u, const struct config *c, const struct options *o,
                   const struct upload_options *wanted)
{
    struct error err = ERROR_INIT;
    struct meter meter = {0};
    struct upload *upload;
    struct upload_options options = *wanted;
    *u = (struct uploading){.code = CMD_FAILED};
    options.wait_ms = c->lock_wait_ms;
    options.progress = isatty(STDERR_FILENO) && !o->quiet && !o->json ? show_progress : NULL;
    options.payload = &meter;
    options.list = o->json || o->verbose;
    options.once = true;
    if (!upload_open(&upload, c, NULL, &err)) {
        u->code = say_error(&err);
        return;
    }
    u->done = true;
    bool ok = upload_run(upload, &options, &u->result, &err);
    if (meter.any)
        fputs("\r\033[K", stderr);
    u->result.origin = arena_strdup(&u->result.arena, u->result.origin);
    upload_close(upload);
    if (ok)
        say_result(&u->result);
    u->code = ok ? code_of(&u->result) : say_error(&err);
}

void uploading_follow(struct uploading *u, const struct config *c, const struct options *o,
                      bool unpin)
{
    struct upload_options options = {.accept = o->accept, .unpin = unpin};
    *u = (struct uploading){.code = CMD_DONE};
    if (c->origin[0] != '\0' && !o->no_upload && !o->dry_run)
        uploading_run(u, c, o, &options);
}

/* --- what was done ---------------------------------------------------------------------------- */

static void print_changes(const struct upload_result *r)
{
    static const char marks[] = {'+', '~', '-'};
    for (size_t i = 0; i < r->n_changes; i++) {
        const struct upload_change *c = &r->changes[i];
        if (c->action == UPLOAD_DELETED)
            printf("%c %s\n", marks[c->action], c->key);
        else
            printf("%c %s  %" PRIu64 " bytes\n", marks[c->action], c->key, c->size);
    }
}

static void print_table(const struct upload_result *r)
{
    for (int i = 0; i < MANIFEST_KINDS; i++)
        if (r->kinds[i].objects > 0)
            printf("  %-8s %8" PRIu64 " objects %12" PRIu64 " bytes\n",
                   manifest_kind_name((enum manifest_kind)i), r->kinds[i].objects,
                   r->kinds[i].bytes);
}

static void print_planned(const struct upload_result *r)
{
    uint64_t puts = 0, deletes = 0, bytes = 0;
    for (size_t i = 0; i < r->n_changes; i++) {
        bool deleted = r->changes[i].action == UPLOAD_DELETED;
        puts += !deleted;
        deletes += deleted;
        bytes += r->changes[i].size;
    }
    print_changes(r);
    printf("%s: would put %" PRIu64 " objects (%" PRIu64 " bytes), delete %" PRIu64 "; %" PRIu64
           " stay (dry run: nothing was changed); %.3f s\n",
           r->origin, puts, bytes, deletes, r->same, r->seconds);
}

void uploading_print(const struct uploading *u, const struct options *o)
{
    const struct upload_result *r = &u->result;
    if (!u->done || (u->code != CMD_DONE && u->code != CMD_HELD && !r->changed))
        return;
    if (o->dry_run) {
        print_planned(r);
        return;
    }
    if (o->verify)
        printf("%s: %" PRIu64 " objects were not as uploaded; %" PRIu64
               " are not platen's and were left alone\n",
               r->origin, r->amiss, r->strange);
    if (!r->changed) {
        printf("%s: nothing to upload, %" PRIu64 " objects; %" PRIu64 " requests; %.3f s\n",
               r->origin, r->same, r->requests, r->seconds);
        return;
    }
    if (o->verbose)
        print_changes(r);
    print_table(r);
    printf("%s: upload %" PRIu64 ": %" PRIu64 " objects put (%" PRIu64 " bytes), %" PRIu64
           " deleted, %" PRIu64 " stayed; %" PRIu64 " requests; %.3f s",
           r->origin, r->generation, r->put, r->bytes, r->deleted, r->same, r->requests,
           r->seconds);
    if (r->proven > 0)
        printf("; %zu paths live after %.3f s", r->proven, r->live_seconds);
    putchar('\n');
}

static void add_optional(struct strbuf *sb, const char *name, const char *text)
{
    strbuf_addf(sb, ",\"%s\":", name);
    if (text != NULL)
        json_write_string(sb, text, strlen(text));
    else
        strbuf_addstr(sb, "null");
}

static void add_changes(struct strbuf *sb, const struct upload_result *r)
{
    strbuf_addstr(sb, ",\"changes\":[");
    for (size_t i = 0; i < r->n_changes; i++) {
        strbuf_addstr(sb, i > 0 ? ",{" : "{");
        result_add_text(sb, "action", action_names[r->changes[i].action]);
        strbuf_addch(sb, ',');
        result_add_text(sb, "key", r->changes[i].key);
        strbuf_addf(sb, ",\"size\":%" PRIu64 "}", r->changes[i].size);
    }
    strbuf_addch(sb, ']');
}

void uploading_add_json(struct strbuf *sb, const struct uploading *u, bool dry_run)
{
    const struct upload_result *r = &u->result;
    if (!u->done) {
        strbuf_addstr(sb, "null");
        return;
    }
    strbuf_addch(sb, '{');
    result_add_text(sb, "origin", r->origin);
    strbuf_addf(sb,
                ",\"dry_run\":%s,\"changed\":%s,\"release\":%" PRIu64 ",\"generation\":%" PRIu64
                ",\"put\":%" PRIu64 ",\"deleted\":%" PRIu64 ",\"same\":%" PRIu64
                ",\"bytes\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"seconds\":%.3f"
                ",\"held\":%s,\"held_deletes\":%" PRIu64 ",\"amiss\":%" PRIu64
                ",\"strange\":%" PRIu64 ",\"proven\":%zu,\"live_seconds\":%.3f",
                dry_run ? "true" : "false", r->changed ? "true" : "false", r->release,
                r->generation, r->put, r->deleted, r->same, r->bytes, r->requests, r->seconds,
                r->held ? "true" : "false", r->n_held, r->amiss, r->strange, r->proven,
                r->live_seconds);
    add_optional(sb, "purge_error", r->purge_error);
    add_optional(sb, "proof_error", r->proof_error);
    add_optional(sb, "warning", r->warning);
    add_changes(sb, r);
    result_add_pin(sb, &r->pin);
    strbuf_addch(sb, '}');
}

void uploading_release(struct uploading *u)
{
    if (u->done)
        upload_result_release(&u->result);
    u->done = false;
}

int uploading_worse(int a, int b)
{
    static const int order[] = {CMD_USAGE, CMD_FAILED, CMD_HELD, CMD_OMITTED};
    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return CMD_DONE;
}

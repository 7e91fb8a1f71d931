/* platen migrate: apply, list, roll back the numbered files of a folder. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "pg/migrate.h"

/* What the callbacks need. */
struct output {
    const struct options *o;
    bool down;
    struct strbuf json; /* names of the files run, or entries of the list */
};

static void print_json(const struct strbuf *sb)
{
    fwrite(sb->buf, 1, sb->len, stdout);
    putchar('\n');
}

static void add_text(struct strbuf *sb, const char *key, const char *text)
{
    strbuf_addf(sb, ",\"%s\":", key);
    if (text != NULL)
        json_write_string(sb, text, strlen(text));
    else
        strbuf_addstr(sb, "null");
}

static void say_notice(void *payload, const char *severity, const char *text)
{
    const struct output *out = payload;
    if (strcmp(severity, "WARNING") == 0)
        say_warning("%s", text);
    else if (out->o->verbose)
        say_note("%s: %s", severity, text);
}

/* --- listing ------------------------------------------------------------------------------ */

static const char *remark(const struct migrate_entry *e)
{
    return e->missing                      ? "  (not in the folder)"
           : e->changed                    ? "  (the file was changed since)"
           : e->state == MIGRATE_APPLYING  ? "  (stopped half-way)"
           : e->state == MIGRATE_REVERTING ? "  (rolled back half-way)"
                                           : "";
}

static void list_entry(void *payload, const struct migrate_entry *e)
{
    struct output *out = payload;
    const char *at = e->row != NULL ? e->row->applied_at : NULL;
    const char *by = e->row != NULL ? e->row->applied_by : NULL;
    if (!out->o->json) {
        printf("%-9s  %-32s  %s%s%s%s\n", migrate_state_name(e->state), e->name,
               at != NULL ? at : "-", by != NULL ? "  " : "", by != NULL ? by : "", remark(e));
        return;
    }
    strbuf_addf(&out->json, "%s{\"number\":%u", out->json.len > 0 ? "," : "", e->number);
    add_text(&out->json, "name", e->name);
    add_text(&out->json, "state", migrate_state_name(e->state));
    strbuf_addf(&out->json, ",\"changed\":%s,\"missing\":%s", e->changed ? "true" : "false",
                e->missing ? "true" : "false");
    add_text(&out->json, "applied_at", at);
    add_text(&out->json, "applied_by", by);
    strbuf_addch(&out->json, '}');
}

static bool list(struct pg_conn *conn, const struct config *c, struct output *out,
                 struct error *err)
{
    struct strbuf all = STRBUF_INIT;
    if (!migrate_list(conn, c->migrations, list_entry, out, err))
        return false;
    if (out->o->json) {
        strbuf_addf(&all, "{\"migrations\":[%s]}", out->json.buf);
        print_json(&all);
    }
    strbuf_release(&all);
    return true;
}

/* --- running ------------------------------------------------------------------------------ */

static void add_file(struct output *out, const struct migrate_event *e)
{
    if (out->json.len > 0)
        strbuf_addch(&out->json, ',');
    json_write_string(&out->json, e->name, strlen(e->name));
}

static void show_event(void *payload, const struct migrate_event *e)
{
    struct output *out = payload;
    const struct options *o = out->o;
    const char *verb = out->down ? "rolled back" : "applied";
    bool talk = !o->quiet && !o->json;
    switch (e->kind) {
    case MIGRATE_EVENT_WAITING:
        if (!o->quiet)
            say_note("another 'platen migrate' is at work; waiting for it");
        break;
    case MIGRATE_EVENT_START:
        if (o->dry_run) {
            add_file(out, e);
            if (talk)
                printf("would %s %s: %zu statements%s\n", out->down ? "roll back" : "apply",
                       e->script->path, e->script->n,
                       e->script->no_transaction ? ", without a transaction" : "");
        } else if (talk && e->again) {
            say_note("%s stopped half-way before: once more from its start", e->name);
        }
        break;
    case MIGRATE_EVENT_DONE:
        add_file(out, e);
        if (talk) {
            printf("%s %s (%" PRId64 " ms)\n", verb, e->name, e->ms);
            fflush(stdout);
        }
        break;
    case MIGRATE_EVENT_WARNING:
        say_warning("%s%s%s", e->name != NULL ? e->name : "", e->name != NULL ? ": " : "", e->text);
        break;
    }
}

static bool run(struct pg_conn *conn, const struct config *c, struct output *out, struct error *err)
{
    const struct options *o = out->o;
    struct migrate_options how = {.dir = c->migrations,
                                  .direction = out->down ? MIGRATE_DOWN : MIGRATE_UP,
                                  .target = out->down ? o->down : o->to_version,
                                  .lock_wait_ms = c->lock_wait_ms,
                                  .dry_run = o->dry_run};
    unsigned count = 0;
    struct strbuf all = STRBUF_INIT;
    bool ok = migrate_run(conn, &how, show_event, out, &count, err);
    if (o->json) { /* also after a failure: what was done before it */
        strbuf_addf(&all, "{\"%s\":[%s],\"dry_run\":%s}", out->down ? "rolled_back" : "applied",
                    out->json.buf, o->dry_run ? "true" : "false");
        print_json(&all);
    } else if (ok && count == 0 && !o->quiet) {
        printf("nothing to do\n");
    }
    strbuf_release(&all);
    return ok;
}

static bool migrate(const struct config *c, const struct options *o, struct error *err)
{
    struct output out = {.o = o, .down = o->down >= 0, .json = STRBUF_INIT};
    struct pg_options how = {
        .connect_ms = c->connect_timeout_ms, .notice = say_notice, .payload = &out};
    struct pg_conn *conn = NULL;
    bool ok = pg_conn_open(&conn, c->source, &how, err);
    if (ok)
        ok = o->list ? list(conn, c, &out, err) : run(conn, c, &out, err);
    pg_conn_close(conn);
    strbuf_release(&out.json);
    return ok;
}

static bool check_options(const struct options *o, struct error *err)
{
    if (o->to_version >= 0 && o->down >= 0)
        return error_set(err, ERROR_USAGE, "--to goes forward, --down goes back: give one of them");
    if (o->list && (o->to_version >= 0 || o->down >= 0 || o->dry_run))
        return error_set(err, ERROR_USAGE,
                         "--list changes nothing and goes with no other of --to, "
                         "--down and --dry-run");
    return true;
}

static int migrate_from(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    bool ok = check_options(o, &err);
    if (ok && c->source_is_file)
        ok = error_set(&err, ERROR_USAGE, "migrations need a database; the source is the file %s",
                       c->source);
    return ok && migrate(c, o, &err) ? CMD_DONE : say_error(&err);
}

int cmd_migrate(int argc, char **argv)
{
    return options_run(argc, argv, migrate_from);
}

/* platen pin, platen unpin: what is published stays as it is, and no longer. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/result.h"
#include "cmd/say.h"
#include "cmd/uploading.h"
#include "store/pin.h"
#include "store/release.h"

/* Opened and locked. A folder that is not there is nothing to pin, and is not made. */
static bool open_store(struct store *s, const struct config *c, struct error *err)
{
    if (!store_open(s, c->out, true, err))
        return false;
    if (s->releases_fd < 0)
        error_set(err, ERROR_FAILED, "%s: there is no release yet", c->out);
    if (s->releases_fd >= 0 && store_lock(s, c->lock_wait_ms, err))
        return true;
    store_close(s);
    return false;
}

/* The origin is pinned, and freed, like out/. */
static int report(const struct pin *pin, bool changed, const struct config *c,
                  const struct options *o, const char *what)
{
    struct strbuf sb = STRBUF_INIT;
    struct uploading u;
    if (!o->json && !o->quiet)
        puts(what);
    fflush(stdout);
    uploading_follow(&u, c, o, pin == NULL);
    if (o->json) {
        strbuf_addf(&sb, "{\"exit\":%d,\"changed\":%s", u.code, changed ? "true" : "false");
        result_add_pin(&sb, pin);
        strbuf_addstr(&sb, ",\"upload\":");
        uploading_add_json(&sb, &u, false);
        strbuf_addstr(&sb, "}");
        puts(sb.buf);
    } else if (!o->quiet) {
        uploading_print(&u, o);
    }
    strbuf_release(&sb);
    int code = result_flush(u.code);
    uploading_release(&u);
    return code;
}

/* --- pin -------------------------------------------------------------------------------------- */

/* The newest that is whole, as every look has it. */
static bool find_newest(const struct store *s, uint64_t *generation, struct error *err)
{
    struct release_list list;
    struct release_state state;
    bool ok = release_list(s, &list, err) && release_load(s, &list, &state, err);
    release_list_free(&list);
    if (!ok)
        return false;
    *generation = state.manifest.generation;
    release_state_release(&state);
    return *generation != 0 || error_set(err, ERROR_FAILED, "%s: there is no release yet", s->out);
}

/* A release that is pinned stays the one; its reason may be put in other words. */
static bool set_pin(const struct store *s, const char *reason, struct pin *pin, bool *changed,
                    struct error *err)
{
    if (!pin_read(s, pin, err))
        return false;
    *changed = pin->generation == 0 || reason != NULL;
    if (pin->generation == 0) {
        pin->by = PIN_BY_HAND;
        pin_set_time(pin, (int64_t)time(NULL));
        if (!find_newest(s, &pin->generation, err))
            return false;
    }
    return (reason == NULL || pin_set_reason(pin, reason, err)) &&
           (!*changed || pin_write(s, pin, err));
}

static int run_pin(struct config *c, const struct options *o)
{
    struct store s;
    struct pin pin;
    bool changed;
    char text[200];
    struct error err = ERROR_INIT;
    if (!open_store(&s, c, &err))
        return say_error(&err);
    bool ok = set_pin(&s, o->reason, &pin, &changed, &err);
    store_close(&s);
    if (!ok)
        return say_error(&err);
    snprintf(text, sizeof(text),
             "release %" PRIu64 " is pinned since %s by %s; platen unpin ends it", pin.generation,
             pin.since, pin_by_name(pin.by));
    return report(&pin, changed, c, o, text);
}

int cmd_pin(int argc, char **argv)
{
    return options_run(argc, argv, run_pin);
}

/* --- unpin ------------------------------------------------------------------------------------ */

static int run_unpin(struct config *c, const struct options *o)
{
    struct store s;
    bool was_there;
    struct error err = ERROR_INIT;
    if (!open_store(&s, c, &err))
        return say_error(&err);
    bool ok = pin_remove(&s, &was_there, &err);
    store_close(&s);
    if (!ok)
        return say_error(&err);
    return report(NULL, was_there, c, o,
                  was_there ? "no longer pinned: the next look prints what the database says"
                            : "nothing was pinned");
}

int cmd_unpin(int argc, char **argv)
{
    return options_run(argc, argv, run_unpin);
}

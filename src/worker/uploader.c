#include "worker/uploader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "upload/upload.h"
#include "worker/backoff.h"
#include "worker/sleeper.h"

#define ANSWER_MS 5000
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 60000
#define LEADER_EVERY_MS 10000 /* whether somebody else leads by now */
#define NEVER INT64_MAX
#define CLAIM_WAIT_MS 1000 /* then it is tried again later */

struct uploader {
    struct sleeper sleeper;
    struct uploader_options options;
    char *conninfo;
    /* guarded by the sleeper's lock */
    uint64_t wanted;
    struct uploader_state state;
    /* of the thread alone */
    struct upload *upload;
    struct backoff backoff;
};

/* --- who may ---------------------------------------------------------------------------------- */

static bool leads(const struct uploader *u)
{
    return u->options.leader != NULL && leader_leads(u->options.leader);
}

static bool ask(struct uploader *u, bool *may, struct error *err)
{
    struct pg_conn *c = NULL;
    struct pg_options options = {.connect_ms = u->options.config->connect_timeout_ms,
                                 .wait_ms = ANSWER_MS,
                                 .session_attrs = "primary",
                                 .application = "platen upload",
                                 .stop = &u->sleeper.stop};
    bool led = false;
    if (!pg_conn_open(&c, u->conninfo, &options, err))
        return false;
    bool ours = leads(u), ok = ours ? leader_still_holds(u->options.leader, c, may, err)
                                    : leader_anywhere(c, &led, err);
    if (ok && !ours)
        *may = !led;
    pg_conn_close(c);
    return ok;
}

/* A database that cannot be asked holds nothing up: the claim keeps uploads apart as well. A worker
 * that last knew to lead goes on; one that did not, waits. */
static bool may_upload(void *payload)
{
    struct uploader *u = payload;
    struct error unknown = ERROR_INIT;
    bool may = false;
    if (ask(u, &may, &unknown))
        return may;
    return leads(u);
}

/* --- one upload ------------------------------------------------------------------------------- */

static void report(struct uploader *u, const struct upload_result *r)
{
    struct log_line line;
    struct log *log = u->options.log;
    log_begin(&line, log, r->changed ? LOG_INFO : LOG_DEBUG, "uploaded");
    log_text(&line, "origin", r->origin);
    log_number(&line, "release", (int64_t)r->release);
    log_number(&line, "put", (int64_t)r->put);
    log_number(&line, "deleted", (int64_t)r->deleted);
    log_number(&line, "bytes", (int64_t)r->bytes);
    log_number(&line, "requests", (int64_t)r->requests);
    log_seconds(&line, "seconds", r->seconds);
    if (r->proven > 0)
        log_seconds(&line, "live_seconds", r->live_seconds);
    log_end(&line);
    if (r->warning != NULL)
        log_say(log, LOG_WARNING, "upload", r->warning);
    if (r->purge_failed)
        log_say(log, LOG_WARNING, "not purged", r->purge_error);
    if (r->unproven)
        log_say(log, LOG_WARNING, "not seen live", r->proof_error);
    if (r->held)
        log_say(log, LOG_WARNING, "upload held",
                r->pin.generation > 0
                    ? "the origin is pinned from elsewhere; platen unpin ends it"
                    : "more paths are gone than origin.max_deletes; platen upload --accept");
}

static bool open_upload(struct uploader *u, struct error *err)
{
    return u->upload != NULL || upload_open(&u->upload, u->options.config, &u->sleeper.stop, err);
}

static void note(struct uploader *u, bool ok, const struct upload_result *r,
                 const struct error *err)
{
    sleeper_lock(&u->sleeper);
    struct uploader_state *s = &u->state;
    s->running = false;
    s->failures += !ok;
    s->failures_in_row = ok ? 0 : s->failures_in_row + 1;
    snprintf(s->error, sizeof(s->error), "%.255s", ok ? "" : err->text);
    if (ok) {
        s->uploads += r->changed;
        s->release = r->release;
        s->held = r->held;
        s->behind = u->wanted > r->release;
    }
    sleeper_unlock(&u->sleeper);
}

/* Returns when to come back (pg_conn_clock()). */
static int64_t upload(struct uploader *u)
{
    struct error err = ERROR_INIT;
    struct upload_result result = {0};
    struct upload_options options = {.wait_ms = CLAIM_WAIT_MS, .may = may_upload, .may_payload = u};
    sleeper_lock(&u->sleeper);
    u->state.running = true;
    sleeper_unlock(&u->sleeper);
    bool ok = open_upload(u, &err), ran = ok;
    if (ok)
        ok = upload_run(u->upload, &options, &result, &err);
    bool again = ok && result.purge_failed;
    note(u, ok, &result, &err);
    if (ok)
        report(u, &result);
    else if (!atomic_load(&u->sleeper.stop))
        log_say(u->options.log, LOG_WARNING, "upload failed", err.text);
    if (ran)
        upload_result_release(&result);
    if (!ok) { /* whatever it knew of the origin may be wrong */
        upload_close(u->upload);
        u->upload = NULL;
    }
    if (ok && !again) {
        backoff_reset(&u->backoff);
        return NEVER;
    }
    return pg_conn_clock() + backoff_next(&u->backoff);
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_wanted(struct uploader *u)
{
    sleeper_lock(&u->sleeper);
    bool wanted = u->wanted > u->state.release || u->state.failures_in_row > 0;
    sleeper_unlock(&u->sleeper);
    return wanted;
}

/* `at`: not before, after a failure or while another worker leads; NEVER: as soon as there is
 * something to upload. */
static void *uploader_main(void *payload)
{
    struct uploader *u = payload;
    int64_t at = NEVER;
    bool follows = false;
    while (!atomic_load(&u->sleeper.stop)) {
        int64_t now = pg_conn_clock();
        if (follows && leads(u))
            at = now;
        if (at > now && (at != NEVER || !is_wanted(u))) {
            sleeper_wait(&u->sleeper, at);
            continue;
        }
        follows = !may_upload(u);
        at = follows ? now + LEADER_EVERY_MS : upload(u);
    }
    upload_close(u->upload);
    return NULL;
}

bool uploader_start(struct uploader **out, const struct uploader_options *options,
                    struct error *err)
{
    struct uploader *u = mem_calloc(1, sizeof(*u));
    *out = NULL;
    u->options = *options;
    u->options.conninfo = u->conninfo = mem_strdup(options->conninfo);
    backoff_init(&u->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
    if (!sleeper_start(&u->sleeper, uploader_main, u, err)) {
        free(u->conninfo);
        free(u);
        return false;
    }
    *out = u;
    return true;
}

void uploader_stop(struct uploader *u)
{
    if (u == NULL)
        return;
    sleeper_stop(&u->sleeper);
    free(u->conninfo);
    free(u);
}

void uploader_wake(struct uploader *u, uint64_t generation)
{
    sleeper_lock(&u->sleeper);
    if (generation > u->wanted)
        u->wanted = generation;
    u->state.behind = u->wanted > u->state.release;
    sleeper_unlock(&u->sleeper);
    sleeper_wake(&u->sleeper);
}

void uploader_state(struct uploader *u, struct uploader_state *state)
{
    sleeper_lock(&u->sleeper);
    *state = u->state;
    sleeper_unlock(&u->sleeper);
}

#include "worker/uploader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "upload/upload.h"
#include "worker/backoff.h"
#include "worker/instant.h"
#include "worker/latency.h"
#include "worker/sleeper.h"

#define ANSWER_MS 5000
#define PAUSE_FIRST_MS 1000
#define PAUSE_MOST_MS 60000
#define LEADER_EVERY_MS 10000 /* whether somebody else leads by now */
#define NEVER INT64_MAX
#define CLAIM_WAIT_MS 1000 /* then it is tried again later */

/* Releases that are not at the origin yet: those before the upload in flight, and those since. */
struct waiting {
    int64_t since;      /* when the first came; 0: there are none */
    int64_t changed_ms; /* commit of their oldest change; 0: unknown */
};

struct uploader {
    struct sleeper sleeper;
    struct uploader_options options;
    char *conninfo;
    /* guarded by the sleeper's lock */
    uint64_t wanted, seen; /* newest release in out/; of it, what an upload has dealt with */
    struct waiting before, since;
    bool anew; /* the origin is to be asked, whatever is known of it */
    struct status_origin state;
    struct latency_ring latency;
    /* of the thread alone */
    struct upload *upload;
    struct backoff backoff;
    char told[STATUS_TEXT_MAX]; /* why it is held, as the log was told last */
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

/* --- what is known ---------------------------------------------------------------------------- */

static void say_changed(struct uploader *u)
{
    mailbox_post(u->options.mailbox, &(struct event){.kind = EVENT_UPLOAD});
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void join(struct waiting *to, struct waiting *from)
{
    to->since = earlier(to->since, from->since);
    to->changed_ms = earlier(to->changed_ms, from->changed_ms);
    *from = (struct waiting){0};
}

static void set_behind(struct uploader *u)
{
    bool ours = u->state.state != STATUS_UPLOAD_ELSEWHERE;
    u->state.behind_since = ours ? earlier(u->before.since, u->since.since) : 0;
}

static void note_begin(struct uploader *u, bool *anew)
{
    sleeper_lock(&u->sleeper);
    struct status_origin *s = &u->state;
    join(&u->before, &u->since);
    *anew = u->anew;
    u->anew = false;
    s->state = STATUS_UPLOADING;
    s->running_since = instant_now();
    set_behind(u);
    sleeper_unlock(&u->sleeper);
    say_changed(u);
}

static void describe_held(char why[STATUS_TEXT_MAX], const struct upload_result *r)
{
    char text[STATUS_TEXT_MAX * 2] = "";
    if (r->held && r->pin.generation > 0)
        snprintf(text, sizeof(text),
                 "pinned from elsewhere to release %" PRIu64 " since %s by %s%s%s; platen unpin "
                 "ends it",
                 r->pin.generation, r->pin.since, pin_by_name(r->pin.by),
                 r->pin.reason[0] != '\0' ? ": " : "", r->pin.reason);
    else if (r->held)
        snprintf(text, sizeof(text),
                 "%" PRIu64 " paths are gone, more than origin.max_deletes; platen upload --accept",
                 r->n_held);
    status_text(why, STATUS_TEXT_MAX, text);
}

static void note_success(struct uploader *u, const struct upload_result *r)
{
    struct status_origin *s = &u->state;
    s->failures_in_row = 0;
    s->error[0] = '\0';
    s->held = r->held;
    s->pinned = r->held && r->pin.generation > 0;
    s->held_deletes = r->n_held;
    describe_held(s->why, r);
    STATUS_SET(s->purge_error, r->purge_failed ? r->purge_error : "");
    if (r->changed || s->pinned) /* else nothing was asked for */
        STATUS_SET(s->proof_error, r->unproven ? r->proof_error : "");
    if (!s->pinned)
        s->release = r->release;
    if (!r->changed)
        return;
    s->uploads++;
    s->uploaded = instant_now();
    s->seconds = r->seconds;
    s->live_seconds = r->proven > 0 ? r->live_seconds : 0;
    s->requests = r->requests;
    s->bytes = r->bytes;
}

/* Milliseconds from the oldest commit among what is live now; -1: unknown, or it is not. */
static int64_t note_live(struct uploader *u, const struct upload_result *r)
{
    struct waiting live = u->before;
    int64_t live_ms = r->proven > 0 ? pg_conn_clock() : r->committed_ms;
    if (u->state.pinned)
        return -1;
    u->before = (struct waiting){0};
    if (r->release >= u->wanted)
        join(&live, &u->since);
    if (!r->changed || r->unproven || live.changed_ms == 0 || live.changed_ms > live_ms)
        return -1;
    latency_add(&u->latency, (double)(live_ms - live.changed_ms));
    u->state.latency = latency_summary(&u->latency);
    return live_ms - live.changed_ms;
}

static int64_t note_end(struct uploader *u, bool ok, bool again, const struct upload_result *r,
                        const struct error *err)
{
    int64_t live_ms = -1;
    sleeper_lock(&u->sleeper);
    struct status_origin *s = &u->state;
    s->state = ok && !again ? STATUS_UPLOAD_IDLE : STATUS_UPLOAD_RETRYING;
    s->running_since = 0;
    if (ok) {
        note_success(u, r);
        live_ms = note_live(u, r);
        u->seen = r->release;
    } else {
        s->failures++;
        s->failures_in_row++;
        STATUS_SET(s->error, err->text);
    }
    set_behind(u);
    sleeper_unlock(&u->sleeper);
    say_changed(u);
    return live_ms;
}

static void note_elsewhere(struct uploader *u)
{
    sleeper_lock(&u->sleeper);
    bool changed = u->state.state != STATUS_UPLOAD_ELSEWHERE;
    u->state.state = STATUS_UPLOAD_ELSEWHERE;
    u->state.release = 0; /* by now, who knows */
    u->state.failures_in_row = 0;
    u->state.error[0] = '\0';
    u->state.held = u->state.pinned = false;
    u->state.held_deletes = 0;
    u->state.why[0] = u->state.purge_error[0] = u->state.proof_error[0] = '\0';
    set_behind(u);
    sleeper_unlock(&u->sleeper);
    if (changed)
        say_changed(u);
}

/* --- one upload ------------------------------------------------------------------------------- */

/* A hold that stays is told once. */
static void report_held(struct uploader *u, const struct upload_result *r)
{
    char why[STATUS_TEXT_MAX];
    describe_held(why, r);
    if (why[0] != '\0' && (r->changed || strcmp(why, u->told) != 0))
        log_say(u->options.log, LOG_WARNING, "upload held", why);
    memcpy(u->told, why, sizeof(why));
}

static void report(struct uploader *u, const struct upload_result *r, int64_t live_ms)
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
    if (live_ms >= 0)
        log_number(&line, "commit_to_live_ms", live_ms);
    log_end(&line);
    if (r->warning != NULL)
        log_say(log, LOG_WARNING, "upload", r->warning);
    if (r->purge_failed)
        log_say(log, LOG_WARNING, "not purged", r->purge_error);
    if (r->unproven)
        log_say(log, LOG_WARNING, "not seen live", r->proof_error);
    report_held(u, r);
}

static void log_upload(struct uploader *u, bool ok, const struct upload_result *r, double seconds,
                       int64_t live_ms, const struct error *err)
{
    const char *amiss = r->purge_failed ? r->purge_error : r->unproven ? r->proof_error : NULL;
    struct releaselog_entry entry = {.ended_ms = pg_conn_clock(),
                                     .reason = "upload",
                                     .upload = true,
                                     .failed = !ok,
                                     .error = ok ? amiss : err->text,
                                     .generation = r->release,
                                     .changed = r->put,
                                     .removed = r->deleted,
                                     .bytes = r->bytes,
                                     .requests = r->requests,
                                     .seconds = seconds,
                                     .commit_to_printed_ms = -1,
                                     .commit_to_live_ms = live_ms};
    if (!ok || r->changed)
        releaselog_add(u->options.releaselog, &entry);
}

static bool open_upload(struct uploader *u, struct error *err)
{
    return u->upload != NULL || upload_open(&u->upload, u->options.config, &u->sleeper.stop, err);
}

static void close_upload(struct uploader *u)
{
    upload_close(u->upload);
    u->upload = NULL;
}

static void tell_end(struct uploader *u, bool ok, bool again, const struct upload_result *r,
                     int64_t began_ms, const struct error *err)
{
    if (!ok && atomic_load(&u->sleeper.stop)) /* abandoned, which is no failure */
        return;
    int64_t live_ms = note_end(u, ok, again, r, err);
    if (ok)
        report(u, r, live_ms);
    else
        log_say(u->options.log, LOG_WARNING, "upload failed", err->text);
    log_upload(u, ok, r, (double)(pg_conn_clock() - began_ms) / 1000, live_ms, err);
}

/* Returns when to come back (pg_conn_clock()). */
static int64_t upload(struct uploader *u)
{
    struct error err = ERROR_INIT;
    struct upload_result result = {0};
    struct upload_options options = {.wait_ms = CLAIM_WAIT_MS, .may = may_upload, .may_payload = u};
    int64_t began_ms = pg_conn_clock();
    bool anew;
    note_begin(u, &anew);
    if (anew)
        close_upload(u);
    bool ok = open_upload(u, &err), ran = ok;
    if (ok)
        ok = upload_run(u->upload, &options, &result, &err);
    bool again = ok && (result.purge_failed || result.pin.generation > 0);
    tell_end(u, ok, again, &result, began_ms, &err);
    if (ran)
        upload_result_release(&result);
    if (!ok) /* whatever it knew of the origin may be wrong */
        close_upload(u);
    if (ok && !again) {
        backoff_reset(&u->backoff);
        return NEVER;
    }
    return pg_conn_clock() + backoff_next(&u->backoff);
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Not before its time: what failed, and who does not lead. */
static bool is_wanted(struct uploader *u)
{
    sleeper_lock(&u->sleeper);
    bool wanted = (u->wanted > u->seen && u->state.failures_in_row == 0) || u->anew;
    sleeper_unlock(&u->sleeper);
    return wanted;
}

/* The first look may still be at work. */
static bool is_printed(struct uploader *u)
{
    sleeper_lock(&u->sleeper);
    bool printed = u->wanted > 0;
    sleeper_unlock(&u->sleeper);
    return printed;
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
        bool waits = at > now && (follows || !is_wanted(u));
        if (waits || !is_printed(u)) {
            sleeper_wait(&u->sleeper, waits ? at : NEVER);
            continue;
        }
        follows = !may_upload(u);
        if (follows)
            note_elsewhere(u);
        at = follows ? now + LEADER_EVERY_MS : upload(u);
    }
    close_upload(u);
    return NULL;
}

static void begin_state(struct uploader *u)
{
    const char *name = u->options.config->origin;
    char before[STATUS_TEXT_MAX];
    memcpy(before, u->state.name, sizeof(before));
    STATUS_SET(u->state.name, name);
    if (strcmp(before, u->state.name) != 0) {
        u->state = (struct status_origin){.state = STATUS_UPLOAD_IDLE};
        u->latency = (struct latency_ring){.count = 0};
        STATUS_SET(u->state.name, name);
    }
    u->seen = 0;
    u->state.failures_in_row = 0;
    u->state.running_since = 0;
    u->state.state = STATUS_UPLOAD_IDLE;
    backoff_init(&u->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
}

static void uploader_free(struct uploader *u)
{
    free(u->conninfo);
    free(u);
}

bool uploader_start(struct uploader **out, const struct uploader_options *options,
                    struct error *err)
{
    struct uploader *u = mem_calloc(1, sizeof(*u));
    *out = NULL;
    u->options = *options;
    u->options.conninfo = u->conninfo = mem_strdup(options->conninfo);
    begin_state(u);
    if (!sleeper_start(&u->sleeper, uploader_main, u, err)) {
        uploader_free(u);
        return false;
    }
    *out = u;
    return true;
}

bool uploader_config(struct uploader *u, const struct config *config, struct error *err)
{
    sleeper_stop(&u->sleeper);
    u->options.config = config;
    begin_state(u);
    if (sleeper_start(&u->sleeper, uploader_main, u, err))
        return true;
    uploader_free(u);
    return false;
}

void uploader_stop(struct uploader *u)
{
    if (u == NULL)
        return;
    sleeper_stop(&u->sleeper);
    uploader_free(u);
}

void uploader_wake(struct uploader *u, uint64_t generation, int64_t changed_ms)
{
    sleeper_lock(&u->sleeper);
    if (generation > u->wanted) {
        struct waiting more = {.since = instant_now(), .changed_ms = changed_ms};
        u->wanted = generation;
        join(&u->since, &more);
        set_behind(u);
    }
    sleeper_unlock(&u->sleeper);
    sleeper_wake(&u->sleeper);
}

void uploader_lead(struct uploader *u)
{
    sleeper_lock(&u->sleeper);
    u->anew = true;
    sleeper_unlock(&u->sleeper);
    sleeper_wake(&u->sleeper);
}

void uploader_state(struct uploader *u, struct status_origin *state)
{
    sleeper_lock(&u->sleeper);
    *state = u->state;
    sleeper_unlock(&u->sleeper);
}

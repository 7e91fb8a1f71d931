#include "upload/upload_pass.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "upload/obstacle.h"
#include "upload/sender.h"

/* --- the local release ------------------------------------------------------------------------ */

static bool load_release(struct pass *p, struct error *err)
{
    struct upload *u = p->u;
    struct release_list list;
    if (!release_list(&u->store, &list, err))
        return false;
    p->has_release = release_load(&u->store, &list, &p->release, err);
    release_list_free(&list);
    if (!p->has_release || !pin_read(&u->store, &p->pin, err))
        return false;
    if (p->release.manifest.generation == 0)
        return error_set(err, ERROR_FAILED, "%s: nothing has been printed yet: platen build",
                         u->store.out);
    p->result->release = p->release.manifest.generation;
    return true;
}

/* --- the origin's record ---------------------------------------------------------------------- */

/* A damaged record proves nothing: everything is written again. */
static bool take_record(struct pass *p, const struct strbuf *text, struct error *err)
{
    struct upload *u = p->u;
    struct error why = ERROR_INIT;
    record_release(&u->record);
    record_init(&u->record);
    if (record_read(&u->record, text->buf, text->len, &why))
        return true;
    record_release(&u->record);
    record_init(&u->record);
    p->all_unknown = true;
    if (why.kind != ERROR_CONTENT) {
        *err = why;
        return error_context(err, "%s" UPLOAD_RECORD_KEY, target_name(u->state));
    }
    p->result->warning =
        arena_printf(&p->result->arena, "%s" UPLOAD_RECORD_KEY ": %s; everything is uploaded again",
                     target_name(u->state), why.text);
    return true;
}

/* Whether the origin was pinned by somebody who is not this out/. */
static bool is_pinned_elsewhere(const struct pass *p)
{
    return p->u->record.pin.generation != 0 && p->pin.generation == 0 && !p->options->unpin;
}

static bool get_record(struct pass *p, struct error *err)
{
    struct upload *u = p->u;
    struct target_found found = {0};
    enum target_outcome outcome;
    struct strbuf text;
    bool same = false, had = u->record_etag[0] != '\0' && u->record.generation > 0;
    if (u->known && !is_pinned_elsewhere(p)) /* that may be over by now, and nothing else tells */
        return true;
    strbuf_init(&text, UPLOAD_RECORD_MAX);
    bool ok = target_get(u->state, UPLOAD_RECORD_KEY, UPLOAD_RECORD_MAX,
                         had ? u->record_etag : NULL, &text, &found, &same, &outcome, err);
    if (ok && outcome == TARGET_MISSING) {
        record_release(&u->record);
        record_init(&u->record);
        u->record_etag[0] = '\0';
    } else if (ok && !same) {
        snprintf(u->record_etag, sizeof(u->record_etag), "%s", found.etag);
        ok = take_record(p, &text, err);
    }
    strbuf_release(&text);
    p->asked = u->known = ok;
    return ok;
}

static void use_conditions(struct upload *u)
{
    struct target_conditions as_aws = {.none_match = true, .match = TARGET_MATCH_QUOTED};
    struct target_conditions c = u->record.generation > 0 ? u->record.conditions : as_aws;
    target_set_conditions(u->pages, c);
    target_set_conditions(u->state, c);
}

/* --- an unfinished claim ---------------------------------------------------------------------- */

static void take_unknown(struct pass *p, const struct claim *other)
{
    p->unfinished = true;
    p->lapsed = *other;
    p->all_unknown = p->all_unknown || other->all;
    for (size_t i = 0; i < other->n_paths; i++) {
        bool added;
        map_put(&p->unknown, other->paths[i], strlen(other->paths[i]), &added);
    }
}

static void tell_busy(struct pass *p, const struct claim *other, struct error *err)
{
    error_set(err, ERROR_FAILED,
              "%s: %s is uploading (its claim holds for %" PRId64 " more seconds unless it is "
              "renewed); wait for it, or give --lock-wait more time",
              target_name(p->u->state), other->owner, other->until - target_now(p->u->state));
}

/* Whether the last upload ended well is known without asking where it was our own, or where this
 * session has seen it. Where conditions are not honoured the claim is always read first. */
static bool look_at_claim(struct pass *p, enum pass_end *end, struct error *err)
{
    struct upload *u = p->u;
    struct claim other;
    enum fence_state state;
    bool settled = true;
    bool ours = u->marker.settled && strcmp(u->marker.record, u->record_etag) == 0;
    fence_init(&p->fence, u->state, u->owner, u->config->origin_lease_s);
    p->fence.dead = u->marker.owner[0] != '\0' ? u->marker.owner : NULL;
    snprintf(p->fence.etag, sizeof(p->fence.etag), "%s",
             u->record.generation > 0 ? u->record.claim : "");
    bool fenced = u->record.generation == 0 || u->record.conditions.match != TARGET_MATCH_NONE;
    if (fenced && (!p->asked || ours))
        return true;
    if (!fence_look(&p->fence, &p->arena, &settled, &state, &other, err))
        return false;
    if (!settled && state == FENCE_BUSY) {
        *end = PASS_BUSY;
        tell_busy(p, &other, err);
    } else if (!settled) {
        take_unknown(p, &other);
    }
    return true;
}

/* --- deciding --------------------------------------------------------------------------------- */

static bool compare(struct pass *p, struct error *err)
{
    struct upload *u = p->u;
    struct delta_options options = {.config = u->config,
                                    .release = &p->release.manifest,
                                    .old = &u->record,
                                    .unknown = p->unknown.count > 0 ? &p->unknown : NULL,
                                    .claimed = p->lapsed.paths,
                                    .n_claimed = p->lapsed.n_paths,
                                    .all_unknown = p->all_unknown,
                                    .now = target_now(u->state)};
    p->has_delta = delta_make(&p->delta, &options, err);
    p->result->same = p->has_delta ? p->delta.n_same : 0;
    return p->has_delta;
}

static void add_change(struct upload_result *r, const char *key, enum upload_action action,
                       uint64_t size)
{
    if (r->n_changes == r->alloc_changes) {
        r->alloc_changes = r->alloc_changes > 0 ? 2 * r->alloc_changes : 64;
        r->changes = mem_realloc(r->changes, r->alloc_changes * sizeof(*r->changes));
    }
    r->changes[r->n_changes++] = (struct upload_change){arena_strdup(&r->arena, key), action, size};
}

static void list_changes(struct pass *p)
{
    struct strbuf key;
    struct upload_result *r = p->result;
    strbuf_init(&key, 2 * TARGET_KEY_MAX);
    r->n_changes = 0;
    for (size_t i = 0; i < p->delta.n_puts; i++) {
        const struct delta_put *put = &p->delta.puts[i];
        strbuf_reset(&key);
        delta_key(put->file->path, put->variant, &key);
        add_change(r, key.buf, put->added ? UPLOAD_ADDED : UPLOAD_CHANGED,
                   put->gzip ? put->file->gz_size : put->file->size);
    }
    for (size_t i = 0; !r->held && i < p->delta.n_deletes; i++) {
        strbuf_reset(&key);
        delta_key(p->delta.deletes[i].path, p->delta.deletes[i].variant, &key);
        add_change(r, key.buf, UPLOAD_DELETED, 0);
    }
    strbuf_release(&key);
}

static bool same_pin(const struct pin *a, const struct pin *b)
{
    return a->generation == b->generation && a->by == b->by && strcmp(a->since, b->since) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

static bool is_pinned(struct pass *p)
{
    if (!is_pinned_elsewhere(p))
        return false;
    p->result->held = true;
    p->result->pin = p->u->record.pin;
    return true;
}

static void hold_deletes(struct pass *p)
{
    const struct config *c = p->u->config;
    if (p->options->accept || (int64_t)p->delta.n_gone <= c->origin_max_deletes)
        return;
    p->result->held = true;
    p->result->n_held = p->delta.n_gone;
}

static bool has_work(const struct pass *p)
{
    const struct delta *d = &p->delta;
    return d->n_puts > 0 || (d->n_deletes > 0 && !p->result->held) || d->record_differs ||
           p->unfinished || p->all_unknown || p->u->record.generation == 0 ||
           !same_pin(&p->pin, &p->u->record.pin);
}

/* --- doing ------------------------------------------------------------------------------------ */

static bool set_marker(struct pass *p, bool settled, struct error *err)
{
    struct upload *u = p->u;
    struct marker m = {.settled = settled};
    snprintf(m.origin, sizeof(m.origin), "%s", target_name(u->state));
    snprintf(m.owner, sizeof(m.owner), "%s", u->owner);
    snprintf(m.record, sizeof(m.record), "%s", settled ? u->record_etag : "");
    if (memcmp(&m, &u->marker, sizeof(m)) == 0)
        return true;
    if (!marker_write(&u->store, &m, err))
        return false;
    u->marker = m;
    return true;
}

static const char *claimed_path(const struct pass *p, size_t i)
{
    const struct delta *d = &p->delta;
    if (i < d->n_puts)
        return d->puts[i].file->path;
    i -= d->n_puts;
    return i < d->n_deletes ? d->deletes[i].path : p->lapsed.paths[i - d->n_deletes];
}

/* Every path once, with those of a claim that is taken over. */
static void claimed_paths(struct pass *p, struct claim *c)
{
    size_t n = p->delta.n_puts + p->delta.n_deletes + p->lapsed.n_paths;
    struct map seen;
    map_init(&seen);
    c->paths = arena_alloc(&p->arena, (CLAIM_PATHS_MAX + 1) * sizeof(*c->paths));
    for (size_t i = 0; i < n && !c->all; i++) {
        bool added;
        const char *path = claimed_path(p, i);
        map_put(&seen, path, strlen(path), &added);
        c->all = added && c->n_paths == CLAIM_PATHS_MAX;
        if (added && !c->all)
            c->paths[c->n_paths++] = path;
    }
    map_release(&seen);
}

static bool claim(struct pass *p, enum pass_end *end, struct error *err)
{
    struct upload *u = p->u;
    struct claim ours = {.generation = u->record.generation + 1, .all = p->all_unknown}, other;
    enum fence_state state;
    claimed_paths(p, &ours);
    if (!set_marker(p, false, err) || !fence_take(&p->fence, &ours, &p->arena, &state, &other, err))
        return false;
    if (state != FENCE_OURS)
        *end = PASS_AGAIN; /* asked anew, the record and the claim tell what happened */
    return true;
}

static bool may(const struct pass *p, struct error *err)
{
    return p->options->may == NULL || p->options->may(p->options->may_payload) ||
           error_set(err, ERROR_FAILED, "another worker leads now; the upload is its matter");
}

static bool put_record(struct pass *p, enum pass_end *end, struct error *err)
{
    static const struct target_headers headers = {.content_type = "application/gzip",
                                                  .cache_control = "no-store"};
    struct upload *u = p->u;
    struct target_object object = {.key = UPLOAD_RECORD_KEY,
                                   .headers = &headers,
                                   .condition =
                                       u->record_etag[0] != '\0' ? TARGET_IF_SAME : TARGET_IF_NEW,
                                   .etag = u->record_etag};
    char etag[TARGET_ETAG_MAX + 1];
    uint8_t sha256[DIGEST_SIZE];
    char identity[DIGEST_HEX_SIZE + 1];
    enum target_outcome outcome;
    struct strbuf text;
    strbuf_init(&text, UPLOAD_RECORD_MAX);
    bool ok = record_write(&p->delta.next, &text, err);
    if (ok) {
        digest_of(&u->content.digest, text.buf, text.len, sha256);
        digest_hex(sha256, identity);
        object.body = text.buf;
        object.len = text.len;
        object.body_sha256 = sha256;
        object.identity = identity;
        ok = target_put(u->state, &object, etag, &outcome, err);
    }
    strbuf_release(&text);
    if (!ok)
        return false;
    if (outcome == TARGET_CONFLICT) {
        *end = PASS_AGAIN;
        return true;
    }
    snprintf(u->record_etag, sizeof(u->record_etag), "%s", etag);
    p->result->generation = p->delta.next.generation;
    return true;
}

static bool keep_fence(struct pass *p, struct error *err)
{
    bool lost = false;
    if (fence_is_due(&p->fence) && !fence_renew(&p->fence, &lost, err))
        return false;
    return !lost ||
           error_set(err, ERROR_FAILED, "%s: somebody else has claimed the origin meanwhile",
                     target_name(p->u->state));
}

static bool has_deletes(const struct pass *p)
{
    return p->delta.n_deletes > 0 && !p->result->held;
}

/* A record that names our claim says that all is done, and others need not wait for us. Before
 * deletes it names none: else they would delete what somebody else puts meanwhile. */
static bool commit(struct pass *p, enum pass_end *end, struct error *err)
{
    struct record *next = &p->delta.next;
    next->generation = p->u->record.generation + 1;
    next->pin = p->pin;
    if (!keep_fence(p, err) || !may(p, err))
        return false;
    next->claim = has_deletes(p) ? "" : p->fence.etag;
    if (!put_record(p, end, err))
        return false;
    if (*end == PASS_DONE)
        p->result->committed_ms = pg_conn_clock();
    return true;
}

static bool fence_open(void *payload)
{
    return fence_holds(payload);
}

/* A claim that lapsed on the way and that nobody has taken is renewed. */
static bool delete_keys(struct pass *p, const char **keys, struct error *err)
{
    bool ok = false, lapsed = true;
    for (int times = 0; !ok && lapsed && times < 3; times++) {
        error_clear(err);
        if (!keep_fence(p, err) || !may(p, err))
            return false;
        target_set_gate(p->u->pages, fence_open, &p->fence);
        ok = target_delete(p->u->pages, keys, p->delta.n_deletes, err);
        target_set_gate(p->u->pages, NULL, NULL);
        lapsed = !fence_holds(&p->fence);
    }
    return ok;
}

static bool delete_gone(struct pass *p, enum pass_end *end, struct error *err)
{
    const struct delta *d = &p->delta;
    struct strbuf key;
    const char **keys = arena_alloc(&p->arena, (d->n_deletes + 1) * sizeof(*keys));
    strbuf_init(&key, 2 * TARGET_KEY_MAX);
    for (size_t i = 0; i < d->n_deletes; i++) {
        strbuf_reset(&key);
        delta_key(d->deletes[i].path, d->deletes[i].variant, &key);
        keys[i] = arena_strdup(&p->arena, key.buf);
    }
    strbuf_release(&key);
    if (p->options->progress != NULL)
        p->options->progress(p->options->payload, "deleting", 0, d->n_deletes);
    if (!delete_keys(p, keys, err))
        return false;
    p->result->deleted = d->n_deletes;
    delta_drop_deleted(&p->delta);
    p->delta.next.claim = p->fence.etag;
    return put_record(p, end, err);
}

/* The next pass of this session compares with what was put. */
static void keep_record(struct pass *p)
{
    struct upload *u = p->u;
    struct strbuf text;
    struct error unread = ERROR_INIT;
    u->known = false;
    if (p->options->once)
        return;
    strbuf_init(&text, UPLOAD_RECORD_MAX);
    u->known = record_write(&p->delta.next, &text, &unread);
    record_release(&u->record);
    record_init(&u->record);
    u->known = u->known && record_read(&u->record, text.buf, text.len, &unread);
    strbuf_release(&text);
}

static bool carry_out(struct pass *p, enum pass_end *end, struct error *err)
{
    struct upload *u = p->u;
    struct sender sender = {.target = u->pages,
                            .fence = &p->fence,
                            .content = &u->content,
                            .delta = &p->delta,
                            .config = u->config,
                            .options = p->options,
                            .result = p->result};
    bool gone = false;
    if (!may(p, err) || !claim(p, end, err))
        return false;
    if (*end != PASS_DONE)
        return true;
    p->result->changed = true;
    if (u->record.generation == 0) {
        if (!fence_probe(&p->fence, &p->delta.next.conditions, err))
            return false;
        target_set_conditions(u->pages, p->delta.next.conditions);
    }
    if (!obstacle_clear(u->pages, &p->delta, err) || !sender_run(&sender, &gone, err)) {
        if (gone) /* a newer release has replaced it: begin again with that */
            *end = PASS_AGAIN;
        return gone;
    }
    if (!commit(p, end, err) || *end != PASS_DONE)
        return *end != PASS_DONE;
    upload_purge(u, &p->delta, false, p->result);
    if (has_deletes(p)) {
        if (!delete_gone(p, end, err) || *end != PASS_DONE)
            return *end != PASS_DONE;
        upload_purge(u, &p->delta, true, p->result);
    }
    keep_record(p);
    if (!set_marker(p, true, err))
        return false;
    upload_prove(u, &p->delta, p->result);
    return true;
}

static bool decide(struct pass *p, enum pass_end *end, struct error *err)
{
    struct upload *u = p->u;
    if (is_pinned(p))
        return true;
    if (p->options->verify && !upload_verify(u, p->result, err))
        return false;
    if (!compare(p, err))
        return false;
    hold_deletes(p);
    if (p->options->list || p->options->dry_run)
        list_changes(p);
    p->result->generation = u->record.generation;
    if (p->options->dry_run)
        return true;
    if (has_work(p))
        return carry_out(p, end, err);
    upload_purge(u, NULL, false, p->result); /* what failed before */
    return set_marker(p, true, err);
}

bool pass_run(struct pass *p, enum pass_end *end, struct error *err)
{
    *end = PASS_DONE;
    if (!load_release(p, err) || !get_record(p, err))
        return false;
    use_conditions(p->u);
    if (!look_at_claim(p, end, err))
        return false;
    return *end != PASS_DONE || decide(p, end, err);
}

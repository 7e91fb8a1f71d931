#include "upload/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An object on its way. */
struct slot {
    struct target_object object;
    struct target_headers headers;
    const struct delta_put *put;
    struct strbuf key, body;
    struct arena arena; /* of the headers */
    uint8_t sha256[DIGEST_SIZE];
    char identity[DIGEST_HEX_SIZE + 1];
    struct slot *next;
};

struct run {
    const struct sender *s;
    struct slot *idle;
    const struct delta_put **queue; /* of this round */
    size_t n_queue, at;
    const struct delta_put **conflicts;
    size_t n_conflicts;
    bool always; /* whatever stands there */
    bool failed, gone;
    struct error err; /* failed */
};

/* --- slots ------------------------------------------------------------------------------------ */

static struct slot *slot_take(struct run *r)
{
    struct slot *slot = r->idle;
    if (slot != NULL) {
        r->idle = slot->next;
        arena_reset(&slot->arena);
        return slot;
    }
    slot = mem_calloc(1, sizeof(*slot));
    strbuf_init(&slot->key, 2 * TARGET_KEY_MAX);
    strbuf_init(&slot->body, (size_t)UINT32_MAX);
    arena_init(&slot->arena);
    return slot;
}

static void slot_give(struct run *r, struct slot *slot)
{
    slot->next = r->idle;
    r->idle = slot;
}

static void slots_free(struct run *r)
{
    for (struct slot *slot; (slot = r->idle) != NULL;) {
        r->idle = slot->next;
        strbuf_release(&slot->key);
        strbuf_release(&slot->body);
        arena_release(&slot->arena);
        free(slot);
    }
}

static bool slot_fill(struct run *r, struct slot *slot, const struct delta_put *put,
                      struct error *err)
{
    const struct sender *s = r->s;
    strbuf_reset(&slot->key);
    delta_key(put->file->path, put->variant, &slot->key);
    delta_headers(s->delta, put, s->config, &slot->arena, &slot->headers);
    digest_hex(put->file->sha256, slot->identity);
    slot->put = put;
    if (!content_read(s->content, put->file, put->gzip, &slot->body, slot->sha256, &r->gone, err))
        return false;
    slot->object = (struct target_object){
        .key = slot->key.buf,
        .body = slot->body.buf,
        .len = slot->body.len,
        .body_sha256 = slot->sha256,
        .identity = slot->identity,
        .headers = &slot->headers,
        .condition = r->always ? TARGET_ALWAYS : put->condition,
        .etag = put->etag,
        .payload = slot,
    };
    return true;
}

/* --- one after the other ---------------------------------------------------------------------- */

static void fail(struct run *r, const struct error *why)
{
    if (!r->failed)
        r->err = *why;
    r->failed = true;
}

static bool next(void *payload, struct target_object **object)
{
    struct run *r = payload;
    struct error err = ERROR_INIT;
    if (r->failed || r->at == r->n_queue || fence_is_due(r->s->fence))
        return false;
    struct slot *slot = slot_take(r);
    if (!slot_fill(r, slot, r->queue[r->at], &err)) {
        fail(r, &err);
        slot_give(r, slot);
        return false;
    }
    r->at++;
    *object = &slot->object;
    return true;
}

static void tell(const struct run *r, const struct slot *slot)
{
    const struct sender *s = r->s;
    struct upload_result *result = s->result;
    result->put++;
    result->bytes += slot->body.len;
    result->kinds[slot->put->file->kind].objects++;
    result->kinds[slot->put->file->kind].bytes += slot->body.len;
    if (s->options->progress != NULL)
        s->options->progress(s->options->payload, "uploading", result->put, s->delta->n_puts);
}

static bool done(void *payload, struct target_object *object, enum target_outcome outcome,
                 const char *etag, const struct error *why)
{
    struct run *r = payload;
    struct slot *slot = object->payload;
    if (outcome == TARGET_DONE) {
        delta_put_done(r->s->delta, slot->put, etag);
        tell(r, slot);
    } else if (outcome == TARGET_HELD) { /* its place, or that of another that was taken */
        r->queue[--r->at] = slot->put;
    } else if (outcome == TARGET_CONFLICT) {
        r->conflicts[r->n_conflicts++] = slot->put;
    } else {
        fail(r, why);
    }
    slot_give(r, slot);
    return !r->failed;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static bool keep_claim(const struct run *r, bool force, struct error *err)
{
    bool lost = false;
    if ((force || fence_is_due(r->s->fence)) && !fence_renew(r->s->fence, &lost, err))
        return false;
    return !lost ||
           error_set(err, ERROR_FAILED,
                     "%s: somebody else has claimed the origin meanwhile; what this upload "
                     "has changed is theirs to put right",
                     target_name(r->s->target));
}

static bool holds(void *payload)
{
    return fence_holds(payload);
}

static bool send_queue(struct run *r, struct error *err)
{
    r->at = r->n_conflicts = 0;
    while (r->at < r->n_queue) {
        if (!keep_claim(r, false, err))
            return false;
        target_set_gate(r->s->target, holds, r->s->fence);
        bool ok = target_put_many(r->s->target, next, done, r, err);
        target_set_gate(r->s->target, NULL, NULL);
        if (r->failed)
            *err = r->err;
        if (!ok || r->failed)
            return false;
    }
    return true;
}

/* What somebody changed by hand: with the claim confirmed to be ours, it is written over. */
static bool send_conflicts(struct run *r, struct error *err)
{
    if (r->n_conflicts == 0)
        return true;
    if (!keep_claim(r, true, err))
        return false;
    memcpy(r->queue, r->conflicts, r->n_conflicts * sizeof(*r->queue));
    r->n_queue = r->n_conflicts;
    r->always = true;
    bool ok = send_queue(r, err);
    r->always = false;
    return ok;
}

bool sender_run(const struct sender *s, bool *gone, struct error *err)
{
    const struct delta *d = s->delta;
    struct run r = {.s = s, .err = ERROR_INIT};
    bool ok = true;
    r.queue = mem_calloc(d->n_puts + 1, sizeof(*r.queue));
    r.conflicts = mem_calloc(d->n_puts + 1, sizeof(*r.conflicts));
    for (size_t i = 0; ok && i < d->n_puts;) {
        uint8_t kind = d->puts[i].file->kind;
        for (r.n_queue = 0; i < d->n_puts && d->puts[i].file->kind == kind; i++)
            r.queue[r.n_queue++] = &d->puts[i];
        ok = send_queue(&r, err) && send_conflicts(&r, err);
    }
    *gone = r.gone;
    slots_free(&r);
    free(r.queue);
    free(r.conflicts);
    return ok;
}

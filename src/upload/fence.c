#include "upload/fence.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"

#define MARGIN_MS 2000 /* between what we think is ours and what others take over */

static int64_t boot_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fence_init(struct fence *f, struct target *target, const char *owner, int64_t lease_s)
{
    *f = (struct fence){.target = target, .owner = owner, .lease_s = lease_s};
}

static bool put(struct fence *f, enum target_if condition, const char *etag,
                enum target_outcome *outcome, struct error *err)
{
    static const struct target_headers headers = {.content_type = "application/json",
                                                  .cache_control = "no-store"};
    char now[TARGET_ETAG_MAX + 1], identity[DIGEST_HEX_SIZE + 1];
    uint8_t sha256[DIGEST_SIZE];
    struct digest digest;
    int64_t asked = boot_ms();
    struct strbuf text;
    strbuf_init(&text, CLAIM_TEXT_MAX);
    f->claim.until = target_now(f->target) + f->lease_s;
    claim_print(&f->claim, &text);
    digest_init(&digest);
    digest_of(&digest, text.buf, text.len, sha256);
    digest_release(&digest);
    digest_hex(sha256, identity);
    struct target_object object = {.key = FENCE_KEY,
                                   .body = text.buf,
                                   .len = text.len,
                                   .body_sha256 = sha256,
                                   .identity = identity,
                                   .headers = &headers,
                                   .condition = condition,
                                   .etag = etag};
    bool ok = !text.overflow || error_set(err, ERROR_FAILED, "the claim's paths are too long");
    ok = ok && target_put(f->target, &object, now, outcome, err);
    if (ok && *outcome == TARGET_DONE) {
        snprintf(f->etag, sizeof(f->etag), "%s", now);
        f->until_ms = asked + f->lease_s * 1000;
    }
    strbuf_release(&text);
    return ok || error_context(err, "%s" FENCE_KEY, target_name(f->target));
}

/* A damaged claim tells nothing: all is unknown, and nobody waits for it longer than for others. */
static bool read_claim(const struct fence *f, const struct strbuf *text, struct arena *arena,
                       struct claim *other, struct error *err)
{
    struct error why = ERROR_INIT;
    if (claim_parse(other, text->buf, text->len, arena, &why))
        return true;
    if (why.kind != ERROR_CONTENT) {
        *err = why;
        return error_context(err, "%s" FENCE_KEY, target_name(f->target));
    }
    *other = (struct claim){.all = true};
    return true;
}

bool fence_look(struct fence *f, struct arena *arena, bool *settled, enum fence_state *state,
                struct claim *other, struct error *err)
{
    struct target_found found;
    enum target_outcome outcome;
    struct strbuf text;
    bool same = false;
    strbuf_init(&text, CLAIM_TEXT_MAX);
    *other = (struct claim){0};
    bool ok = target_get(f->target, FENCE_KEY, CLAIM_TEXT_MAX, f->etag[0] != '\0' ? f->etag : NULL,
                         &text, &found, &same, &outcome, err);
    *settled = ok && (same || (outcome == TARGET_MISSING && f->etag[0] == '\0'));
    *state = FENCE_LAPSED;
    if (ok && !*settled && outcome == TARGET_MISSING) {
        f->etag[0] = '\0'; /* somebody has emptied the bucket */
        other->all = true;
    } else if (ok && !*settled) {
        *settled = strcmp(f->etag, found.etag) == 0; /* where If-None-Match is not honoured */
        snprintf(f->etag, sizeof(f->etag), "%s", found.etag);
        ok = read_claim(f, &text, arena, other, err);
        bool dead = f->dead != NULL && strcmp(other->owner, f->dead) == 0;
        if (ok && !dead && other->until > target_now(f->target))
            *state = FENCE_BUSY;
    }
    strbuf_release(&text);
    return ok;
}

/* Refused although it is the claim that we know: the store wants the ETag in another form, or
 * refuses every condition. */
static bool try_forms(struct fence *f, enum target_outcome *outcome, struct error *err)
{
    static const enum target_match forms[] = {TARGET_MATCH_BARE, TARGET_MATCH_NONE};
    char known[TARGET_ETAG_MAX + 1];
    snprintf(known, sizeof(known), "%s", f->etag);
    for (size_t i = 0; *outcome == TARGET_CONFLICT && i < sizeof(forms) / sizeof(*forms); i++) {
        target_set_conditions(f->target, (struct target_conditions){true, forms[i]});
        if (!put(f, TARGET_IF_SAME, known, outcome, err))
            return false;
    }
    return true;
}

bool fence_take(struct fence *f, const struct claim *ours, struct arena *arena,
                enum fence_state *state, struct claim *other, struct error *err)
{
    enum target_outcome outcome;
    bool settled;
    f->claim = *ours;
    snprintf(f->claim.owner, sizeof(f->claim.owner), "%s", f->owner);
    *other = (struct claim){0};
    *state = FENCE_OURS;
    if (!put(f, f->etag[0] != '\0' ? TARGET_IF_SAME : TARGET_IF_NEW, f->etag, &outcome, err))
        return false;
    if (outcome == TARGET_DONE)
        return true;
    if (!fence_look(f, arena, &settled, state, other, err))
        return false;
    if (!settled)
        return true;
    if (f->etag[0] != '\0' && !try_forms(f, &outcome, err))
        return false;
    *state = outcome == TARGET_DONE ? FENCE_OURS : FENCE_BUSY;
    return true;
}

/* --- what the store honours ------------------------------------------------------------------- */

/* Whether a put under this condition goes through. A store that does not know the header at all
 * refuses it otherwise (501). */
static bool goes_through(struct fence *f, enum target_if condition, const char *etag, bool *done,
                         struct error *err)
{
    enum target_outcome outcome;
    if (!put(f, condition, etag, &outcome, err))
        return false;
    *done = outcome == TARGET_DONE;
    return true;
}

static bool probe_match(struct fence *f, enum target_match how, struct target_conditions *found,
                        struct error *err)
{
    char own[TARGET_ETAG_MAX + 1];
    struct target_conditions trial = {.none_match = found->none_match, .match = how};
    bool right = false, wrong = false;
    snprintf(own, sizeof(own), "%s", f->etag);
    target_set_conditions(f->target, trial);
    if (!goes_through(f, TARGET_IF_SAME, own, &right, err))
        return false;
    if (right && !goes_through(f, TARGET_IF_SAME, "00000000000000000000000000000000", &wrong, err))
        return false;
    if (right && !wrong)
        found->match = how;
    return true;
}

bool fence_probe(struct fence *f, struct target_conditions *found, struct error *err)
{
    bool again = false;
    *found = (struct target_conditions){.match = TARGET_MATCH_NONE};
    if (!goes_through(f, TARGET_IF_NEW, NULL, &again, err))
        return false;
    found->none_match = !again;
    if (!probe_match(f, TARGET_MATCH_QUOTED, found, err))
        return false;
    if (found->match == TARGET_MATCH_NONE && !probe_match(f, TARGET_MATCH_BARE, found, err))
        return false;
    target_set_conditions(f->target, *found);
    return true;
}

/* --- keeping it ------------------------------------------------------------------------------- */

bool fence_holds(const struct fence *f)
{
    return boot_ms() < f->until_ms - MARGIN_MS;
}

bool fence_is_due(const struct fence *f)
{
    return boot_ms() > f->until_ms - f->lease_s * 500;
}

bool fence_renew(struct fence *f, bool *lost, struct error *err)
{
    enum target_outcome outcome;
    char own[TARGET_ETAG_MAX + 1];
    /* Whoever has come meanwhile, and gone again, has left another claim than ours. Where that
     * cannot be asked, it is too late. */
    *lost = !fence_holds(f) && !target_can_match(f->target);
    if (*lost)
        return true;
    snprintf(own, sizeof(own), "%s", f->etag);
    if (!put(f, TARGET_IF_SAME, own, &outcome, err))
        return false;
    *lost = outcome != TARGET_DONE;
    return true;
}

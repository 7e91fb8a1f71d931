#include <string.h>

#include "base/utf8.h"
#include "upload/target_ops.h"

bool target_key_check(const char *key, struct error *err)
{
    size_t len = strlen(key);
    if (len == 0 || len > TARGET_KEY_MAX)
        return error_set(err, ERROR_CONTENT, "a key has 1 to %d bytes, this one %zu: %.80s",
                         TARGET_KEY_MAX, len, key);
    if (key[0] == '/' || utf8_valid_prefix(key, len) != len)
        return error_set(err, ERROR_CONTENT, "'%s' is no key", key);
    for (const char *c = key; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return error_set(err, ERROR_CONTENT, "'%s' is no key: it holds a control character",
                             key);
    return true;
}

bool target_etag_read(const char *header, char etag[TARGET_ETAG_MAX + 1])
{
    if (header == NULL)
        return false;
    if (strncmp(header, "W/", 2) == 0)
        header += 2;
    size_t len = strlen(header);
    if (len >= 2 && header[0] == '"' && header[len - 1] == '"') {
        header++;
        len -= 2;
    }
    if (len == 0 || len > TARGET_ETAG_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (header[i] <= ' ' || header[i] == '"' || header[i] == 0x7f)
            return false;
    memcpy(etag, header, len);
    etag[len] = '\0';
    return true;
}

void target_close(struct target *t)
{
    if (t != NULL)
        t->ops->close(t);
}

const char *target_name(const struct target *t)
{
    return t->name;
}

bool target_is_folder(const struct target *t)
{
    return t->ops->is_folder;
}

void target_set_conditions(struct target *t, struct target_conditions c)
{
    t->conditions = c;
}

bool target_can_match(const struct target *t)
{
    return t->conditions.match != TARGET_MATCH_NONE;
}

void target_set_gate(struct target *t, target_may_fn *may, void *payload)
{
    t->may = may;
    t->may_payload = payload;
}

bool target_may(const struct target *t)
{
    return t->may == NULL || t->may(t->may_payload);
}

bool target_get(struct target *t, const char *key, size_t cap, const char *known_etag,
                struct strbuf *body, struct target_found *found, bool *unchanged,
                enum target_outcome *outcome, struct error *err)
{
    *found = (struct target_found){0};
    *unchanged = false;
    *outcome = TARGET_FAILED;
    return target_key_check(key, err) &&
           t->ops->get(t, key, cap, known_etag, body, found, unchanged, outcome, err);
}

bool target_head(struct target *t, const char *key, struct target_found *found,
                 enum target_outcome *outcome, struct error *err)
{
    *found = (struct target_found){0};
    *outcome = TARGET_FAILED;
    return target_key_check(key, err) && t->ops->head(t, key, found, outcome, err);
}

bool target_put_many(struct target *t, target_next_fn *next, target_done_fn *done, void *payload,
                     struct error *err)
{
    return t->ops->put_many(t, next, done, payload, err);
}

bool target_delete(struct target *t, const char *const *keys, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!target_key_check(keys[i], err))
            return false;
    return n == 0 || t->ops->delete (t, keys, n, err);
}

bool target_list(struct target *t, const char *prefix, target_take_fn *take, void *payload,
                 struct error *err)
{
    return t->ops->list(t, prefix, take, payload, err);
}

int64_t target_now(const struct target *t)
{
    return t->ops->now(t);
}

uint64_t target_requests(const struct target *t)
{
    return t->ops->requests(t);
}

/* ---- one object: many of one ---- */

struct single {
    struct target_object object;
    bool given;
    enum target_outcome outcome;
    char *etag;
    struct error err;
};

static bool give_single(void *payload, struct target_object **object)
{
    struct single *s = payload;
    *object = &s->object;
    bool first = !s->given;
    s->given = true;
    return first;
}

static bool take_single(void *payload, struct target_object *object, enum target_outcome outcome,
                        const char *etag, const struct error *why)
{
    struct single *s = payload;
    (void)object;
    s->outcome = outcome;
    if (outcome == TARGET_DONE)
        memcpy(s->etag, etag, strlen(etag) + 1);
    else if (outcome == TARGET_FAILED)
        s->err = *why;
    return true;
}

bool target_put(struct target *t, const struct target_object *object,
                char etag[TARGET_ETAG_MAX + 1], enum target_outcome *outcome, struct error *err)
{
    struct single s = {.object = *object, .outcome = TARGET_FAILED, .etag = etag};
    etag[0] = '\0';
    bool ok = t->ops->put_many(t, give_single, take_single, &s, err);
    *outcome = s.outcome;
    if (ok && s.outcome == TARGET_FAILED) {
        *err = s.err;
        return false;
    }
    return ok;
}

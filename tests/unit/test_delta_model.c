/* Uploads by the comparison's word alone, thousands of them, against an origin that is an array:
 * other releases, other modes, other rules, cut off at any object. After each that is complete the
 * origin is the release, and another comparison has nothing to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upload/delta.h"

#define PATHS 7
#define ROUNDS 4000
#define DAY 86400

static const char *const paths[PATHS] = {
    "a.html",     "assets/s.01234567.css", "assets/t.89abcdef.js", "d/index.html", "e/x.json",
    "index.html", "version.json"};
static const uint8_t kinds[PATHS] = {MANIFEST_PAGE,   MANIFEST_ASSET,  MANIFEST_ASSET,
                                     MANIFEST_PAGE,   MANIFEST_OUTPUT, MANIFEST_SITE,
                                     MANIFEST_VERSION};
static const char *const packings[] = {"", "gzip-8", "gzip-9"};

struct object {
    unsigned etag; /* 0: there is none */
    uint8_t content;
    bool gzip;
    unsigned packing, rule; /* of what it was stored with */
};

struct world {
    uint64_t random;
    struct object origin[PATHS][RECORD_VARIANTS];
    unsigned last_etag;
    struct record record;
    struct config config;
    struct config_headers rules[2];
    struct manifest release;
    unsigned packing, rule;
    bool in_release[PATHS];
    uint8_t content[PATHS];
    const char *claimed[PATHS];
    size_t n_claimed;
    int64_t now;
    size_t complete, cut;
};

static unsigned pick(struct world *w, unsigned n)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)((w->random >> 20) % n);
}

static size_t path_number(const char *path)
{
    for (size_t i = 0; i < PATHS; i++)
        if (strcmp(paths[i], path) == 0)
            return i;
    fail_msg("no path: %s", path);
    return 0;
}

static uint32_t gz_size(const struct world *w, uint8_t content)
{
    return w->packing > 0 && content % 2 == 0 ? 50 : 0;
}

/* Sometimes the settings change, often the content; an asset's content is that of its name. */
static void next_release(struct world *w)
{
    if (pick(w, 6) == 0)
        w->config.origin_mode = (enum config_mode)pick(w, 3);
    if (pick(w, 6) == 0)
        w->config.origin_directory_keys = pick(w, 2) == 1;
    if (pick(w, 6) == 0)
        w->packing = pick(w, 3);
    if (pick(w, 6) == 0)
        w->rule = pick(w, 2);
    w->config.headers = &w->rules[w->rule];
    manifest_release(&w->release);
    w->release.packing = packings[w->packing];
    for (size_t i = 0; i < PATHS; i++) {
        if (pick(w, 3) == 0)
            w->in_release[i] = pick(w, 2) == 1;
        if (pick(w, 3) == 0)
            w->content[i] = (uint8_t)(1 + pick(w, 4));
        if (kinds[i] == MANIFEST_ASSET)
            w->content[i] = (uint8_t)(10 + i);
        if (!w->in_release[i])
            continue;
        struct manifest_file *f = manifest_add(&w->release);
        f->path = paths[i];
        f->kind = kinds[i];
        f->sha256[0] = w->content[i];
        f->size = 100;
        f->gz_size = gz_size(w, w->content[i]);
    }
    w->now += pick(w, 3) * DAY;
}

static void compare(struct world *w, struct delta *d)
{
    struct error err = ERROR_INIT;
    struct delta_options options = {.config = &w->config,
                                    .release = &w->release,
                                    .old = &w->record,
                                    .claimed = w->claimed,
                                    .n_claimed = w->n_claimed,
                                    .now = w->now};
    if (!delta_make(d, &options, &err))
        fail_msg("%s", err.text);
}

static void claim(struct world *w, const char *path)
{
    for (size_t i = 0; i < w->n_claimed; i++)
        if (strcmp(w->claimed[i], path) == 0)
            return;
    w->claimed[w->n_claimed++] = paths[path_number(path)];
}

static void put_one(struct world *w, struct delta *d, const struct delta_put *put)
{
    char etag[16];
    struct object *o = &w->origin[path_number(put->file->path)][put->variant];
    snprintf(etag, sizeof(etag), "e%u", o->etag);
    if (put->condition == TARGET_IF_NEW)
        assert_int_equal(o->etag, 0);
    if (put->condition == TARGET_IF_SAME)
        assert_string_equal(put->etag, etag);
    *o = (struct object){++w->last_etag, put->file->sha256[0], put->gzip, w->packing, w->rule};
    snprintf(etag, sizeof(etag), "e%u", o->etag);
    delta_put_done(d, put, etag);
}

/* False: cut off. `room` objects may be changed. */
static bool carry_out(struct world *w, struct delta *d, size_t room)
{
    for (size_t i = 0; i < d->n_puts; i++)
        claim(w, d->puts[i].file->path);
    for (size_t i = 0; i < d->n_deletes; i++)
        claim(w, d->deletes[i].path);
    for (size_t i = 0; i < d->n_puts; i++) {
        if (room-- == 0)
            return false;
        put_one(w, d, &d->puts[i]);
    }
    if (room-- == 0)
        return false;
    struct delta_delete gone[PATHS * RECORD_VARIANTS];
    size_t n = d->n_deletes;
    assert_true(n <= PATHS * RECORD_VARIANTS);
    for (size_t i = 0; i < n; i++) {
        gone[i] = d->deletes[i];
        gone[i].path = paths[path_number(gone[i].path)];
    }
    struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
    struct error err = ERROR_INIT;
    d->next.generation = w->record.generation + 1;
    assert_true(record_write(&d->next, &first, &err));
    delta_drop_deleted(d);
    d->next.generation++;
    assert_true(record_write(&d->next, &second, &err));
    w->n_claimed = 0; /* the first record settles the claim */
    bool whole = true;
    for (size_t i = 0; whole && i < n; i++) {
        whole = room-- > 0;
        if (whole)
            w->origin[path_number(gone[i].path)][gone[i].variant] = (struct object){0};
    }
    whole = whole && room > 0;
    struct strbuf *last = whole ? &second : &first;
    assert_true(record_read(&w->record, last->buf, last->len, &err));
    strbuf_release(&first);
    strbuf_release(&second);
    return whole;
}

static bool wants(const struct world *w, size_t i, unsigned variant)
{
    enum config_mode mode = w->config.origin_mode;
    if (variant == RECORD_GZIP)
        return gz_size(w, w->content[i]) > 0 && mode != CONFIG_REPLACE;
    return variant == RECORD_PLAIN ||
           (w->config.origin_directory_keys && strcmp(paths[i], "d/index.html") == 0);
}

static void check_object(const struct world *w, size_t i, unsigned variant)
{
    const struct object *o = &w->origin[i][variant];
    bool packed = gz_size(w, w->content[i]) > 0;
    if (!w->in_release[i]) {
        assert_true(o->etag == 0 || kinds[i] == MANIFEST_ASSET);
        return;
    }
    assert_int_equal(o->etag != 0, wants(w, i, variant));
    if (o->etag == 0)
        return;
    assert_int_equal(o->content, w->content[i]);
    assert_int_equal(o->rule, w->rule);
    assert_int_equal(o->gzip,
                     variant == RECORD_GZIP || (packed && w->config.origin_mode != CONFIG_SIDECAR));
    assert_true(!o->gzip || o->packing == w->packing);
}

static void check_complete(struct world *w)
{
    struct delta d;
    for (size_t i = 0; i < PATHS; i++)
        for (unsigned v = 0; v < RECORD_VARIANTS; v++)
            check_object(w, i, v);
    compare(w, &d);
    assert_int_equal(d.n_puts + d.n_deletes, 0);
    assert_false(d.record_differs);
    delta_release(&d);
}

static void every_upload_makes_the_origin_the_release(void **state)
{
    (void)state;
    static struct world w;
    w = (struct world){.random = 88172645463325252ULL, .now = 1764000000};
    config_init(&w.config);
    manifest_init(&w.release);
    record_init(&w.record);
    w.rules[0] = (struct config_headers){.match = "**", .cache_control = "a", .content_type = ""};
    w.rules[1] = (struct config_headers){.match = "**", .cache_control = "b", .content_type = ""};
    w.config.n_headers = 1;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct delta d;
        next_release(&w);
        compare(&w, &d);
        if (carry_out(&w, &d, pick(&w, 2) == 0 ? pick(&w, 12) : 1000)) {
            check_complete(&w);
            w.complete++;
        } else {
            w.cut++;
        }
        delta_release(&d);
    }
    print_message("%zu complete, %zu cut off\n", w.complete, w.cut);
    assert_true(w.complete > ROUNDS / 4 && w.cut > ROUNDS / 6);
    w.config.n_headers = 0;
    w.config.headers = NULL;
    record_release(&w.record);
    manifest_release(&w.release);
    config_release(&w.config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_upload_makes_the_origin_the_release),
    };
    return cmocka_run_group_tests_name("delta_model", tests, NULL, NULL);
}

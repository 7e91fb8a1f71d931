/* Retention: which releases stay, and that objects go with those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/manifest.h"
#include "scratch.h"
#include "store/object.h"
#include "store/release.h"
#include "store/retain.h"

#define HOUR 3600
#define DAY 86400
#define NOW ((int64_t)1800000000)

/* --- the rule ------------------------------------------------------------------------------- */

/* The rule as it is promised, said another way: a release of the last 24 hours stays when no later
 * one is of its hour, one of the last 7 days when no later one is of its day. */
static bool should_stay(const int64_t *created, size_t i, int64_t now)
{
    int64_t age = now - created[i];
    if (i < 10)
        return true;
    if (age > 7 * DAY)
        return false;
    for (size_t j = 0; j < i; j++)
        if (created[j] / (age <= DAY ? HOUR : DAY) == created[i] / (age <= DAY ? HOUR : DAY))
            return false;
    return true;
}

static size_t count_kept(const int64_t *created, size_t n)
{
    static bool keep[20000];
    size_t kept = 0;
    retain_choose(created, n, NOW, keep);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] != should_stay(created, i, NOW))
            fail_msg("release %zu of %zu, %lld s old: keep is %d", i, n,
                     (long long)(NOW - created[i]), keep[i]);
        kept += keep[i];
    }
    return kept;
}

static void ten_always_stay(void **state)
{
    (void)state;
    int64_t created[12];
    for (size_t i = 0; i < 12; i++)
        created[i] = NOW - 400 * DAY - (int64_t)i;
    assert_int_equal(count_kept(created, 0), 0);
    assert_int_equal(count_kept(created, 10), 10);
    assert_int_equal(count_kept(created, 12), 10);
}

static void hours_and_days_keep_their_last(void **state)
{
    (void)state;
    static int64_t created[20000];
    for (size_t i = 0; i < 20000; i++)
        created[i] = NOW - (int64_t)i * 60; /* one a minute, for two weeks */
    size_t kept = count_kept(created, 20000);
    assert_in_range(kept, 10 + 23 + 6, 10 + 25 + 7);

    for (size_t i = 0; i < 500; i++)
        created[i] = NOW - (int64_t)i * HOUR;
    kept = count_kept(created, 500);
    assert_in_range(kept, 24 + 6, 25 + 7);
}

static void times_may_be_irregular_or_ahead(void **state)
{
    (void)state;
    static int64_t created[3000];
    uint64_t random = 12345;
    for (int round = 0; round < 50; round++) {
        int64_t at = NOW + (round % 5 == 0 ? 2 * DAY : 0);
        for (size_t i = 0; i < 3000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            created[i] = at;
            at -= (int64_t)(random >> 33) % (round * 40 + 2);
        }
        count_kept(created, 3000);
    }
}

/* --- on the disk ---------------------------------------------------------------------------- */

struct out {
    struct scratch scratch;
    struct store store;
};

static int setup(void **state)
{
    static struct out o;
    struct error err = ERROR_INIT;
    *state = &o;
    return scratch_make(&o.scratch) < 0 || !store_open(&o.store, o.scratch.path, false, &err);
}

static int teardown(void **state)
{
    struct out *o = *state;
    store_close(&o->store);
    scratch_remove(&o->scratch);
    return 0;
}

static void digest_for(unsigned n, uint8_t sha256[DIGEST_SIZE])
{
    memset(sha256, (int)(n % 251), DIGEST_SIZE);
    sha256[DIGEST_SIZE - 1] = (uint8_t)(n / 251);
}

static void object_path(unsigned n, char path[128])
{
    uint8_t sha256[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1];
    digest_for(n, sha256);
    digest_hex(sha256, hex);
    snprintf(path, 128, "objects/%.2s/%s", hex, hex + 2);
}

static bool has_object(const struct out *o, unsigned n)
{
    char path[128];
    object_path(n, path);
    return scratch_has(&o->scratch, path);
}

static void make_object(struct out *o, unsigned n)
{
    char path[128], folder[32];
    object_path(n, path);
    snprintf(folder, sizeof(folder), "%.10s", path);
    mkdirat(o->scratch.fd, folder, 0777);
    scratch_write(&o->scratch, path, "bytes");
}

/* Release `generation`, so old, with a file of its own and one that all have. */
static void make_release(struct out *o, unsigned generation, int64_t age)
{
    static const char *const paths[] = {"a.html", "b.html"};
    struct manifest m;
    struct error err = ERROR_INIT;
    char name[64];
    manifest_init(&m);
    m.generation = generation;
    for (unsigned i = 0; i < 2; i++) {
        struct manifest_file *f = manifest_add(&m);
        f->path = paths[i];
        f->kind = MANIFEST_SITE;
        digest_for(i == 0 ? generation : 0, f->sha256);
        make_object(o, i == 0 ? generation : 0);
    }
    assert_true(release_write(&o->store, &m, false, &err));
    manifest_release(&m);
    snprintf(name, sizeof(name), "releases/%u.json", generation);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = NOW - age}};
    assert_int_equal(utimensat(o->scratch.fd, name, times, 0), 0);
}

static bool has_release(const struct out *o, unsigned generation)
{
    char name[64];
    snprintf(name, sizeof(name), "releases/%u.json", generation);
    return scratch_has(&o->scratch, name);
}

static void dropped_releases_take_their_objects(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    for (unsigned g = 1; g <= 15; g++)
        make_release(o, g, (15 - (int64_t)g) * 30 * DAY);
    make_object(o, 400); /* of a release that was cut short */
    assert_true(retain_apply(&o->store, NOW, false, &err));
    for (unsigned g = 1; g <= 15; g++) {
        assert_int_equal(has_release(o, g), g > 5);
        assert_int_equal(has_object(o, g), g > 5);
    }
    assert_true(has_object(o, 0));
    assert_true(has_object(o, 400));
    assert_true(retain_apply(&o->store, NOW, true, &err));
    assert_false(has_object(o, 400));
    assert_true(has_object(o, 0));
    assert_true(has_object(o, 6));
}

static void the_sweep_leaves_what_is_not_ours(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    make_release(o, 1, 0);
    make_object(o, 400);
    mkdirat(o->scratch.fd, "objects/ab", 0777);
    scratch_write(&o->scratch, "objects/ab/notes.txt", "x");
    scratch_write(&o->scratch, "objects/README", "x");
    assert_true(retain_apply(&o->store, NOW, true, &err));
    assert_false(has_object(o, 400));
    assert_true(has_object(o, 1));
    assert_true(scratch_has(&o->scratch, "objects/ab/notes.txt"));
    assert_true(scratch_has(&o->scratch, "objects/README"));
}

/* Nobody knows what a manifest that cannot be understood needs; that is no reason to fail. */
static void a_damaged_manifest_stops_removal_until_its_time(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    for (unsigned g = 1; g <= 15; g++)
        make_release(o, g, (15 - (int64_t)g) * 30 * DAY);
    make_object(o, 400);
    scratch_write(&o->scratch, "releases/12.json", "{\"platen\":");
    assert_true(retain_apply(&o->store, NOW, true, &err));
    for (unsigned g = 0; g <= 15; g++)
        assert_true(has_object(o, g));
    assert_true(has_object(o, 400));
    assert_true(has_release(o, 1));

    scratch_write(&o->scratch, "releases/12.json", "{\"platen\":99,\n");
    assert_true(retain_apply(&o->store, NOW, true, &err));
    assert_true(has_object(o, 1) && has_object(o, 12) && has_object(o, 400));

    for (unsigned g = 16; g <= 22; g++)
        make_release(o, g, 0);
    assert_true(retain_apply(&o->store, NOW, true, &err));
    assert_false(has_release(o, 12));
    assert_false(has_object(o, 12));
    assert_false(has_object(o, 400));
    assert_true(has_object(o, 13));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_always_stay),
        cmocka_unit_test(hours_and_days_keep_their_last),
        cmocka_unit_test(times_may_be_irregular_or_ahead),
        cmocka_unit_test_setup_teardown(dropped_releases_take_their_objects, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sweep_leaves_what_is_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_manifest_stops_removal_until_its_time, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

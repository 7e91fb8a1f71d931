/* The comparison of a release with an origin's record: what goes up, what goes, what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upload/delta.h"

#define DAY 86400
#define NOW ((int64_t)1764000000)

/* A site, its origin, and the comparison of both. */
struct world {
    struct config config;
    struct manifest release;
    struct record old;
    struct delta delta;
    struct delta_options options;
    struct map unknown;
    bool compared;
};

static struct world w;

static struct manifest_file *file(const char *path, enum manifest_kind kind, uint8_t content,
                                  uint32_t gz_size)
{
    struct manifest_file *f = manifest_add(&w.release);
    f->path = path;
    f->kind = (uint8_t)kind;
    f->size = 100;
    f->gz_size = gz_size;
    f->sha256[0] = content;
    return f;
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    config_init(&w.config);
    manifest_init(&w.release);
    record_init(&w.old);
    map_init(&w.unknown);
    w.release.generation = 1;
    w.release.packing = "gzip-9";
    w.release.content = "c1";
    w.options = (struct delta_options){
        .config = &w.config, .release = &w.release, .old = &w.old, .now = NOW};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (w.compared)
        delta_release(&w.delta);
    map_release(&w.unknown);
    record_release(&w.old);
    manifest_release(&w.release);
    config_release(&w.config);
    return 0;
}

static void compare(void)
{
    struct error err = ERROR_INIT;
    if (w.compared)
        delta_release(&w.delta);
    manifest_sort(&w.release);
    if (!delta_make(&w.delta, &w.options, &err))
        fail_msg("%s", err.text);
    w.compared = true;
}

/* Carries everything out but the deletes; the record that results becomes the old one. */
static void upload(bool deletes)
{
    struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < w.delta.n_puts; i++) {
        char etag[40];
        const struct delta_put *put = &w.delta.puts[i];
        snprintf(etag, sizeof(etag), "%s-%u-%02x", put->gzip ? "gz" : "id", put->variant,
                 put->file->sha256[0]);
        delta_put_done(&w.delta, put, etag);
    }
    if (deletes)
        delta_drop_deleted(&w.delta);
    w.delta.next.generation = w.old.generation + 1;
    if (!record_write(&w.delta.next, &text, &err) || !record_read(&w.old, text.buf, text.len, &err))
        fail_msg("%s", err.text);
    strbuf_release(&text);
}

static void new_release(void)
{
    manifest_release(&w.release);
    w.release.generation = 2;
    w.release.packing = "gzip-9";
    w.release.content = "c2";
}

/* "KEY new|same ETAG|always[ gz]" of each put, " -KEY[!]" of each delete, '!' for a whole path. */
static void expect(const char *wanted)
{
    static const char *const conditions[] = {"always", "new", "same"};
    struct strbuf got = STRBUF_INIT;
    for (size_t i = 0; i < w.delta.n_puts; i++) {
        const struct delta_put *p = &w.delta.puts[i];
        assert_string_equal(w.delta.next.files[p->next].path, p->file->path);
        delta_key(p->file->path, p->variant, &got);
        strbuf_addf(&got, " %s%s%s%s\n", conditions[p->condition],
                    p->condition == TARGET_IF_SAME ? " " : "",
                    p->condition == TARGET_IF_SAME ? p->etag : "", p->gzip ? " gz" : "");
    }
    for (size_t i = 0; i < w.delta.n_deletes; i++) {
        const struct delta_delete *x = &w.delta.deletes[i];
        strbuf_addch(&got, '-');
        delta_key(x->path, x->variant, &got);
        strbuf_addstr(&got, x->whole ? "!\n" : "\n");
    }
    if (strcmp(got.buf, wanted) != 0)
        fail_msg("wanted:\n%sgot:\n%s", wanted, got.buf);
    strbuf_release(&got);
}

static void expect_nothing(void)
{
    compare();
    expect("");
    assert_false(w.delta.record_differs);
}

static void site(void)
{
    file("version.json", MANIFEST_VERSION, 9, 0);
    file("sitemap.xml", MANIFEST_SITEMAP, 8, 10);
    file("index.html", MANIFEST_SITE, 1, 50);
    file("fr/index.html", MANIFEST_PAGE, 2, 50);
    file("fr/a.json", MANIFEST_OUTPUT, 3, 0);
    file("logo.png", MANIFEST_STATIC, 4, 0);
    file("assets/site.0123abcd.css", MANIFEST_ASSET, 5, 20);
}

static void uploaded_site(void)
{
    site();
    compare();
    upload(true);
}

/* --- what goes up ----------------------------------------------------------------------------- */

static void a_first_upload_is_everything_in_order(void **state)
{
    (void)state;
    site();
    compare();
    expect("assets/site.0123abcd.css new\nassets/site.0123abcd.css.gz new gz\n"
           "logo.png new\n"
           "fr/a.json new\n"
           "fr/index.html new\nfr/index.html.gz new gz\n"
           "index.html new\nindex.html.gz new gz\n"
           "sitemap.xml new\nsitemap.xml.gz new gz\n"
           "version.json new\n");
    assert_true(w.delta.record_differs);
    assert_true(w.delta.puts[0].added);
    assert_int_equal(w.delta.n_same, 0);
    assert_int_equal(w.delta.next.n_files, 7);
    assert_string_equal(w.delta.next.mode, "sidecar");
    assert_string_equal(w.delta.next.files[0].etag[0], RECORD_UNKNOWN);
    upload(true);
    expect_nothing();
    assert_int_equal(w.delta.n_same, 11);
}

static void times_versions_and_etags_say_nothing(void **state)
{
    (void)state;
    uploaded_site();
    for (size_t i = 0; i < w.release.n_files; i++)
        w.release.files[i].mtime = 12345 + (int64_t)i;
    w.release.created = "2030-01-01T00:00:00Z";
    w.release.version = "99";
    w.release.generation = 7000;
    expect_nothing();
}

static void what_has_changed_goes_up_over_what_is_known(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    site();
    w.release.files[2].sha256[0] = 0x77; /* index.html, before sorting */
    file("de/index.html", MANIFEST_PAGE, 0x20, 5);
    compare();
    expect("de/index.html new\nde/index.html.gz new gz\n"
           "index.html same id-0-01\nindex.html.gz same gz-1-01 gz\n");
    assert_true(w.delta.puts[0].added);
    assert_false(w.delta.puts[2].added);
    assert_int_equal(w.delta.n_same, 9);
    upload(true);
    assert_string_equal(record_find(&w.old, "index.html")->etag[0], "id-0-77");
    assert_string_equal(record_find(&w.old, "fr/index.html")->etag[0], "id-0-02");
    expect_nothing();
}

static void a_changed_rule_is_a_changed_object(void **state)
{
    (void)state;
    static const char rules[] = "origin: {headers: [{match: '**.json', cache_control: no-store}]}";
    struct error err = ERROR_INIT;
    uploaded_site();
    assert_true(config_load_text(&w.config, "platen.yaml", rules, strlen(rules), &err));
    compare();
    expect("fr/a.json same id-0-03\nversion.json same id-0-09\n");
    upload(true);
    expect_nothing();
    struct target_headers headers;
    struct arena arena;
    arena_init(&arena);
    w.config.headers[0].cache_control = "no-cache";
    compare();
    delta_headers(&w.delta, &w.delta.puts[0], &w.config, &arena, &headers);
    assert_string_equal(headers.cache_control, "no-cache");
    assert_string_equal(headers.content_type, "application/json");
    assert_null(headers.content_encoding);
    arena_release(&arena);
}

static void another_packing_is_another_twin(void **state)
{
    (void)state;
    uploaded_site();
    w.release.packing = "gzip-10";
    compare();
    expect("assets/site.0123abcd.css.gz same gz-1-05 gz\nfr/index.html.gz same gz-1-02 gz\n"
           "index.html.gz same gz-1-01 gz\nsitemap.xml.gz same gz-1-08 gz\n");
    upload(true);
    expect_nothing();
}

static void what_is_marked_unknown_is_written_again(void **state)
{
    (void)state;
    uploaded_site();
    w.old.files[1].etag[RECORD_PLAIN] = RECORD_UNKNOWN;
    compare();
    expect("fr/a.json always\n");
    delta_put_done(&w.delta, &w.delta.puts[0], "no etag");
    assert_string_equal(w.delta.next.files[1].etag[0], RECORD_UNKNOWN);
}

/* --- modes ------------------------------------------------------------------------------------ */

static void replace_stores_the_gzip_form_under_the_name(void **state)
{
    (void)state;
    struct target_headers headers;
    struct arena arena;
    w.config.origin_mode = CONFIG_REPLACE;
    file("a.html", MANIFEST_PAGE, 1, 50);
    file("b.png", MANIFEST_STATIC, 2, 0);
    compare();
    expect("b.png new\na.html new gz\n");
    arena_init(&arena);
    delta_headers(&w.delta, &w.delta.puts[1], &w.config, &arena, &headers);
    assert_string_equal(headers.content_encoding, "gzip");
    assert_string_equal(headers.content_type, "text/html; charset=utf-8");
    arena_release(&arena);
    upload(true);
    expect_nothing();
    w.release.packing = "gzip-10";
    compare();
    expect("b.png same id-0-02\na.html same gz-0-01 gz\n");
}

static void a_changed_mode_changes_what_it_must(void **state)
{
    (void)state;
    file("a.html", MANIFEST_PAGE, 1, 50);
    file("b.png", MANIFEST_STATIC, 2, 0);
    compare();
    upload(true);
    w.config.origin_mode = CONFIG_REPLACE;
    compare();
    expect("a.html same id-0-01 gz\n-a.html.gz\n");
    assert_int_equal(w.delta.n_gone, 0);
    assert_true(w.delta.record_differs);
    upload(false);
    assert_string_equal(record_find(&w.old, "a.html")->etag[RECORD_GZIP], RECORD_UNKNOWN);
    compare();
    expect("-a.html.gz\n"); /* until it is gone */
    upload(true);
    expect_nothing();
    w.config.origin_mode = CONFIG_BOTH;
    compare();
    expect("a.html.gz new gz\n");
    upload(true);
    expect_nothing();
    w.config.origin_mode = CONFIG_SIDECAR;
    compare();
    expect("a.html same gz-0-01\n");
    upload(true);
    expect_nothing();
}

static void folders_have_keys_of_their_own(void **state)
{
    (void)state;
    w.config.origin_directory_keys = true;
    file("index.html", MANIFEST_SITE, 1, 0);
    file("fr/index.html", MANIFEST_PAGE, 2, 50);
    file("fr/x.html", MANIFEST_PAGE, 3, 0);
    compare();
    expect("fr/index.html new\nfr/index.html.gz new gz\nfr/ new\nfr/x.html new\nindex.html new\n");
    upload(true);
    expect_nothing();
    w.config.origin_directory_keys = false;
    compare();
    expect("-fr/\n");
    upload(true);
    expect_nothing();
}

/* --- what goes -------------------------------------------------------------------------------- */

static void what_is_no_longer_printed_goes(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    site();
    w.release.files[3].path = "fr/other.html"; /* instead of fr/index.html */
    w.release.files[2].gz_size = 0;            /* index.html has no twin any more */
    compare();
    expect("fr/other.html new\nfr/other.html.gz new gz\n"
           "-fr/index.html!\n-fr/index.html.gz!\n-index.html.gz\n");
    assert_int_equal(w.delta.n_gone, 1);
    upload(false);
    assert_int_equal(w.old.n_files, 8);
    compare();
    expect("-fr/index.html!\n-fr/index.html.gz!\n-index.html.gz\n"); /* none was lost */
    upload(true);
    assert_int_equal(w.old.n_files, 7);
    assert_null(record_find(&w.old, "fr/index.html"));
    expect_nothing();
}

/* The deletes may have been cut off in the middle. */
static void what_comes_back_before_it_was_surely_deleted_is_written(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    site();
    w.release.files[1].path = "zitemap.xml";
    compare();
    expect("zitemap.xml new\nzitemap.xml.gz new gz\n-sitemap.xml!\n-sitemap.xml.gz!\n");
    upload(false);
    new_release();
    site();
    compare();
    expect("sitemap.xml always\nsitemap.xml.gz always gz\n-zitemap.xml!\n-zitemap.xml.gz!\n");
}

static void retired_assets_stay_for_their_time(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    file("index.html", MANIFEST_SITE, 1, 50);
    file("assets/site.89ab4567.css", MANIFEST_ASSET, 6, 0);
    compare();
    expect("assets/site.89ab4567.css new\n-fr/a.json!\n-fr/index.html!\n-fr/index.html.gz!\n"
           "-logo.png!\n-sitemap.xml!\n-sitemap.xml.gz!\n-version.json!\n");
    assert_int_equal(w.delta.n_gone, 5);
    upload(true);
    const struct record_file *kept = record_find(&w.old, "assets/site.0123abcd.css");
    assert_non_null(kept);
    assert_int_equal(kept->retired, NOW);
    assert_string_equal(kept->etag[RECORD_GZIP], "gz-1-05");
    w.options.now = NOW + 7 * DAY;
    expect_nothing();
    w.options.now = NOW + 7 * DAY + 1;
    compare();
    expect("-assets/site.0123abcd.css!\n-assets/site.0123abcd.css.gz!\n");
    upload(true);
    assert_int_equal(w.old.n_files, 2);
    expect_nothing();
}

static void an_asset_that_is_used_again_is_as_it_was(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    file("index.html", MANIFEST_SITE, 1, 50);
    compare();
    upload(true);
    file("assets/site.0123abcd.css", MANIFEST_ASSET, 5, 20);
    compare();
    expect("");
    assert_true(w.delta.record_differs);
    upload(true);
    assert_int_equal(record_find(&w.old, "assets/site.0123abcd.css")->retired, 0);
    expect_nothing();
}

static void the_releases_own_retired_assets_keep_their_time(void **state)
{
    (void)state;
    uploaded_site();
    struct manifest_file *f = &w.release.files[0];
    assert_string_equal(f->path, "assets/site.0123abcd.css");
    f->flags = MANIFEST_RETIRED;
    f->lastmod = NOW - 100;
    compare();
    expect("");
    assert_true(w.delta.record_differs);
    upload(true);
    assert_int_equal(w.old.files[0].retired, NOW - 100);
    f->lastmod = NOW - 50; /* another machine noticed it later */
    expect_nothing();
}

/* What was stored under another mode cannot be told from its row once the mode is forgotten. */
static void a_kept_asset_of_another_mode_is_unknown(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    file("index.html", MANIFEST_SITE, 1, 50);
    w.config.origin_mode = CONFIG_REPLACE;
    compare();
    upload(true);
    assert_string_equal(record_find(&w.old, "assets/site.0123abcd.css")->etag[0], RECORD_UNKNOWN);
    file("assets/site.0123abcd.css", MANIFEST_ASSET, 5, 20);
    compare();
    expect("assets/site.0123abcd.css always gz\n-assets/site.0123abcd.css.gz\n");
}

static void only_fingerprinted_names_are_assets(void **state)
{
    (void)state;
    static const char *const paths[] = {"assets/a.css", "assets/a.0123abcg.css",
                                        "assets/a.0123abcde.css", "assets/x.01234567/y.css",
                                        "x/assets/a.01234567.css"};
    for (size_t i = 0; i < 5; i++)
        file(paths[i], MANIFEST_STATIC, 1, 0);
    file("assets/font.01234567", MANIFEST_ASSET, 1, 0);
    compare();
    upload(true);
    new_release();
    compare();
    assert_int_equal(w.delta.n_gone, 5);
    upload(true);
    assert_int_equal(w.old.n_files, 1);
    assert_string_equal(w.old.files[0].path, "assets/font.01234567");
}

/* --- claims that nobody finished -------------------------------------------------------------- */

static void name_unknown(const char *path)
{
    bool added;
    map_put(&w.unknown, path, strlen(path), &added);
    w.options.unknown = &w.unknown;
}

static void claimed_paths_are_written_again(void **state)
{
    (void)state;
    uploaded_site();
    name_unknown("fr/a.json");
    name_unknown("index.html");
    compare();
    /* fr/a.json has no twin, but the other's may have had one. */
    expect("fr/a.json always\nindex.html always\nindex.html.gz always gz\n-fr/a.json.gz\n");
    upload(true);
    w.options.unknown = NULL;
    expect_nothing();
}

static void claimed_paths_that_nobody_wants_go(void **state)
{
    (void)state;
    static const char *const claimed[] = {"x/index.html", "../../etc", "aa.html", "x/index.html",
                                          "index.html"};
    uploaded_site();
    w.options.claimed = claimed;
    w.options.n_claimed = 5;
    compare();
    expect("index.html always\nindex.html.gz always gz\n"
           "-aa.html!\n-aa.html.gz!\n-x/index.html!\n-x/index.html.gz!\n-x/!\n");
    assert_int_equal(w.delta.n_gone, 2);
    upload(false);
    assert_string_equal(record_find(&w.old, "aa.html")->etag[0], RECORD_UNKNOWN);
    w.options.n_claimed = 0;
    compare();
    expect("-aa.html!\n-aa.html.gz!\n-x/index.html!\n-x/index.html.gz!\n-x/!\n");
    upload(true);
    expect_nothing();
}

/* A first upload that was cut off leaves a claim and no record. */
static void a_claim_without_a_record_is_cleared_up(void **state)
{
    (void)state;
    static const char *const claimed[] = {"old.html", "assets/a.01234567.js"};
    w.options.claimed = claimed;
    w.options.n_claimed = 2;
    file("new.html", MANIFEST_PAGE, 1, 0);
    compare();
    expect("new.html new\n-old.html!\n-old.html.gz!\n");
    upload(true);
    assert_int_equal(w.old.n_files, 2);
    assert_int_equal(w.old.files[0].retired, NOW);
}

static void all_may_be_unknown(void **state)
{
    (void)state;
    file("a.html", MANIFEST_PAGE, 1, 50);
    file("b.json", MANIFEST_OUTPUT, 2, 0);
    w.options.all_unknown = true; /* a damaged record: nothing is deleted */
    compare();
    expect("b.json always\na.html always\na.html.gz always gz\n");
    upload(true);
    compare();
    expect("b.json always\na.html always\na.html.gz always gz\n-b.json.gz\n");
    w.options.all_unknown = false;
    expect_nothing();
}

static void an_asset_stays_though_all_is_unknown(void **state)
{
    (void)state;
    uploaded_site();
    new_release();
    file("index.html", MANIFEST_SITE, 1, 50);
    w.options.all_unknown = true;
    compare();
    for (size_t i = 0; i < w.delta.n_deletes; i++)
        assert_null(strstr(w.delta.deletes[i].path, "assets/"));
    upload(true);
    assert_string_equal(record_find(&w.old, "assets/site.0123abcd.css")->etag[0], RECORD_UNKNOWN);
}

static void the_header_tells_databases_apart(void **state)
{
    (void)state;
    file("a.html", MANIFEST_PAGE, 1, 0);
    w.release.database = "{\"name\":\"cms\"}";
    compare();
    assert_int_equal(strlen(w.delta.next.database), 64);
    assert_null(strstr(w.delta.next.database, "cms"));
    assert_string_equal(w.delta.next.content, "c1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_first_upload_is_everything_in_order),
        TEST(times_versions_and_etags_say_nothing),
        TEST(what_has_changed_goes_up_over_what_is_known),
        TEST(a_changed_rule_is_a_changed_object),
        TEST(another_packing_is_another_twin),
        TEST(what_is_marked_unknown_is_written_again),
        TEST(replace_stores_the_gzip_form_under_the_name),
        TEST(a_changed_mode_changes_what_it_must),
        TEST(folders_have_keys_of_their_own),
        TEST(what_is_no_longer_printed_goes),
        TEST(what_comes_back_before_it_was_surely_deleted_is_written),
        TEST(retired_assets_stay_for_their_time),
        TEST(an_asset_that_is_used_again_is_as_it_was),
        TEST(the_releases_own_retired_assets_keep_their_time),
        TEST(a_kept_asset_of_another_mode_is_unknown),
        TEST(only_fingerprinted_names_are_assets),
        TEST(claimed_paths_are_written_again),
        TEST(claimed_paths_that_nobody_wants_go),
        TEST(a_claim_without_a_record_is_cleared_up),
        TEST(all_may_be_unknown),
        TEST(an_asset_stays_though_all_is_unknown),
        TEST(the_header_tells_databases_apart),
    };
    return cmocka_run_group_tests_name("delta", tests, NULL, NULL);
}

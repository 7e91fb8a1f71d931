/* The store but for the commit: folders, lock, cursor, staged files, objects, what is recorded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/object.h"
#include "store/release.h"
#include "store/stage.h"
#include "store/store.h"
#include "store/walk.h"

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

static unsigned count_open(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void expect_text(const struct error *err, const char *why)
{
    if (strstr(err->text, why) == NULL)
        fail_msg("expected '%s', got '%s'", why, err->text);
}

/* --- opening and locking -------------------------------------------------------------------- */

static void reading_creates_nothing(void **state)
{
    struct out *o = *state;
    struct store s;
    struct error err = ERROR_INIT;
    char path[300];
    snprintf(path, sizeof(path), "%s/none", o->scratch.path);
    assert_true(store_open(&s, path, true, &err));
    assert_int_equal(s.out_fd, -1);
    store_close(&s);
    assert_false(scratch_has(&o->scratch, "none"));

    assert_int_equal(mkdirat(o->scratch.fd, "none", 0777), 0);
    assert_true(store_open(&s, path, true, &err));
    assert_true(s.out_fd >= 0 && s.public_fd == -1 && s.releases_fd == -1 && s.objects_fd == -1);
    struct release_list list;
    struct release_state recorded;
    assert_true(release_list(&s, &list, &err));
    assert_int_equal(list.n_manifests + list.n_intents, 0);
    assert_true(release_load(&s, &list, &recorded, &err));
    assert_int_equal(recorded.manifest.generation, 0);
    release_state_release(&recorded);
    store_close(&s);
    assert_false(scratch_has(&o->scratch, "none/public"));
}

static void what_stands_in_the_way_is_told(void **state)
{
    struct out *o = *state;
    struct store s;
    struct error err = ERROR_INIT;
    char path[300];
    unsigned open_before = count_open();
    snprintf(path, sizeof(path), "%s/other", o->scratch.path);
    scratch_write(&o->scratch, "other", "x");
    assert_false(store_open(&s, path, false, &err));
    expect_text(&err, "other: Not a directory");
    assert_int_equal(unlinkat(o->scratch.fd, "other", 0), 0);
    assert_int_equal(mkdirat(o->scratch.fd, "other", 0777), 0);
    scratch_write(&o->scratch, "other/releases", "x");
    assert_false(store_open(&s, path, false, &err));
    expect_text(&err, "other: opening folder releases: Not a directory");
    snprintf(path, sizeof(path), "%s/no/such", o->scratch.path);
    assert_false(store_open(&s, path, false, &err));
    expect_text(&err, "no/such: No such file");
    assert_int_equal(count_open(), open_before);
}

static void one_lock_for_all(void **state)
{
    struct out *o = *state;
    struct store other;
    struct error err = ERROR_INIT;
    char pid[40];
    assert_true(store_lock(&o->store, 0, &err));
    assert_int_equal(scratch_stat(&o->scratch, ".lock").st_size, 0);
    assert_true(store_open(&other, o->scratch.path, false, &err));
    assert_false(store_lock(&other, 50, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    snprintf(pid, sizeof(pid), "by process %ld (", (long)getpid());
    expect_text(&err, pid);
    expect_text(&err, o->scratch.path);
    store_close(&o->store);
    store_close(&other);
    assert_true(store_open(&other, o->scratch.path, false, &err));
    assert_true(store_lock(&other, 0, &err));
    store_close(&other);
    assert_true(store_open(&o->store, o->scratch.path, false, &err));
}

/* --- the cursor ----------------------------------------------------------------------------- */

static void walk_finds(struct walk *w, const char *path, bool create, const char *expected)
{
    struct error err = ERROR_INIT;
    int fd;
    const char *name;
    assert_true(walk_to(w, path, create, &fd, &name, &err));
    if (expected == NULL) {
        assert_int_equal(fd, -1);
        return;
    }
    char link[64], target[512];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    assert_true(n > 0);
    target[n] = '\0';
    assert_string_equal(name, strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
    const char *below = strstr(target, "/public");
    assert_non_null(below);
    assert_string_equal(below + strlen("/public"), expected);
}

static void the_cursor_goes_anywhere_below(void **state)
{
    struct out *o = *state;
    struct walk w;
    unsigned open_before = count_open();
    walk_init(&w, o->store.public_fd);
    walk_finds(&w, "a.html", true, "");
    walk_finds(&w, "en/x/y/a.html", true, "/en/x/y");
    walk_finds(&w, "en/x/y/b.html", true, "/en/x/y");
    walk_finds(&w, "en/x/a.html", true, "/en/x");
    walk_finds(&w, "en/xy/a.html", true, "/en/xy");
    walk_finds(&w, "en/xy/z", true, "/en/xy");
    walk_finds(&w, "e/a", true, "/e");
    walk_finds(&w, "en/none/y/a", false, NULL);
    walk_finds(&w, "en/none/y/b", false, NULL);
    walk_finds(&w, "en/x/y/b", false, "/en/x/y");
    walk_finds(&w, "b.html", false, "");
    walk_release(&w);
    walk_release(&w);
    assert_int_equal(count_open(), open_before);
    assert_false(scratch_has(&o->scratch, "public/en/none"));
}

static void the_cursor_follows_no_link(void **state)
{
    struct out *o = *state;
    struct walk w;
    struct error err = ERROR_INIT;
    int fd;
    const char *name;
    assert_true(file_make_dirs(o->scratch.fd, "elsewhere/deep", &err));
    assert_true(file_make_dirs(o->scratch.fd, "public/en", &err));
    assert_int_equal(symlinkat("../elsewhere", o->scratch.fd, "public/fr"), 0);
    assert_int_equal(symlinkat("../../elsewhere", o->scratch.fd, "public/en/deep"), 0);
    assert_int_equal(symlinkat("nowhere", o->scratch.fd, "public/de"), 0);
    scratch_write(&o->scratch, "public/file", "x");
    static const char *const paths[] = {"fr/a", "fr/deep/a", "en/deep/a", "de/a", "file/a"};
    walk_init(&w, o->store.public_fd);
    for (size_t i = 0; i < 5; i++) {
        assert_false(walk_to(&w, paths[i], true, &fd, &name, &err));
        expect_text(&err, "a file or link in its place?");
        walk_finds(&w, paths[i], false, NULL);
    }
    walk_release(&w);
    assert_false(scratch_has(&o->scratch, "elsewhere/a"));
}

static void the_cursor_goes_as_deep_as_paths_may(void **state)
{
    struct out *o = *state;
    struct walk w;
    struct error err = ERROR_INIT;
    char path[2 * ROUTE_DEPTH_MAX + 2];
    int fd;
    const char *name;
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 2 == 0 ? 'd' : '/';
    path[2 * ROUTE_DEPTH_MAX + 1] = '\0';
    assert_true(route_check(path, strlen(path), &err));
    walk_init(&w, o->store.public_fd);
    assert_true(walk_to(&w, path, true, &fd, &name, &err));
    walk_release(&w);
}

/* --- staged files --------------------------------------------------------------------------- */

static void staged_files_have_their_bytes_and_times(void **state)
{
    struct out *o = *state;
    struct stage st;
    struct error err = ERROR_INIT;
    uint64_t ref[3];
    char name[STAGE_NAME_SIZE];
    stage_init(&st, &o->store, 3);
    assert_true(stage_discard(&st, &err));
    assert_false(scratch_has(&o->scratch, ".stage")); /* nothing before the first file */
    assert_true(
        stage_put(&st, 2, &(struct staged){NULL, "page", 4, "twin", 4, 1234567890}, &ref[0], &err));
    assert_true(stage_put(&st, 0, &(struct staged){NULL, "", 0, NULL, 0, 1}, &ref[1], &err));
    assert_true(stage_put(&st, 2, &(struct staged){NULL, "more", 4, NULL, 0, -5}, &ref[2], &err));
    assert_true(ref[0] != ref[1] && ref[1] != ref[2]);
    for (size_t i = 0; i < 3; i++) {
        static const int64_t times[] = {1234567890, 1, -5};
        struct stat file;
        stage_name(ref[i], NULL, false, name);
        assert_int_equal(fstatat(stage_folder(&st, ref[i]), name, &file, 0), 0);
        assert_int_equal(file.st_mtim.tv_sec, times[i]);
        assert_int_equal(file.st_mtim.tv_nsec, 0);
        stage_name(ref[i], NULL, true, name);
        assert_int_equal(fstatat(stage_folder(&st, ref[i]), name, &file, 0), i == 0 ? 0 : -1);
        if (i == 0)
            assert_int_equal(file.st_mtim.tv_sec, times[i]);
    }
    assert_true(stage_discard(&st, &err));
    assert_true(scratch_has(&o->scratch, ".stage/2/0")); /* folders stay */
    assert_false(scratch_has(&o->scratch, ".stage/2/0/0"));
    assert_false(scratch_has(&o->scratch, ".stage/2/0/0.gz"));
    assert_false(scratch_has(&o->scratch, ".stage/0/0/0"));
    assert_false(st.had_files); /* they were its own */
    scratch_write(&o->scratch, ".stage/2/0/0", "of a look that was killed");
    assert_true(stage_put(&st, 1, &(struct staged){NULL, "again", 5, NULL, 0, 7}, &ref[0], &err));
    stage_release(&st);
    assert_true(scratch_has(&o->scratch, ".stage/1/0/0")); /* as if killed */
    stage_init(&st, &o->store, 1);
    assert_true(stage_put(&st, 0, &(struct staged){NULL, "new", 3, NULL, 0, 7}, &ref[0], &err));
    assert_true(st.had_files);
    assert_false(scratch_has(&o->scratch, ".stage/1/0/0"));
    assert_false(scratch_has(&o->scratch, ".stage/2/0/0"));
    assert_true(stage_discard(&st, &err));
    stage_release(&st);
}

static void a_link_in_place_of_the_stage_is_not_followed(void **state)
{
    struct out *o = *state;
    struct stage st;
    struct error err = ERROR_INIT;
    uint64_t ref;
    assert_true(file_make_dirs(o->scratch.fd, "elsewhere/0", &err));
    scratch_write(&o->scratch, "elsewhere/0/file", "x");
    assert_int_equal(symlinkat("elsewhere", o->scratch.fd, ".stage"), 0);
    stage_init(&st, &o->store, 1);
    assert_true(stage_put(&st, 0, &(struct staged){NULL, "page", 4, NULL, 0, 7}, &ref, &err));
    assert_true(S_ISDIR(scratch_stat(&o->scratch, ".stage").st_mode));
    assert_true(stage_discard(&st, &err));
    stage_release(&st);
    assert_true(scratch_is(&o->scratch, "elsewhere/0/file", "x"));
}

/* --- objects -------------------------------------------------------------------------------- */

#define SUM "abababababababababababababababababababababababababababababababab"
#define OBJECT "objects/ab/ababababababababababababababababababababababababababababababab"

static bool keep(struct out *o, const char *name, struct error *err)
{
    struct object_writer w;
    uint8_t sha256[DIGEST_SIZE];
    memset(sha256, 0xab, sizeof(sha256));
    object_writer_init(&w, &o->store);
    bool ok = object_keep(&w, sha256, o->scratch.fd, name, err) && object_sync(&w, err);
    object_writer_release(&w);
    return ok;
}

static void an_object_is_a_link_to_the_file(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    unsigned open_before = count_open();
    scratch_write(&o->scratch, "page", "bytes");
    assert_true(keep(o, "page", &err));
    assert_int_equal(scratch_stat(&o->scratch, OBJECT).st_ino,
                     scratch_stat(&o->scratch, "page").st_ino);
    assert_int_equal(count_open(), open_before);
}

/* Whoever edited the old file in place has edited the object: fresh bytes replace it. */
static void an_object_is_replaced_by_fresh_bytes(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    scratch_write(&o->scratch, "page", "bytes");
    assert_true(keep(o, "page", &err));
    scratch_write(&o->scratch, "page", "damaged");
    assert_true(scratch_is(&o->scratch, OBJECT, "damaged"));
    scratch_write(&o->scratch, "fresh", "bytes");
    scratch_write(&o->scratch, "objects/.new", "left by a look that was killed");
    assert_true(keep(o, "fresh", &err));
    assert_true(scratch_is(&o->scratch, OBJECT, "bytes"));
    assert_true(scratch_is(&o->scratch, "page", "damaged"));
    assert_int_equal(scratch_stat(&o->scratch, OBJECT).st_nlink, 2);
    assert_int_equal(scratch_stat(&o->scratch, "page").st_nlink, 1);
    assert_false(scratch_has(&o->scratch, "objects/.new"));
}

/* What was left under the temporary name may be a link to a public file: it must not be written. */
static void a_left_link_is_never_written_through(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    scratch_write(&o->scratch, "public/page", "public bytes");
    assert_int_equal(linkat(o->scratch.fd, "public/page", o->scratch.fd, "objects/.new", 0), 0);
    scratch_write(&o->scratch, "one", "bytes");
    scratch_write(&o->scratch, "two", "bytes");
    assert_true(keep(o, "one", &err));
    assert_true(keep(o, "two", &err));
    assert_true(scratch_is(&o->scratch, "public/page", "public bytes"));
    assert_int_equal(scratch_stat(&o->scratch, "public/page").st_nlink, 1);
}

static void an_object_that_cannot_be_kept_is_told(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    assert_false(keep(o, "none", &err));
    expect_text(&err, "objects: keeping " SUM ": linking: No such file");
    scratch_write(&o->scratch, "page", "bytes");
    assert_int_equal(unlinkat(o->scratch.fd, "objects/ab", AT_REMOVEDIR), 0);
    scratch_write(&o->scratch, "objects/ab", "no folder");
    assert_false(keep(o, "page", &err));
    expect_text(&err, "objects/ab: Not a directory");
}

/* --- what is recorded ----------------------------------------------------------------------- */

static void write_release(struct out *o, uint64_t generation, const char *path)
{
    struct manifest m;
    struct error err = ERROR_INIT;
    manifest_init(&m);
    m.generation = generation;
    struct manifest_file *f = manifest_add(&m);
    f->path = path;
    f->kind = MANIFEST_SITE;
    assert_true(release_write(&o->store, &m, true, &err));
    manifest_release(&m);
}

static bool load(struct out *o, struct release_list *list, struct release_state *recorded,
                 struct error *err)
{
    error_clear(err);
    assert_true(release_list(&o->store, list, err));
    return release_load(&o->store, list, recorded, err);
}

static void unload(struct release_list *list, struct release_state *recorded)
{
    release_state_release(recorded);
    release_list_free(list);
}

static void the_newest_release_counts(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    write_release(o, 9, "nine");
    write_release(o, 10, "ten");
    write_release(o, 2, "two");
    static const char *const strange[] = {"releases/011.json",
                                          "releases/12.json.old",
                                          "releases/x.json",
                                          "releases/0.json",
                                          "releases/-1.json",
                                          "releases/.json",
                                          "releases/99999999999999999999.json"};
    for (size_t i = 0; i < 7; i++)
        scratch_write(&o->scratch, strange[i], "{");
    assert_true(load(o, &list, &recorded, &err));
    assert_int_equal(list.n_manifests, 3);
    assert_int_equal(release_next(&list), 11);
    assert_int_equal(recorded.manifest.generation, 10);
    assert_string_equal(recorded.manifest.files[0].path, "ten");
    assert_false(release_is_unknown(&recorded, "ten"));
    assert_string_equal(recorded.warning, "");
    assert_int_equal(recorded.intended_mtime, 0);
    unload(&list, &recorded);
}

static void intents_make_their_paths_unknown(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    write_release(o, 3, "a.html");
    scratch_write(&o->scratch, "releases/4.pending",
                  "platen-intent 1 4\na.html\nen/b.html\n../etc/passwd\n/x\nend\n");
    scratch_write(&o->scratch, "releases/5.pending", "platen-intent 1 5\nen/b.html\nc.html\nend\n");
    assert_true(load(o, &list, &recorded, &err));
    assert_int_equal(release_next(&list), 6);
    assert_false(recorded.all_unknown);
    assert_true(release_is_unknown(&recorded, "a.html"));
    assert_true(release_is_unknown(&recorded, "c.html"));
    assert_false(release_is_unknown(&recorded, "d.html"));
    assert_int_equal(recorded.n_intended, 3);
    assert_string_equal(recorded.intended[1], "en/b.html");
    unload(&list, &recorded);

    /* What its own time is good for: paths are written again with a later one. */
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 4102444800}};
    assert_int_equal(utimensat(o->scratch.fd, "releases/4.pending", times, 0), 0);
    assert_true(load(o, &list, &recorded, &err));
    assert_int_equal(recorded.intended_mtime, 4102444800);
    unload(&list, &recorded);

    assert_true(release_list(&o->store, &list, &err));
    assert_true(release_settle(&o->store, &list, 6, &err));
    release_list_free(&list);
    assert_false(scratch_has(&o->scratch, "releases/4.pending"));
    assert_false(scratch_has(&o->scratch, "releases/5.pending"));
    assert_true(scratch_has(&o->scratch, "releases/3.json"));
}

/* Torn, empty, of zeros, or no intent at all: nothing on the disk can be trusted. */
static void a_torn_intent_makes_everything_unknown(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    static const struct {
        const char *text;
        size_t n_intended;
    } torn[] = {
        {"", 0},
        {"platen-intent 1 4", 0},
        {"platen-intent 1 4\na.html\nen/b.ht", 1},
        {"platen-intent 1 4\na.html\nend", 1},
        {"platen-intent 1 5\na.html\nend\n", 0},
        {"platen-intent 2 4\na.html\nend\n", 0},
        {"some notes\nand more\nend\n", 0},
    };
    write_release(o, 3, "a.html");
    for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
        scratch_write(&o->scratch, "releases/4.pending", torn[i].text);
        assert_true(load(o, &list, &recorded, &err));
        assert_true(recorded.all_unknown);
        assert_true(release_is_unknown(&recorded, "whatever"));
        if (recorded.n_intended != torn[i].n_intended)
            fail_msg("case %zu: %zu paths", i, recorded.n_intended);
        unload(&list, &recorded);
    }
}

/* An intent that cannot be read ends the look: what it names would be trusted. Loading that fails
 * leaves nothing to release, and releasing twice is harmless. */
static void an_intent_that_cannot_be_read_is_an_error(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    scratch_write(&o->scratch, "releases/4.pending", "platen-intent 1 4\na.html\nend\n");
    assert_int_equal(mkdirat(o->scratch.fd, "releases/5.pending", 0777), 0);
    assert_false(load(o, &list, &recorded, &err));
    expect_text(&err, "releases: 5.pending: not a regular file");
    assert_int_equal(err.kind, ERROR_FAILED);
    release_state_release(&recorded);
    release_state_release(&recorded);
    release_list_free(&list);
}

static void an_intent_that_is_gone_by_now_is_settled(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    scratch_write(&o->scratch, "releases/4.pending", "platen-intent 1 4\na.html\nend\n");
    assert_true(release_list(&o->store, &list, &err));
    assert_int_equal(unlinkat(o->scratch.fd, "releases/4.pending", 0), 0);
    assert_true(release_load(&o->store, &list, &recorded, &err));
    assert_false(recorded.all_unknown);
    assert_int_equal(recorded.n_intended, 0);
    unload(&list, &recorded);
}

static void a_damaged_manifest_gives_way_to_an_older_one(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    write_release(o, 1, "one");
    write_release(o, 2, "two");
    write_release(o, 3, "three");
    scratch_write(&o->scratch, "releases/3.json", "{\"platen\":1,\"gener");
    scratch_write(&o->scratch, "releases/2.json", "");
    assert_true(load(o, &list, &recorded, &err));
    assert_int_equal(recorded.manifest.generation, 1);
    assert_true(recorded.all_unknown);
    assert_non_null(strstr(recorded.warning, "3.json: line 1"));
    assert_int_equal(release_next(&list), 4);
    unload(&list, &recorded);

    write_release(o, 4, "four");
    struct strbuf text = STRBUF_INIT;
    assert_true(file_read(o->scratch.fd, "releases/4.json", 1 << 20, &text, &err));
    scratch_write(&o->scratch, "releases/5.json", text.buf); /* a copy under another name */
    strbuf_release(&text);
    assert_true(load(o, &list, &recorded, &err));
    assert_int_equal(recorded.manifest.generation, 4);
    assert_non_null(strstr(recorded.warning, "5.json: says it is generation 4"));
    unload(&list, &recorded);
}

static void a_newer_platens_manifest_is_refused(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    write_release(o, 1, "one");
    scratch_write(&o->scratch, "releases/2.json", "{\"platen\":2,\"generation\":2,\n");
    assert_false(load(o, &list, &recorded, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    expect_text(&err, "2.json: written by a newer platen, in format 2");
    unload(&list, &recorded);
}

static void a_manifest_that_cannot_be_read_is_an_error(void **state)
{
    struct out *o = *state;
    struct release_list list;
    struct release_state recorded;
    struct error err = ERROR_INIT;
    write_release(o, 1, "one");
    assert_int_equal(mkdirat(o->scratch.fd, "releases/2.json", 0777), 0);
    assert_false(load(o, &list, &recorded, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    expect_text(&err, "2.json: not a regular file");
    unload(&list, &recorded);
}

#define IN_OUT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_OUT(reading_creates_nothing),
        IN_OUT(what_stands_in_the_way_is_told),
        IN_OUT(one_lock_for_all),
        IN_OUT(the_cursor_goes_anywhere_below),
        IN_OUT(the_cursor_follows_no_link),
        IN_OUT(the_cursor_goes_as_deep_as_paths_may),
        IN_OUT(staged_files_have_their_bytes_and_times),
        IN_OUT(a_link_in_place_of_the_stage_is_not_followed),
        IN_OUT(an_object_is_a_link_to_the_file),
        IN_OUT(an_object_is_replaced_by_fresh_bytes),
        IN_OUT(a_left_link_is_never_written_through),
        IN_OUT(an_object_that_cannot_be_kept_is_told),
        IN_OUT(the_newest_release_counts),
        IN_OUT(intents_make_their_paths_unknown),
        IN_OUT(a_torn_intent_makes_everything_unknown),
        IN_OUT(an_intent_that_cannot_be_read_is_an_error),
        IN_OUT(an_intent_that_is_gone_by_now_is_settled),
        IN_OUT(a_damaged_manifest_gives_way_to_an_older_one),
        IN_OUT(a_newer_platens_manifest_is_refused),
        IN_OUT(a_manifest_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

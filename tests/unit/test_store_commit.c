/* The commit: what stands in public/ after it, and what a failing one leaves behind. (That it may
 * be killed anywhere is shown by tests/integration/test_kill.py.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/commit.h"

#define FILES_MAX 300

struct out {
    struct scratch scratch;
    struct store store;
    struct stage stage;
    struct digest digest;
    struct manifest next;
    struct commit_change changes[FILES_MAX];
    struct manifest_file old[FILES_MAX];
    const struct manifest_file *removals[FILES_MAX];
    struct commit commit;
    struct release_list releases;
    uint64_t generation;
    size_t padding; /* further changes in each release, to make it a large one */
};

static int setup(void **state)
{
    static struct out o;
    struct error err = ERROR_INIT;
    o = (struct out){0};
    *state = &o;
    if (scratch_make(&o.scratch) < 0 || !store_open(&o.store, o.scratch.path, false, &err))
        return -1;
    stage_init(&o.stage, &o.store, 1);
    digest_init(&o.digest);
    manifest_init(&o.next);
    return 0;
}

static int setup_large(void **state)
{
    int rc = setup(state);
    ((struct out *)*state)->padding = COMMIT_FSYNC_MAX + 10;
    return rc;
}

static int teardown(void **state)
{
    struct out *o = *state;
    manifest_release(&o->next);
    digest_release(&o->digest);
    stage_release(&o->stage);
    store_close(&o->store);
    scratch_remove(&o->scratch);
    return 0;
}

/* in_set: it is staged as one of all the files of its folder. */
static void add_to(struct out *o, bool in_set, const char *path, enum manifest_kind kind,
                   const char *text, const char *twin)
{
    struct error err = ERROR_INIT;
    struct manifest_file *f = manifest_add(&o->next);
    f->path = arena_strdup(&o->next.arena, path);
    f->kind = (uint8_t)kind;
    f->size = (uint32_t)strlen(text);
    f->gz_size = twin != NULL ? (uint32_t)strlen(twin) : 0;
    f->mtime = 1000000 + (int64_t)o->generation;
    digest_of(&o->digest, text, f->size, f->sha256);
    const struct staged staged = {.path = in_set ? path : NULL,
                                  .data = text,
                                  .len = f->size,
                                  .gz = twin,
                                  .gz_len = f->gz_size,
                                  .mtime = f->mtime};
    assert_true(stage_put(&o->stage, 0, &staged, &f->staged, &err));
}

static void add(struct out *o, const char *path, enum manifest_kind kind, const char *text,
                const char *twin)
{
    add_to(o, false, path, kind, text, twin);
}

static void begin(struct out *o)
{
    manifest_release(&o->next);
    o->next.generation = ++o->generation;
    o->commit = (struct commit){.store = &o->store,
                                .stage = &o->stage,
                                .releases = &o->releases,
                                .next = &o->next,
                                .changes = o->changes,
                                .removals = o->removals};
    for (size_t i = 0; i < o->padding; i++) {
        char path[40], text[40];
        snprintf(path, sizeof(path), "pad/%zu.html", i);
        snprintf(text, sizeof(text), "%zu in release %u", i, (unsigned)o->generation);
        add(o, path, MANIFEST_STATIC, text, NULL);
    }
}

static void take_away(struct out *o, const char *path)
{
    size_t n = o->commit.n_removals++;
    o->old[n] = (struct manifest_file){.path = path};
    o->removals[n] = &o->old[n];
}

static bool run(struct out *o, struct error *err)
{
    manifest_sort(&o->next);
    for (size_t i = 0; i < o->next.n_files; i++)
        o->changes[i] = (struct commit_change){&o->next.files[i], o->next.files[i].staged};
    o->commit.n_changes = o->next.n_files;
    error_clear(err);
    return commit_run(&o->commit, err);
}

static void run_well(struct out *o)
{
    struct error err = ERROR_INIT;
    char intent[64], manifest[64];
    if (!run(o, &err))
        fail_msg("release %u: %s", (unsigned)o->generation, err.text);
    snprintf(intent, sizeof(intent), "releases/%u.pending", (unsigned)o->generation);
    snprintf(manifest, sizeof(manifest), "releases/%u.json", (unsigned)o->generation);
    assert_false(scratch_has(&o->scratch, intent));
    assert_true(scratch_has(&o->scratch, manifest));
}

static bool is(const struct out *o, const char *path, const char *text)
{
    char full[300];
    snprintf(full, sizeof(full), "public/%s", path);
    return scratch_is(&o->scratch, full, text);
}

static bool has(const struct out *o, const char *path)
{
    char full[300];
    snprintf(full, sizeof(full), "public/%s", path);
    return scratch_has(&o->scratch, full);
}

static void files_twins_and_objects_appear(void **state)
{
    struct out *o = *state;
    begin(o);
    add(o, "en/a/index.html", MANIFEST_PAGE, "same", "twin");
    add(o, "index.html", MANIFEST_SITE, "same", NULL);
    run_well(o);
    assert_true(is(o, "en/a/index.html", "same"));
    assert_true(is(o, "en/a/index.html.gz", "twin"));
    assert_true(is(o, "index.html", "same"));
    struct stat page = scratch_stat(&o->scratch, "public/en/a/index.html");
    struct stat root = scratch_stat(&o->scratch, "public/index.html");
    /* sha256 of "same" */
    struct stat object = scratch_stat(
        &o->scratch, "objects/09/67115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5");
    assert_int_equal(page.st_mtim.tv_sec, 1000001);
    assert_int_equal(page.st_nlink + root.st_nlink, 3);
    assert_true(object.st_ino == page.st_ino || object.st_ino == root.st_ino);
}

/* The twins beside a page are those of its bytes, or there is none. */
static void twins_of_earlier_bytes_go(void **state)
{
    struct out *o = *state;
    begin(o);
    add(o, "a.html", MANIFEST_PAGE, "one", "twin one");
    run_well(o);
    scratch_write(&o->scratch, "public/a.html.br", "of an earlier platen");
    begin(o);
    add(o, "a.html", MANIFEST_PAGE, "two", NULL);
    run_well(o);
    assert_true(is(o, "a.html", "two"));
    assert_false(has(o, "a.html.gz"));
    assert_false(has(o, "a.html.br"));
}

static void removals_take_their_folders_along(void **state)
{
    struct out *o = *state;
    begin(o);
    add(o, "en/x/y/a.html", MANIFEST_PAGE, "a", "twin");
    add(o, "en/x/b.html", MANIFEST_PAGE, "b", NULL);
    add(o, "en/c.html", MANIFEST_PAGE, "c", NULL);
    run_well(o);
    scratch_write(&o->scratch, "public/en/foreign.txt", "not ours");
    begin(o);
    add(o, "fr.html", MANIFEST_PAGE, "fr", NULL);
    take_away(o, "en/x/y/a.html");
    take_away(o, "en/x/b.html");
    take_away(o, "en/c.html");
    take_away(o, "never/was/there.html");
    run_well(o);
    assert_false(has(o, "en/x"));
    assert_false(has(o, "en/c.html"));
    assert_true(is(o, "en/foreign.txt", "not ours"));
}

static void a_file_becomes_a_folder_and_a_folder_a_file(void **state)
{
    struct out *o = *state;
    begin(o);
    add(o, "guide", MANIFEST_PAGE, "file", "twin");
    add(o, "old/a.html", MANIFEST_PAGE, "a", NULL);
    add(o, "old/deep/b.html", MANIFEST_PAGE, "b", "twin");
    run_well(o);
    for (int round = 0; round < 2; round++) {
        begin(o);
        add(o, "guide/deep/index.html", MANIFEST_PAGE, "folder", "twin");
        add(o, "old", MANIFEST_PAGE, "file", "twin");
        take_away(o, "guide");
        take_away(o, "old/a.html");
        take_away(o, "old/deep/b.html");
        run_well(o);
        assert_true(is(o, "guide/deep/index.html", "folder"));
        assert_true(is(o, "old", "file"));
        assert_true(is(o, "old.gz", "twin"));
        assert_false(has(o, "guide.gz"));
        begin(o);
        add(o, "guide", MANIFEST_PAGE, "file", NULL);
        add(o, "old/a.html", MANIFEST_PAGE, "a", NULL);
        take_away(o, "guide/deep/index.html");
        take_away(o, "old");
        run_well(o);
        assert_true(is(o, "guide", "file"));
        assert_true(is(o, "old/a.html", "a"));
        assert_false(has(o, "old.gz"));
    }
}

/* As after a look that was killed when the new files stood already. */
static void what_was_displaced_before_is_no_obstacle(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(o->scratch.fd, "public/guide", &err));
    scratch_write(&o->scratch, "public/guide/index.html", "folder");
    scratch_write(&o->scratch, "public/old", "file");
    begin(o);
    add(o, "guide/index.html", MANIFEST_PAGE, "folder", NULL);
    add(o, "old", MANIFEST_PAGE, "file", NULL);
    take_away(o, "guide");
    take_away(o, "old/a.html");
    take_away(o, "old/deep/b.html");
    run_well(o);
    assert_true(is(o, "guide/index.html", "folder"));
    assert_true(is(o, "old", "file"));
}

static void planted_links_lead_nowhere(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(o->scratch.fd, "elsewhere/x", &err));
    scratch_write(&o->scratch, "elsewhere/a.html", "not ours");
    scratch_write(&o->scratch, "elsewhere/x/b.html", "not ours");
    assert_int_equal(symlinkat("../elsewhere", o->scratch.fd, "public/en"), 0);
    assert_int_equal(symlinkat("../elsewhere/a.html", o->scratch.fd, "public/page.html"), 0);
    begin(o);
    add(o, "page.html", MANIFEST_PAGE, "page", NULL);
    take_away(o, "en/a.html");
    take_away(o, "en/x/b.html");
    run_well(o);
    assert_true(S_ISREG(scratch_stat(&o->scratch, "public/page.html").st_mode));
    begin(o);
    add(o, "en/a.html", MANIFEST_PAGE, "page", NULL);
    assert_false(run(o, &err));
    assert_non_null(strstr(err.text, "/public: opening folder en (a file or link in its place?)"));
    assert_true(scratch_is(&o->scratch, "elsewhere/a.html", "not ours"));
    assert_true(scratch_is(&o->scratch, "elsewhere/x/b.html", "not ours"));
}

static void somebody_elses_folder_is_told_and_left(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(o->scratch.fd, "public/en/a.html", &err));
    scratch_write(&o->scratch, "public/en/a.html/notes", "not ours");
    begin(o);
    add(o, "en/a.html", MANIFEST_PAGE, "page", "twin");
    assert_false(run(o, &err));
    assert_int_equal(err.kind, ERROR_FAILED);
    assert_non_null(strstr(err.text, "/public/en/a.html: a folder stands there"));
    assert_true(is(o, "en/a.html/notes", "not ours"));
    assert_true(scratch_has(&o->scratch, "releases/1.pending")); /* something may have changed */
    assert_false(scratch_has(&o->scratch, "releases/1.json"));
}

/* Failing before the first change, a release leaves no intent: nothing has to be written again. */
static void a_release_that_never_began_leaves_nothing(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    char name[STAGE_NAME_SIZE];
    begin(o);
    add(o, "a.html", MANIFEST_PAGE, "page", NULL);
    stage_name(o->next.files[o->next.n_files - 1].staged, NULL, false, name);
    assert_int_equal(unlinkat(stage_folder(&o->stage, o->next.files[0].staged), name, 0), 0);
    assert_false(run(o, &err));
    assert_non_null(strstr(err.text, "what becomes a.html: No such file"));
    assert_false(scratch_has(&o->scratch, "releases/1.pending"));
    assert_false(has(o, "a.html"));
}

/* Intents of looks that were killed go when a release has been made after them. */
static void earlier_intents_are_settled(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    scratch_write(&o->scratch, "releases/1.pending", "platen-intent 1 1\na.html\nend\n");
    scratch_write(&o->scratch, "releases/2.pending", "");
    assert_true(release_list(&o->store, &o->releases, &err));
    o->generation = 2;
    begin(o);
    run_well(o);
    assert_false(scratch_has(&o->scratch, "releases/1.pending"));
    assert_false(scratch_has(&o->scratch, "releases/2.pending"));
    release_list_free(&o->releases);
}

static void the_intent_names_every_path(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    begin(o);
    add(o, "z.html", MANIFEST_ASSET, "page", NULL);
    add(o, "b.html", MANIFEST_PAGE, "page", NULL);
    add(o, "en/a.html", MANIFEST_PAGE, "page", NULL);
    assert_true(file_make_dirs(o->scratch.fd, "public/en/a.html", &err)); /* so that it fails */
    take_away(o, "gone.html");
    assert_false(run(o, &err));
    assert_true(scratch_is(&o->scratch, "releases/1.pending",
                           "platen-intent 1 1\nz.html\nb.html\nen/a.html\ngone.html\nend\n"));
    assert_int_equal(scratch_stat(&o->scratch, "releases/1.pending").st_mtim.tv_sec, 1000001);
    assert_true(is(o, "z.html", "page")); /* dependencies come first */
    assert_true(is(o, "b.html", "page"));
}

static bool is_staged(struct out *o, const char *set)
{
    char path[64];
    snprintf(path, sizeof(path), ".stage/0/%s", set);
    return scratch_has(&o->scratch, path);
}

static void add_set(struct out *o, const char *folder, const char *twin)
{
    char path[64];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%d.html", folder, i);
        add_to(o, true, path, MANIFEST_OUTPUT, path, twin);
    }
}

static void a_set_becomes_its_folder(void **state)
{
    struct out *o = *state;
    begin(o);
    add_set(o, "en/new", "twin");
    add(o, "en/index.html", MANIFEST_PAGE, "page", NULL);
    run_well(o);
    assert_true(is(o, "en/new/0.html", "en/new/0.html"));
    assert_true(is(o, "en/new/2.html.gz", "twin"));
    assert_true(is(o, "en/index.html", "page"));
    /* the folder itself has gone there; of a few files each is renamed, and flushed, by itself */
    assert_int_equal(is_staged(o, "set0"), o->padding == 0);
}

static void a_set_whose_folder_is_there_comes_file_by_file(void **state)
{
    struct out *o = *state;
    struct error err = ERROR_INIT;
    assert_true(file_make_dirs(o->scratch.fd, "public/en/new", &err));
    scratch_write(&o->scratch, "public/en/new/theirs.html", "of somebody else");
    scratch_write(&o->scratch, "public/en/new/1.html.gz", "an old twin");
    begin(o);
    add_set(o, "en/new", NULL);
    run_well(o);
    assert_true(is(o, "en/new/theirs.html", "of somebody else"));
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof(path), "en/new/%d.html", i);
        assert_true(is(o, path, path));
    }
    assert_false(scratch_has(&o->scratch, "public/en/new/1.html.gz"));
}

/* A page that was withdrawn after it was staged, and two files of one name. */
static void what_is_no_part_of_the_release_does_not_come_with_its_set(void **state)
{
    struct out *o = *state;
    begin(o);
    add_set(o, "en/new", NULL);
    add_to(o, true, "en/new/z.html", MANIFEST_OUTPUT, "withdrawn", NULL);
    o->next.n_files--;
    add_set(o, "en/twice", "twin");
    add_to(o, true, "en/twice/2.html", MANIFEST_OUTPUT, "withdrawn", "twin");
    o->next.n_files--;
    add_to(o, true, "en/twice/3.html", MANIFEST_OUTPUT, "after it", NULL);
    run_well(o);
    assert_true(is(o, "en/new/2.html", "en/new/2.html"));
    assert_false(scratch_has(&o->scratch, "public/en/new/z.html"));
    assert_true(is(o, "en/twice/2.html", "en/twice/2.html"));
    assert_true(is(o, "en/twice/3.html", "after it"));
}

/* Dependencies come first also where a folder has files of two kinds. */
static void a_set_of_two_kinds_comes_file_by_file(void **state)
{
    struct out *o = *state;
    begin(o);
    add_set(o, "en/new", NULL);
    add_to(o, true, "en/new/index.html", MANIFEST_PAGE, "page", NULL);
    run_well(o);
    assert_true(is(o, "en/new/0.html", "en/new/0.html"));
    assert_true(is(o, "en/new/index.html", "page"));
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, setup, teardown),                                        \
        cmocka_unit_test_setup_teardown(test, setup_large, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(files_twins_and_objects_appear),
        BOTH(twins_of_earlier_bytes_go),
        BOTH(removals_take_their_folders_along),
        BOTH(a_file_becomes_a_folder_and_a_folder_a_file),
        BOTH(what_was_displaced_before_is_no_obstacle),
        BOTH(planted_links_lead_nowhere),
        BOTH(somebody_elses_folder_is_told_and_left),
        BOTH(earlier_intents_are_settled),
        BOTH(a_set_becomes_its_folder),
        BOTH(a_set_whose_folder_is_there_comes_file_by_file),
        BOTH(what_is_no_part_of_the_release_does_not_come_with_its_set),
        BOTH(a_set_of_two_kinds_comes_file_by_file),
        cmocka_unit_test_setup_teardown(a_release_that_never_began_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_intent_names_every_path, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

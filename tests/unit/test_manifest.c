/* Manifests: written and read again, and what is refused as damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan/manifest.h"

#define SUM "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEAD                                                                                       \
    "{\"platen\":1,\"generation\":7,\"created\":\"2026-01-02T03:04:05Z\",\"version\":\"1\","       \
    "\"packing\":\"gzip-9\",\"content\":\"\",\"snapshot\":null,\"database\":null,"                 \
    "\"next_change_at\":null,\"sets\":[\"pages\"],\"locales\":[\"en\",\"fr\"],\"held\":[[0,1]],"   \
    "\"columns\":[]"
#define FILES ",\n\"files\":[\n"
#define ROW(path) "[\"" path "\",\"" SUM "\",10,5,1700000000,\"page\",0,0,1,\"k\",0,0]"
#define SITE_ROW(path) "[\"" path "\",\"" SUM "\",10,0,1700000000,\"site\",-1,-1,-1,null,0,0]"

static bool parse(struct manifest *m, const char *text, struct error *err)
{
    manifest_init(m);
    error_clear(err);
    return manifest_parse(m, text, strlen(text), err);
}

static void write_all(struct strbuf *sb, const struct manifest *m)
{
    manifest_write_header(sb, m);
    for (size_t i = 0; i < m->n_files; i++) {
        if (i != 0)
            strbuf_addstr(sb, ",\n");
        manifest_write_file(sb, &m->files[i]);
    }
    strbuf_addstr(sb, MANIFEST_TAIL);
}

static void fill(struct manifest *m)
{
    static const char *sets[] = {"pages", "q\"u\\o"}, *locales[] = {"en", "fr-CA"};
    static struct manifest_pair held[] = {{1, 0}, {0, 1}};
    m->generation = 900719925474;
    m->created = "2026-01-02T03:04:05Z";
    m->version = "0.1";
    m->packing = "gzip-9";
    m->snapshot = "10:20:10,14";
    m->database = "{\"timeline\":\"1\",\"in_recovery\":false}";
    m->next_change_at = "2026-02-01T00:00:00Z";
    m->sets = sets;
    m->locales = locales;
    m->n_sets = m->n_locales = m->n_held = 2;
    m->held = held;
    static const char *const paths[] = {"en/b.html", "en/a \"x\".html", "caf\xc3\xa9/index.html"};
    for (size_t i = 0; i < 3; i++) {
        struct manifest_file *f = manifest_add(m);
        f->path = paths[i];
        f->key = "key of both";
        f->set = f->locale = 1;
        f->from = 0;
        f->kind = i == 0 ? MANIFEST_PAGE : MANIFEST_OUTPUT;
        f->flags = MANIFEST_FALLBACK | MANIFEST_MAINTENANCE;
        f->size = UINT32_MAX;
        f->gz_size = (uint32_t)i;
        f->mtime = 4102444800 + (int64_t)i;
        f->lastmod = -5;
        memset(f->sha256, 0xa0 + (int)i, DIGEST_SIZE);
    }
    struct manifest_file *asset = manifest_add(m);
    asset->path = "assets/site.0123.css";
    asset->kind = MANIFEST_ASSET;
    asset->flags = MANIFEST_RETIRED;
    asset->lastmod = 1700000000;
    manifest_sort(m);
}

static void what_was_written_is_read_again(void **state)
{
    (void)state;
    struct manifest m, back;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    char content[DIGEST_HEX_SIZE + 1];
    manifest_init(&m);
    fill(&m);
    manifest_content(&m, content);
    m.content = content;
    write_all(&once, &m);
    assert_true(parse(&back, once.buf, &err));
    write_all(&twice, &back);
    assert_string_equal(once.buf, twice.buf);

    assert_int_equal(back.n_files, 4);
    assert_string_equal(back.files[0].path, "assets/site.0123.css");
    assert_null(back.files[0].key);
    assert_int_equal(back.files[0].set, MANIFEST_NONE);
    assert_int_equal(back.files[0].flags, MANIFEST_RETIRED);
    const struct manifest_file *f = &back.files[3];
    assert_string_equal(f->path, "en/b.html");
    assert_string_equal(f->key, "key of both");
    assert_ptr_equal(f->key, back.files[2].key); /* one copy for the files of one row */
    assert_int_equal(f->mtime, 4102444800);
    assert_int_equal(f->lastmod, -5);
    assert_true(f->size == UINT32_MAX);
    assert_int_equal(f->staged, MANIFEST_NOT_STAGED);
    assert_int_equal(back.held[0].set, 1);
    assert_int_equal(back.held[0].locale, 0);
    assert_string_equal(back.database, m.database);
    strbuf_release(&once);
    strbuf_release(&twice);
    manifest_release(&m);
    manifest_release(&back);
}

static void a_release_without_files_is_one(void **state)
{
    (void)state;
    struct manifest m, back;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    manifest_init(&m);
    m.generation = 1;
    write_all(&sb, &m);
    assert_true(parse(&back, sb.buf, &err));
    assert_int_equal(back.n_files, 0);
    assert_int_equal(back.generation, 1);
    assert_null(back.snapshot);
    strbuf_release(&sb);
    manifest_release(&m);
    manifest_release(&back);
}

/* Every prefix of a manifest is a manifest cut short, and is seen to be one. */
static void no_prefix_passes_for_the_whole(void **state)
{
    (void)state;
    static const char text[] = HEAD FILES ROW("a") ",\n" SITE_ROW("b") MANIFEST_TAIL;
    size_t whole = sizeof(text) - 1;
    struct manifest m;
    struct error err = ERROR_INIT;
    assert_true(parse(&m, text, &err));
    manifest_release(&m);
    for (size_t len = 0; len < whole - 1; len++) { /* only the last newline may be missing */
        char *cut = malloc(len + 1);
        memcpy(cut, text, len);
        manifest_init(&m);
        if (manifest_parse(&m, cut, len, &err))
            fail_msg("the first %zu bytes passed for a manifest", len);
        assert_int_equal(err.kind, ERROR_CONTENT);
        assert_int_equal(m.generation, 0);
        assert_int_equal(m.n_files, 0);
        manifest_release(&m);
        free(cut);
    }
}

static void damage_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "empty"},
        {"\n", "line 1"},
        {"[1],\n", "line 1"},
        {"{\"platen\":\"1\",\n", "line 1: not a manifest"},
        {"{\"platen\":0,\n", "line 1: not a manifest"},
        {"{\"platen\":1,\"generation\":0,\n", "generation"},
        {"{\"platen\":1,\"generation\":-3,\n", "generation"},
        {"{\"platen\":1,\"generation\":1.5,\n", "generation"},
        {"{\"platen\":1,\"generation\":99999999999999999999999,\n", "generation"},
        {"{\"platen\":1,\"generation\":1,\n", "line 1: created"},
        {HEAD ",\"sets\":[1],\n", "line 1"},
        {HEAD ",\n", "line 1: the list of files"},
        {HEAD ",\n\"file\":[\n", "list of files"},
        {HEAD FILES "[1]" MANIFEST_TAIL, "line 3: a file has 12 columns"},
        {HEAD FILES "{}" MANIFEST_TAIL, "line 3"},
        {HEAD FILES ROW("../etc/passwd") MANIFEST_TAIL, "line 3: path"},
        {HEAD FILES ROW("/etc/passwd") MANIFEST_TAIL, "line 3: path"},
        {HEAD FILES ROW("a\\u0000b") MANIFEST_TAIL, "line 3: path"},
        {HEAD FILES ROW("b") ",\n" ROW("a") MANIFEST_TAIL, "line 4: files are not in order"},
        {HEAD FILES ROW("a") ",\n" ROW("a") MANIFEST_TAIL, "line 4: files are not in order"},
        {HEAD FILES ROW("a") "\n" ROW("b") MANIFEST_TAIL, "line 4: a file after the last one"},
        {HEAD FILES ROW("a") "," MANIFEST_TAIL, "line 4: a comma after the last file"},
        {HEAD FILES ROW("a") MANIFEST_TAIL "x", "line 4: text after the end"},
        {HEAD FILES ROW("a") "\n\n]}\n", "line 4"},
    };
    struct manifest m;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(&m, bad[i].text, &err))
            fail_msg("this passed for a manifest: %s", bad[i].text);
        if (err.kind != ERROR_CONTENT || strstr(err.text, bad[i].why) == NULL)
            fail_msg("expected '%s', got '%s'", bad[i].why, err.text);
        manifest_release(&m);
    }
}

/* One good row, each column in turn made wrong. */
static void every_column_of_a_file_is_checked(void **state)
{
    (void)state;
    static const char *const good[12] = {"\"a\"", "\"" SUM "\"", "10", "5",     "17", "\"page\"",
                                         "0",     "0",           "1",  "\"k\"", "0",  "0"};
    static const struct {
        int column;
        const char *value;
    } bad[] = {
        {0, "null"},         {0, "1"},         {0, "\"\""},       {1, "\"e3b0\""},
        {1, "null"},         {2, "-1"},        {2, "4294967296"}, {2, "1e1"},
        {2, "\"10\""},       {3, "-1"},        {4, "null"},       {4, "9223372036854775807"},
        {5, "\"pages\""},    {5, "3"},         {6, "1"},          {6, "-2"},
        {6, "-1"},           {6, "65536"},     {7, "2"},          {7, "-1"},
        {8, "99"},           {8, "null"},      {9, "null"},       {9, "7"},
        {9, "\"a\\u0000\""}, {10, "\"\""},     {11, "256"},       {11, "-1"},
        {5, "\"site\""},     {5, "\"asset\""},
    };
    struct manifest m;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
        bool spoil = i < sizeof(bad) / sizeof(bad[0]);
        struct strbuf sb = STRBUF_INIT;
        strbuf_addstr(&sb, HEAD FILES);
        for (int c = 0; c < 12; c++)
            strbuf_addf(&sb, "%s%s", c == 0 ? "[" : ",",
                        spoil && bad[i].column == c ? bad[i].value : good[c]);
        strbuf_addstr(&sb, "]" MANIFEST_TAIL);
        if (parse(&m, sb.buf, &err) == spoil)
            fail_msg("column %d, value %s: %s", spoil ? bad[i].column : -1,
                     spoil ? bad[i].value : "good", err.text);
        if (spoil)
            assert_non_null(strstr(err.text, "line 3: "));
        manifest_release(&m);
        strbuf_release(&sb);
    }
}

static void the_header_comes_alone(void **state)
{
    (void)state;
    struct manifest m;
    struct error err = ERROR_INIT;
    static const char text[] = HEAD FILES "[what stands here is not read";
    manifest_init(&m);
    assert_true(manifest_parse_header(&m, text, strlen(text), &err));
    assert_int_equal(m.generation, 7);
    assert_int_equal(m.n_files, 0);
    assert_int_equal(m.n_held, 1);
    assert_string_equal(m.locales[m.held[0].locale], "fr");
    manifest_release(&m);
    assert_false(manifest_parse_header(&m, text, 40, &err)); /* cut inside the line */
    assert_int_equal(err.kind, ERROR_CONTENT);
    assert_int_equal(m.generation, 0);
    assert_false(manifest_parse_header(&m, "", 0, &err));
}

struct digests {
    size_t count;
    bool good;
};

static void count_digest(void *payload, const char *hex)
{
    struct digests *d = payload;
    d->count++;
    d->good = d->good && memcmp(hex, SUM, DIGEST_HEX_SIZE) == 0;
}

static bool pick(const char *text, size_t len, struct digests *found, struct error *err)
{
    uint64_t generation;
    char *exact = malloc(len + 1);
    memcpy(exact, text, len);
    *found = (struct digests){.good = true};
    error_clear(err);
    bool ok = manifest_digests(exact, len, &generation, count_digest, found, err);
    free(exact);
    assert_true(!ok || generation == 7);
    return ok;
}

static void digests_come_without_the_rest(void **state)
{
    (void)state;
    static const char text[] = HEAD FILES ROW("a \\\"b") ",\n" SITE_ROW("b") MANIFEST_TAIL;
    static const char none[] = HEAD FILES MANIFEST_TAIL;
    static const char *const bad[] = {
        HEAD FILES "[\"a\",\"e3b0\",1]" MANIFEST_TAIL,
        HEAD FILES "[\"a\",null,1]" MANIFEST_TAIL,
        HEAD FILES "[\"a\\" MANIFEST_TAIL,
        HEAD FILES "[\"a" MANIFEST_TAIL,
        HEAD FILES "[" MANIFEST_TAIL,
        HEAD FILES "{}" MANIFEST_TAIL,
        HEAD FILES "[\"a\",\"" SUM "\"," MANIFEST_TAIL,
        HEAD FILES "[\"a\",\"g" SUM "\",]" MANIFEST_TAIL,
        HEAD FILES "[\"a\",\"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855\","
                   "1]" MANIFEST_TAIL,
    };
    struct digests found;
    struct error err = ERROR_INIT;
    assert_true(pick(text, sizeof(text) - 1, &found, &err));
    assert_int_equal(found.count, 2);
    assert_true(found.good);
    assert_true(pick(none, sizeof(none) - 1, &found, &err));
    assert_int_equal(found.count, 0);
    for (size_t len = 0; len < sizeof(text) - 2; len++) {
        if (pick(text, len, &found, &err))
            fail_msg("the first %zu bytes passed for a manifest", len);
        assert_int_equal(err.kind, ERROR_CONTENT);
        assert_true(found.good);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (pick(bad[i], strlen(bad[i]), &found, &err))
            fail_msg("this passed for a manifest: %s", bad[i]);
        assert_non_null(strstr(err.text, "line 3"));
    }
}

static void a_newer_format_is_no_damage(void **state)
{
    (void)state;
    struct manifest m;
    struct error err = ERROR_INIT;
    assert_false(parse(&m, "{\"platen\":2,\"whatever\":[],\n\"files\":[\n", &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "newer platen"));
    manifest_release(&m);
}

/* sha256sum over the sorted files prints what the content digest is made of. */
static void content_is_the_digest_of_the_list(void **state)
{
    (void)state;
    struct manifest m;
    struct digest d;
    uint8_t sum[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE + 1], expected[DIGEST_HEX_SIZE + 1];
    static const char *const paths[] = {"b.html", "a.html", "version.json", "assets/old.css"};
    manifest_init(&m);
    for (size_t i = 0; i < 4; i++) {
        struct manifest_file *f = manifest_add(&m);
        f->path = paths[i];
        f->kind = i == 2 ? MANIFEST_VERSION : i == 3 ? MANIFEST_ASSET : MANIFEST_SITE;
        f->flags = i == 3 ? MANIFEST_RETIRED : 0;
        assert_true(digest_from_hex(SUM, DIGEST_HEX_SIZE, f->sha256));
    }
    manifest_sort(&m);
    manifest_content(&m, hex);
    static const char list[] = SUM "  a.html\n" SUM "  b.html\n";
    digest_init(&d);
    digest_of(&d, list, sizeof(list) - 1, sum);
    digest_release(&d);
    digest_hex(sum, expected);
    assert_string_equal(hex, expected);
    manifest_release(&m);
}

static void files_are_found_by_path_and_names_by_index(void **state)
{
    (void)state;
    struct manifest m;
    struct map map;
    manifest_init(&m);
    fill(&m);
    map_init(&map);
    manifest_index(&m, &map);
    assert_int_equal(map.count, m.n_files);
    for (size_t i = 0; i < m.n_files; i++)
        assert_int_equal(*map_get(&map, m.files[i].path, strlen(m.files[i].path)), i);
    assert_int_equal(manifest_find_name(m.locales, m.n_locales, "fr-CA"), 1);
    assert_int_equal(manifest_find_name(m.locales, m.n_locales, "de"), MANIFEST_NONE);
    map_release(&map);
    manifest_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(a_release_without_files_is_one),
        cmocka_unit_test(no_prefix_passes_for_the_whole),
        cmocka_unit_test(damage_is_told_with_its_line),
        cmocka_unit_test(every_column_of_a_file_is_checked),
        cmocka_unit_test(the_header_comes_alone),
        cmocka_unit_test(digests_come_without_the_rest),
        cmocka_unit_test(a_newer_format_is_no_damage),
        cmocka_unit_test(content_is_the_digest_of_the_list),
        cmocka_unit_test(files_are_found_by_path_and_names_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

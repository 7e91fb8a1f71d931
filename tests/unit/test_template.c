/* Templates: names and suffixes, folders, escaping, limits, the context stack, digest, threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "template/escape.h"
#include "template/template.h"

/* One set with its symbols, data and output. */
struct bench {
    struct symtab st;
    struct template_set *set;
    struct arena arena;
    struct strbuf out;
    struct error err;
    struct template_exec exec;
    struct json_value data;
};

static void setup(struct bench *b)
{
    *b = (struct bench){.out = STRBUF_INIT, .err = ERROR_INIT};
    symtab_init(&b->st);
    b->set = template_set_new(&b->st);
    arena_init(&b->arena);
    b->exec = (struct template_exec){.limits = TEMPLATE_LIMITS_DEFAULT};
}

static void teardown(struct bench *b)
{
    template_set_free(b->set);
    symtab_release(&b->st);
    arena_release(&b->arena);
    strbuf_release(&b->out);
}

static bool add(struct bench *b, const char *file, const char *text)
{
    return template_set_add(b->set, file, text, strlen(text), &b->err);
}

static struct json_value parse(struct bench *b, const char *json)
{
    struct json_value v;
    if (!json_parse(&b->arena, &b->st, json, strlen(json), NULL, &v, &b->err))
        fail_msg("%s", b->err.text);
    return v;
}

static bool run(struct bench *b, const char *name, const char *json)
{
    if (!template_set_compile(b->set, false, &b->err))
        return false;
    b->data = parse(b, json);
    b->exec.stack[0] = &b->data;
    b->exec.stack_len = 1;
    strbuf_reset(&b->out);
    const struct template *t = template_find(b->set, name, strlen(name));
    assert_non_null(t);
    return template_execute(t, &b->exec, &b->out, &b->err);
}

#define assert_runs(b, name, json, want)                                                           \
    do {                                                                                           \
        if (!run(b, name, json))                                                                   \
            fail_msg("%s", (b)->err.text);                                                         \
        assert_string_equal((b)->out.buf, want);                                                   \
    } while (0)

/* --- names and suffixes --------------------------------------------------------------------- */

static void names_come_from_file_names(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "page.html.mustache", "{{x}}"));
    assert_true(add(&b, "sections/hero.html.mustache", "{{x}}"));
    assert_true(add(&b, "plain.mustache", "{{x}}"));
    assert_true(add(&b, "robots.txt.mustache", "{{x}}{{>page}}"));
    assert_true(add(&b, "feed.xml.mustache", "{{x}}"));
    assert_runs(&b, "page", "{\"x\":\"<'\"}", "&lt;&#39;");
    assert_runs(&b, "sections/hero", "{\"x\":\"<\"}", "&lt;");
    assert_runs(&b, "plain", "{\"x\":\"<\"}", "&lt;");
    assert_runs(&b, "feed.xml", "{\"x\":\"<\"}", "&lt;");
    /* Each template escapes as its own name says, also when another one includes it. */
    assert_runs(&b, "robots.txt", "{\"x\":\"<\"}", "<&lt;");
    assert_null(template_find(b.set, "hero", 4));
    assert_null(template_find(b.set, "page.html", 9));
    teardown(&b);
}

static void wrong_file_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "page.html", ".mustache", ".html.mustache", "a/.html.mustache", "a/.mustache"};
    struct bench b;
    setup(&b);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(add(&b, bad[i], "x"));
        assert_int_equal(b.err.kind, ERROR_USAGE);
    }
    teardown(&b);
}

static void two_files_with_one_name_are_refused(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "a.mustache", "1"));
    assert_false(add(&b, "a.html.mustache", "2"));
    assert_string_equal(b.err.text, "a.html.mustache: the template 'a' is also in a.mustache; keep "
                                    "one of them");
    teardown(&b);
}

static void texts_must_be_utf8_and_a_mark_is_no_text(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_false(add(&b, "bad.mustache", "one\ntw\xff"));
    assert_string_equal(b.err.text, "bad.mustache:2:3: invalid UTF-8");
    assert_true(add(&b, "mark.mustache", "\xef\xbb\xbf{{! c }}\nx"));
    assert_runs(&b, "mark", "{}", "x");
    teardown(&b);
}

static void errors_of_all_templates_are_reported(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "a.html.mustache", "x\n  {{#open}}"));
    assert_true(add(&b, "b.html.mustache", "{{>nobody}}"));
    assert_true(add(&b, "c.html.mustache", "fine"));
    assert_false(template_set_compile(b.set, true, &b.err));
    assert_int_equal(b.err.kind, ERROR_USAGE);
    assert_string_equal(b.err.text, "a.html.mustache:2:3: 'open' is opened and never closed\n"
                                    "b.html.mustache:1:1: there is no template 'nobody'");
    teardown(&b);
}

static void many_errors_are_counted(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    for (int i = 0; i < 25; i++) {
        char file[32];
        snprintf(file, sizeof(file), "t%02d.mustache", i);
        assert_true(add(&b, file, "{{/x}}"));
    }
    assert_false(template_set_compile(b.set, true, &b.err));
    assert_non_null(strstr(b.err.text, "\nand 5 more"));
    teardown(&b);
}

/* --- execution ------------------------------------------------------------------------------ */

static void the_stack_is_searched_from_its_top(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{a}}{{b}}{{c}}{{#.}}{{a}}{{/.}}"));
    assert_true(template_set_compile(b.set, true, &b.err));
    struct json_value low = parse(&b, "{\"a\":1,\"b\":1,\"c\":1}");
    struct json_value mid = parse(&b, "{\"a\":2,\"b\":2}");
    struct json_value top = parse(&b, "{\"a\":3}");
    b.exec.stack[0] = &low;
    b.exec.stack[1] = &mid;
    b.exec.stack[2] = &top;
    b.exec.stack_len = 3;
    const struct template *t = template_find(b.set, "t", 1);
    assert_true(template_execute(t, &b.exec, &b.out, &b.err));
    assert_string_equal(b.out.buf, "3213");
    b.exec.stack_len = 0;
    assert_true(template_execute(t, &b.exec, &b.out, &b.err));
    assert_string_equal(b.out.buf, "3213");
    teardown(&b);
}

static void built_values_are_found_like_read_ones(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{page.path}} {{#site}}{{name}}{{/site}}"));
    assert_true(template_set_compile(b.set, true, &b.err));
    struct json_value page = json_object(&b.arena, 1), site = json_object(&b.arena, 1);
    struct json_value root = json_object(&b.arena, 2);
    json_add(&b.arena, &b.st, &page, "path", json_strings("en/index.html"));
    json_add(&b.arena, &b.st, &site, "name", json_strings("A & B"));
    json_add(&b.arena, &b.st, &root, "page", page);
    json_add(&b.arena, &b.st, &root, "site", site);
    b.exec.stack[0] = &root;
    b.exec.stack_len = 1;
    assert_true(template_execute(template_find(b.set, "t", 1), &b.exec, &b.out, &b.err));
    assert_string_equal(b.out.buf, "en/index.html A &amp; B");
    teardown(&b);
}

static void output_is_appended(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.txt.mustache", "{{locale}}/{{slug}}/index.html"));
    assert_true(template_set_compile(b.set, true, &b.err));
    b.data = parse(&b, "{\"locale\":\"en\",\"slug\":\"a&b\"}");
    b.exec.stack[0] = &b.data;
    b.exec.stack_len = 1;
    strbuf_addstr(&b.out, "> ");
    const struct template *t = template_find(b.set, "t.txt", 5);
    assert_true(template_execute(t, &b.exec, &b.out, &b.err));
    assert_string_equal(b.out.buf, "> en/a&b/index.html");
    teardown(&b);
}

static void limits_hold(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{#l}}\n{{#l}}{{x}}{{/l}}\n{{/l}}"));
    const char *json = "{\"x\":\"<<<<<<<<<<\",\"l\":[1,2,3,4,5,6,7,8,9,10]}";
    assert_true(run(&b, "t", json));
    assert_int_equal(b.out.len, 10 * (10 * 40 + 1));

    b.exec.limits.output = 4010;
    assert_true(run(&b, "t", json));
    b.exec.limits.output = 4009;
    assert_false(run(&b, "t", json));
    assert_int_equal(b.err.kind, ERROR_CONTENT);
    assert_string_equal(b.err.text, "t.mustache:2:18: the output is larger than 4009 bytes");
    assert_true(b.out.len <= 4009);

    b.exec.limits = TEMPLATE_LIMITS_DEFAULT;
    b.exec.limits.operations = 100;
    assert_false(run(&b, "t", json));
    assert_non_null(strstr(b.err.text, "t.mustache:2:"));
    assert_non_null(strstr(b.err.text, "more than 100 operations"));

    b.exec.limits = TEMPLATE_LIMITS_DEFAULT;
    b.exec.limits.depth = 3;
    assert_true(run(&b, "t", json));
    b.exec.limits.depth = 2;
    assert_false(run(&b, "t", json));
    assert_string_equal(b.err.text, "t.mustache:2:7: sections, blocks and templates more than 2 "
                                    "deep; does one include itself?");
    b.exec.limits.depth = 100000; /* more than the machine allows */
    assert_true(add(&b, "self.mustache", "{{>self}}"));
    assert_false(run(&b, "self", json));
    teardown(&b);
}

/* A buffer that is smaller than the limit: the same error, and what fits exactly fits. */
static void a_small_buffer_is_a_limit(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{x}}"));
    strbuf_release(&b.out);
    strbuf_init(&b.out, 20);
    assert_runs(&b, "t", "{\"x\":\"<<<<<\"}", "&lt;&lt;&lt;&lt;&lt;");
    assert_false(run(&b, "t", "{\"x\":\"<<<<<.\"}"));
    assert_string_equal(b.err.text, "t.mustache:1:1: the output is larger than 20 bytes");
    teardown(&b);
}

static void large_objects_cost_operations(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{#l}}{{nobody}}{{/l}}"));
    struct strbuf json = STRBUF_INIT;
    strbuf_addstr(&json, "{\"l\":[");
    for (int i = 0; i < 2000; i++)
        strbuf_addf(&json, "%s0", i != 0 ? "," : "");
    strbuf_addch(&json, ']');
    for (int i = 0; i < 20000; i++)
        strbuf_addf(&json, ",\"k%d\":0", i);
    strbuf_addch(&json, '}');
    b.exec.limits.operations = 1000000; /* enough for the tags alone, not for what they search */
    assert_false(run(&b, "t", json.buf));
    assert_non_null(strstr(b.err.text, "more than 1000000 operations"));
    b.exec.limits.operations = 10000000;
    assert_true(run(&b, "t", json.buf));
    strbuf_release(&json);
    teardown(&b);
}

/* --- escaping ------------------------------------------------------------------------------- */

static void escape_slowly(struct strbuf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const char *p = strchr("&<>\"'", s[i]);
        if (p == NULL || s[i] == '\0')
            strbuf_addch(out, s[i]);
        else
            strbuf_addstr(
                out, (const char *[]){"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}[p - "&<>\"'"]);
    }
}

static void escaping_agrees_with_the_plain_way(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdefgh &<>\"'#%;=\x01\x7f\xc3\xa9";
    uint32_t random = 1;
    for (int round = 0; round < 200000; round++) {
        random = random * 1664525u + 1013904223u;
        size_t len = (random >> 8) % 70;
        bool dense = (random >> 20) % 2 == 0;
        char *s = malloc(len + 1), *out = malloc(len * TEMPLATE_ESCAPE_MOST + 1);
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t r = random >> 10;
            s[i] = dense || r % 16 == 0 ? alphabet[r / 16 % (sizeof(alphabet) - 1)] : 'x';
        }
        struct strbuf want = STRBUF_INIT;
        escape_slowly(&want, s, len);
        size_t n = template_escape_html(out, s, len);
        assert_int_equal(n, want.len);
        assert_memory_equal(out, want.buf, n);
        strbuf_release(&want);
        free(s);
        free(out);
    }
}

static void every_byte_escapes_alone_and_in_blocks(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char s[37], out[37 * TEMPLATE_ESCAPE_MOST];
        memset(s, c, sizeof(s));
        struct strbuf want = STRBUF_INIT;
        escape_slowly(&want, s, sizeof(s));
        assert_int_equal(template_escape_html(out, s, sizeof(s)), want.len);
        assert_memory_equal(out, want.buf, want.len);
        strbuf_release(&want);
    }
}

static void values_of_many_pieces_come_out_whole(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{x}}|{{l}}"));
    struct strbuf json = STRBUF_INIT, want = STRBUF_INIT;
    strbuf_addstr(&json, "{\"x\":\"");
    for (int i = 0; i < 50000; i++) {
        strbuf_addstr(&json, "a<");
        strbuf_addstr(&want, "a&lt;");
    }
    strbuf_addstr(&json, "\",\"l\":[\"<\"]}");
    strbuf_addstr(&want, "|[&quot;&lt;&quot;]");
    assert_runs(&b, "t", json.buf, want.buf);
    strbuf_release(&json);
    strbuf_release(&want);
    teardown(&b);
}

/* --- folders -------------------------------------------------------------------------------- */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const char *text, size_t len)
{
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_template.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    return mkdir(in_folder("sections"), 0755) != 0 || mkdir(in_folder(".git"), 0755) != 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void a_folder_is_loaded_with_its_folders(void **state)
{
    (void)state;
    put_file("page.html.mustache", "{{>sections/hero}}{{>linked}}", 29);
    put_file("sections/hero.html.mustache", "hero", 4);
    put_file("notes.txt", "{{#", 3);
    put_file(".hidden.mustache", "{{#", 3);
    put_file(".git/x.mustache", "{{#", 3);
    assert_int_equal(symlink("sections/hero.html.mustache", in_folder("linked.html.mustache")), 0);
    assert_int_equal(symlink(".", in_folder("circle")), 0);
    assert_int_equal(symlink(".", in_folder("circle.mustache")), 0);
    struct bench b;
    setup(&b);
    if (!template_set_load_dir(b.set, folder, &b.err))
        fail_msg("%s", b.err.text);
    assert_runs(&b, "page", "{}", "herohero");
    assert_null(template_find(b.set, "circle/page", 11));
    teardown(&b);
}

static void messages_name_the_file_below_the_folder(void **state)
{
    (void)state;
    put_file("sections/bad.html.mustache", "\n {{#x}}", 8);
    struct bench b;
    setup(&b);
    assert_true(template_set_load_dir(b.set, folder, &b.err));
    assert_false(template_set_compile(b.set, false, &b.err));
    char want[256];
    snprintf(want, sizeof(want),
             "%s/sections/bad.html.mustache:2:2: 'x' is opened and never closed", folder);
    assert_string_equal(b.err.text, want);
    teardown(&b);
}

static void what_is_no_usable_file_is_refused(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_false(template_set_load_dir(b.set, in_folder("nowhere"), &b.err));
    assert_int_equal(b.err.kind, ERROR_FAILED);
    assert_non_null(strstr(b.err.text, "nowhere"));

    assert_int_equal(mkfifo(in_folder("pipe.mustache"), 0644), 0);
    assert_false(template_set_load_dir(b.set, folder, &b.err));
    assert_non_null(strstr(b.err.text, "pipe.mustache: not a regular file"));
    unlink(in_folder("pipe.mustache"));

    assert_int_equal(symlink("nobody", in_folder("broken.mustache")), 0);
    assert_false(template_set_load_dir(b.set, folder, &b.err));
    assert_non_null(strstr(b.err.text, "broken.mustache: No such file"));
    unlink(in_folder("broken.mustache"));

    size_t most = (size_t)4 << 20;
    char *text = malloc(most + 1);
    memset(text, 'x', most + 1);
    put_file("big.mustache", text, most + 1);
    assert_false(template_set_load_dir(b.set, folder, &b.err));
    assert_non_null(strstr(b.err.text, "big.mustache: more than 4194304 bytes"));
    teardown(&b);
    setup(&b);
    put_file("big.mustache", text, most);
    assert_true(template_set_load_dir(b.set, folder, &b.err));
    free(text);
    teardown(&b);
}

static void a_set_has_an_end(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    char file[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(file, sizeof(file), "t%d.mustache", i);
        assert_true(add(&b, file, ""));
    }
    assert_false(add(&b, "one-more.mustache", ""));
    assert_non_null(strstr(b.err.text, "more than 10000 templates"));
    teardown(&b);
}

/* --- threads --------------------------------------------------------------------- */

static void *execute_often(void *data)
{
    struct bench *b = data;
    struct strbuf out = STRBUF_INIT;
    struct error err = ERROR_INIT;
    const struct template *t = template_find(b->set, "t", 1);
    for (int i = 0; i < 2000; i++) {
        strbuf_reset(&out);
        if (!template_execute(t, &b->exec, &out, &err) || strcmp(out.buf, b->out.buf) != 0) {
            strbuf_release(&out);
            return data;
        }
    }
    strbuf_release(&out);
    return NULL;
}

static void threads_share_a_set(void **state)
{
    (void)state;
    struct bench b;
    setup(&b);
    assert_true(add(&b, "t.mustache", "{{#l}}  {{>*k}}\n  {{<p}}{{$b}}{{x}}{{/b}}{{/p}}\n{{/l}}"));
    assert_true(add(&b, "p.mustache", "<{{$b}}{{/b}}>\n"));
    assert_true(run(&b, "t", "{\"k\":\"p\",\"l\":[{\"x\":\"&\"},{\"x\":2}]}"));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, execute_often, &b), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    teardown(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_file_names),
        cmocka_unit_test(wrong_file_names_are_refused),
        cmocka_unit_test(two_files_with_one_name_are_refused),
        cmocka_unit_test(texts_must_be_utf8_and_a_mark_is_no_text),
        cmocka_unit_test(errors_of_all_templates_are_reported),
        cmocka_unit_test(many_errors_are_counted),
        cmocka_unit_test(the_stack_is_searched_from_its_top),
        cmocka_unit_test(built_values_are_found_like_read_ones),
        cmocka_unit_test(output_is_appended),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_small_buffer_is_a_limit),
        cmocka_unit_test(large_objects_cost_operations),
        cmocka_unit_test(escaping_agrees_with_the_plain_way),
        cmocka_unit_test(every_byte_escapes_alone_and_in_blocks),
        cmocka_unit_test(values_of_many_pieces_come_out_whole),
        cmocka_unit_test_setup_teardown(a_folder_is_loaded_with_its_folders, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(messages_name_the_file_below_the_folder, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_usable_file_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test(a_set_has_an_end),
        cmocka_unit_test(threads_share_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

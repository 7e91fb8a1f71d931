/* The Mustache language, rule by rule: every case of tests/golden/mustache, or of the files given
 * as arguments.
 *
 * A case: {"name", "template", "data", "partials": {name: text}, "expected"}; instead of "expected"
 * it may have "error", a part of the message. "strict" and "parts" are handed to the engine. A file
 * is an array of cases, or an object whose "tests" is one.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "template/template.h"

#define MAIN "the case itself"

struct tally {
    unsigned passed, failed;
};

static void add(struct template_set *set, const char *name, size_t len,
                const struct json_value *text)
{
    struct error err = ERROR_INIT;
    char file[256];
    snprintf(file, sizeof(file), "%.*s.mustache", (int)len, name);
    if (!template_set_add(set, file, text->text, text->len, &err))
        fail_msg("%s", err.text);
}

/* Data is read again, because names get their symbols when the templates are compiled. */
static bool execute(struct template_set *set, const struct symtab *st,
                    const struct json_value *test, struct strbuf *out, struct error *err)
{
    const struct json_value *strict = json_gets(test, "strict"), *parts = json_gets(test, "parts");
    if (!template_set_compile(set, strict != NULL && strict->type == JSON_TRUE, err))
        return false;
    struct strbuf text = STRBUF_INIT;
    json_write(&text, json_gets(test, "data"));
    struct arena a;
    arena_init(&a);
    struct json_value data;
    assert_true(json_parse(&a, st, text.buf, text.len, NULL, &data, err));
    char folder[64];
    snprintf(folder, sizeof(folder), "%.*s", parts != NULL ? (int)parts->len : 0,
             parts != NULL ? parts->text : "");
    struct template_exec exec = {
        .stack = {&data}, .stack_len = 1, .parts = folder, .limits = TEMPLATE_LIMITS_DEFAULT};
    bool ok = template_execute(template_find(set, MAIN, strlen(MAIN)), &exec, out, err);
    arena_release(&a);
    strbuf_release(&text);
    return ok;
}

static bool equals(const struct json_value *v, const struct strbuf *sb)
{
    return v->len == sb->len && memcmp(v->text, sb->buf, sb->len) == 0;
}

static void show(const char *file, const struct json_value *test, const struct strbuf *out,
                 const struct error *err)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s: ", file);
    json_write(&text, json_gets(test, "name"));
    strbuf_addstr(&text, "\n  template: ");
    json_write(&text, json_gets(test, "template"));
    const struct json_value *want = json_gets(test, "expected");
    strbuf_addstr(&text, "\n  expected: ");
    json_write(&text, want != NULL ? want : json_gets(test, "error"));
    strbuf_addstr(&text, "\n  actual:   ");
    json_write_string(&text, out->buf, out->len);
    strbuf_addf(&text, " %s\n", err->text);
    fputs(text.buf, stderr);
    strbuf_release(&text);
}

static void run_case(const char *file, const struct json_value *test, struct tally *tally)
{
    struct symtab st;
    symtab_init(&st);
    struct template_set *set = template_set_new(&st);
    add(set, MAIN, strlen(MAIN), json_gets(test, "template"));
    const struct json_value *partials = json_gets(test, "partials");
    for (uint32_t i = 0; partials != NULL && i < partials->len; i++)
        add(set, partials->members[i].key, partials->members[i].key_len,
            &partials->members[i].value);
    struct strbuf out = STRBUF_INIT;
    struct error err = ERROR_INIT;
    bool ok = execute(set, &st, test, &out, &err);
    const struct json_value *want = json_gets(test, "expected"), *error = json_gets(test, "error");
    assert_true((want != NULL) != (error != NULL));
    if (want != NULL) {
        ok = ok && equals(want, &out);
    } else {
        char *message = strndup(error->text, error->len);
        ok = !ok && strstr(err.text, message) != NULL;
        free(message);
    }
    if (ok)
        tally->passed++;
    else
        tally->failed++;
    if (!ok)
        show(file, test, &out, &err);
    strbuf_release(&out);
    template_set_free(set);
    symtab_release(&st);
}

static void run_file(const char *file, struct tally *tally)
{
    FILE *f = fopen(file, "r");
    assert_non_null(f);
    struct strbuf text = STRBUF_INIT;
    for (int c; (c = getc(f)) != EOF;)
        strbuf_addch(&text, (char)c);
    fclose(f);
    struct arena a;
    arena_init(&a);
    struct json_value root;
    struct error err = ERROR_INIT;
    if (!json_parse(&a, NULL, text.buf, text.len, NULL, &root, &err))
        fail_msg("%s: %s", file, err.text);
    const struct json_value *tests = root.type == JSON_OBJECT ? json_gets(&root, "tests") : &root;
    assert_int_equal(tests->type, JSON_ARRAY);
    for (uint32_t i = 0; i < tests->len; i++)
        run_case(file, &tests->items[i], tally);
    arena_release(&a);
    strbuf_release(&text);
}

static void holds_every_rule(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("tests/golden/mustache/*.json", 0, NULL, &found), 0);
    struct tally tally = {0};
    for (size_t i = 0; i < found.gl_pathc; i++)
        run_file(found.gl_pathv[i], &tally);
    globfree(&found);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 200);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct tally tally = {0};
        for (int i = 1; i < argc; i++)
            run_file(argv[i], &tally);
        printf("%u passed, %u failed\n", tally.passed, tally.failed);
        return tally.failed != 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(holds_every_rule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

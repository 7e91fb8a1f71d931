/* What of a row's content is fit to be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "render/check.h"

static const char *url_fields[] = {"url", "href"};
static const char *title[] = {"title"};
static struct config_required required[] = {{.type = "note", .fields = title, .n_fields = 1}};
static const struct config config = {.url_fields = url_fields, .n_url_fields = 2};

struct fixture {
    struct symtab symtab;
    struct theme theme;
    struct config_page_set set;
    struct theme_set theme_set;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct error err = ERROR_INIT;
    f = (struct fixture){.theme = {.config = &config},
                         .set = {.parts = "sections",
                                 .items = {.column = "sections",
                                           .key = "key",
                                           .type = "type",
                                           .content = "content",
                                           .required = required,
                                           .n_required = 1}},
                         .theme_set = {.parts = "sections/"}};
    f.theme_set.config = &f.set;
    arena_init(&f.arena);
    symtab_init(&f.symtab);
    f.theme.templates = template_set_new(&f.symtab);
    if (!template_set_add(f.theme.templates, "sections/note.html.mustache", "x", 1, &err) ||
        !template_set_add(f.theme.templates, "layout.html.mustache", "x", 1, &err) ||
        !template_set_compile(f.theme.templates, true, &err))
        return -1;
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    template_set_free(f->theme.templates);
    symtab_release(&f->symtab);
    arena_release(&f->arena);
    return 0;
}

static struct json_value parse(struct fixture *f, const char *text)
{
    struct json_value v;
    struct error err = ERROR_INIT;
    if (!json_parse(&f->arena, &f->symtab, text, strlen(text), NULL, &v, &err))
        fail_msg("%s: %s", text, err.text);
    return v;
}

/* part: what the message has to say, NULL when there is nothing to say. */
static void expect(const struct error *err, bool ok, const char *text, const char *part)
{
    if (ok != (part == NULL))
        fail_msg("%s: %s", text, ok ? "passes" : err->text);
    if (part == NULL)
        return;
    assert_int_equal(err->kind, ERROR_CONTENT);
    if (strstr(err->text, part) == NULL)
        fail_msg("%s: '%s' does not say '%s'", text, err->text, part);
    assert_int_equal(utf8_valid_prefix(err->text, strlen(err->text)), strlen(err->text));
}

static void expect_item(struct fixture *f, const char *text, const char *part)
{
    struct error err = ERROR_INIT;
    struct json_value v = parse(f, text);
    expect(&err, check_item(&f->theme, &f->theme_set, &v, &err), text, part);
}

static void expect_row(struct fixture *f, const char *text, const char *part)
{
    struct error err = ERROR_INIT;
    struct json_value v = parse(f, text);
    expect(&err, check_row(&f->theme, &f->theme_set, &v, &err), text, part);
}

#define NOTE(content) "{\"key\":\"k\",\"type\":\"note\",\"content\":" content "}"

static void an_element_needs_content(void **state)
{
    struct fixture *f = *state;
    expect_item(f, NOTE("{\"title\":\"t\"}"), NULL);
    expect_item(f, NOTE("{}"), "is its published version gone?");
    expect_item(f, NOTE("null"), "is its published version gone?");
    expect_item(f, NOTE("\"\""), "is its published version gone?");
    expect_item(f, NOTE("[]"), "is its published version gone?");
    expect_item(f, "{\"key\":\"k\",\"type\":\"note\"}", "'content' is missing or empty");
    expect_item(f, "7", "not an object");
    expect_item(f, "null", "not an object");
}

static void required_fields(void **state)
{
    struct fixture *f = *state;
    static const char *const empty[] = {"null", "\"\"", "[]", "{}"};
    char text[200];
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        snprintf(text, sizeof(text), NOTE("{\"title\":%s,\"x\":1}"), empty[i]);
        expect_item(f, text, "required field 'title' of type 'note'");
    }
    expect_item(f, NOTE("{\"text\":\"t\"}"), "required field 'title' of type 'note'");
    expect_item(f, NOTE("{\"title\":false}"), NULL);
    expect_item(f, NOTE("{\"title\":0}"), NULL);
}

static void keys_and_types_are_names(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[][2] = {
        {"\"\"", "missing, empty or no string"},  {"null", "missing, empty or no string"},
        {"7", "missing, empty or no string"},     {"\"a/b\"", "has a slash"},
        {"\"..\"", "'.' or '..' segment"},        {"\".\"", "'.' or '..' segment"},
        {"\".hidden\"", "starts with '.'"},       {"\"a\\u0000b\"", "control character"},
        {"\"a\\nb\"", "control character"},       {"\"%2e%2e\"", "percent sign"},
        {"\"..\\\\..\\\\x\"", "starts with '.'"}, {"\"a\\\\b\"", "backslash"},
    };
    char text[200];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "{\"key\":%s,\"type\":\"note\",\"content\":{\"title\":1}}",
                 bad[i][0]);
        expect_item(f, text, bad[i][1]);
        snprintf(text, sizeof(text), "{\"key\":\"k\",\"type\":%s,\"content\":{\"title\":1}}",
                 bad[i][0]);
        expect_item(f, text, bad[i][1]);
    }
    expect_item(f, "{\"key\":\"k\",\"type\":\"layout\",\"content\":{\"a\":1}}",
                "type 'layout' has no template in sections/");
    expect_item(f, "{\"key\":\"k\",\"type\":\"Note\",\"content\":{\"a\":1}}", "no template");
    expect_item(f, "{\"key\":\"größe\",\"type\":\"note\",\"content\":{\"title\":1}}", NULL);
}

static void a_long_type_is_quoted_in_whole_characters(void **state)
{
    struct fixture *f = *state;
    char text[400] = "{\"key\":\"k\",\"content\":{\"a\":1},\"type\":\"x";
    for (int i = 0; i < 60; i++)
        strcat(text, "é");
    strcat(text, "\"}");
    expect_item(f, text, "has no template");
}

static void links(void **state)
{
    struct fixture *f = *state;
    expect_row(f, "{\"sections\":[],\"url\":\"https://a.example/\",\"href\":\"/a#b\"}", NULL);
    expect_row(f, "{\"sections\":[],\"url\":null,\"href\":7}", NULL);
    expect_row(f, "{\"sections\":[],\"text\":\"javascript:alert(1)\"}", NULL);
    expect_row(f, "{\"sections\":[],\"url\":\"javascript:alert(1)\"}", "'url' is 'javascript:");
    expect_row(f, "{\"sections\":[],\"url\":\"\\tjavascript:alert(1)\"}", "links may be relative");
    expect_row(f, "{\"sections\":[],\"a\":[{\"b\":{\"href\":\"data:x\"}}]}", "'href' is 'data:x'");
    expect_row(f, "{\"sections\":[],\"url\":[\"/ok\",[\"vbscript:x\"]]}", "'url' is 'vbscript:x'");
    expect_row(f, "{\"sections\":[],\"url\":{\"href\":\"blob:x\"}}", "'href' is 'blob:x'");
    expect_item(f, NOTE("{\"title\":1,\"deep\":{\"url\":\"data:x\"}}"), "'url' is 'data:x'");
}

/* The elements' own column is looked at element by element, so that one can be left out alone. */
static void elements_are_not_the_rows_business(void **state)
{
    struct fixture *f = *state;
    expect_row(f, "{\"sections\":[{\"url\":\"javascript:x\"}]}", NULL);
    expect_row(f, "{\"sections\":{\"a\":1}}", "column 'sections' is not an array");
    expect_row(f, "{\"sections\":null}", "column 'sections' is not an array");
    expect_row(f, "{}", "column 'sections' is not an array");
}

static void nesting_has_a_limit(void **state)
{
    struct fixture *f = *state;
    char text[300] = "{\"sections\":[],\"a\":";
    for (int i = 0; i < 40; i++)
        strcat(text, "[");
    for (int i = 0; i < 40; i++)
        strcat(text, "]");
    strcat(text, "}");
    expect_row(f, text, "nested more than 32 deep");
}

static void required_columns(void **state)
{
    struct fixture *f = *state;
    f->set.required = title;
    f->set.n_required = 1;
    expect_row(f, "{\"sections\":[],\"title\":\"t\"}", NULL);
    expect_row(f, "{\"sections\":[],\"title\":\"\"}", "required column 'title'");
    expect_row(f, "{\"sections\":[]}", "required column 'title'");
}

/* A set may name only the column: then elements are just looked at for links. */
static void elements_without_names(void **state)
{
    struct fixture *f = *state;
    f->set.items = (struct config_items){.column = "sections"};
    expect_item(f, "{\"a\":1}", NULL);
    expect_item(f, "{\"url\":\"data:x\"}", "'url'");
    expect_item(f, "{}", "an empty object");
}

static void what_messages_call_an_element(void **state)
{
    struct fixture *f = *state;
    char name[128];
    struct json_value v = parse(f, "{\"key\":\"top\"}");
    check_item_name(&f->theme_set, &v, 2, name, sizeof(name));
    assert_string_equal(name, "'top'");
    static const char *const nameless[] = {"{\"key\":\"\"}", "{\"key\":7}", "{}", "7"};
    for (size_t i = 0; i < sizeof(nameless) / sizeof(nameless[0]); i++) {
        v = parse(f, nameless[i]);
        check_item_name(&f->theme_set, &v, 2, name, sizeof(name));
        assert_string_equal(name, "#3");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_element_needs_content, set_up, tear_down),
        cmocka_unit_test_setup_teardown(required_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_and_types_are_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_type_is_quoted_in_whole_characters, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(elements_are_not_the_rows_business, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(required_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(elements_without_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_messages_call_an_element, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

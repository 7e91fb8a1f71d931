/* JSON: what is read and refused (tests/golden/json/cases.txt), positions, look-up, building. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

#define CASES "tests/golden/json/cases.txt"

static bool parse(struct arena *a, const char *text, size_t len, struct json_value *v,
                  struct error *err)
{
    /* From a block of exactly this size, so that a sanitizer sees any byte read beyond it. */
    char *copy = arena_alloc(a, len + 1);
    memcpy(copy, text, len);
    char *exact = malloc(len != 0 ? len : 1);
    memcpy(exact, text, len);
    struct json_value probe;
    struct error probe_err = ERROR_INIT;
    bool first = json_parse(a, NULL, exact, len, NULL, &probe, &probe_err);
    free(exact);
    bool second = json_parse(a, NULL, copy, len, NULL, v, err);
    assert_int_equal(first, second);
    return second;
}

/* --- the case file -------------------------------------------------------------------------- */

static int hex_byte(const char *p)
{
    unsigned value;
    return sscanf(p, "%2x", &value) == 1 ? (int)value : -1;
}

/* %XX is a byte, %{N:text} a repetition; the repeated text may hold %XX and braces in pairs. */
static void expand(struct strbuf *out, const char *p, size_t len)
{
    const char *end = p + len;
    while (p < end) {
        if (*p != '%') {
            strbuf_addch(out, *p++);
        } else if (p[1] != '{') {
            int byte = hex_byte(p + 1);
            assert_true(byte >= 0);
            strbuf_addch(out, (char)byte);
            p += 3;
        } else {
            char *text;
            long count = strtol(p + 2, &text, 10);
            assert_true(*text == ':' && count > 0);
            text++;
            const char *close = memchr(text, '}', (size_t)(end - text));
            assert_non_null(close);
            if (close == text) /* the text is a closing brace itself */
                close++;
            struct strbuf once = STRBUF_INIT;
            expand(&once, text, (size_t)(close - text));
            for (long i = 0; i < count; i++)
                strbuf_add(out, once.buf, once.len);
            strbuf_release(&once);
            p = close + 1;
        }
    }
}

static void check_case(const char *name, char verdict, const struct strbuf *text,
                       const struct strbuf *written)
{
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    bool want = verdict == 'y' || verdict == 'a';
    if (parse(&a, text->buf, text->len, &v, &err) != want)
        fail_msg("%s: %s %s", name, want ? "refused:" : "accepted", err.text);
    if (want) {
        struct strbuf out = STRBUF_INIT;
        json_write(&out, &v);
        if (out.len != written->len || memcmp(out.buf, written->buf, out.len) != 0)
            fail_msg("%s: written as %.200s", name, out.buf);
        struct json_value again;
        assert_true(parse(&a, out.buf, out.len, &again, &err));
        strbuf_release(&out);
    } else {
        assert_int_equal(err.kind, ERROR_CONTENT);
        unsigned line, column;
        int colon = 0;
        assert_int_equal(sscanf(err.text, "line %u, column %u: %n", &line, &column, &colon), 2);
        assert_true(err.text[colon] != '\0');
    }
    arena_release(&a);
}

static void check_line(char *line)
{
    char *colon = strchr(line, ':');
    assert_non_null(colon);
    *colon = '\0';
    const char *text = colon + 1 + (colon[1] == ' ');
    const char *arrow = strstr(text, " => ");
    struct strbuf in = STRBUF_INIT, out = STRBUF_INIT;
    expand(&in, text, arrow != NULL ? (size_t)(arrow - text) : strlen(text));
    if (arrow != NULL)
        expand(&out, arrow + 4, strlen(arrow + 4));
    check_case(line + 2, line[0], &in, arrow != NULL ? &out : &in);
    strbuf_release(&in);
    strbuf_release(&out);
}

static void accepts_and_refuses_the_listed_cases(void **state)
{
    (void)state;
    FILE *f = fopen(CASES, "r");
    assert_non_null(f);
    char *line = NULL;
    size_t alloc = 0, count = 0;
    for (ssize_t n; (n = getline(&line, &alloc, f)) > 0;) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        assert_non_null(strchr("ynar", line[0]));
        check_line(line);
        count++;
    }
    free(line);
    fclose(f);
    assert_true(count > 250);
}

/* --- details -------------------------------------------------------------------------------- */

static void assert_refused(const char *text, const char *message)
{
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    assert_false(parse(&a, text, strlen(text), &v, &err));
    assert_string_equal(err.text, message);
    arena_release(&a);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": 1,\n  \"b\" 2\n}",
                   "line 3, column 7: expected ':' behind a member's name");
    assert_refused("[\"éé\", x]", "line 1, column 8: expected a value");
    assert_refused("[1,\r\n2", "line 2, column 2: expected ',' or ']' behind an array's element");
    assert_refused("\"abc", "line 1, column 1: this string has no closing quote");
    assert_refused("[01]", "line 1, column 2: a number must not begin with 0 before other digits");
    assert_refused("{\"a\":\"b\\q\"}",
                   "line 1, column 8: no such escape; a backslash itself is written \\\\");
    assert_refused(
        "[tru]",
        "line 1, column 2: expected a value; the only bare words are true, false and null");
}

static void limits_hold(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    struct json_limits limits = {.depth = 2, .bytes = 6};
    assert_true(json_parse(&a, NULL, "[[1]]", 5, &limits, &v, &err));
    assert_false(json_parse(&a, NULL, "[[[]]]", 6, &limits, &v, &err));
    assert_string_equal(err.text, "line 1, column 3: nested too deeply");
    assert_false(json_parse(&a, NULL, "[1,2,3]", 7, &limits, &v, &err));
    assert_non_null(strstr(err.text, "7 bytes of JSON, at most 6 allowed"));
    limits = (struct json_limits){.depth = 0, .bytes = 100};
    assert_true(json_parse(&a, NULL, "1", 1, &limits, &v, &err));
    assert_false(json_parse(&a, NULL, "[]", 2, &limits, &v, &err));
    arena_release(&a);
}

static void strings_without_escapes_stay_in_the_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    static const char text[] = "[\"in place\", \"co\\npied\", 1.50]";
    assert_true(json_parse(&a, NULL, text, strlen(text), NULL, &v, &err));
    assert_int_equal(v.len, 3);
    assert_ptr_equal(v.items[0].text, text + 2);
    assert_true(json_is(&v.items[0], "in place"));
    assert_true(json_is(&v.items[1], "co\npied"));
    assert_int_equal(v.items[2].type, JSON_NUMBER);
    assert_memory_equal(v.items[2].text, "1.50", v.items[2].len);
    arena_release(&a);
}

static void looks_up_by_name_and_by_symbol(void **state)
{
    (void)state;
    struct symtab st;
    symtab_init(&st);
    uint32_t title = symtab_add(&st, "title", 5);
    uint32_t absent = symtab_add(&st, "absent", 6);
    assert_int_equal(symtab_add(&st, "title", 5), title);
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    const char *text = "{\"title\":\"first\",\"other\":1,\"ti\\u0074le\":\"last\"}";
    assert_true(json_parse(&a, &st, text, strlen(text), NULL, &v, &err));
    assert_true(json_is(json_gets(&v, "title"), "last"));
    assert_true(json_is(json_get_symbol(&v, title), "last"));
    assert_null(json_get_symbol(&v, absent));
    assert_null(json_get_symbol(&v, 0)); /* "other" has no symbol and must not answer to 0 */
    assert_int_equal(json_gets(&v, "other")->type, JSON_NUMBER);
    assert_null(json_gets(&v, "titl"));
    assert_null(json_gets(&v.members[0].value, "title"));
    assert_null(json_gets(NULL, "title"));
    assert_false(json_is(NULL, "x"));
    arena_release(&a);
    symtab_release(&st);
}

/* Names of every length around the words they are compared as, read twice, escaped or not. */
static void symbols_do_not_depend_on_the_length_of_names(void **state)
{
    (void)state;
    struct symtab st;
    symtab_init(&st);
    struct arena a;
    arena_init(&a);
    struct strbuf json = STRBUF_INIT;
    strbuf_addch(&json, '[');
    for (int round = 0; round < 3; round++) {
        for (int len = 1; len <= 20; len++) {
            char name[24] = "abcdefghijklmnopqrst", other[24] = "abcdefghijklmnopqrst";
            name[len] = other[len] = '\0';
            other[len - 1] = 'Z';
            symtab_add(&st, name, (size_t)len);
            strbuf_addf(&json, "%s{\"%s\":%d,\"%s\":0", round + len > 1 ? "," : "", name, len,
                        other);
            if (len > 1)
                strbuf_addf(&json, ",\"\\u0061%s\":%d", name + 1, len);
            strbuf_addch(&json, '}');
        }
    }
    strbuf_addch(&json, ']');
    struct json_value v;
    struct error err = ERROR_INIT;
    assert_true(json_parse(&a, &st, json.buf, json.len, NULL, &v, &err));
    assert_int_equal(v.len, 60);
    for (uint32_t i = 0; i < v.len; i++) {
        const struct json_value *o = &v.items[i];
        for (uint32_t k = 0; k < o->len; k++) {
            const struct json_member *m = &o->members[k];
            assert_int_equal(m->symbol, symtab_find(&st, m->key, m->key_len));
            assert_int_equal(m->symbol != 0, k != 1);
        }
    }
    /* The shortest texts: nothing to read behind a short name. */
    assert_true(json_parse(&a, &st, "{\"a\":1}", 7, NULL, &v, &err));
    assert_int_equal(v.members[0].symbol, symtab_find(&st, "a", 1));
    strbuf_release(&json);
    arena_release(&a);
    symtab_release(&st);
}

static void objects_grow_behind_what_was_read(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct json_value v;
    struct error err = ERROR_INIT;
    assert_true(json_parse(&a, NULL, "{\"a\":1}", 7, NULL, &v, &err));
    struct json_value built = json_object(&a, 1);
    static char names[40][8];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof(names[i]), "k%d", i);
        json_add(&a, NULL, &v, names[i], json_bool(i % 2 == 0));
        json_add(&a, NULL, &built, names[i], json_strings("x"));
    }
    assert_int_equal(v.len, 41);
    assert_int_equal(json_gets(&v, "a")->type, JSON_NUMBER);
    assert_int_equal(json_gets(&v, "k39")->type, JSON_FALSE);
    assert_int_equal(built.len, 40);
    assert_true(json_is(json_gets(&built, "k0"), "x"));
    struct json_value list = json_array(&a, 3);
    list.items[1] = json_number("7", 1);
    struct strbuf sb = STRBUF_INIT;
    json_write(&sb, &list);
    assert_string_equal(sb.buf, "[null,7,null]");
    strbuf_release(&sb);
    arena_release(&a);
}

/* Whatever the bytes are: no crash, and what is accepted is valid UTF-8 that survives a round. */
static void survives_broken_documents(void **state)
{
    (void)state;
    static const char seed[] =
        "{\"title\":\"caf\\u00e9 \xc3\xa9\\n\",\"n\":[1,-2.5e3,true,null,{\"a\":\"\"}]}";
    uint32_t random = 12345;
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seed)];
        memcpy(text, seed, sizeof(seed));
        for (int k = 0; k < 2; k++) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 8) % (sizeof(seed) - 1)] = (char)(random >> 24);
        }
        struct arena a;
        arena_init(&a);
        struct json_value v;
        struct error err = ERROR_INIT;
        if (parse(&a, text, sizeof(seed) - 1, &v, &err)) {
            struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
            json_write(&once, &v);
            assert_int_equal(utf8_valid_prefix(once.buf, once.len), once.len);
            assert_true(parse(&a, once.buf, once.len, &v, &err));
            json_write(&twice, &v);
            assert_string_equal(once.buf, twice.buf);
            strbuf_release(&once);
            strbuf_release(&twice);
        }
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_and_refuses_the_listed_cases),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(strings_without_escapes_stay_in_the_text),
        cmocka_unit_test(looks_up_by_name_and_by_symbol),
        cmocka_unit_test(symbols_do_not_depend_on_the_length_of_names),
        cmocka_unit_test(objects_grow_behind_what_was_read),
        cmocka_unit_test(survives_broken_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

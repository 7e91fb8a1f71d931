/* Cutting SQL as psql would: each case says what the statements are, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "pg/sqlsplit.h"

/* All statements with '|' between, or the error. */
static const char *cut(struct strbuf *out, const char *text)
{
    struct sqlsplit s;
    struct sql_statement st;
    struct error err = ERROR_INIT;
    strbuf_reset(out);
    sqlsplit_init(&s, text, strlen(text));
    for (;;) {
        switch (sqlsplit_next(&s, &st, &err)) {
        case SQLSPLIT_END:
            return out->buf;
        case SQLSPLIT_BAD:
            strbuf_addf(out, "%s%s", out->len > 0 ? "|" : "", err.text);
            return out->buf;
        case SQLSPLIT_STATEMENT:
            strbuf_addstr(out, out->len > 0 ? "|" : "");
            strbuf_add(out, st.text, st.len);
        }
    }
}

struct cutting {
    const char *text, *statements;
};

static void check(const struct cutting *cases, size_t n)
{
    struct strbuf out = STRBUF_INIT;
    for (size_t i = 0; i < n; i++)
        assert_string_equal(cut(&out, cases[i].text), cases[i].statements);
    strbuf_release(&out);
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof(cases[0]))

static void plain_statements(void **state)
{
    (void)state;
    static const struct cutting cases[] = {
        {"", ""},
        {" \n-- nothing\n/* nor here; */ ;; ; ", ""},
        {"a;b", "a|b"},
        {"a;b;", "a|b"},
        {"  select 1 ;\n\n select 2 -- two;\n ; -- end", "select 1|select 2"},
        {"\xef\xbb\xbfselect 1;", "select 1"},
        {"a -- x\r; b; -- y\r c", "a|b|c"}, /* a lone CR ends a comment, as in PostgreSQL */
        {"a/*;/*;*/;*/b;c", "a/*;/*;*/;*/b|c"},
        {"select 1/2;select 2*/**/3", "select 1/2|select 2*/**/3"},
        {"select 1--2;\n;x", "select 1|x"},
    };
    CHECK(cases);
}

static void quotes_hide_semicolons(void **state)
{
    (void)state;
    static const struct cutting cases[] = {
        {"select ';'';';b", "select ';'';'|b"},
        {"select 'a\\';b", "select 'a\\'|b"}, /* standard strings know no backslash */
        {"select E'a\\';b';c", "select E'a\\';b'|c"},
        {"select e'a\\\\';c", "select e'a\\\\'|c"},
        {"select E'a'\n'\\';b';c", "select E'a'\n'\\';b'|c"}, /* it goes on in the next line */
        {"select E'a' -- x\n'\\';b';c", "select E'a' -- x\n'\\';b'|c"},
        {"select E'a' '\\';b", "select E'a' '\\'|b"}, /* no line break: another string */
        {"select name'\\';b", "select name'\\'|b"},   /* a word that ends in e is no E'' */
        {"select \"a;\"\"b;\";c", "select \"a;\"\"b;\"|c"},
        {"select U&'\\0441;';c", "select U&'\\0441;'|c"},
        {"select $$;$$;c", "select $$;$$|c"},
        {"select $a$;$b$;$$;$a$;c", "select $a$;$b$;$$;$a$|c"},
        {"select $é$;$é$;c", "select $é$;$é$|c"},
        {"select a$b$;c$b$", "select a$b$|c$b$"}, /* a dollar inside a name */
        {"select $1;select $2", "select $1|select $2"},
        {"select 1e5;select 0x1F", "select 1e5|select 0x1F"},
    };
    CHECK(cases);
}

static void bodies_keep_their_semicolons(void **state)
{
    (void)state;
    static const struct cutting cases[] = {
        {"create rule r as on insert to t do (a; b);c",
         "create rule r as on insert to t do (a; b)|c"},
        {"create function f() returns int begin atomic select 1; select case when a then b end; "
         "end;c",
         "create function f() returns int begin atomic select 1; select case when a then b end; "
         "end|c"},
        {"CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END; c",
         "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END|c"},
        {"create function f() returns int begin atomic select t.end, 1 as end; select 2; end;c",
         "create function f() returns int begin atomic select t.end, 1 as end; select 2; end|c"},
        {"create function f() returns int begin atomic select \"end\"; end;c",
         "create function f() returns int begin atomic select \"end\"; end|c"},
        {"begin;a;end;b", "begin|a|end|b"},
        {"create table begin (atomic int);b", "create table begin (atomic int)|b"},
        {"create function f() returns int language sql as $$begin; end$$;b",
         "create function f() returns int language sql as $$begin; end$$|b"},
        {"do $$ begin perform 1; end $$;b", "do $$ begin perform 1; end $$|b"},
        {"a ) ; b", "a )|b"},
    };
    CHECK(cases);
}

static void what_is_not_closed_is_named(void **state)
{
    (void)state;
    static const struct cutting cases[] = {
        {"a;\n  select 'x;", "a|2:10: this string is not closed"},
        {"é 'x", "1:3: this string is not closed"}, /* columns count characters */
        {"select E'a'\n'b", "1:8: this string is not closed"},
        {"\"x", "1:1: this quoted name is not closed"},
        {"a /* b /* c */", "1:3: this comment is not closed"},
        {"a\n$x$ b $y$", "2:1: this dollar quote is not closed"},
        {"a;\n\\i other.sql\n",
         "a|2:1: a backslash: psql's own commands (\\i, \\set, \\copy) cannot be run here"},
    };
    CHECK(cases);
}

static void nul_is_refused(void **state)
{
    (void)state;
    struct sqlsplit s;
    struct sql_statement st;
    struct error err = ERROR_INIT;
    sqlsplit_init(&s, "a\0b", 3);
    assert_int_equal(sqlsplit_next(&s, &st, &err), SQLSPLIT_BAD);
    assert_string_equal(err.text, "1:2: a NUL byte");
}

static void places(void **state)
{
    (void)state;
    static const char text[] = "-- head\n\n  select 1;/* é */ select 2\n;\n\tselect 3";
    struct sqlsplit s;
    struct sql_statement st;
    struct error err = ERROR_INIT;
    sqlsplit_init(&s, text, strlen(text));
    assert_int_equal(sqlsplit_next(&s, &st, &err), SQLSPLIT_STATEMENT);
    assert_int_equal(st.line, 3);
    assert_int_equal(st.column, 3);
    assert_true(st.closed);
    assert_int_equal(text[st.end - 1], ';');
    assert_int_equal(sqlsplit_next(&s, &st, &err), SQLSPLIT_STATEMENT);
    assert_int_equal(st.line, 3);
    assert_int_equal(st.column, 20);
    assert_int_equal(sqlsplit_next(&s, &st, &err), SQLSPLIT_STATEMENT);
    assert_int_equal(st.line, 5);
    assert_int_equal(st.column, 2);
    assert_false(st.closed);
    assert_int_equal(st.end, strlen(text));
    assert_int_equal(sqlsplit_next(&s, &st, &err), SQLSPLIT_END);
}

static void words_are_the_bare_ones(void **state)
{
    (void)state;
    static const char text[] = "CREATE /* unique */ Index \"concurrently\" 'x' concurrently i on t";
    struct sql_statement st = {.text = text, .len = strlen(text)};
    struct sql_word w[4];
    assert_int_equal(sqlsplit_words(&st, w, 4), 4);
    assert_true(sql_word_is(&w[0], "create"));
    assert_true(sql_word_is(&w[1], "index"));
    assert_true(sql_word_is(&w[2], "concurrently"));
    assert_true(sql_word_is(&w[3], "i"));
    assert_false(sql_word_is(&w[0], "creat"));
    assert_false(sql_word_is(&w[0], "created"));
}

/* A file of one long line must not cost its square. */
static void one_long_line_is_read_in_time(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct sqlsplit s;
    struct sql_statement st;
    struct error err = ERROR_INIT;
    size_t n = 0;
    for (size_t i = 0; i < 400000; i++)
        strbuf_addstr(&text, "é;");
    sqlsplit_init(&s, text.buf, text.len);
    while (sqlsplit_next(&s, &st, &err) == SQLSPLIT_STATEMENT)
        n++;
    assert_int_equal(n, 400000);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_statements),
        cmocka_unit_test(quotes_hide_semicolons),
        cmocka_unit_test(bodies_keep_their_semicolons),
        cmocka_unit_test(what_is_not_closed_is_named),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(places),
        cmocka_unit_test(words_are_the_bare_ones),
        cmocka_unit_test(one_long_line_is_read_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

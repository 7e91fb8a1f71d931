/* Connection strings: which hosts they name, and that a malformed one is never quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pg/conninfo.h"

static int forget_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    return 0;
}

static void one_host_is_left_to_libpq(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "dbname=x",
                                        "postgresql://u@h:5433/d",
                                        "host=/run/postgresql",
                                        "postgresql://u:p%40ss@h/d",
                                        "postgres://h/d%40b",
                                        "host=@abstract"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct conninfo info;
        struct arena arena;
        struct error err = ERROR_INIT;
        arena_init(&arena);
        assert_true(conninfo_read(&info, &arena, texts[i], &err));
        assert_int_equal(info.n_hosts, 1);
        assert_null(info.hosts[0].host);
        assert_null(info.hosts[0].port);
        arena_release(&arena);
    }
}

static void each_host_of_a_list_is_found(void **state)
{
    (void)state;
    struct conninfo info;
    struct arena arena;
    struct error err = ERROR_INIT;
    arena_init(&arena);
    assert_true(conninfo_read(&info, &arena, "postgresql://u:secret@a:1,b,c:3/d", &err));
    assert_int_equal(info.n_hosts, 3);
    assert_string_equal(info.hosts[0].host, "a");
    assert_string_equal(info.hosts[0].port, "1");
    assert_string_equal(info.hosts[1].host, "b");
    assert_null(info.hosts[1].port);
    assert_string_equal(info.hosts[2].port, "3");
    assert_string_equal(info.password, "secret");
    assert_true(conninfo_read(&info, &arena, "host=a,b port=7", &err));
    assert_string_equal(info.hosts[1].host, "b");
    assert_string_equal(info.hosts[1].port, "7"); /* one port counts for all */
    assert_true(conninfo_read(&info, &arena, "hostaddr=10.0.0.1,10.0.0.2 host=a,b", &err));
    assert_string_equal(info.hosts[1].hostaddr, "10.0.0.2");
    arena_release(&arena);
}

static void the_environment_names_hosts_too(void **state)
{
    (void)state;
    struct conninfo info;
    struct arena arena;
    struct error err = ERROR_INIT;
    arena_init(&arena);
    setenv("PGHOST", "x,y", 1);
    assert_true(conninfo_read(&info, &arena, "dbname=d", &err));
    assert_int_equal(info.n_hosts, 2);
    assert_string_equal(info.hosts[1].host, "y");
    assert_true(conninfo_read(&info, &arena, "host=z", &err));
    assert_int_equal(info.n_hosts, 1);
    unsetenv("PGHOST");
    arena_release(&arena);
}

static void a_malformed_string_is_never_quoted(void **state)
{
    (void)state;
    static const char *const texts[] = {"postgresql://user:s3cret@word@host/db",
                                        "postgresql://user:s3cret/word@host/db",
                                        "postgresql://user:s3cret%zzword@host/db",
                                        "host=h password='s3cret",
                                        "s3cret",
                                        "host=h s3cret=1",
                                        "host=h port=s3cret"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct conninfo info;
        struct arena arena;
        struct error err = ERROR_INIT;
        arena_init(&arena);
        assert_false(conninfo_read(&info, &arena, texts[i], &err));
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, "connection string"));
        assert_null(strstr(err.text, "s3cret"));
        assert_null(strstr(err.text, "word@"));
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_host_is_left_to_libpq, forget_environment),
        cmocka_unit_test_setup(each_host_of_a_list_is_found, forget_environment),
        cmocka_unit_test_setup(the_environment_names_hosts_too, forget_environment),
        cmocka_unit_test_setup(a_malformed_string_is_never_quoted, forget_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The worker's threads without a database: nothing waits, nothing grows, and all end soon. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pg/conn.h"
#include "worker/releaselog.h"
#include "worker/schedule.h"
#include "worker/sleeper.h"

#define NOWHERE "host=/nonexistent dbname=none user=nobody"

struct desk {
    struct mailbox mailbox;
    struct log log;
    int fd[2];
};

static void desk_init(struct desk *d)
{
    struct error err = ERROR_INIT;
    assert_int_equal(pipe2(d->fd, O_CLOEXEC | O_NONBLOCK), 0);
    log_init(&d->log, d->fd[1], LOG_PAIRS, LOG_DEBUG);
    assert_true(mailbox_init(&d->mailbox, &err));
}

/* How often the log says it. */
static unsigned desk_end(struct desk *d, const char *what)
{
    static char text[65536];
    ssize_t len = read(d->fd[0], text, sizeof(text) - 1);
    unsigned n = 0;
    text[len > 0 ? len : 0] = '\0';
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    mailbox_release(&d->mailbox);
    log_release(&d->log);
    close(d->fd[0]);
    close(d->fd[1]);
    return n;
}

static void a_log_without_a_database_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct desk d;
    struct releaselog *l;
    struct error err = ERROR_INIT;
    char long_text[4000];
    desk_init(&d);
    memset(long_text, '\xc3', sizeof(long_text) - 1); /* no UTF-8, and far too long */
    long_text[sizeof(long_text) - 1] = '\0';
    struct releaselog_options options = {
        .conninfo = NOWHERE, .id = "test", .connect_ms = 1000, .log = &d.log};
    assert_true(releaselog_start(&l, &options, &err));
    int64_t begun = pg_conn_clock();
    for (unsigned i = 0; i < 5000; i++) {
        struct releaselog_entry entry = {.ended_ms = pg_conn_clock(),
                                         .reason = "a reason longer than anybody would give for it",
                                         .error = i % 2 == 0 ? long_text : NULL,
                                         .commit_to_printed_ms = -1};
        releaselog_add(l, &entry);
        releaselog_say(l, i % 3 == 0 ? "listening" : "polling", i % 2 == 0, i);
    }
    assert_true(pg_conn_clock() - begun < 2000);
    usleep(1200000); /* it has tried twice by now */
    begun = pg_conn_clock();
    releaselog_stop(l);
    assert_true(pg_conn_clock() - begun < 2500);
    assert_int_equal(desk_end(&d, "the release log is not written"), 1);
}

static void schedules_without_a_database_end_soon(void **state)
{
    (void)state;
    struct desk d;
    struct schedule *s;
    struct schedule_state seen;
    struct error err = ERROR_INIT;
    desk_init(&d);
    struct schedule_options options = {.conninfo = NOWHERE,
                                       .connect_ms = 1000,
                                       .due = "public.next_change",
                                       .publish = true,
                                       .mailbox = &d.mailbox,
                                       .log = &d.log};
    assert_true(schedule_start(&s, &options, &err));
    for (unsigned i = 0; i < 1000; i++) {
        schedule_wake(s);
        schedule_looked(s, i % 2 == 0 ? "2020-01-01T00:00:00Z" : NULL, pg_conn_clock());
    }
    usleep(300000);
    schedule_state(s, &seen);
    assert_false(seen.connected || seen.visible || seen.may_publish);
    int64_t begun = pg_conn_clock();
    schedule_stop(s);
    assert_true(pg_conn_clock() - begun < 1000);
    struct event e;
    assert_false(mailbox_take(&d.mailbox, &e)); /* nothing is due as long as no clock is known */
    assert_int_equal(desk_end(&d, "schedules cannot be seen"), 1);
}

struct nap {
    struct sleeper sleeper;
    unsigned turns;
    int64_t pause_ms;
};

static void *nap_main(void *payload)
{
    struct nap *n = payload;
    do {
        sleeper_lock(&n->sleeper);
        n->turns++;
        sleeper_unlock(&n->sleeper);
    } while (sleeper_wait(&n->sleeper, pg_conn_clock() + n->pause_ms));
    return NULL;
}

static unsigned nap_end(struct nap *n)
{
    int64_t begun = pg_conn_clock();
    sleeper_stop(&n->sleeper);
    assert_true(pg_conn_clock() - begun < 500);
    return n->turns;
}

static void a_sleeper_wakes_and_ends(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct nap sound = {.pause_ms = 60000}, light = {.pause_ms = 20};
    assert_true(sleeper_start(&sound.sleeper, nap_main, &sound, &err));
    assert_true(sleeper_start(&light.sleeper, nap_main, &light, &err));
    usleep(100000);
    sleeper_wake(&sound.sleeper);
    usleep(100000);
    assert_int_equal(nap_end(&sound), 2);
    assert_true(nap_end(&light) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_without_a_database_keeps_nobody_waiting),
        cmocka_unit_test(schedules_without_a_database_end_soon),
        cmocka_unit_test(a_sleeper_wakes_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

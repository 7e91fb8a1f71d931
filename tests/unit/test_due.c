/* Due times: a clock that is off by an hour, who runs schedules when, and no look too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/due.h"

#define HOUR INT64_C(3600000)
#define T0 INT64_C(1800000000000) /* some moment, by the database */

static void the_database_says_what_time_it_is(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    assert_true(due_clock_local(&clock, T0) == DUE_NEVER);
    assert_true(due_clock_database(&clock, 5) == DUE_NEVER);
    /* asked at 1000, answered at 1010 */
    due_clock_set(&clock, 1000, 1010, T0);
    assert_true(due_clock_local(&clock, T0) == 1005);
    assert_true(due_clock_local(&clock, T0 + 2000) == 3005);
    assert_true(due_clock_database(&clock, 3005) == T0 + 2000);
    assert_true(due_clock_local(&clock, DUE_NEVER) == DUE_NEVER);
    assert_true(due_clock_database(&clock, DUE_NEVER) == DUE_NEVER);
}

/* Whatever the distance between the two clocks, a schedule due in 2 s is due in 2 s. */
static void an_hour_off_does_not_matter(void **state)
{
    (void)state;
    static const int64_t off[] = {-HOUR, 0, HOUR, -T0, 1};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        struct due_clock clock = {0};
        int64_t local = 50000;
        due_clock_set(&clock, local, local, T0 + off[i]);
        assert_true(due_clock_local(&clock, T0 + off[i] + 2000) == local + 2000);
    }
}

/* The server's clock is set right while we sleep: the next answer corrects us. */
static void a_clock_that_is_set_is_followed(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    due_clock_set(&clock, 0, 0, T0);
    due_clock_set(&clock, 1000, 1000, T0 + 1000 - HOUR);
    assert_true(due_clock_local(&clock, T0) == HOUR);
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    struct due_clock clock = {.known = true, .offset = -T0};
    assert_true(due_clock_local(&clock, INT64_MAX - 1) == DUE_NEVER);
    clock.offset = T0;
    assert_true(due_clock_database(&clock, INT64_MAX - 1) == DUE_NEVER);
    struct due_runs runs = {0};
    assert_true(due_run_at(&runs, DUE_FOLLOWER, INT64_MAX - 1) == DUE_NEVER);
}

static void the_leader_goes_first(void **state)
{
    (void)state;
    struct due_runs runs = {0};
    assert_true(due_run_at(&runs, DUE_LEADER, T0) == T0);
    assert_true(due_run_at(&runs, DUE_ALONE, T0) == T0);
    assert_true(due_run_at(&runs, DUE_FOLLOWER, T0) == T0 + DUE_GRACE);
    assert_true(due_run_at(&runs, DUE_LEADER, DUE_NEVER) == DUE_NEVER);
}

static void what_fails_is_tried_less_and_less_often(void **state)
{
    (void)state;
    static const int64_t pauses[] = {1000, 2000, 4000, 8000, 15000, 15000, 15000};
    struct due_runs runs = {0};
    int64_t now = T0;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        due_ran(&runs, now, 0);
        int64_t at = due_run_at(&runs, DUE_LEADER, T0);
        assert_true(at == now + pauses[i]);
        now = at;
    }
    due_ran(&runs, now, 1); /* it went at last, or another did: at once for what is still there */
    assert_true(due_run_at(&runs, DUE_LEADER, T0) == T0);
}

static void what_fails_holds_up_nothing_else(void **state)
{
    (void)state;
    struct due_runs runs = {0};
    for (int i = 0; i < 10; i++)
        due_ran(&runs, T0, 0);
    assert_true(due_run_at(&runs, DUE_LEADER, T0 + 1) == T0 + 1);
    assert_true(due_run_at(&runs, DUE_FOLLOWER, T0 + 1) == T0 + 1 + DUE_GRACE);
    runs.barren = UINT32_MAX;
    due_ran(&runs, T0, 0);
    assert_true(runs.barren == UINT32_MAX);
}

static void a_page_is_looked_at_when_its_time_comes(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    struct due_page page = {.at = DUE_NEVER};
    assert_true(due_page_at(&page, &clock) == DUE_NEVER);
    due_clock_set(&clock, 1000, 1000, T0);
    due_page_set(&page, &clock, T0 + 5000, 1000);
    assert_true(due_page_at(&page, &clock) == 6000);
    due_page_posted(&page, 6000);
    assert_true(due_page_at(&page, &clock) == DUE_NEVER); /* said once */
}

/* Nobody publishes what is due (no rights): the query goes on saying so, and that is no reason. */
static void what_was_over_before_is_no_reason(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    struct due_page page = {.at = DUE_NEVER};
    due_clock_set(&clock, 1000, 1000, T0);
    due_page_set(&page, &clock, T0 - 1000, 1000);
    assert_true(due_page_at(&page, &clock) == DUE_NEVER);
    due_page_set(&page, &clock, T0 - HOUR, 1000);
    assert_true(due_page_at(&page, &clock) == DUE_NEVER);
    /* it came while the look was under way: the snapshot was older */
    due_page_set(&page, &clock, T0 + 1000, 1000);
    assert_true(due_page_at(&page, &clock) == 2000);
}

/* Due at T0 + 0.7 s, which arrives as T0: looked at too early, and again when the second is over.
 */
static void a_second_that_was_cut_off_is_waited_for(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    struct due_page page = {.at = DUE_NEVER};
    due_clock_set(&clock, 5000, 5000, T0);
    due_page_set(&page, &clock, T0, 1000);
    assert_true(due_page_at(&page, &clock) == 5000);
    due_page_posted(&page, 5000);
    due_page_set(&page, &clock, T0, 5003);
    assert_true(due_page_at(&page, &clock) == 6000);
    due_page_posted(&page, 6000);
    due_page_set(&page, &clock, T0, 6000);
    assert_true(due_page_at(&page, &clock) == DUE_NEVER);
}

static void times_are_read_strictly(void **state)
{
    (void)state;
    assert_true(due_parse("1970-01-01T00:00:00Z") == 0);
    assert_true(due_parse("2027-01-15T08:00:00Z") == T0);
    assert_true(due_parse("1969-12-31T23:59:59Z") == -1000);
    static const char *const bad[] = {NULL,
                                      "",
                                      "infinity",
                                      "2027-01-15",
                                      "2027-01-15T08:00:00",
                                      "2027-01-15T08:00:00Z ",
                                      "2027-13-15T08:00:00Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(due_parse(bad[i]) == DUE_NEVER);
}

/* A query that always says "in a millisecond" costs four looks a second, not all there is. */
static void hasty_queries_are_slowed(void **state)
{
    (void)state;
    struct due_clock clock = {0};
    struct due_page page = {.at = DUE_NEVER};
    due_clock_set(&clock, 0, 0, T0);
    int64_t now = 1000, looks = 0;
    while (now < 11000) {
        due_page_set(&page, &clock, T0 + now + 1, now);
        now = due_page_at(&page, &clock);
        due_page_posted(&page, now);
        looks++;
    }
    assert_true(looks <= 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_database_says_what_time_it_is),
        cmocka_unit_test(an_hour_off_does_not_matter),
        cmocka_unit_test(a_clock_that_is_set_is_followed),
        cmocka_unit_test(extremes_do_not_overflow),
        cmocka_unit_test(the_leader_goes_first),
        cmocka_unit_test(what_fails_is_tried_less_and_less_often),
        cmocka_unit_test(what_fails_holds_up_nothing_else),
        cmocka_unit_test(a_page_is_looked_at_when_its_time_comes),
        cmocka_unit_test(what_was_over_before_is_no_reason),
        cmocka_unit_test(a_second_that_was_cut_off_is_waited_for),
        cmocka_unit_test(times_are_read_strictly),
        cmocka_unit_test(hasty_queries_are_slowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

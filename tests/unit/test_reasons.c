/* When to look and why: windows, caps, pauses, and that no reason is ever lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/reasons.h"

static const struct reasons_options usual = {
    .quiet_ms = 50, .quiet_max_ms = 500, .poll_ms = 60000, .full_every_ms = 600000};

/* A worker whose first look was over at 1000. */
static struct reasons begun(const struct reasons_options *options)
{
    struct reasons r;
    struct look_order order;
    reasons_init(&r, options, 7);
    reasons_note(&r, LOOK_START, 1, 900);
    assert_true(reasons_take(&r, 900, &order));
    reasons_done(&r, true, true, 1000);
    return r;
}

static struct look_order take(struct reasons *r, int64_t now)
{
    struct look_order order;
    assert_int_equal(reasons_next(r) <= now, true);
    assert_true(reasons_take(r, now, &order));
    return order;
}

static void not_before(struct reasons *r, int64_t at)
{
    struct look_order order;
    assert_int_equal(reasons_next(r), at);
    assert_false(reasons_take(r, at - 1, &order));
}

static void test_nothing_before_the_first_note(void **state)
{
    struct reasons r;
    (void)state;
    reasons_init(&r, &usual, 1);
    assert_true(reasons_next(&r) == REASONS_NEVER);
    reasons_note(&r, LOOK_START, 1, 5);
    struct look_order order = take(&r, 5);
    assert_int_equal(order.reason, LOOK_START);
    assert_true(order.full && !order.reload);
}

static void test_a_quiet_window(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
    not_before(&r, 2050);
    reasons_note(&r, LOOK_NOTIFIED, 3, 2040);
    not_before(&r, 2090);
    struct look_order order = take(&r, 2090);
    assert_int_equal(order.reason, LOOK_NOTIFIED);
    assert_int_equal(order.hints, 4);
    assert_int_equal(order.since_ms, 2000);
    assert_false(order.full || order.reload);
}

static void test_a_cap_ends_the_window(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    for (int64_t now = 2000; now < 2500; now += 10) {
        reasons_note(&r, LOOK_NOTIFIED, 1, now);
        assert_true(reasons_next(&r) > now);
    }
    not_before(&r, 2500);
    take(&r, 2500);
}

static void test_a_cap_below_the_window(void **state)
{
    struct reasons_options options = usual;
    (void)state;
    options.quiet_max_ms = 20;
    struct reasons r = begun(&options);
    reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
    not_before(&r, 2020);
}

static void test_no_window(void **state)
{
    struct reasons_options options = usual;
    (void)state;
    options.quiet_ms = 0;
    struct reasons r = begun(&options);
    reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
    not_before(&r, 2000);
}

static void test_urgent_reasons_do_not_wait(void **state)
{
    static const struct {
        enum look_reason reason;
        bool full, reload;
    } urgent[] = {
        {LOOK_DUE, false, false}, {LOOK_RECONNECT, true, false}, {LOOK_COMMAND, true, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(urgent) / sizeof(*urgent); i++) {
        struct reasons r = begun(&usual);
        reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
        reasons_note(&r, urgent[i].reason, 1, 2001);
        struct look_order order = take(&r, 2001);
        assert_int_equal(order.reason, urgent[i].reason);
        assert_int_equal(order.full, urgent[i].full);
        assert_int_equal(order.reload, urgent[i].reload);
        assert_int_equal(order.hints, 1);
    }
}

static void test_changed_files_wait_for_quiet(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    reasons_note(&r, LOOK_RELOAD, 1, 2000);
    not_before(&r, 2050);
    struct look_order order = take(&r, 2050);
    assert_int_equal(order.reason, LOOK_RELOAD);
    assert_true(order.full && order.reload);
}

static void test_only_one_look_at_a_time(void **state)
{
    struct reasons r = begun(&usual);
    struct look_order order;
    (void)state;
    reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
    take(&r, 2050);
    assert_true(reasons_next(&r) == REASONS_NEVER);
    reasons_note(&r, LOOK_RECONNECT, 1, 2060);
    assert_true(reasons_next(&r) == REASONS_NEVER);
    assert_false(reasons_take(&r, 99999, &order));
}

static void test_what_comes_during_a_look_is_one_more(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    reasons_note(&r, LOOK_NOTIFIED, 1, 2000);
    take(&r, 2050);
    for (int64_t now = 2051; now < 3000; now++)
        reasons_note(&r, LOOK_NOTIFIED, 1, now);
    reasons_done(&r, true, false, 3000);
    struct look_order order = take(&r, 3000); /* its window has passed meanwhile */
    assert_int_equal(order.hints, 949);
    assert_int_equal(order.since_ms, 2051);
    reasons_done(&r, true, false, 3010);
    not_before(&r, 3010 + 60000); /* and no third one */
}

static void test_poll(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    not_before(&r, 61000);
    struct look_order order = take(&r, 61000);
    assert_int_equal(order.reason, LOOK_POLL);
    assert_false(order.full);
    reasons_done(&r, true, false, 61500);
    not_before(&r, 121500); /* after the look's end */
}

static void test_full_looks(void **state)
{
    struct reasons r = begun(&usual);
    struct look_order order;
    int64_t now = 1000;
    (void)state;
    do {
        now = reasons_next(&r);
        order = take(&r, now);
        reasons_done(&r, true, order.full, now + 10);
    } while (!order.full);
    assert_int_equal(order.reason, LOOK_FULL);
    assert_int_equal(now, 900 + 600000); /* the first began at 900 */
    /* any look that read everything counts */
    reasons_note(&r, LOOK_DUE, 1, now + 50);
    take(&r, now + 50);
    reasons_done(&r, true, true, now + 60);
    assert_int_equal(r.full_ms, now + 50);
}

static void test_notifications_do_not_put_off_full_looks(void **state)
{
    struct reasons r = begun(&usual);
    bool full = false;
    (void)state;
    for (int64_t now = 2000; now < 620000 && !full; now += 200) {
        struct look_order order;
        reasons_note(&r, LOOK_NOTIFIED, 1, now);
        if (!reasons_take(&r, now + 60, &order))
            continue;
        full = order.full;
        assert_int_equal(order.reason, LOOK_NOTIFIED);
        reasons_done(&r, true, order.full, now + 70);
    }
    assert_true(full);
}

static void test_failed_looks_are_repeated_with_growing_pauses(void **state)
{
    struct reasons r = begun(&usual);
    int64_t now = 2000, longest = 0;
    (void)state;
    reasons_note(&r, LOOK_NOTIFIED, 1, now);
    now += 50;
    take(&r, now);
    for (int64_t wanted = 250, i = 0; i<20; i++, wanted = wanted * 2> 30000 ? 30000 : wanted * 2) {
        reasons_done(&r, false, false, now);
        int64_t pause = reasons_next(&r) - now;
        assert_true(pause >= wanted * 3 / 4 && pause <= wanted * 5 / 4);
        longest = pause > longest ? pause : longest;
        now += pause;
        struct look_order order = take(&r, now);
        assert_int_equal(order.reason, LOOK_RETRY);
        assert_true(order.reload && !order.full);
    }
    assert_true(longest > 20000);
    reasons_done(&r, true, false, now);
    not_before(&r, now + 60000);
}

static void test_a_failed_full_look_is_repeated_in_full(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    reasons_note(&r, LOOK_RECONNECT, 1, 2000);
    take(&r, 2000);
    reasons_done(&r, false, false, 2100);
    assert_true(take(&r, 3000).full);
    reasons_done(&r, true, true, 3100);
    reasons_note(&r, LOOK_DUE, 1, 3200);
    struct look_order order = take(&r, 3200);
    assert_false(order.full || order.reload); /* what was owed is done */
}

/* Ten failures: the next try is half a minute away. */
static struct reasons failing(int64_t *now)
{
    struct reasons r = begun(&usual);
    *now = 2000;
    reasons_note(&r, LOOK_DUE, 1, *now);
    for (int i = 0; i < 10; i++) {
        *now = reasons_next(&r);
        take(&r, *now);
        reasons_done(&r, false, false, *now);
    }
    assert_true(reasons_next(&r) > *now + 20000);
    return r;
}

static void test_notifications_while_failing_are_at_most_one_look_a_second(void **state)
{
    int64_t now;
    struct reasons r = failing(&now);
    int looks = 0;
    (void)state;
    for (int64_t end = now + 10000; now < end; now += 5) {
        struct look_order order;
        reasons_note(&r, LOOK_NOTIFIED, 1, now);
        if (!reasons_take(&r, now, &order))
            continue;
        looks++;
        reasons_done(&r, false, false, now);
    }
    assert_in_range(looks, 8, 10);
}

static void test_what_may_be_the_mend_acts_at_once(void **state)
{
    static const enum look_reason mends[] = {LOOK_RECONNECT, LOOK_COMMAND, LOOK_RELOAD};
    (void)state;
    for (size_t i = 0; i < sizeof(mends) / sizeof(*mends); i++) {
        int64_t now;
        struct reasons r = failing(&now);
        reasons_note(&r, mends[i], 1, now + 10);
        take(&r, now + 10 + usual.quiet_ms);
    }
}

static void test_polls_wait_for_the_retry_while_failing(void **state)
{
    struct reasons_options options = usual;
    int64_t now = 1000;
    (void)state;
    options.poll_ms = 100;
    struct reasons r = begun(&options);
    for (int i = 0; i < 12; i++) {
        now = reasons_next(&r);
        take(&r, now);
        reasons_done(&r, false, false, now);
    }
    assert_true(reasons_next(&r) >= now + 22500);
}

static void test_two_workers_do_not_retry_together(void **state)
{
    int64_t pauses[2];
    (void)state;
    for (uint64_t i = 0; i < 2; i++) {
        struct reasons r;
        struct look_order order;
        reasons_init(&r, &usual, 1000 + i * 7919);
        reasons_note(&r, LOOK_START, 1, 0);
        for (int failure = 0; failure < 8; failure++) {
            int64_t now = failure * 100000;
            assert_true(reasons_take(&r, now, &order));
            reasons_done(&r, false, false, now);
            pauses[i] = reasons_next(&r) - now;
        }
    }
    assert_int_not_equal(pauses[0], pauses[1]);
}

static void test_settings_may_change(void **state)
{
    struct reasons r = begun(&usual);
    struct reasons_options other = {
        .quiet_ms = 10, .quiet_max_ms = 500, .poll_ms = 200, .full_every_ms = 600000};
    (void)state;
    reasons_set_options(&r, &other);
    not_before(&r, 1200);
    reasons_note(&r, LOOK_NOTIFIED, 1, 1100);
    not_before(&r, 1110);
}

/* Every reason has a name, and the weightiest of two names the look. */
static void test_names(void **state)
{
    struct reasons r = begun(&usual);
    (void)state;
    for (enum look_reason reason = LOOK_START; reason <= LOOK_COMMAND; reason++)
        assert_true(look_reason_name(reason)[0] != '\0');
    reasons_note(&r, LOOK_RELOAD, 1, 2000);
    reasons_note(&r, LOOK_NOTIFIED, 1, 2001);
    reasons_note(&r, LOOK_DUE, 1, 2002);
    struct look_order order = take(&r, 2002);
    assert_int_equal(order.reason, LOOK_RELOAD);
    assert_true(order.full && order.reload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_before_the_first_note),
        cmocka_unit_test(test_a_quiet_window),
        cmocka_unit_test(test_a_cap_ends_the_window),
        cmocka_unit_test(test_a_cap_below_the_window),
        cmocka_unit_test(test_no_window),
        cmocka_unit_test(test_urgent_reasons_do_not_wait),
        cmocka_unit_test(test_changed_files_wait_for_quiet),
        cmocka_unit_test(test_only_one_look_at_a_time),
        cmocka_unit_test(test_what_comes_during_a_look_is_one_more),
        cmocka_unit_test(test_poll),
        cmocka_unit_test(test_full_looks),
        cmocka_unit_test(test_notifications_do_not_put_off_full_looks),
        cmocka_unit_test(test_failed_looks_are_repeated_with_growing_pauses),
        cmocka_unit_test(test_a_failed_full_look_is_repeated_in_full),
        cmocka_unit_test(test_notifications_while_failing_are_at_most_one_look_a_second),
        cmocka_unit_test(test_what_may_be_the_mend_acts_at_once),
        cmocka_unit_test(test_polls_wait_for_the_retry_while_failing),
        cmocka_unit_test(test_two_workers_do_not_retry_together),
        cmocka_unit_test(test_settings_may_change),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

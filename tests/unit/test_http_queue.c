#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "upload/http_queue.h"

#define N 500

static void test_the_first_due_comes_first(void **state)
{
    (void)state;
    struct http_queue q;
    static struct http_task tasks[N];
    struct http_request request = {.body_len = 3};
    http_queue_init(&q);
    assert_null(http_queue_first(&q));
    assert_null(http_queue_take(&q));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            tasks[i].request = &request;
            tasks[i].due_ms = (i * 7919 + round) % 211; /* many are due at once */
            http_queue_add(&q, &tasks[i]);
        }
        assert_int_equal(q.bytes, 3 * N);
        int64_t last = -1;
        for (int i = 0; i < N; i++) {
            struct http_task *first = http_queue_first(&q), *t = http_queue_take(&q);
            assert_ptr_equal(first, t);
            assert_true(t->due_ms >= last);
            last = t->due_ms;
        }
        assert_null(http_queue_take(&q));
        assert_int_equal(q.bytes, 0);
    }
    http_queue_release(&q);
}

static void expect_pauses(struct http_queue *q, unsigned attempts, const char *retry_after,
                          int64_t least, int64_t most)
{
    int64_t shortest = INT64_MAX, longest = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t ms = http_queue_pause(q, attempts, retry_after);
        shortest = ms < shortest ? ms : shortest;
        longest = ms > longest ? ms : longest;
    }
    assert_in_range(shortest, least, least + (most - least) / 10);
    assert_in_range(longest, most - (most - least) / 10, most);
}

static void test_pauses_grow_and_are_spread(void **state)
{
    (void)state;
    struct http_queue q;
    http_queue_init(&q);
    expect_pauses(&q, 1, NULL, 0, 100);
    expect_pauses(&q, 2, NULL, 0, 200);
    expect_pauses(&q, 4, NULL, 0, 800);
    expect_pauses(&q, 6, NULL, 0, 3000);
    expect_pauses(&q, UINT_MAX, NULL, 0, 3000);
    http_queue_release(&q);
}

static void test_the_server_is_obeyed_within_bounds(void **state)
{
    (void)state;
    struct http_queue q;
    http_queue_init(&q);
    expect_pauses(&q, 1, "1", 1000, 1225);
    expect_pauses(&q, 9, "0", 0, 100);
    expect_pauses(&q, 1, "99999999999999999999999", 5000, 5725);
    expect_pauses(&q, 1, "Wed, 21 Oct 2026 07:28:00 GMT", 0, 100);
    expect_pauses(&q, 1, "-5", 0, 100);
    expect_pauses(&q, 1, "", 0, 100);
    http_queue_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_due_comes_first),
        cmocka_unit_test(test_pauses_grow_and_are_spread),
        cmocka_unit_test(test_the_server_is_obeyed_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

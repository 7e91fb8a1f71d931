/* The mailbox: nothing grows, nothing is lost, the last word is taken last. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/mailbox.h"

static int setup(void **state)
{
    static struct mailbox mb;
    struct error err = ERROR_INIT;
    *state = &mb;
    return mailbox_init(&mb, &err) ? 0 : -1;
}

static int teardown(void **state)
{
    mailbox_release(*state);
    return 0;
}

static bool is_ready(const struct mailbox *mb)
{
    struct pollfd pfd = {.fd = mailbox_fd(mb), .events = POLLIN};
    return poll(&pfd, 1, 0) == 1;
}

static void post(struct mailbox *mb, enum event_kind kind, int64_t value)
{
    mailbox_post(mb, &(struct event){.kind = kind, .value = value});
}

static void test_empty(void **state)
{
    struct mailbox *mb = *state;
    struct event e;
    assert_false(mailbox_take(mb, &e));
    assert_false(is_ready(mb));
}

static void test_equal_kinds_are_one(void **state)
{
    struct mailbox *mb = *state;
    struct event e;
    for (int64_t i = 0; i < 100000; i++)
        post(mb, EVENT_NOTIFIED, i);
    assert_true(is_ready(mb));
    assert_true(mailbox_take(mb, &e));
    assert_int_equal(e.kind, EVENT_NOTIFIED);
    assert_int_equal(e.count, 100000);
    assert_int_equal(e.value, 99999);
    assert_true(e.first_ms > 0 && e.first_ms <= e.last_ms);
    assert_false(mailbox_take(mb, &e));
    assert_false(is_ready(mb));
}

static void test_one_posting_may_stand_for_many(void **state)
{
    struct mailbox *mb = *state;
    struct event e;
    mailbox_post(mb, &(struct event){.kind = EVENT_NOTIFIED, .count = 41});
    post(mb, EVENT_NOTIFIED, 0);
    assert_true(mailbox_take(mb, &e));
    assert_int_equal(e.count, 42);
}

static void test_the_last_word_is_taken_last(void **state)
{
    struct mailbox *mb = *state;
    struct event e;
    post(mb, EVENT_LISTENING, 1);
    post(mb, EVENT_LOST, 0);
    post(mb, EVENT_LISTENING, 2);
    assert_true(mailbox_take(mb, &e));
    assert_int_equal(e.kind, EVENT_LOST);
    assert_true(is_ready(mb));
    assert_true(mailbox_take(mb, &e));
    assert_int_equal(e.kind, EVENT_LISTENING);
    assert_int_equal(e.value, 2);
    assert_int_equal(e.count, 2);
    assert_false(mailbox_take(mb, &e));
}

static void test_what_is_posted_after_taking_is_new(void **state)
{
    struct mailbox *mb = *state;
    struct event e;
    post(mb, EVENT_DUE, 0);
    assert_true(mailbox_take(mb, &e));
    post(mb, EVENT_DUE, 0);
    assert_true(is_ready(mb));
    assert_true(mailbox_take(mb, &e));
    assert_int_equal(e.count, 1);
}

#define POSTS 20000

static void *post_many(void *payload)
{
    for (int i = 0; i < POSTS; i++)
        post(payload, i % 2 == 0 ? EVENT_NOTIFIED : EVENT_DUE, 0);
    return NULL;
}

/* Four threads post while this one takes: in the end every posting was counted. */
static void test_threads(void **state)
{
    struct mailbox *mb = *state;
    pthread_t threads[4];
    uint64_t counted = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, mb), 0);
    while (counted < 4 * POSTS) {
        struct event e;
        struct pollfd pfd = {.fd = mailbox_fd(mb), .events = POLLIN};
        assert_int_equal(poll(&pfd, 1, 5000), 1);
        while (mailbox_take(mb, &e))
            counted += e.count;
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counted, 4 * POSTS);
    assert_false(is_ready(mb));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_kinds_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_posting_may_stand_for_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_last_word_is_taken_last, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_posted_after_taking_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

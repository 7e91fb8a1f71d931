/* Leadership without a server: several workers and one lock, in simulated milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/lease.h"

#define WORKERS 3

/* The server: who holds the lock, and whose notifications arrive. */
struct world {
    int64_t now;
    struct lease lease[WORKERS];
    int64_t at[WORKERS];
    bool stopped[WORKERS]; /* as by SIGSTOP */
    bool mute;             /* notifications do not arrive at all */
    int owner;             /* index, or -1 */
    int pid[WORKERS];      /* of each one's session; changes when it is ended */
    unsigned ended, tried, knocks, beats;
};

static void world_init(struct world *w)
{
    *w = (struct world){.now = 1000, .owner = -1};
    for (int i = 0; i < WORKERS; i++) {
        w->pid[i] = 100 + i;
        lease_listening(&w->lease[i], w->now);
    }
}

static void notify(struct world *w, int from, bool beat)
{
    for (int i = 0; i < WORKERS && !w->mute; i++) {
        if (w->stopped[i])
            continue;
        if (!beat)
            lease_heard_knock(&w->lease[i], i == from);
        else if (i != from)
            lease_heard_beat(&w->lease[i], w->now);
    }
}

static void try_lock(struct world *w, int i)
{
    w->tried++;
    if (w->owner >= 0) {
        lease_tried(&w->lease[i], w->now);
        return;
    }
    w->owner = i;
    lease_gained(&w->lease[i], w->now);
}

/* The session goes, and with it the lock; its worker learns of that when it next runs. */
static void end_session(struct world *w, int pid)
{
    for (int i = 0; i < WORKERS; i++) {
        if (w->pid[i] != pid)
            continue;
        if (w->owner == i)
            w->owner = -1;
        w->pid[i] += 1000;
        w->ended++;
    }
}

static void step(struct world *w, int i)
{
    struct lease *l = &w->lease[i];
    for (int steps = 0; steps < 10; steps++) {
        switch (lease_next(l, w->now, &w->at[i])) {
        case LEASE_WAIT:
            assert_true(w->at[i] > w->now);
            return;
        case LEASE_TRY:
            try_lock(w, i);
            break;
        case LEASE_SAY:
            w->beats++;
            notify(w, i, true);
            lease_said(l, w->now);
            break;
        case LEASE_ASK:
            w->knocks++;
            notify(w, i, false);
            lease_asked(l, w->now, w->owner >= 0 ? w->pid[w->owner] : 0);
            break;
        case LEASE_END:
            end_session(w, l->holder);
            lease_ended(l, w->now);
            break;
        }
    }
    fail_msg("worker %d does not come to rest", i);
}

static int leaders(const struct world *w)
{
    int n = 0;
    for (int i = 0; i < WORKERS; i++)
        n += !w->stopped[i] && lease_leads(&w->lease[i], w->now);
    return n;
}

/* Runs until `until`; at no moment two that may run believe in their leadership. */
static void run(struct world *w, int64_t until)
{
    for (; w->now < until; w->now++) {
        for (int i = 0; i < WORKERS; i++)
            if (!w->stopped[i] && (w->now >= w->at[i] || w->lease[i].say_at == 0))
                step(w, i);
        assert_true(leaders(w) <= 1);
    }
}

static int leader_of(const struct world *w)
{
    for (int i = 0; i < WORKERS; i++)
        if (!w->stopped[i] && lease_leads(&w->lease[i], w->now))
            return i;
    return -1;
}

static void one_leads_and_stays(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    run(&w, 2000);
    int first = leader_of(&w);
    assert_int_not_equal(first, -1);
    run(&w, 100000);
    assert_int_equal(leader_of(&w), first);
    assert_int_equal(w.ended, 0);
    assert_true(w.beats >= 97 && w.beats <= 102);
    assert_int_equal(w.knocks, 0);
}

static void a_stopped_leader_is_replaced(void **state)
{
    (void)state;
    for (int64_t when = 10000; when < 11000; when += 37) {
        struct world w;
        world_init(&w);
        run(&w, when);
        int old = leader_of(&w);
        w.stopped[old] = true;
        int64_t begun = w.now;
        while (leader_of(&w) < 0 && w.now < begun + 10000)
            run(&w, w.now + 1);
        assert_true(w.now - begun <= 3500);
        assert_true(w.now - begun >= 1900); /* three beats were missed, not one */
        assert_int_equal(w.ended, 1);
        run(&w, w.now + 20000);
        assert_int_equal(w.ended, 1); /* the new one is left in peace */
        /* the old one wakes up: it knows at once, before it has said a word to the server */
        w.stopped[old] = false;
        assert_false(lease_leads(&w.lease[old], w.now));
        lease_lost(&w.lease[old]);
        lease_listening(&w.lease[old], w.now);
        run(&w, w.now + 20000);
        assert_int_equal(w.ended, 1);
        assert_int_not_equal(leader_of(&w), old);
    }
}

static void a_leader_that_dies_is_replaced_within_a_second(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    run(&w, 10500);
    int old = leader_of(&w);
    w.stopped[old] = true;
    w.owner = -1; /* the server noticed */
    run(&w, 11510);
    assert_int_equal(leaders(&w), 1);
    assert_int_equal(w.ended, 0);
}

/* Followers that were stopped themselves hear the leader before they judge it. */
static void sleepers_do_not_blame_the_leader(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    run(&w, 5000);
    int old = leader_of(&w);
    for (int i = 0; i < WORKERS; i++)
        w.stopped[i] = i != old;
    run(&w, 65000);
    for (int i = 0; i < WORKERS; i++)
        w.stopped[i] = false;
    run(&w, 90000);
    assert_int_equal(w.ended, 0);
    assert_int_equal(leader_of(&w), old);
}

/* The queue of notifications is full: nobody hears anybody, and nobody is ended for it. */
static void silence_of_all_ends_nobody(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    run(&w, 5000);
    w.mute = true;
    run(&w, 60000);
    assert_int_equal(w.ended, 0);
    assert_int_equal(leaders(&w), 1);
    w.mute = false;
    run(&w, 70000);
    assert_int_equal(w.ended, 0);
}

/* Two followers find the leader silent; the slower one must not end the faster one's session. */
static void only_the_silent_session_is_ended(void **state)
{
    (void)state;
    struct lease l;
    int64_t at;
    lease_listening(&l, 1000);
    assert_int_equal(lease_next(&l, 1000, &at), LEASE_TRY);
    lease_tried(&l, 1000);
    assert_int_equal(lease_next(&l, 1000, &at), LEASE_WAIT);
    assert_int_equal(at, 2000);
    lease_next(&l, 2000, &at);
    lease_tried(&l, 2000);
    assert_int_equal(lease_next(&l, 2500, &at), LEASE_ASK);
    lease_asked(&l, 2500, 7);
    lease_heard_knock(&l, true);
    lease_next(&l, 3000, &at);
    lease_tried(&l, 3000);
    assert_int_equal(lease_next(&l, 3500, &at), LEASE_ASK);
    lease_asked(&l, 3500, 8); /* another holds it by now */
    lease_heard_knock(&l, true);
    for (int64_t now = 4000; now < 6400; now += 100) {
        enum lease_step next = lease_next(&l, now, &at);
        if (next == LEASE_TRY)
            lease_tried(&l, now);
        if (next == LEASE_ASK) {
            lease_asked(&l, now, 8);
            lease_heard_knock(&l, true);
        }
        assert_int_not_equal(next, LEASE_END);
    }
}

static void a_leader_that_gets_no_answer_stops_counting(void **state)
{
    (void)state;
    struct lease l;
    int64_t at;
    lease_listening(&l, 0);
    lease_gained(&l, 1000);
    assert_int_equal(lease_next(&l, 1000, &at), LEASE_SAY);
    lease_said(&l, 1000);
    assert_true(lease_leads(&l, 3999));
    assert_false(lease_leads(&l, 4000));
    lease_lost(&l);
    assert_false(lease_leads(&l, 1000));
    assert_int_equal(lease_next(&l, 4000, &at), LEASE_WAIT); /* not listening: nothing to try */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_leads_and_stays),
        cmocka_unit_test(a_stopped_leader_is_replaced),
        cmocka_unit_test(a_leader_that_dies_is_replaced_within_a_second),
        cmocka_unit_test(sleepers_do_not_blame_the_leader),
        cmocka_unit_test(silence_of_all_ends_nobody),
        cmocka_unit_test(only_the_silent_session_is_ended),
        cmocka_unit_test(a_leader_that_gets_no_answer_stops_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

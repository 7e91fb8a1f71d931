/* Which pairs of page set and locale are held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "press/verdict.h"

static void one_pair(void **state)
{
    (void)state;
    struct verdict v;
    verdict_init(&v, 3);
    assert_false(verdict_any_at_all(&v));
    verdict_hold(&v, 1, 7);
    assert_true(verdict_is_held(&v, 1, 7));
    assert_false(verdict_is_held(&v, 1, 8));
    assert_false(verdict_is_held(&v, 0, 7));
    assert_false(verdict_is_held(&v, 2, 7));
    assert_false(verdict_is_held(&v, 1, MANIFEST_NONE));
    assert_true(verdict_any(&v, 1));
    assert_false(verdict_any(&v, 0));
    assert_true(verdict_any_at_all(&v));
    verdict_clear(&v);
    assert_false(verdict_any_at_all(&v));
    verdict_release(&v);
}

static void all_of_a_set(void **state)
{
    (void)state;
    struct verdict v;
    verdict_init(&v, 2);
    verdict_hold(&v, 0, MANIFEST_NONE);
    assert_true(verdict_is_held(&v, 0, 0));
    assert_true(verdict_is_held(&v, 0, MANIFEST_MAX_NAMES - 1));
    assert_false(verdict_any(&v, 1));
    verdict_release(&v);
}

/* A set held as a whole equals one whose locales are all held, as far as there are locales. */
static void equal_as_far_as_there_are_locales(void **state)
{
    (void)state;
    struct verdict a, b;
    verdict_init(&a, 2);
    verdict_init(&b, 2);
    verdict_hold(&a, 1, MANIFEST_NONE);
    for (uint16_t l = 0; l < 3; l++)
        verdict_hold(&b, 1, l);
    assert_true(verdict_equal(&a, &b, 3));
    assert_false(verdict_equal(&a, &b, 4));
    verdict_copy(&b, &a);
    assert_true(verdict_equal(&a, &b, MANIFEST_MAX_NAMES));
    verdict_hold(&b, 0, 2);
    assert_false(verdict_equal(&a, &b, 3));
    assert_true(verdict_equal(&a, &b, 2));
    verdict_release(&a);
    verdict_release(&b);
}

static void of_no_set(void **state)
{
    (void)state;
    struct verdict a, b;
    verdict_init(&a, 0);
    verdict_init(&b, 0);
    assert_false(verdict_any_at_all(&a));
    assert_true(verdict_equal(&a, &b, 5));
    verdict_copy(&a, &b);
    verdict_clear(&a);
    verdict_release(&a);
    verdict_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_pair),
        cmocka_unit_test(all_of_a_set),
        cmocka_unit_test(equal_as_far_as_there_are_locales),
        cmocka_unit_test(of_no_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

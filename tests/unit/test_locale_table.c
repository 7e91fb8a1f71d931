/* What is known of each language tag: names, directions, numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "render/locale.h"

static const struct locale *intern(struct locale_table *t, const char *code)
{
    uint16_t number = locale_table_intern(t, code);
    assert_int_not_equal(number, MANIFEST_NONE);
    return t->items[number];
}

static void names_in_their_own_language(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"en", "English"},      {"fr-CA", "Français (Canada)"},
        {"nb", "Norsk bokmål"}, {"sr-Latn", "Srpski (latinica)"},
        {"xh", "IsiXhosa"},     {"ar", "العربية"},
        {"he", "עברית"},        {"zh-Hant", "中文（繁體）"},
        {"el", "Ελληνικά"},
    };
    struct config c = {.locales_auto = true, .default_locale = ""};
    struct locale_table t;
    locale_table_init(&t, &c);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_string_equal(intern(&t, names[i][0])->name, names[i][1]);
    assert_string_equal(intern(&t, "xx-12345")->dir, "ltr"); /* unknown, but no reason to fail */
    assert_true(strlen(intern(&t, "abcdefgh-abcdefgh-abcdefgh-abcdefgh")->name) > 0);
    locale_table_release(&t);
}

static void directions(void **state)
{
    (void)state;
    static const char *const rtl[] = {"ar",    "ar-MA", "he",      "fa",      "ur", "yi",
                                      "ps",    "ckb",   "az-Arab", "pa-Arab", "dv", "sd",
                                      "fa-AF", "ug",    "ks",      "uz-Arab"};
    static const char *const ltr[] = {"en", "az", "pa", "uz", "zh-Hant", "ar-Latn", "ja", "ka"};
    struct config c = {.locales_auto = true, .default_locale = ""};
    struct locale_table t;
    locale_table_init(&t, &c);
    for (size_t i = 0; i < sizeof(rtl) / sizeof(rtl[0]); i++)
        if (strcmp(intern(&t, rtl[i])->dir, "rtl") != 0)
            fail_msg("%s is written from right to left", rtl[i]);
    for (size_t i = 0; i < sizeof(ltr) / sizeof(ltr[0]); i++)
        if (strcmp(intern(&t, ltr[i])->dir, "ltr") != 0)
            fail_msg("%s is written from left to right", ltr[i]);
    locale_table_release(&t);
}

static void a_list_orders_names_and_restricts(void **state)
{
    (void)state;
    struct config_locale list[] = {{.code = "fr", .name = "Chez nous", .currency = "EUR"},
                                   {.code = "en"}};
    struct config c = {.locales = list, .n_locales = 2, .default_locale = "en"};
    struct locale_table t;
    locale_table_init(&t, &c);
    assert_int_equal(t.count, 2);
    assert_int_equal(locale_table_find(&t, "fr"), 0);
    assert_int_equal(locale_table_intern(&t, "en"), 1);
    assert_int_equal(locale_table_intern(&t, "de"), MANIFEST_NONE);
    assert_int_equal(locale_table_intern(&t, "FR"), MANIFEST_NONE);
    assert_int_equal(locale_table_find(&t, "de"), MANIFEST_NONE);
    assert_string_equal(t.items[0]->name, "Chez nous");
    assert_string_equal(t.items[0]->currency, "EUR");
    assert_ptr_equal(t.items[0]->config, &list[0]);
    assert_false(t.items[0]->is_default);
    assert_string_equal(t.items[1]->name, "English");
    assert_string_equal(t.items[1]->currency, "");
    assert_true(t.items[1]->is_default);
    assert_string_equal(t.codes[1], "en");
    locale_table_release(&t);
}

static void there_is_room_for_so_many(void **state)
{
    (void)state;
    struct config c = {.locales_auto = true, .default_locale = "x5"};
    struct locale_table t;
    char code[16];
    locale_table_init(&t, &c);
    const struct locale *first = intern(&t, "x0");
    for (unsigned i = 0; i < MANIFEST_MAX_NAMES; i++) {
        snprintf(code, sizeof(code), "x%u", i);
        assert_int_equal(locale_table_intern(&t, code), i);
    }
    assert_int_equal(locale_table_intern(&t, "one-more"), MANIFEST_NONE);
    assert_int_equal(locale_table_intern(&t, "x7"), 7);
    assert_ptr_equal(t.items[0], first);
    assert_true(t.items[5]->is_default);
    locale_table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_their_own_language),
        cmocka_unit_test(directions),
        cmocka_unit_test(a_list_orders_names_and_restricts),
        cmocka_unit_test(there_is_room_for_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

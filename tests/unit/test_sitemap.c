/* The sitemap of a release, its parts and its index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "render/sitemap.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define URLSET                                                                                     \
    "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" "                               \
    "xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n"

static const struct config config = {.base_url = "https://a.example/shop/"};
static const char *locales[1024];

static void begin(struct manifest *m)
{
    manifest_init(m);
    locales[0] = "en";
    locales[1] = "fr";
    m->locales = locales;
    m->n_locales = 2;
}

static struct manifest_file *add(struct manifest *m, const char *path, const char *key,
                                 uint16_t locale)
{
    struct manifest_file *f = manifest_add(m);
    f->kind = MANIFEST_PAGE;
    f->path = arena_strdup(&m->arena, path);
    f->key = key;
    f->set = 0;
    f->locale = f->from = locale;
    return f;
}

/* The only file. */
static void expect(const struct manifest *m, const char *body)
{
    struct sitemap s;
    struct strbuf xml = STRBUF_INIT;
    char name[32];
    sitemap_open(&s, &config, m);
    assert_true(sitemap_next(&s, &xml, name));
    assert_string_equal(name, "sitemap.xml");
    assert_int_equal(strncmp(xml.buf, HEAD URLSET, strlen(HEAD URLSET)), 0);
    assert_string_equal(xml.buf + strlen(HEAD URLSET), body);
    assert_false(sitemap_next(&s, &xml, name));
    sitemap_close(&s);
    strbuf_release(&xml);
}

static void nothing(void **state)
{
    (void)state;
    struct manifest m;
    begin(&m);
    expect(&m, "</urlset>\n");
    manifest_release(&m);
}

static void translations_name_each_other(void **state)
{
    (void)state;
    struct manifest m;
    begin(&m);
    add(&m, "en/a/index.html", "a", 0)->lastmod = 1767323045;
    add(&m, "en/b.html", "b", 0);
    add(&m, "fr/a/index.html", "a", 1);
    expect(&m,
           "<url><loc>https://a.example/shop/en/a/</loc><lastmod>2026-01-02T03:04:05Z</lastmod>"
           "<xhtml:link rel=\"alternate\" hreflang=\"en\" href=\"https://a.example/shop/en/a/\"/>"
           "<xhtml:link rel=\"alternate\" hreflang=\"fr\" href=\"https://a.example/shop/fr/a/\"/>"
           "</url>\n"
           "<url><loc>https://a.example/shop/fr/a/</loc>"
           "<xhtml:link rel=\"alternate\" hreflang=\"en\" href=\"https://a.example/shop/en/a/\"/>"
           "<xhtml:link rel=\"alternate\" hreflang=\"fr\" href=\"https://a.example/shop/fr/a/\"/>"
           "</url>\n"
           "<url><loc>https://a.example/shop/en/b.html</loc></url>\n"
           "</urlset>\n");
    manifest_release(&m);
}

static void only_pages_with_words_of_their_own(void **state)
{
    (void)state;
    struct manifest m;
    begin(&m);
    add(&m, "en/a", "a", 0);
    add(&m, "fr/a", "a", 1)->flags = MANIFEST_FALLBACK;
    add(&m, "en/b", "b", 0)->flags = MANIFEST_MAINTENANCE;
    add(&m, "en/c.json", "c", 0)->kind = MANIFEST_OUTPUT;
    add(&m, "index.html", NULL, 0)->kind = MANIFEST_SITE;
    expect(&m, "<url><loc>https://a.example/shop/en/a</loc></url>\n</urlset>\n");
    manifest_release(&m);
}

static void addresses_are_addresses(void **state)
{
    (void)state;
    struct manifest m;
    begin(&m);
    add(&m, "en/a&b's \"<é>?#.html", "a", 0);
    expect(&m, "<url><loc>https://a.example/shop/en/"
               "a&amp;b&apos;s%20%22%3C%C3%A9%3E%3F%23.html</loc></url>\n</urlset>\n");
    manifest_release(&m);
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    for (; (text = strstr(text, word)) != NULL; text += strlen(word))
        n++;
    return n;
}

/* Reads all files; returns how many addresses they hold and how many parts there are. */
static size_t read_all(const struct manifest *m, size_t *parts, size_t *largest)
{
    struct sitemap s;
    struct strbuf xml = STRBUF_INIT;
    char name[32], expected[32];
    size_t urls = 0;
    *parts = *largest = 0;
    sitemap_open(&s, &config, m);
    while (sitemap_next(&s, &xml, name)) {
        assert_false(xml.overflow);
        if (xml.len > *largest)
            *largest = xml.len;
        if (strcmp(name, "sitemap.xml") == 0) {
            assert_int_equal(count(xml.buf, "<sitemap>"), *parts);
            snprintf(expected, sizeof(expected), "sitemap-%zu.xml</loc>", *parts);
            assert_non_null(strstr(xml.buf, expected));
            assert_false(sitemap_next(&s, &xml, name));
            break;
        }
        snprintf(expected, sizeof(expected), "sitemap-%zu.xml", ++*parts);
        assert_string_equal(name, expected);
        assert_true(count(xml.buf, "<url>") <= SITEMAP_URLS);
        urls += count(xml.buf, "<url>");
    }
    sitemap_close(&s);
    strbuf_release(&xml);
    return urls;
}

static void many_addresses_make_parts(void **state)
{
    (void)state;
    struct manifest m;
    char path[32];
    size_t parts, largest;
    begin(&m);
    for (unsigned i = 0; i < 2 * SITEMAP_URLS; i++) {
        snprintf(path, sizeof(path), "en/%06u", i);
        add(&m, path, arena_strdup(&m.arena, path), 0);
    }
    assert_int_equal(read_all(&m, &parts, &largest), 2 * SITEMAP_URLS);
    assert_int_equal(parts, 2);
    add(&m, "en/last", "last", 0);
    assert_int_equal(read_all(&m, &parts, &largest), 2 * SITEMAP_URLS + 1);
    assert_int_equal(parts, 3);
    manifest_release(&m);
}

/* 100 locales of 24 pages: 2,400 addresses, but each names its 100 translations. */
static void large_addresses_make_parts(void **state)
{
    (void)state;
    struct manifest m;
    char path[200];
    size_t parts, largest;
    begin(&m);
    for (uint16_t l = 0; l < 100; l++)
        locales[l] = "en-x-abcdefgh";
    m.n_locales = 100;
    for (unsigned i = 0; i < 24; i++)
        for (uint16_t l = 0; l < 100; l++) {
            snprintf(path, sizeof(path), "x%u/%0*d/%u.html", l, 100, 7, i);
            snprintf(path + 150, 20, "%u", i);
            add(&m, path, arena_strdup(&m.arena, path + 150), l);
        }
    assert_int_equal(read_all(&m, &parts, &largest), 2400);
    assert_true(parts > 1);
    assert_true(largest < (size_t)50 << 20);
    manifest_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(translations_name_each_other),
        cmocka_unit_test(only_pages_with_words_of_their_own),
        cmocka_unit_test(addresses_are_addresses),
        cmocka_unit_test(many_addresses_make_parts),
        cmocka_unit_test(large_addresses_make_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

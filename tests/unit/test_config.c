/* The configuration: values, precedence, places of errors, checks between settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/bucket.h"
#include "config/config.h"
#include "config/locale_code.h"
#include "config/nearest.h"
#include "config/setting.h"
#include "config/unit.h"
#include "config/url.h"

#define SITE "site: {base_url: 'https://x.example'}\n"
#define ONE_SET "page_sets:\n  home:\n    path: '{{locale}}/index.html'\n"

static bool load(struct config *c, const char *text, struct error *err)
{
    config_init(c);
    return config_load_text(c, "platen.yaml", text, strlen(text), err) && config_check(c, err);
}

static void accepts(struct config *c, const char *text)
{
    struct error err = ERROR_INIT;
    if (!load(c, text, &err))
        fail_msg("%s", err.text);
}

static void refuses(const char *text, const char *message)
{
    struct config c;
    struct error err = ERROR_INIT;
    assert_false(load(&c, text, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, message);
    config_release(&c);
}

/* --- values ----------------------------------------------------------------------------------- */

static void defaults_are_those_of_the_table(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "");
    assert_string_equal(c.templates, "templates");
    assert_string_equal(c.static_dir, "static");
    assert_string_equal(c.out, "out");
    assert_string_equal(c.media_base_url, "/media/");
    assert_string_equal(c.base_url, "http://localhost:8080/");
    assert_string_equal(c.root_page, "{{locale}}/index.html");
    assert_true(c.locales_auto);
    assert_true(c.gzip);
    assert_int_equal(c.threads, 0);
    assert_int_equal(c.lock_wait_ms, 10000);
    assert_int_equal(c.assets_keep_s, 7 * 86400);
    assert_int_equal(c.connect_timeout_ms, 10000);
    assert_int_equal(c.max_row_bytes, 64 << 20);
    assert_int_equal(c.guard_min_rows, 1);
    assert_true(c.guard_max_shrink > 0.49 && c.guard_max_shrink < 0.51);
    assert_int_equal(c.guard_max_deletes, 1000);
    assert_int_equal(c.guard_content, CONFIG_HOLD);
    assert_int_equal(c.n_url_fields, 5);
    assert_string_equal(c.url_fields[4], "image_url");
    config_release(&c);
}

/* A default that its own row refuses would silently stay zero. */
static void every_default_is_accepted_by_its_row(void **state)
{
    (void)state;
    struct config c;
    config_init(&c);
    for (size_t i = 0; i < setting_config.n; i++) {
        const struct setting *row = &setting_config.rows[i];
        struct error err = ERROR_INIT;
        if (row->standard == NULL || row->type == SETTING_LIST || row->type == SETTING_TABLE)
            continue;
        if (!setting_read(row, &c.arena, row->standard, false, &c, &err))
            fail_msg("%s: %s", row->name, err.text);
    }
    config_release(&c);
}

static void a_whole_site_is_read(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "site:\n"
                "  name: Lumen & Loom\n"
                "  base_url: https://www.example.com/shop\n"
                "locales:\n"
                "  - en\n"
                "  - {code: fr_ca, name: Français, currency: cad, fallback: [FR, en]}\n"
                "  - code: fr\n"
                "default_locale: FR_ca\n"
                "page_sets:\n"
                "  home-page:\n"
                "    path: '{{locale}}/index.html'\n"
                "    template: homepage\n"
                "    maintenance: maintenance\n"
                "    parts: sections\n"
                "    required: [title]\n"
                "    items: {column: sections, key: k, type: t, content: c,\n"
                "            required: {hero: [title, image], banner: []}}\n"
                "    outputs:\n"
                "      - {path: '{{locale}}/home.json', data: .}\n"
                "      - {path: '{{locale}}/{{k}}.html', each: sections, template: fragment}\n"
                "    max_shrink: 0.1\n"
                "  products:\n"
                "    path: '{{locale}}/{{slug}}.html'\n"
                "guards: {scope: release, content: keep, url_fields: [a]}\n"
                "output: {gzip: no, lock_wait: 500ms}\n"
                "limits: {row: 16MB}\n");
    assert_string_equal(c.base_url, "https://www.example.com/shop/");
    assert_string_equal(config_base_path(&c), "/shop/");
    assert_int_equal(c.n_locales, 3);
    assert_string_equal(c.locales[1].code, "fr-CA");
    assert_string_equal(c.locales[1].currency, "CAD");
    assert_string_equal(c.locales[1].fallback[0], "fr");
    assert_null(c.locales[0].name);
    assert_int_equal(c.locales[2].line, 7);
    assert_string_equal(c.default_locale, "fr-CA");
    assert_int_equal(c.n_sets, 2);
    assert_string_equal(c.sets[0].query, "sql/pages/home-page.sql");
    assert_string_equal(c.sets[1].template, "products");
    assert_int_equal(c.sets[0].items.n_required, 2);
    assert_string_equal(c.sets[0].items.required[0].fields[1], "image");
    assert_int_equal(c.sets[0].items.required[1].n_fields, 0);
    assert_int_equal(c.sets[0].n_outputs, 2);
    assert_string_equal(c.sets[0].outputs[0].data, ".");
    assert_string_equal(c.sets[0].outputs[1].each, "sections");
    assert_int_equal(c.sets[0].min_rows, -1);
    assert_true(c.sets[0].max_shrink > 0.09 && c.sets[1].max_shrink < 0);
    assert_int_equal(c.sets[1].line, 22);
    assert_int_equal(c.guard_scope, CONFIG_SCOPE_RELEASE);
    assert_int_equal(c.guard_content, CONFIG_KEEP);
    assert_int_equal(c.n_url_fields, 1);
    assert_false(c.gzip);
    assert_int_equal(c.lock_wait_ms, 500);
    assert_int_equal(c.max_row_bytes, 16 << 20);
    config_release(&c);
}

static void json_is_read_too(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "{\n\t\"site\":{\"name\":\"\\ud83d\\ude00 a\\/b \\\\ud83d\",\"base_url\":"
                "\"http://x:81/\"},\n"
                "\t\"output\": {\"gzip\": false, \"threads\": 4},\n"
                "\t\"page_sets\": {\"p\": {\"path\": \"{{locale}}/x.html\", \"min_rows\":0}}}\n");
    assert_string_equal(c.site_name, "\xf0\x9f\x98\x80 a/b \\ud83d");
    assert_string_equal(c.base_url, "http://x:81/");
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.sets[0].min_rows, 0);
    config_release(&c);
}

static void text_stays_text(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "locales: [no, en]\nsite: {name: 1.10}\n");
    assert_string_equal(c.locales[0].code, "no");
    assert_string_equal(c.default_locale, "no");
    assert_string_equal(c.site_name, "1.10");
    config_release(&c);
}

static void there_may_be_no_static_folder(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    config_init(&c);
    assert_true(config_load_text(&c, "/srv/platen.yaml", "static: ''", 10, &err));
    assert_string_equal(c.static_dir, "");
    assert_string_equal(c.templates, "/srv/templates");
    config_release(&c);
}

static void a_group_of_comments_is_empty(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "guards:\n  # scope: release\npage_sets:\n");
    assert_int_equal(c.guard_scope, CONFIG_SCOPE_LOCALE);
    config_release(&c);
}

/* --- what is refused, and where --------------------------------------------------------------- */

static void unknown_keys_are_named_with_the_nearest(void **state)
{
    (void)state;
    refuses("temlates: x", "platen.yaml:1:1: unknown key 'temlates'; did you mean 'templates'?");
    refuses("site:\n  base-url: x",
            "platen.yaml:2:3: unknown key 'base-url'; did you mean 'base_url'?");
    refuses("base_url: x", "platen.yaml:1:1: unknown key 'base_url' here; the setting is "
                           "site.base_url, one level of map per dot");
    refuses("site.name: x", "platen.yaml:1:1: unknown key 'site.name' here; the setting is "
                            "site.name, one level of map per dot");
    refuses("limits: {zzzzzz: 1}", "platen.yaml:1:10: unknown key 'zzzzzz'; known here: row, page");
    refuses("page_sets:\n  a:\n    path: x\n    tempalte: y",
            "platen.yaml:4:5: unknown key 'tempalte'; did you mean 'template'?");
    refuses("locales: [{code: en, fallbacks: [fr]}]",
            "platen.yaml:1:22: unknown key 'fallbacks'; did you mean 'fallback'?");
}

static void wrong_types_are_named(void **state)
{
    (void)state;
    refuses("site: x", "platen.yaml:1:7: site must be a map, not text");
    refuses("[a]", "platen.yaml:1:1: the file must be a map of settings, not a list");
    refuses("guards: {min_rows: [1]}", "platen.yaml:1:20: guards.min_rows must be a whole number "
                                       "from 0 to 1000000000, not a list");
    refuses("output:\n  threads: '4'",
            "platen.yaml:2:12: output.threads: '4' is not a whole number from 0 to 256: take the "
            "quotes away");
    refuses("output: {threads: 1e3}",
            "platen.yaml:1:19: output.threads: '1e3' is not a whole number from 0 to 256");
    refuses("output: {threads: 300}",
            "platen.yaml:1:19: output.threads: '300' is not a whole number from 0 to 256");
    refuses("output: {gzip: maybe}", "platen.yaml:1:16: output.gzip: 'maybe' is not true or false");
    refuses("output: {lock_wait: 10}", "platen.yaml:1:21: output.lock_wait: '10' is not a duration "
                                       "(500ms, 10s, 5m, 1h, 7d) from 0 to 1h");
    refuses("output: {assets_keep: 1500ms}",
            "platen.yaml:1:23: output.assets_keep: '1500ms' is not a duration (10s, 5m, 1h, 7d) "
            "from 0 to 365d");
    refuses("limits: {row: 2TB}", "platen.yaml:1:15: limits.row: '2TB' is not a size (64kB, 16MB, "
                                  "1GB) from 1kB to 1GB");
    refuses("guards: {content: hodl}",
            "platen.yaml:1:19: guards.content: 'hodl' is not one of hold, omit, keep: did you mean "
            "'hold'?");
    refuses("guards: {max_shrink: nan}",
            "platen.yaml:1:22: guards.max_shrink: 'nan' is not a number from 0 to 1");
    refuses("templates:",
            "platen.yaml:1:11: templates has no value; give it one or leave the key out");
    refuses("templates: ''", "platen.yaml:1:12: templates: must not be empty");
    refuses("site: {name: \"a\\nb\"}",
            "platen.yaml:1:14: site.name: must be one line without control characters");
    refuses("locales: all",
            "platen.yaml:1:10: locales must be 'auto' or a list of locales, not text");
    refuses("page_sets: [a]",
            "platen.yaml:1:12: page_sets must be a map from names to page sets, not a list");
}

static void yaml_it_does_not_want_is_refused(void **state)
{
    (void)state;
    refuses("a: 1\na: 2", "platen.yaml:2:1: key 'a' a second time; the first is in line 1");
    refuses("a: &x 1", "platen.yaml:1:4: anchors (&) and tags (!) are not used here; a value that "
                       "starts with one of these must be in quotes");
    refuses("a: !!str 1", "platen.yaml:1:4: anchors (&) and tags (!) are not used here; a value "
                          "that starts with one of these must be in quotes");
    refuses("a: *x", "platen.yaml:1:4: aliases (*) are not used here; write the value out, or put "
                     "it in quotes");
    refuses("--- {}\n---\n{}", "platen.yaml:2:1: a second document; the file must hold one");
    refuses("é: ok\nsite:\n\tname: x",
            "platen.yaml:3:1: a tab where YAML wants spaces; indent with spaces");
    refuses("? [a]\n: b", "platen.yaml:1:3: a key must be text");
    refuses("a: \"\\0\"", "platen.yaml:1:4: text with a NUL character");
    refuses("é: \xff", "platen.yaml:1:4: invalid leading UTF-8 octet");
    refuses("site: {name: x", "platen.yaml:2:1: not valid YAML: did not find expected ',' or '}' "
                              "(while parsing a flow mapping that began in line 1)");
}

static void depth_and_size_have_caps(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    char deep[100];
    memset(deep, '[', sizeof(deep));
    config_init(&c);
    assert_false(config_load_text(&c, "f", deep, sizeof(deep), &err));
    assert_string_equal(err.text, "f:1:33: nested too deeply (32 levels are the most)");
    char *big = calloc(1, ((size_t)1 << 20) + 1);
    memset(big, '#', ((size_t)1 << 20) + 1);
    assert_false(config_load_text(&c, "f", big, ((size_t)1 << 20) + 1, &err));
    assert_string_equal(err.text, "f: larger than 1 MiB");
    for (size_t i = 0; i + 1 < ((size_t)1 << 20); i += 2)
        memcpy(big + i, i == 0 ? "[ " : "1,", 2);
    assert_false(config_load_text(&c, "f", big, (size_t)1 << 20, &err));
    assert_string_equal(err.text, "f:1:200001: too many values (100000 are the most)");
    free(big);
    config_release(&c);
}

static void names_are_checked_against_each_other(void **state)
{
    (void)state;
    refuses("locales: [en, xx_]", "platen.yaml:1:15: locales: 'xx_' is not a locale code such as "
                                  "en, fr-CA or zh-Hant");
    refuses("locales:\n- fr-CA\n- fr_ca",
            "platen.yaml:3:3: locale 'fr-CA' stands in the list twice");
    refuses("locales:\n- {code: en, fallback: [de]}",
            "platen.yaml:2:3: locale 'en' falls back to a locale that is not in the list: 'de'");
    refuses("locales: [{code: en, fallback: [en]}]",
            "platen.yaml:1:11: locale 'en' falls back to itself");
    refuses("locales: [{code: en, fallback: [fr, FR]}, fr]",
            "platen.yaml:1:11: locale 'en' falls back twice to 'fr'");
    refuses("locales: [{name: x}]",
            "platen.yaml:1:11: an entry of locales must have the key 'code'");
    refuses("locales: []",
            "platen.yaml:1:10: locales is an empty list; write auto to print every locale");
    refuses("locales: [en]\ndefault_locale: fr",
            "platen.yaml:2:17: default_locale: 'fr' is not in the list of locales");
    refuses("listen: {due: next_change}",
            "platen.yaml:1:15: listen.due: 'next_change' is not SCHEMA.NAME");
    refuses("listen: {due: 'a.b; DROP TABLE x'}",
            "platen.yaml:1:15: listen.due: 'a.b; DROP TABLE x' is not SCHEMA.NAME");
    refuses("listen:\n  channels: a, b",
            "platen.yaml:2:13: listen.channels: 'a, b' is not a list of names of at most 63 "
            "letters, digits and '_' with blanks between");
    refuses(ONE_SET, "platen.yaml: site.base_url is missing: canonical links and the sitemap begin "
                     "with it. Write for example\nsite:\n  base_url: https://www.example.com/");
    refuses(SITE "page_sets: {a b: {path: x}}",
            "platen.yaml:2:13: a page set's name is made of at most 64 letters, digits, '-' and "
            "'_'; 'a b' is not");
    refuses(SITE "page_sets: {a: {template: x}}",
            "platen.yaml:2:16: page set 'a' must have the key 'path'");
    refuses(SITE "page_sets:\n  a: {path: x}\n  b: {path: x}",
            "platen.yaml:4:3: page set 'b': its path is that of page set 'a'");
    refuses(SITE ONE_SET "    outputs:\n    - {path: x}",
            "platen.yaml:6:7: page set 'home': an output needs 'template' (to print with) or "
            "'data' (to print as JSON)");
    refuses(SITE ONE_SET "    outputs: [{path: x, data: ., template: y}]",
            "platen.yaml:5:15: page set 'home': an output has either 'template' or 'data', not "
            "both");
    refuses(SITE ONE_SET "    outputs: [{path: x, data: .}, {path: x, data: b}]",
            "platen.yaml:5:35: page set 'home': another output of this page set has the same path");
    refuses(SITE ONE_SET "    items: {column: s, type: t}",
            "platen.yaml:3:3: page set 'home': items.type names templates in the folder 'parts', "
            "which is missing");
    refuses(SITE ONE_SET "    items: {column: s, required: {hero: [t]}}",
            "platen.yaml:3:3: page set 'home': items.required needs items.type and items.content");
}

static void paths_and_names_stay_inside(void **state)
{
    (void)state;
    refuses(SITE "page_sets: {a: {path: /x}}",
            "platen.yaml:2:23: path: '/x' is not a path below the web root, with {{tags}} for "
            "columns: it must not begin with '/'");
    refuses(SITE "page_sets: {a: {path: a/../b}}",
            "platen.yaml:2:23: path: 'a/../b' is not a path below the web root, with {{tags}} for "
            "columns: it must not hold '..'");
    refuses(SITE "page_sets: {a: {path: x, template: ../x}}",
            "platen.yaml:2:36: template: '../x' is not a template's name below the templates "
            "folder, without suffix: it must not hold '..', '.', '//' or '\\'");
    refuses(SITE "page_sets: {a: {path: x, template: x.html.mustache}}",
            "platen.yaml:2:36: template: 'x.html.mustache' is not a template's name below the "
            "templates folder, without suffix: leave out '.html.mustache'");
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"http://localhost:8080/", "https://a.example",
                                       "http://[::1]:80/x/y", "https://xn--bcher-kva.example/~a"};
    static const char *const bad[] = {
        "",           "example.com",   "ftp://x/",    "https://",          "https:///x",
        "http://a b", "http://u:p@x/", "http://x/?q", "http://x/#f",       "http://x:99999/",
        "http://x:/", "http://x/../y", "http://x//y", "http://b\xc3\xbc/", "http://x/<",
        "//x/",       "http://[::1/",  "/media/",     "http://x/.",        "http://x:1a/",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_null(url_fault(good[i], false));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (url_fault(bad[i], false) == NULL)
            fail_msg("accepted %s", bad[i]);
    assert_null(url_fault("/media/", true));
    assert_non_null(url_fault("//cdn.example/", true));
    assert_non_null(url_fault("media", true));
    assert_string_equal(url_path("https://x.example/a/b/"), "/a/b/");
    assert_string_equal(url_path("https://x.example"), "/");
    assert_string_equal(url_path("/m/"), "/m/");
}

static void locale_codes_have_one_spelling(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"EN", "en"}, {"fr_ca", "fr-CA"},     {"zh-hant-tw", "zh-Hant-TW"}, {"es-419", "es-419"},
        {"no", "no"}, {"sr_LATN", "sr-Latn"}, {"de-1996", "de-1996"},       {"ar-eg", "ar-EG"},
    };
    static const char *const bad[] = {
        "",       "e",   "root", "und",  "x-foo", "en us",
        "fr--ca", "fr-", "../a", "en/x", "a\nb",  "en-a-bbbbbbbb-cccccccc-dddddddd-eeeeeeee"};
    char out[LOCALE_CODE_MAX];
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        assert_true(locale_code_canonical(out, pairs[i][0], strlen(pairs[i][0])));
        assert_string_equal(out, pairs[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (locale_code_canonical(out, bad[i], strlen(bad[i])))
            fail_msg("accepted %s", bad[i]);
}

static void amounts_read_and_print_alike(void **state)
{
    (void)state;
    static const char *const durations[] = {"500ms", "10s", "5m", "36h", "7d", "0"};
    static const char *const sizes[] = {"1B", "64kB", "16MB", "3GB", "0"};
    struct strbuf sb = STRBUF_INIT;
    int64_t n;
    for (size_t i = 0; i < 6; i++) {
        strbuf_reset(&sb);
        assert_true(unit_read_duration(durations[i], &n));
        unit_add_duration(&sb, n);
        assert_string_equal(sb.buf, durations[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        strbuf_reset(&sb);
        assert_true(unit_read_size(sizes[i], &n));
        unit_add_size(&sb, n);
        assert_string_equal(sb.buf, sizes[i]);
    }
    assert_true(unit_read_size("100", &n) && n == 100);
    assert_false(unit_read_duration("10", &n));
    assert_false(unit_read_duration("-1s", &n));
    assert_false(unit_read_duration("s", &n));
    assert_false(unit_read_duration("99999999999999999999s", &n));
    assert_false(unit_read_duration("9223372036854775807d", &n));
    assert_false(unit_read_size("1 parsec", &n));
    strbuf_release(&sb);
}

static void nearest_guesses_with_measure(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("ab", "ba"), 1);
    assert_int_equal(nearest_distance("Lock-Wait", "lock_wait"), 0);
    struct nearest n;
    nearest_init(&n, "ab");
    nearest_offer(&n, "ac");
    assert_null(n.best);
    nearest_init(&n, "qery");
    nearest_offer(&n, "path");
    assert_null(n.best);
    nearest_offer(&n, "query");
    assert_string_equal(n.best, "query");
}

/* --- where values come from ------------------------------------------------------------------- */

static void later_sources_win(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    const char *text = "output: {threads: 2, lock_wait: 2s, dir: printed}\n"
                       "database: {source: dump.json}\n";
    config_init(&c);
    assert_true(config_load_text(&c, "/srv/site/platen.yaml", text, strlen(text), &err));
    assert_string_equal(c.out, "/srv/site/printed");
    assert_string_equal(c.templates, "/srv/site/templates");
    assert_true(c.source_is_file);
    assert_string_equal(c.source, "/srv/site/dump.json");
    assert_string_equal(config_path(&c, c.out), c.out);
    assert_string_equal(config_path(&c, "sql/x.sql"), "/srv/site/sql/x.sql");
    setenv("PLATEN_THREADS", "3", 1);
    setenv("PLATEN_LOCK_WAIT", "3s", 1);
    setenv("PLATEN_GZIP", "", 1);
    setenv("DATABASE_URL", "postgresql://h/db", 1);
    assert_true(config_load_env(&c, &err));
    assert_true(c.gzip);
    assert_false(c.source_is_file);
    assert_true(config_set(&c, "output.threads", "4", &err));
    assert_true(config_set(&c, "output.dir", "here", &err));
    assert_true(config_check(&c, &err));
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.lock_wait_ms, 3000);
    assert_string_equal(c.source, "postgresql://h/db");
    assert_true(c.out[0] == '/' && strstr(c.out, "/here") != NULL);
    setenv("PLATEN_THREADS", "many", 1);
    assert_false(config_load_env(&c, &err));
    assert_string_equal(err.text, "environment variable PLATEN_THREADS: 'many' is not a whole "
                                  "number from 0 to 256");
    unsetenv("PLATEN_THREADS");
    unsetenv("PLATEN_LOCK_WAIT");
    unsetenv("PLATEN_GZIP");
    unsetenv("DATABASE_URL");
    assert_false(config_set(&c, "output.thraeds", "4", &err));
    config_release(&c);
}

static void sources_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        bool is_file;
    } cases[] = {
        {"dump.json", true},   {"./a=b.json", true},
        {"/srv/x", true},      {"host=/tmp dbname=x", false},
        {"dbname = x", false}, {"postgres:///x", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct config c;
        struct error err = ERROR_INIT;
        config_init(&c);
        assert_true(config_set(&c, "database.source", cases[i].source, &err));
        assert_int_equal(c.source_is_file, cases[i].is_file);
        config_release(&c);
    }
}

static void a_password_is_never_quoted(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    config_init(&c);
    assert_false(config_set(&c, "database.source", "postgresql://u:secret\n@h/", &err));
    assert_null(strstr(err.text, "secret"));
    config_release(&c);
}

static void locales_of_the_command_line_must_be_listed(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    accepts(&c, "locales: [en, fr]");
    assert_true(config_add_locale(&c, "FR", &err));
    assert_true(config_add_locale(&c, "fr", &err));
    assert_int_equal(c.n_only_locales, 1);
    assert_true(config_check(&c, &err));
    assert_true(config_add_locale(&c, "de", &err));
    assert_false(config_check(&c, &err));
    assert_string_equal(err.text, "--locale de: not in the list of locales in platen.yaml");
    assert_false(config_add_locale(&c, "d", &err));
    config_release(&c);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    config_init(&c);
    assert_true(config_load_file(&c, "/nonexistent/platen.yaml", false, &err));
    assert_null(c.file);
    assert_false(config_load_file(&c, "/nonexistent/platen.yaml", true, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.text, "/nonexistent/platen.yaml: No such file or directory");
    assert_false(config_load_file(&c, "/", false, &err));
    assert_string_equal(err.text, "/: Is a directory");
    assert_false(config_load_file(&c, "/dev/zero", true, &err));
    assert_string_equal(err.text, "/dev/zero: larger than 1 MiB");
    config_release(&c);
}

/* --- the origin ------------------------------------------------------------------------------- */

static void the_origins_defaults(void **state)
{
    (void)state;
    struct config c;
    accepts(&c, "");
    assert_string_equal(c.origin, "");
    assert_string_equal(c.origin_state, "");
    assert_string_equal(c.origin_endpoint, "");
    assert_string_equal(c.origin_region, "us-east-1");
    assert_string_equal(c.origin_ca_file, "");
    assert_int_equal(c.origin_style, CONFIG_STYLE_AUTO);
    assert_int_equal(c.origin_mode, CONFIG_SIDECAR);
    assert_false(c.origin_directory_keys);
    assert_int_equal(c.origin_concurrency, 32);
    assert_int_equal(c.origin_max_deletes, 1000);
    assert_int_equal(c.origin_lease_s, 60);
    assert_int_equal(c.origin_connect_timeout_ms, 10000);
    assert_int_equal(c.origin_stall_ms, 30000);
    assert_int_equal(c.origin_give_up_ms, 600000);
    assert_int_equal(c.n_headers + c.n_purges, 0);
    assert_int_equal(c.prove, CONFIG_PROVE_OFF);
    assert_string_equal(c.prove_url, "");
    assert_int_equal(c.prove_deadline_ms, 60000);
    assert_int_equal(c.prove_most, 50);
    config_release(&c);
}

static void a_whole_origin_is_read(void **state)
{
    (void)state;
    struct config c;
    accepts(&c,
            "origin:\n"
            "  url: s3://www.example/site\n"
            "  state: s3://state-example\n"
            "  endpoint: https://s3.example:9000/\n"
            "  style: host\n"
            "  mode: both\n"
            "  directory_keys: yes\n"
            "  lease: 2m\n"
            "  ca_file: ca.pem\n"
            "  headers:\n"
            "    - {match: '**.{html,json}', cache_control: no-store}\n"
            "    - match: 'feeds/*'\n"
            "      content_type: application/atom+xml\n"
            "      meta: [team=web, note=a=b]\n"
            "purge:\n"
            "  - {type: cloudfront, id: E2EXAMPLE, threshold: 50}\n"
            "  - {type: cloudflare, id: abc, by_tag: true}\n"
            "  - {type: varnish, url: 'http://127.0.0.1:6081/'}\n"
            "  - {type: webhook, url: 'https://h.example/x?y=%20', token_env: HOOK, method: PUT}\n"
            "prove: {mode: header, url: 'https://x.example'}\n");
    assert_string_equal(c.origin, "s3://www.example/site");
    assert_string_equal(c.origin_endpoint, "https://s3.example:9000");
    assert_int_equal(c.origin_style, CONFIG_STYLE_HOST);
    assert_int_equal(c.origin_mode, CONFIG_BOTH);
    assert_true(c.origin_directory_keys);
    assert_int_equal(c.origin_lease_s, 120);
    assert_int_equal(c.n_headers, 2);
    assert_string_equal(c.headers[0].match, "**.{html,json}");
    assert_string_equal(c.headers[0].content_type, "");
    assert_int_equal(c.headers[1].n_meta, 2);
    assert_string_equal(c.headers[1].meta[1], "note=a=b");
    assert_int_equal(c.headers[1].line, 12);
    assert_int_equal(c.n_purges, 4);
    assert_int_equal(c.purges[0].threshold, 50);
    assert_int_equal(c.purges[1].threshold, 1000);
    assert_string_equal(c.purges[0].token_env, "");
    assert_string_equal(c.purges[1].token_env, "CLOUDFLARE_API_TOKEN");
    assert_true(c.purges[1].by_tag);
    assert_string_equal(c.purges[2].method, "PURGE");
    assert_int_equal(c.purges[3].type, CONFIG_WEBHOOK);
    assert_string_equal(c.purges[3].method, "PUT");
    assert_int_equal(c.prove, CONFIG_PROVE_HEADER);
    assert_string_equal(c.prove_url, "https://x.example/");
    const char *bucket, *prefix;
    bucket_split(&c.arena, c.origin, &bucket, &prefix);
    assert_string_equal(bucket, "www.example");
    assert_string_equal(prefix, "site/");
    bucket_split(&c.arena, "s3://state-example/a/b/", &bucket, &prefix);
    assert_string_equal(prefix, "a/b/");
    bucket_split(&c.arena, "s3://state-example", &bucket, &prefix);
    assert_string_equal(prefix, "");
    config_release(&c);
}

static void addresses_of_origins_are_checked(void **state)
{
    (void)state;
    assert_null(bucket_fault("s3://abc"));
    assert_null(bucket_fault("s3://1.2.3.x/a b/c/"));
    assert_null(bucket_fault("../there"));
    static const char *const bad[][2] = {
        {"s3://", "the bucket is missing"},
        {"s3:///x", "the bucket is missing"},
        {"s3://ab", "a bucket's name has 3 to 63 characters"},
        {"s3://Abc", "a bucket's name is made of small letters, digits, '-' and '.'"},
        {"s3://a_c", "a bucket's name is made of small letters, digits, '-' and '.'"},
        {"s3://abc-", "a bucket's name begins and ends with a letter or digit"},
        {"s3://a..c", "a bucket's name holds no two dots in a row"},
        {"s3://10.0.0.1/x", "a bucket's name is no address of numbers"},
        {"s3://abc//x", "its prefix holds an empty segment ('//')"},
        {"s3://abc/x//", "its prefix holds an empty segment ('//')"},
        {"s3://abc/../x", "its prefix must not hold '.' or '..'"},
        {"s3://abc/x?y", "its prefix must not hold '?', '#', '%' or '\\'"},
        {"s3:abc", "a bucket is written s3://BUCKET"},
        {"https://abc", "its scheme is another (the server goes into origin.endpoint)"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *fault = bucket_fault(bad[i][0]);
        assert_non_null(fault);
        assert_string_equal(fault, bad[i][1]);
    }
    refuses("origin:\n  url: s3://A\n",
            "platen.yaml:2:8: origin.url: 's3://A' is not s3://BUCKET, s3://BUCKET/PREFIX or a "
            "folder: a bucket's name has 3 to 63 characters");
    refuses("origin: {endpoint: 'https://h/path'}",
            "platen.yaml:1:20: origin.endpoint: 'https://h/path' is not the address of a server, "
            "such as https://s3.example.com: it must not hold a path");
    refuses("origin: {region: 'eu west'}",
            "platen.yaml:1:18: origin.region: a region is made of at most 64 letters, digits, '-' "
            "and '_'");
    refuses("origin: {state: s3://abc}",
            "platen.yaml:1:17: origin.state: there is no origin.url that it belongs to");
    refuses("origin: {url: out/public}",
            "platen.yaml:1:15: origin.url: the folder is in output.dir; an origin is another one");
    refuses("origin: {concurrency: 0}",
            "platen.yaml:1:23: origin.concurrency: '0' is not a whole number from 1 to 256");
}

static void refuses_rule(const char *rule, const char *message)
{
    char text[2048], whole[2048];
    snprintf(text, sizeof(text), "origin:\n  headers:\n    - {%s}\n", rule);
    snprintf(whole, sizeof(whole), "platen.yaml:3:7: origin.headers: %s", message);
    refuses(text, whole);
}

static void header_rules_are_checked(void **state)
{
    (void)state;
    refuses("origin: {headers: {match: a}}",
            "platen.yaml:1:19: origin.headers must be a list of maps, not a map");
    refuses("origin:\n  headers:\n    - {cache_control: a}\n",
            "platen.yaml:3:7: an entry of origin.headers must have the key 'match'");
    refuses("origin:\n  headers:\n    - {match: a, cachecontrol: a}\n",
            "platen.yaml:3:18: unknown key 'cachecontrol'; did you mean 'cache_control'?");
    refuses_rule("match: '/a', cache_control: x", "'/a': must not begin with '/': paths do not");
    refuses_rule("match: 'a{b', cache_control: x", "'a{b': has a '{' without '}'");
    refuses_rule("match: 'a[b]', cache_control: x",
                 "'a[b]': must not hold '[' or '\\'; '?' stands for any one character");
    refuses_rule("match: a", "'a': the rule names no header; give it cache_control, content_type "
                             "or meta");
    refuses_rule("match: a, cache_control: 'é'",
                 "'a': a header is at most 1024 printable ASCII characters");
    refuses_rule("match: a, meta: [x]",
                 "'a': meta is a list of NAME=VALUE, with names of small letters, digits and '-'");
    refuses_rule("match: a, meta: [X=1]",
                 "'a': meta is a list of NAME=VALUE, with names of small letters, digits and '-'");
    refuses_rule("match: a, meta: [platen-sha256=1]",
                 "'a': meta names that begin with platen- are platen's own");
    refuses_rule("match: a, meta: [x=1, y=1, x=2]", "'a': meta has the same name twice");
    refuses_rule("match: a, meta: ['x=']",
                 "'a': a value of meta is 1 to 1024 printable ASCII characters");
}

static void refuses_purge(const char *entry, const char *message)
{
    char text[2048], whole[2048];
    snprintf(text, sizeof(text), "purge:\n  - {%s}\n", entry);
    snprintf(whole, sizeof(whole), "platen.yaml:2:5: an entry of purge: %s", message);
    refuses(text, whole);
}

static void purges_are_checked(void **state)
{
    (void)state;
    refuses("purge: x", "platen.yaml:1:8: purge must be a list of maps, not text");
    refuses("purge: [{url: x}]", "platen.yaml:1:9: an entry of purge must have the key 'type'");
    refuses_purge("type: cloudfront", "it needs the id of the distribution");
    refuses_purge("type: cloudflare", "it needs the id of the zone");
    refuses_purge("type: cloudflare, id: a/b",
                  "an id is made of at most 64 letters, digits, '-' and '_'");
    refuses_purge("type: varnish", "it needs the url of the cache");
    refuses_purge("type: webhook", "it needs the url of the cache");
    refuses_purge("type: webhook, url: 'https://h/x', id: a",
                  "only cloudfront and cloudflare have an id");
    refuses_purge("type: webhook, url: 'https://u:p@h/x'",
                  "its url must be http(s)://HOST/..., without user, password and '#'");
    refuses_purge("type: webhook, url: 'https://h/x?a b'",
                  "its url holds a character that must be percent-encoded");
    refuses_purge("type: varnish, url: 'http://h/x?a'",
                  "its url must be http(s)://HOST/..., without user, password and '#'");
    refuses_purge("type: varnish, url: 'http://h/', method: GET",
                  "the method of varnish is PURGE or BAN");
    refuses_purge("type: webhook, url: 'http://h/', method: 'P T'",
                  "a method is at most 16 capital letters");
    refuses_purge("type: cloudflare, id: z, token_env: 'abc-123'",
                  "token_env is the name of an environment variable, not the token");
    refuses_purge("type: cloudfront, id: z, token_env: A",
                  "cloudfront takes the origin's credentials; it has no token_env");
    refuses_purge("type: cloudfront, id: z, by_tag: true", "only cloudflare purges by tag");
    refuses("purge:\n  - {type: cloudfront, id: E}\n  - {type: cloudfront, id: F}\n"
            "  - {type: cloudfront, id: E}\n",
            "platen.yaml:4:5: an entry of purge: the same cache stands in the list twice");
}

static void two_variables_one_setting(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    setenv("AWS_ENDPOINT_URL", "http://second.example", 1);
    setenv("AWS_REGION", "", 1);
    setenv("AWS_DEFAULT_REGION", "eu-west-3", 1);
    accepts(&c, "origin: {endpoint: 'https://file.example'}");
    assert_true(config_load_env(&c, &err));
    assert_string_equal(c.origin_endpoint, "http://second.example");
    assert_string_equal(c.origin_region, "eu-west-3");
    config_release(&c);
    setenv("AWS_ENDPOINT_URL_S3", "http://first.example:8000", 1);
    setenv("AWS_REGION", "eu-north-1", 1);
    config_init(&c);
    assert_true(config_load_env(&c, &err));
    assert_string_equal(c.origin_endpoint, "http://first.example:8000");
    assert_string_equal(c.origin_region, "eu-north-1");
    config_release(&c);
    unsetenv("AWS_ENDPOINT_URL_S3");
    unsetenv("AWS_REGION");
    setenv("AWS_ENDPOINT_URL", "second.example", 1);
    config_init(&c);
    assert_false(config_load_env(&c, &err));
    assert_string_equal(err.text, "environment variable AWS_ENDPOINT_URL: 'second.example' is not "
                                  "the address of a server, such as https://s3.example.com: the "
                                  "scheme is missing");
    unsetenv("AWS_ENDPOINT_URL");
    setenv("AWS_DEFAULT_REGION", "a b", 1);
    config_release(&c);
    config_init(&c);
    assert_true(config_load_env(&c, &err));
    assert_false(config_check(&c, &err));
    assert_non_null(strstr(err.text, "environment variable AWS_DEFAULT_REGION: a region"));
    unsetenv("AWS_DEFAULT_REGION");
    config_release(&c);
}

static void folders_of_origins_stand_beside_the_file(void **state)
{
    (void)state;
    struct config c;
    struct error err = ERROR_INIT;
    static const char text[] = "origin: {url: site, state: s3://abc/x, ca_file: ca.pem}";
    config_init(&c);
    assert_true(config_load_text(&c, "/etc/platen/platen.yaml", text, strlen(text), &err));
    assert_string_equal(c.origin, "/etc/platen/site");
    assert_string_equal(c.origin_state, "s3://abc/x");
    assert_string_equal(c.origin_ca_file, "/etc/platen/ca.pem");
    assert_true(config_set(&c, "origin.url", "here", &err));
    assert_non_null(strstr(c.origin, "/here"));
    assert_null(strstr(c.origin, "/etc/platen"));
    assert_true(config_set(&c, "origin.url", "", &err));
    assert_string_equal(c.origin, "");
    assert_true(config_set(&c, "origin.ca_file", "", &err));
    assert_string_equal(c.origin_ca_file, "");
    config_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(every_default_is_accepted_by_its_row),
        cmocka_unit_test(a_whole_site_is_read),
        cmocka_unit_test(json_is_read_too),
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(there_may_be_no_static_folder),
        cmocka_unit_test(a_group_of_comments_is_empty),
        cmocka_unit_test(unknown_keys_are_named_with_the_nearest),
        cmocka_unit_test(wrong_types_are_named),
        cmocka_unit_test(yaml_it_does_not_want_is_refused),
        cmocka_unit_test(depth_and_size_have_caps),
        cmocka_unit_test(names_are_checked_against_each_other),
        cmocka_unit_test(paths_and_names_stay_inside),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(locale_codes_have_one_spelling),
        cmocka_unit_test(amounts_read_and_print_alike),
        cmocka_unit_test(nearest_guesses_with_measure),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(sources_are_told_apart),
        cmocka_unit_test(a_password_is_never_quoted),
        cmocka_unit_test(locales_of_the_command_line_must_be_listed),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(the_origins_defaults),
        cmocka_unit_test(a_whole_origin_is_read),
        cmocka_unit_test(addresses_of_origins_are_checked),
        cmocka_unit_test(header_rules_are_checked),
        cmocka_unit_test(purges_are_checked),
        cmocka_unit_test(two_variables_one_setting),
        cmocka_unit_test(folders_of_origins_stand_beside_the_file),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

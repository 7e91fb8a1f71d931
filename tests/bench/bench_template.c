/* How fast templates print and JSON is read: one line each, minimum and median.
 *
 * The content is made here and always the same: a page of some 30 KB with a layout, blocks, six
 * kinds of sections chosen by dynamic name, lists, conditions, and text that needs escaping.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "template/template.h"

#define ROUNDS 25
#define SECTIONS 20
#define ITEMS 8

static const char *const templates[][2] = {
    {"layout.html.mustache",
     "<!doctype html>\n<html lang=\"{{page.lang}}\" dir=\"{{page.dir}}\">\n<head>\n"
     "<meta charset=\"utf-8\">\n<title>{{$title}}{{site.name}}{{/title}}</title>\n"
     "<link rel=\"canonical\" href=\"{{page.canonical}}\">\n"
     "{{#page.alternates}}\n"
     "<link rel=\"alternate\" hreflang=\"{{lang}}\" href=\"{{url}}\">\n"
     "{{/page.alternates}}\n"
     "<link rel=\"stylesheet\" href=\"{{asset.site.css}}\">\n</head>\n<body>\n"
     "{{>header}}\n<main>\n{{$content}}{{/content}}\n</main>\n</body>\n</html>\n"},
    {"header.html.mustache",
     "<header>\n<a href=\"{{page.href}}\">{{site.name}}</a>\n<nav>\n{{#page.alternates}}\n"
     "<a href=\"{{href}}\" hreflang=\"{{lang}}\"{{#current}} aria-current=\"page\"{{/current}}>"
     "{{name}}</a>\n{{/page.alternates}}\n</nav>\n</header>\n"},
    {"homepage.html.mustache",
     "{{<layout}}\n{{$title}}{{title}} - {{site.name}}{{/title}}\n{{$content}}\n{{#sections}}\n"
     "{{>*section_type}}\n{{/sections}}\n{{/content}}\n{{/layout}}\n"},
    {"sections/hero.html.mustache",
     "<section class=\"hero\" id=\"{{section_key}}\">\n{{#content}}\n<h1>{{title}}</h1>\n"
     "{{#subtitle}}\n<p>{{subtitle}}</p>\n{{/subtitle}}\n{{#cta_url}}\n"
     "<a class=\"button\" href=\"{{cta_url}}\">{{cta_text}}</a>\n{{/cta_url}}\n"
     "{{/content}}\n</section>\n"},
    {"sections/carousel.html.mustache",
     "<section class=\"carousel\" id=\"{{section_key}}\">\n<h2>{{content.title}}</h2>\n<ul>\n"
     "{{#content.items}}\n<li>\n<a href=\"{{url}}\">\n"
     "<img src=\"{{image}}\" alt=\"{{alt}}\" width=\"{{width}}\" height=\"{{height}}\">\n"
     "<span class=\"name\">{{name}}</span>\n<span class=\"price\">{{price}} {{currency}}</span>\n"
     "{{#sale}}\n<span class=\"sale\">{{sale}}</span>\n{{/sale}}\n"
     "{{^stock}}\n<span class=\"out\">-</span>\n{{/stock}}\n</a>\n</li>\n"
     "{{/content.items}}\n</ul>\n</section>\n"},
    {"sections/text.html.mustache",
     "<section class=\"text\" id=\"{{section_key}}\">\n<h2>{{content.title}}</h2>\n"
     "{{#content.paragraphs}}\n<p>{{.}}</p>\n{{/content.paragraphs}}\n</section>\n"},
};

static void add_text(struct strbuf *sb, unsigned *seed, int words)
{
    static const char *const vocabulary[] = {
        "lumière", "fauteuil", "chêne", "été",     "R&D",      "l'atelier", "déjà", "<petit>",
        "maison",  "soie",     "coton", "artisan", "couleurs", "nouveau",   "de",   "la"};
    for (int i = 0; i < words; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        strbuf_addf(sb, "%s%s", i != 0 ? " " : "", vocabulary[*seed >> 28]);
    }
}

static void add_items(struct strbuf *sb, unsigned *seed)
{
    strbuf_addstr(sb, "\"items\": [");
    for (int i = 0; i < ITEMS; i++) {
        strbuf_addf(sb, "%s{\"name\": \"", i != 0 ? ", " : "");
        add_text(sb, seed, 3);
        strbuf_addf(sb, "\", \"url\": \"/fr/products/item-%u/\", \"image\": \"/media/p/%u.webp\", ",
                    *seed >> 20, *seed >> 22);
        strbuf_addstr(sb, "\"alt\": \"");
        add_text(sb, seed, 4);
        strbuf_addf(sb,
                    "\", \"width\": 640, \"height\": 480, \"price\": %u.%02u, "
                    "\"currency\": \"EUR\", \"sale\": %s, \"stock\": %u}",
                    *seed >> 24, *seed >> 16 & 63, i % 3 == 0 ? "\"-20 %\"" : "null", i % 4);
    }
    strbuf_addstr(sb, "]");
}

static void add_section(struct strbuf *sb, unsigned *seed, int n)
{
    static const char *const types[] = {"hero", "carousel", "text", "carousel"};
    const char *type = types[n % 4];
    strbuf_addf(sb,
                "%s{\"id\": \"7c9e6679-7425-40de-944b-e07fc1f9%04d\", \"section_key\": \"%s-%d\", "
                "\"section_type\": \"%s\", \"display_order\": %d, \"content\": {\"title\": \"",
                n != 0 ? ", " : "", n, type, n, type, n);
    add_text(sb, seed, 5);
    strbuf_addstr(sb, "\", ");
    if (n % 4 == 0) {
        strbuf_addstr(sb, "\"subtitle\": \"");
        add_text(sb, seed, 12);
        strbuf_addstr(sb, "\", \"cta_url\": \"/fr/new/?a=1&b=2\", \"cta_text\": \"Découvrir\"");
    } else if (n % 4 == 2) {
        strbuf_addstr(sb, "\"paragraphs\": [\"");
        add_text(sb, seed, 60);
        strbuf_addstr(sb, "\", \"");
        add_text(sb, seed, 80);
        strbuf_addstr(sb, "\"]");
    } else {
        add_items(sb, seed);
    }
    strbuf_addstr(sb, "}}");
}

static void make_page(struct strbuf *sb)
{
    unsigned seed = 1;
    strbuf_addstr(sb, "{\"title\": \"Accueil\", \"sections\": [");
    for (int i = 0; i < SECTIONS; i++)
        add_section(sb, &seed, i);
    strbuf_addstr(sb,
                  "], \"page\": {\"lang\": \"fr\", \"dir\": \"ltr\", \"href\": \"/fr/\", "
                  "\"canonical\": \"https://example.org/fr/\", \"alternates\": ["
                  "{\"lang\": \"en\", \"url\": \"https://example.org/en/\", \"href\": \"/en/\", "
                  "\"name\": \"English\", \"current\": false}, "
                  "{\"lang\": \"fr\", \"url\": \"https://example.org/fr/\", \"href\": \"/fr/\", "
                  "\"name\": \"Français\", \"current\": true}]}, "
                  "\"site\": {\"name\": \"Lumen & Loom\", \"base_url\": \"https://example.org/\"}, "
                  "\"asset\": {\"site\": {\"css\": \"/assets/site.3f9a1c7e.css\"}}}");
}

/* Time of this process alone: other load on the machine counts less. */
static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void stop(const struct error *err)
{
    fprintf(stderr, "bench_template: %s\n", err->text);
    exit(1);
}

struct subject {
    struct symtab st;
    struct template_set *set;
    struct strbuf json, out;
    struct arena arena;
    struct json_value data;
    struct error err;
};

static void read_json(struct subject *s)
{
    arena_reset(&s->arena);
    if (!json_parse(&s->arena, &s->st, s->json.buf, s->json.len, NULL, &s->data, &s->err))
        stop(&s->err);
}

static void print_page(struct subject *s)
{
    struct template_exec exec = {.stack = {&s->data},
                                 .stack_len = 1,
                                 .parts = "sections/",
                                 .limits = TEMPLATE_LIMITS_DEFAULT};
    strbuf_reset(&s->out);
    if (!template_execute(template_find(s->set, "homepage", 8), &exec, &s->out, &s->err))
        stop(&s->err);
}

static void write_json(struct subject *s)
{
    strbuf_reset(&s->out);
    json_write(&s->out, &s->data);
}

/* Microseconds of one call: minimum and median of ROUNDS means. */
static void measure(struct subject *s, void (*call)(struct subject *), double *least,
                    double *median)
{
    double rounds[ROUNDS];
    for (int i = -3; i < ROUNDS; i++) { /* three to warm up */
        int times = 200;
        double start = now();
        for (int k = 0; k < times; k++)
            call(s);
        if (i >= 0)
            rounds[i] = (now() - start) / times;
    }
    qsort(rounds, ROUNDS, sizeof(*rounds), compare);
    *least = rounds[0];
    *median = rounds[ROUNDS / 2];
}

int main(void)
{
    struct subject s = {.json = STRBUF_INIT, .out = STRBUF_INIT, .err = ERROR_INIT};
    symtab_init(&s.st);
    arena_init(&s.arena);
    s.set = template_set_new(&s.st);
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        if (!template_set_add(s.set, templates[i][0], templates[i][1], strlen(templates[i][1]),
                              &s.err))
            stop(&s.err);
    if (!template_set_compile(s.set, true, &s.err))
        stop(&s.err);
    make_page(&s.json);

    double least, median;
    measure(&s, read_json, &least, &median);
    double size = (double)s.json.len;
    printf(
        "json read    %6.1f KB  min %7.1f us  median %7.1f us  min %5.0f MB/s  median %5.0f MB/s\n",
        size / 1000, least, median, size / least, size / median);
    measure(&s, write_json, &least, &median);
    size = (double)s.out.len;
    printf(
        "json write   %6.1f KB  min %7.1f us  median %7.1f us  min %5.0f MB/s  median %5.0f MB/s\n",
        size / 1000, least, median, size / least, size / median);
    measure(&s, print_page, &least, &median);
    size = (double)s.out.len;
    printf("template     %6.1f KB  min %7.1f us  median %7.1f us  a page of 30 KB: %.1f us\n",
           size / 1000, least, median, median * 30000 / size);
    template_set_free(s.set);
    symtab_release(&s.st);
    arena_release(&s.arena);
    strbuf_release(&s.json);
    strbuf_release(&s.out);
    return 0;
}

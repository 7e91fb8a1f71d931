/* A path pattern and a row, both out of the input: whatever comes of them is refused with a reason,
 * or it is a file below out/public, whose URL leads back to it.
 *
 * The first line is the pattern, the rest the row (JSON) or, where it is none, a path, a locale and
 * a link by itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plan/route.h"
#include "render/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* --- what a good path is, said another way --------------------------------------------------- */

static bool has_suffix(const char *s, size_t len, const char *suffix)
{
    return len >= 3 && strncasecmp(s + len - 3, suffix, 3) == 0;
}

static void check_segment(const char *s, size_t len, bool first_folder)
{
    static const char well_known[] = ".well-known";
    expect(len > 0 && len <= 200 && s[0] != ' ' && s[len - 1] != ' ');
    expect(s[0] != '.' ||
           (first_folder && len == strlen(well_known) && memcmp(s, well_known, len) == 0));
    expect(!has_suffix(s, len, ".gz") && !has_suffix(s, len, ".br"));
    for (size_t i = 0; i < len; i++)
        expect((unsigned char)s[i] >= 0x20 && s[i] != 0x7f && s[i] != '\\' && s[i] != '%');
}

static void check_good_path(const char *path, size_t len)
{
    size_t segments = 0;
    expect(len > 0 && len <= 1024 && memchr(path, '\0', len) == NULL);
    for (const char *s = path, *end = path + len; s <= end; segments++) {
        const char *slash = memchr(s, '/', (size_t)(end - s));
        const char *stop = slash != NULL ? slash : end;
        check_segment(s, (size_t)(stop - s), s == path && slash != NULL);
        s = stop + 1;
    }
    expect(segments <= 65);
}

/* --- and its URL -------------------------------------------------------------------------------
 */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void decode(struct strbuf *out, const char *url)
{
    for (const char *p = url; *p != '\0'; p++) {
        expect((unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f);
        expect(strchr("?#\"<>\\^`{|}", *p) == NULL);
        if (*p != '%') {
            strbuf_addch(out, *p);
            continue;
        }
        int high = hex_value(p[1]), low = high >= 0 ? hex_value(p[2]) : -1;
        expect(high >= 0 && low >= 0);
        strbuf_addch(out, (char)(high << 4 | low));
        p += 2;
    }
}

static void check_url(const char *path)
{
    struct strbuf url = STRBUF_INIT, back = STRBUF_INIT;
    route_url(&url, "/shop/", path);
    expect(strncmp(url.buf, "/shop/", 6) == 0);
    expect(route_url_is_safe(url.buf, url.len));
    decode(&back, url.buf + 6);
    if (back.len == 0 || back.buf[back.len - 1] == '/')
        strbuf_addstr(&back, "index.html");
    expect(strcmp(back.buf, path) == 0);
    strbuf_release(&url);
    strbuf_release(&back);
}

static void check_path(const char *path, size_t len)
{
    struct error err = ERROR_INIT;
    if (route_check(path, len, &err)) {
        char *copy = malloc(len + 1);
        if (copy == NULL)
            return;
        memcpy(copy, path, len);
        copy[len] = '\0';
        check_good_path(path, len);
        check_url(copy);
        free(copy);
    } else {
        expect(err.kind == ERROR_CONTENT && strncmp(err.text, "path ", 5) == 0);
        expect(strpbrk(err.text, "\n\t\033") == NULL);
    }
}

/* --- links and locales -------------------------------------------------------------------------
 */

static void check_link(const char *url, size_t len)
{
    size_t scheme = 0;
    if (!route_url_is_safe(url, len))
        return;
    for (size_t i = 0; i < len; i++)
        expect((unsigned char)url[i] >= 0x20 && url[i] != 0x7f);
    while (scheme < len && strchr(":/?#", url[scheme]) == NULL)
        scheme++;
    if (scheme < len && url[scheme] == ':')
        expect((scheme == 4 && strncasecmp(url, "http", 4) == 0) ||
               (scheme == 5 && strncasecmp(url, "https", 5) == 0) ||
               (scheme == 6 && strncasecmp(url, "mailto", 6) == 0) ||
               (scheme == 3 && strncasecmp(url, "tel", 3) == 0));
}

static void check_locale(const char *text)
{
    struct error err = ERROR_INIT;
    if (route_check_locale(text, &err)) {
        expect(strspn(text, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
               strlen(text));
        check_path(text, strlen(text));
        expect(route_check(text, strlen(text), &err)); /* a locale is a good folder */
    }
}

/* --- patterns ----------------------------------------------------------------------------------
 */

static void print(const char *pattern, size_t pattern_len, const char *row, size_t row_len)
{
    struct symtab symtab;
    struct arena arena;
    struct json_value data;
    struct error err = ERROR_INIT;
    struct strbuf path = STRBUF_INIT;
    struct json_limits limits = {.depth = 32, .bytes = 1 << 20};
    symtab_init(&symtab);
    arena_init(&arena);
    struct template_set *set = template_set_new(&symtab);
    if (template_set_add(set, "path.txt.mustache", pattern, pattern_len, &err) &&
        template_set_compile(set, true, &err) &&
        json_parse(&arena, &symtab, row, row_len, &limits, &data, &err)) {
        const struct template *t = template_find(set, "path.txt", 8);
        expect(t != NULL);
        if (page_path(t, &data, NULL, &path, &err))
            check_path(path.buf, path.len);
    }
    template_set_free(set);
    arena_release(&arena);
    symtab_release(&symtab);
    strbuf_release(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t first = line != NULL ? (size_t)(line - text) : size;
    char *whole = malloc(size + 1);
    if (whole == NULL)
        return 0;
    memcpy(whole, data, size);
    whole[size] = '\0';
    check_path(text, size);
    check_link(whole, size);
    check_locale(whole);
    free(whole);
    if (line != NULL)
        print(text, first, line + 1, size - first - 1);
    return 0;
}

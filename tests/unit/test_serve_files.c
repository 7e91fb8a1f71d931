/* What `platen serve` answers: paths, variants, validators, and nothing outside the root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/serve_accept.h"
#include "cmd/serve_files.h"
#include "pack/mime.h"

#define GENERATION 1700000000

struct site {
    char dir[64], secret[96];
    int root;
};

static void put(const struct site *s, const char *path, const char *text, time_t mtime)
{
    int fd = openat(s->root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static int set_up(void **state)
{
    static struct site s;
    snprintf(s.dir, sizeof(s.dir), "/tmp/platen-serve-XXXXXX");
    assert_non_null(mkdtemp(s.dir));
    snprintf(s.secret, sizeof(s.secret), "%s.secret", s.dir);
    s.root = open(s.dir, O_PATH | O_DIRECTORY);
    assert_true(s.root >= 0);
    const char *const folders[] = {"fr", "empty", ".git", ".well-known", "a b"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        assert_int_equal(mkdirat(s.root, folders[i], 0755), 0);
    put(&s, "index.html", "identity", GENERATION);
    put(&s, "index.html.gz", "gz", GENERATION);
    put(&s, "index.html.br", "b", GENERATION);
    put(&s, "fr/index.html", "bonjour", GENERATION);
    put(&s, "fr/index.html.gz", "old", GENERATION - 1);
    put(&s, "404.html", "nothing here", GENERATION);
    put(&s, "404.html.gz", "not", GENERATION);
    put(&s, ".git/config", "secret", GENERATION);
    put(&s, ".well-known/security.txt", "contact", GENERATION);
    put(&s, "a b/x.txt", "blank", GENERATION);
    put(&s, "\xc3\xa9.html", "accent", GENERATION);
    int fd = open(s.secret, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(symlinkat(s.secret, s.root, "out.txt"), 0);
    assert_int_equal(symlinkat("../..", s.root, "up"), 0);
    assert_int_equal(symlinkat("fr/index.html", s.root, "in.html"), 0);
    assert_int_equal(mkfifoat(s.root, "pipe.html", 0644), 0);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct site *s = *state;
    char command[256];
    close(s->root);
    snprintf(command, sizeof(command), "rm -rf %s %s", s->dir, s->secret);
    return system(command) == 0 ? 0 : -1;
}

static unsigned ask_below(const struct site *s, const char *base, struct serve_request request,
                          struct serve_answer *a, char *body)
{
    serve_files_answer(s->root, base, &request, a);
    if (body != NULL && a->fd >= 0) {
        ssize_t n = read(a->fd, body, 63);
        assert_int_equal(n, a->size);
        body[n] = '\0';
    } else if (body != NULL) {
        snprintf(body, 64, "%s", a->text);
    }
    return a->status;
}

static unsigned ask(const struct site *s, const char *path)
{
    struct serve_answer a;
    unsigned status = ask_below(s, "/", (struct serve_request){.path = path}, &a, NULL);
    serve_files_release(&a);
    return status;
}

static void files_and_folders_are_found(void **state)
{
    struct serve_answer a;
    char body[64];
    assert_int_equal(ask_below(*state, "/", (struct serve_request){.path = "/"}, &a, body), 200);
    assert_string_equal(body, "identity");
    assert_string_equal(a.type, "text/html; charset=utf-8");
    assert_true(a.varies);
    assert_null(a.encoding);
    assert_string_equal(a.last_modified, "Tue, 14 Nov 2023 22:13:20 GMT");
    serve_files_release(&a);
    assert_int_equal(ask(*state, "/index.html"), 200);
    assert_int_equal(ask(*state, "/fr/"), 200);
    assert_int_equal(ask(*state, "/fr/index.html"), 200);
    assert_int_equal(ask(*state, "/a%20b/x.txt"), 200);
    assert_int_equal(ask(*state, "/%C3%A9.html"), 200);
    assert_int_equal(ask(*state, "/in.html"), 200);
    assert_int_equal(ask(*state, "/.well-known/security.txt"), 200);
    assert_int_equal(ask(*state, "/empty/"), 404);
    assert_int_equal(ask(*state, "/index.html/"), 404);
    assert_int_equal(ask(*state, "/pipe.html"), 404);
}

static void folders_without_their_slash_are_redirected(void **state)
{
    struct serve_answer a;
    assert_int_equal(ask_below(*state, "/",
                               (struct serve_request){.path = "/a%20b", .query = "x=1&y"}, &a,
                               NULL),
                     301);
    assert_string_equal(a.location.buf, "/a%20b/?x=1&y");
    serve_files_release(&a);
    /* Never to another host. */
    assert_int_equal(ask(*state, "//fr"), 404);
    assert_int_equal(ask(*state, "/%2ffr"), 400);
}

static void hostile_paths_are_refused(void **state)
{
    static const struct {
        const char *path;
        unsigned status;
    } cases[] = {
        {"/../etc/passwd", 400},
        {"/%2e%2e/etc/passwd", 400},
        {"/fr/../index.html", 400},
        {"/fr/..", 400},
        {"/./index.html", 400},
        {"/fr/.%2E/", 400},
        {"/..%2fetc", 400},
        {"/a%00b", 400},
        {"/a%0ab", 400},
        {"/a\\b", 400},
        {"/a%5cb", 400},
        {"/%zz", 400},
        {"/%", 400},
        {"/%4", 400},
        {"/%ff", 400},
        {"/%c0%ae%c0%ae/", 400},
        {"/.git/config", 404},
        {"/.git", 404},
        {"/fr/.hidden", 404},
        {"/fr/.well-known/x", 404},
        {"/out.txt", 404},
        {"/up/etc/passwd", 404},
        {"/up/", 404},
        {"/fr//index.html", 404},
        {"/%252e%252e/etc/passwd", 404},
        {"", 302},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (ask(*state, cases[i].path) != cases[i].status)
            fail_msg("%s: %u", cases[i].path, ask(*state, cases[i].path));
    char longest[6000];
    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(ask(*state, longest), 414);
    longest[4000] = '\0';
    assert_int_equal(ask(*state, longest), 404);
}

/* What kernels without openat2 get: no link is followed at all. */
static void walking_is_no_less_safe(void **state)
{
    struct site *s = *state;
    int fd = serve_files_open(s->root, "fr/index.html", true);
    assert_true(fd >= 0);
    close(fd);
    static const char *const refused[] = {"out.txt", "up/etc/passwd", "in.html", "fr/nothing",
                                          "index.html/x"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        assert_int_equal(serve_files_open(s->root, refused[i], true), -1);
    assert_int_equal(serve_files_open(s->root, "out.txt", false), -1);
    assert_int_equal(serve_files_open(s->root, "../x", false), -1);
    assert_int_equal(errno, EXDEV);
}

static void the_best_variant_is_chosen(void **state)
{
    static const struct {
        const char *path, *accept, *body;
        unsigned status;
    } cases[] = {
        {"/", NULL, "identity", 200},
        {"/", "", "identity", 200},
        {"/", "gzip", "gz", 200},
        {"/", "gzip, br", "b", 200},
        {"/", "gzip;q=1.0, br;q=0.9", "gz", 200},
        {"/", "br;q=0, gzip;q=0.1", "gz", 200},
        {"/", "*", "b", 200},
        {"/", "deflate", "identity", 200},
        {"/", "gzip;q=0.5, identity", "identity", 200},
        {"/", "GZIP ; q=0.2", "gz", 200},
        {"/", "gzip;q=2", "identity", 200},
        {"/fr/", "gzip", "bonjour", 200}, /* the twin is of another generation */
        {"/fr/", "gzip, identity;q=0", "406: Accept-Encoding leaves nothing to send\n", 406},
        {"/fr/", "*;q=0", "406: Accept-Encoding leaves nothing to send\n", 406},
        {"/nowhere", "gzip", "not", 404},
        {"/nowhere", NULL, "nothing here", 404},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct serve_answer a;
        char body[64];
        struct serve_request request = {.path = cases[i].path, .accept_encoding = cases[i].accept};
        assert_int_equal(ask_below(*state, "/", request, &a, body), cases[i].status);
        assert_string_equal(body, cases[i].body);
        assert_true(a.varies);
        serve_files_release(&a);
    }
}

static void weights_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        unsigned br, gzip, identity;
    } cases[] = {
        {"gzip;q=0.123, br;q=1", 1000, 123, 1},
        {"*;q=0.5", 500, 500, 500},
        {"*;q=0, gzip", 0, 1000, 0},
        {"x-gzip", 0, 1000, 1},
        {"gzip;q=1.001", 0, 0, 1},
        {"gzip;q=", 0, 0, 1},
        {"gzip;level=1", 0, 0, 1},
        {", ,gzip,", 0, 1000, 1},
        {"gzipped, brx", 0, 0, 1},
        {";q=1", 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        unsigned weight[SERVE_CODINGS];
        serve_accept_read(cases[i].header, weight);
        assert_int_equal(weight[SERVE_BR], cases[i].br);
        assert_int_equal(weight[SERVE_GZIP], cases[i].gzip);
        assert_int_equal(weight[SERVE_IDENTITY], cases[i].identity);
    }
}

static void validators_differ_by_variant(void **state)
{
    struct serve_answer plain, gz;
    struct serve_request request = {.path = "/"};
    assert_int_equal(ask_below(*state, "/", request, &plain, NULL), 200);
    request.accept_encoding = "gzip";
    assert_int_equal(ask_below(*state, "/", request, &gz, NULL), 200);
    assert_string_not_equal(plain.etag, gz.etag);
    assert_true(plain.etag[0] == '"');
    char list[160];
    const struct {
        const char *before, *tag;
        unsigned status;
    } cases[] = {
        {"", gz.etag, 304}, {"W/", gz.etag, 304}, {"\"x\", ", gz.etag, 304}, {"\"x\"", "", 200},
        {"*", "", 304},     {"x", gz.etag, 200},  {"\"", "", 200},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct serve_answer a;
        snprintf(list, sizeof(list), "%s%s", cases[i].before, cases[i].tag);
        request.if_none_match = list;
        request.if_modified_since = "Tue, 14 Nov 2023 22:13:20 GMT"; /* heeded only without tags */
        assert_int_equal(ask_below(*state, "/", request, &a, NULL), cases[i].status);
        serve_files_release(&a);
    }
    request.accept_encoding = NULL;
    request.if_none_match = gz.etag;
    struct serve_answer a;
    assert_int_equal(ask_below(*state, "/", request, &a, NULL), 200);
    serve_files_release(&a);
    serve_files_release(&plain);
    serve_files_release(&gz);
}

static void dates_are_compared(void **state)
{
    static const struct {
        const char *date;
        unsigned status;
    } cases[] = {
        {"Tue, 14 Nov 2023 22:13:20 GMT", 304},
        {"Tue, 14 Nov 2023 22:13:21 GMT", 304},
        {"Tue, 14 Nov 2023 22:13:19 GMT", 200},
        {"yesterday", 200},
        {"", 200},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct serve_answer a;
        struct serve_request request = {.path = "/", .if_modified_since = cases[i].date};
        assert_int_equal(ask_below(*state, "/", request, &a, NULL), cases[i].status);
        serve_files_release(&a);
    }
}

static void a_site_may_live_in_a_subfolder(void **state)
{
    static const struct {
        const char *path, *location;
        unsigned status;
    } cases[] = {
        {"/", "/shop/", 302},           {"/shop", "/shop/", 302}, {"/shop/", "", 200},
        {"/shop/fr", "/shop/fr/", 301}, {"/fr/", "", 404},        {"/shopping/", "", 404},
        {"/shop/../fr/", "", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct serve_answer a;
        assert_int_equal(
            ask_below(*state, "/shop/", (struct serve_request){.path = cases[i].path}, &a, NULL),
            cases[i].status);
        assert_string_equal(a.location.buf, cases[i].location);
        serve_files_release(&a);
    }
}

static void a_vanished_root_is_no_crash(void **state)
{
    (void)state;
    struct serve_answer a;
    struct serve_request request = {.path = "/index.html"};
    serve_files_answer(-1, "/", &request, &a);
    assert_int_equal(a.status, 404);
    assert_string_equal(a.text, "404: there is no such page\n");
    serve_files_release(&a);
}

static void types_carry_their_charset(void **state)
{
    (void)state;
    assert_string_equal(mime_type("a/b.html"), "text/html; charset=utf-8");
    assert_string_equal(mime_type("SITE.CSS"), "text/css; charset=utf-8");
    assert_string_equal(mime_type("x.json"), "application/json");
    assert_string_equal(mime_type("x.svg"), "image/svg+xml; charset=utf-8");
    assert_string_equal(mime_type("a.html/x"), "application/octet-stream");
    assert_string_equal(mime_type("html"), "application/octet-stream");
    assert_string_equal(mime_type("x."), "application/octet-stream");
    assert_true(mime_is_compressible(mime_type("x.html")));
    assert_true(mime_is_compressible(mime_type("x.svg")));
    assert_true(mime_is_compressible(mime_type("x.json")));
    assert_true(mime_is_compressible(mime_type("x.webmanifest")));
    assert_false(mime_is_compressible(mime_type("x.png")));
    assert_false(mime_is_compressible(mime_type("x.woff2")));
    assert_false(mime_is_compressible(mime_type("x.mp4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_are_found),
        cmocka_unit_test(folders_without_their_slash_are_redirected),
        cmocka_unit_test(hostile_paths_are_refused),
        cmocka_unit_test(walking_is_no_less_safe),
        cmocka_unit_test(the_best_variant_is_chosen),
        cmocka_unit_test(weights_are_read),
        cmocka_unit_test(validators_differ_by_variant),
        cmocka_unit_test(dates_are_compared),
        cmocka_unit_test(a_site_may_live_in_a_subfolder),
        cmocka_unit_test(a_vanished_root_is_no_crash),
        cmocka_unit_test(types_carry_their_charset),
    };
    return cmocka_run_group_tests_name("serve_files", tests, set_up, tear_down);
}

/* Answers of CloudFront and Cloudflare: what is a yes, and how a no is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "upload/purge_answer.h"

struct example {
    const char *body;
    bool accepted;
    const char *code, *message;
};

typedef void read_fn(const char *body, size_t len, struct purge_answer *out);

static void check(read_fn *read, const struct example *e)
{
    struct purge_answer a;
    memset(&a, 'x', sizeof(a));
    read(e->body, strlen(e->body), &a);
    assert_int_equal(a.accepted, e->accepted);
    assert_string_equal(a.code, e->code);
    assert_string_equal(a.message, e->message);
}

static void cloudfront_answers_in_xml(void **state)
{
    static const struct example examples[] = {
        {"<Invalidation><Id>I</Id></Invalidation>", true, "", ""},
        {"<?xml version=\"1.0\"?>\n<Invalidation xmlns=\"x\"><Status>a</Status><Id>I</Id>"
         "<B><Id/></B></Invalidation>\n",
         true, "", ""},
        {"<Invalidation><B><Id>I</Id></B></Invalidation>", false, "", ""},
        {"<Invalidation><Id></Id></Invalidation>", false, "", ""},
        {"<Invalidations><Id>I</Id></Invalidations>", false, "", ""},
        {"<Invalidation><Id>I</Id>", false, "", ""},
        {"<Invalidation><Id>I</Id></Invalidation><a/>", false, "", ""},
        {"<!DOCTYPE Invalidation><Invalidation><Id>I</Id></Invalidation>", false, "", ""},
        {"<ErrorResponse><Error><Code>A</Code><Message>b &amp; c</Message></Error>"
         "<RequestId>r</RequestId></ErrorResponse>",
         false, "A", "b & c"},
        {"<Error><Code>A</Code><Message>b</Message><Code>C</Code></Error>", false, "A", "b"},
        {"<html><Code>A</Code></html>", false, "", ""},
        {"", false, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        check(purge_answer_cloudfront, &examples[i]);
}

static void cloudflare_answers_in_json(void **state)
{
    static const struct example examples[] = {
        {"{\"success\":true,\"errors\":[]}", true, "", ""},
        {"{\"success\":true,\"success\":false}", false, "", ""},
        {"{\"success\":\"true\"}", false, "", ""},
        {"{\"success\":1}", false, "", ""},
        {"{\"success\":true", false, "", ""},
        {"true", false, "", ""},
        {"{\"success\":false,\"errors\":[{\"code\":1012,\"message\":\"a\"},{\"code\":2}]}", false,
         "1012", "a"},
        {"{\"success\":false,\"errors\":[{\"code\":\"x\",\"message\":[1]}]}", false, "x", ""},
        {"{\"errors\":{\"code\":1}}", false, "", ""},
        {"{\"errors\":[7]}", false, "", ""},
        {"", false, "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        check(purge_answer_cloudflare, &examples[i]);
}

/* Longer than what is kept of it, in one piece and in many. */
static void long_texts_are_cut(void **state)
{
    char body[2048];
    struct purge_answer a;
    (void)state;
    snprintf(body, sizeof(body),
             "<Error><Code>%0500d</Code><Message>%0300d&lt;%0300d</Message></Error>", 1, 2, 3);
    purge_answer_cloudfront(body, strlen(body), &a);
    assert_int_equal(strlen(a.code), sizeof(a.code) - 1);
    assert_int_equal(strlen(a.message), sizeof(a.message) - 1);
    snprintf(body, sizeof(body), "{\"errors\":[{\"code\":1%0500d,\"message\":\"%0600d\"}]}", 1, 2);
    purge_answer_cloudflare(body, strlen(body), &a);
    assert_int_equal(strlen(a.code), sizeof(a.code) - 1);
    assert_int_equal(strlen(a.message), sizeof(a.message) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cloudfront_answers_in_xml),
        cmocka_unit_test(cloudflare_answers_in_json),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

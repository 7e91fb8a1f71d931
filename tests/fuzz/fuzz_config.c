/* Whatever stands in platen.yaml: an error with its place, or a configuration that keeps its
 * promises; never a crash, a leak or a hang. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/utf8.h"
#include "config/bucket.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static bool ends_in_slash(const char *text)
{
    return text[0] != '\0' && text[strlen(text) - 1] == '/';
}

static void check_origin(const struct config *c)
{
    expect(bucket_fault(c->origin) == NULL && bucket_fault(c->origin_state) == NULL);
    expect(c->origin_concurrency >= 1 && c->origin_concurrency <= 256);
    expect(c->prove_url[0] == '\0' || ends_in_slash(c->prove_url));
    for (size_t i = 0; i < c->n_headers; i++) {
        expect(glob_fault(c->headers[i].match) == NULL);
        for (size_t j = 0; j < c->headers[i].n_meta; j++)
            expect(strchr(c->headers[i].meta[j], '=') > c->headers[i].meta[j]);
    }
    for (size_t i = 0; i < c->n_purges; i++) {
        const struct config_purge *p = &c->purges[i];
        expect(p->type > CONFIG_CLOUDFLARE ? p->url[0] != '\0' && p->method[0] != '\0'
                                           : p->id[0] != '\0');
    }
}

static void check_promises(const struct config *c)
{
    check_origin(c);
    expect(ends_in_slash(c->base_url) && ends_in_slash(c->media_base_url));
    expect(config_base_path(c)[0] == '/');
    expect(c->guard_max_shrink >= 0 && c->guard_max_shrink <= 1);
    expect(c->threads >= 0 && c->threads <= 256);
    expect(c->locales_auto == (c->n_locales == 0));
    for (size_t i = 0; i < c->n_locales; i++)
        expect(strspn(c->locales[i].code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789-") == strlen(c->locales[i].code));
    for (size_t i = 0; i < c->n_sets; i++) {
        const struct config_page_set *set = &c->sets[i];
        expect(set->path != NULL && set->path[0] != '\0' && set->path[0] != '/');
        expect(strstr(set->template, "..") == NULL || strstr(set->template, "../") == NULL);
        for (size_t j = 0; j < set->n_outputs; j++)
            expect((set->outputs[j].template == NULL) != (set->outputs[j].data == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c;
    struct error err = ERROR_INIT;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size); /* of exactly this size: reading past the end is seen */
    config_init(&c);
    if (config_load_text(&c, "platen.yaml", text, size, &err) && config_check(&c, &err)) {
        check_promises(&c);
    } else {
        expect(err.kind == ERROR_USAGE);
        expect(strncmp(err.text, "platen.yaml:", 12) == 0);
        expect(strpbrk(err.text, "\033\r\b") == NULL);
    }
    config_release(&c);
    free(text);
    return 0;
}

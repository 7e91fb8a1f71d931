#include "render/sitemap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "plan/route.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define NS " xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\""

static bool is_listed(const struct manifest_file *f)
{
    return f->kind == MANIFEST_PAGE && f->key != NULL && f->set != MANIFEST_NONE &&
           (f->flags & (MANIFEST_FALLBACK | MANIFEST_MAINTENANCE)) == 0;
}

/* Translations of one page side by side; by path among themselves, which never ties. */
static int by_page(const void *a, const void *b)
{
    const struct manifest_file *x = *(const struct manifest_file *const *)a;
    const struct manifest_file *y = *(const struct manifest_file *const *)b;
    if (x->set != y->set)
        return x->set < y->set ? -1 : 1;
    int c = x->key == y->key ? 0 : strcmp(x->key, y->key);
    return c != 0 ? c : strcmp(x->path, y->path);
}

static bool same_page(const struct manifest_file *x, const struct manifest_file *y)
{
    return x->set == y->set && (x->key == y->key || strcmp(x->key, y->key) == 0);
}

void sitemap_open(struct sitemap *s, const struct config *config, const struct manifest *release)
{
    *s = (struct sitemap){.config = config, .release = release};
    size_t alloc = 0;
    for (size_t i = 0; i < release->n_files; i++) {
        if (!is_listed(&release->files[i]))
            continue;
        MEM_GROW(s->pages, s->n_pages + 1, alloc);
        s->pages[s->n_pages++] = &release->files[i];
    }
    if (s->n_pages > 1)
        qsort(s->pages, s->n_pages, sizeof(struct manifest_file *), by_page);
}

void sitemap_close(struct sitemap *s)
{
    free(s->pages);
    *s = (struct sitemap){0};
}

/* XML text: paths keep & and ' where a URL may have them. */
static void add_url(struct strbuf *xml, const char *base, const char *path)
{
    struct strbuf url = STRBUF_INIT;
    route_url(&url, base, path);
    for (size_t i = 0; i < url.len; i++) {
        switch (url.buf[i]) {
        case '&':
            strbuf_addstr(xml, "&amp;");
            break;
        case '\'':
            strbuf_addstr(xml, "&apos;");
            break;
        default:
            strbuf_addch(xml, url.buf[i]);
        }
    }
    strbuf_release(&url);
}

static void add_lastmod(struct strbuf *xml, int64_t seconds)
{
    char text[32];
    struct tm tm;
    time_t t = (time_t)seconds;
    if (seconds <= 0 || gmtime_r(&t, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return;
    strbuf_addf(xml, "<lastmod>%s</lastmod>", text);
}

static void add_page(struct sitemap *s, struct strbuf *xml, size_t i)
{
    const struct manifest_file *f = s->pages[i];
    const char *base = s->config->base_url;
    size_t first = i, end = i + 1;
    while (first > 0 && same_page(s->pages[first - 1], f))
        first--;
    while (end < s->n_pages && same_page(s->pages[end], f))
        end++;
    strbuf_addstr(xml, "<url><loc>");
    add_url(xml, base, f->path);
    strbuf_addstr(xml, "</loc>");
    add_lastmod(xml, f->lastmod);
    for (size_t j = first; end - first > 1 && j < end; j++) {
        const struct manifest_file *alternate = s->pages[j];
        strbuf_addf(xml, "<xhtml:link rel=\"alternate\" hreflang=\"%s\" href=\"",
                    s->release->locales[alternate->locale]);
        add_url(xml, base, alternate->path);
        strbuf_addstr(xml, "\"/>");
    }
    strbuf_addstr(xml, "</url>\n");
}

static void add_urlset(struct sitemap *s, struct strbuf *xml)
{
    strbuf_addstr(xml, XML "<urlset" NS " xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n");
    for (size_t end = s->next + SITEMAP_URLS;
         s->next < end && s->next < s->n_pages && xml->len < SITEMAP_BYTES; s->next++)
        add_page(s, xml, s->next);
    strbuf_addstr(xml, "</urlset>\n");
}

static void add_index(struct sitemap *s, struct strbuf *xml)
{
    strbuf_addstr(xml, XML "<sitemapindex" NS ">\n");
    for (size_t i = 1; i <= s->parts; i++) {
        strbuf_addstr(xml, "<sitemap><loc>");
        add_url(xml, s->config->base_url, "");
        strbuf_addf(xml, "sitemap-%zu.xml</loc></sitemap>\n", i);
    }
    strbuf_addstr(xml, "</sitemapindex>\n");
}

/* The first part tells whether there is more than one. */
bool sitemap_next(struct sitemap *s, struct strbuf *xml, char name[32])
{
    strbuf_reset(xml);
    if (s->done)
        return false;
    if (s->next < s->n_pages || s->parts == 0)
        add_urlset(s, xml);
    else
        s->done = true;
    if (s->done)
        add_index(s, xml);
    else if (s->next < s->n_pages || s->parts > 0)
        s->parts++;
    else
        s->done = true;
    if (s->done)
        snprintf(name, 32, "sitemap.xml");
    else
        snprintf(name, 32, "sitemap-%zu.xml", s->parts);
    return true;
}

/* sitemap.xml (sitemaps.org 0.9 with xhtml:link alternates), from the files of a release.
 *
 * For: telling search engines which pages there are, in which languages, and since when. Only pages
 * with words of their own: no fallback and no maintenance pages. Above SITEMAP_URLS addresses or
 * SITEMAP_BYTES the file becomes an index of parts sitemap-1.xml, sitemap-2.xml ... (the protocol
 * allows 50,000 addresses and 50 MB a file; each address names all its translations).
 * Order: sitemap_open(); sitemap_next() until it returns false; sitemap_close().
 */
#ifndef RENDER_SITEMAP_H
#define RENDER_SITEMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "config/config.h"
#include "plan/manifest.h"

#define SITEMAP_URLS 10000
#define SITEMAP_BYTES ((size_t)40 << 20)

struct sitemap {
    const struct config *config;    /* borrowed */
    const struct manifest *release; /* borrowed */
    const struct manifest_file **pages;
    size_t n_pages, next;
    size_t parts; /* written so far; 0 when one file holds all */
    bool done;
};

void sitemap_open(struct sitemap *s, const struct config *config, const struct manifest *release);

/* Replaces xml by the next file and name by its path: the parts, and at last sitemap.xml. */
bool sitemap_next(struct sitemap *s, struct strbuf *xml, char name[32]);

void sitemap_close(struct sitemap *s);

#endif

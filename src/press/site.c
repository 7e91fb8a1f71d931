#include "press/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/version.h"
#include "plan/route.h"
#include "press/artifact.h"
#include "press/settle.h"
#include "render/page.h"
#include "render/sitemap.h"

static bool put(struct press *p, enum manifest_kind kind, const char *path,
                const struct strbuf *bytes, struct error *err)
{
    struct manifest_file like = {
        .path = path,
        .set = MANIFEST_NONE,
        .locale = MANIFEST_NONE,
        .from = MANIFEST_NONE,
        .kind = (uint8_t)kind,
    };
    if (bytes->overflow)
        return error_set(err, ERROR_FAILED, "%s: too large", path);
    return artifact_put(p, p->site, &like, bytes->buf, bytes->len, err);
}

static const struct manifest_file *find_next(const struct press *p, const char *path)
{
    const struct manifest *m = &p->next;
    size_t low = 0, high = m->n_files;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(m->files[mid].path, path);
        if (c == 0)
            return &m->files[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* --- front pages --------------------------------------------------------------------------- */

struct front {
    const struct locale *locale;
    const struct manifest_file *file;
};

static int by_code(const void *a, const void *b)
{
    const struct front *x = a, *y = b;
    return strcmp(x->locale->code, y->locale->code);
}

/* Where root_page stands for this locale, or NULL when nothing was printed there. */
static const struct manifest_file *front_page(const struct press *p, const struct locale *l)
{
    struct strbuf path = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    const struct manifest_file *f = NULL;
    struct json_value data = json_object(&p->site->scratch, 1);
    json_add(&p->site->scratch, &p->theme->symtab, &data, "locale", json_strings(l->code));
    if (page_path(p->theme->root, &data, NULL, &path, &ignored))
        f = find_next(p, path.buf);
    strbuf_release(&path);
    return f != NULL && f->kind == MANIFEST_PAGE ? f : NULL;
}

/* The locales that have a front page, in order of their codes; the default one also in *home. */
static size_t find_fronts(const struct press *p, struct front *fronts, struct front *home)
{
    size_t n = 0;
    *home = (struct front){0};
    for (size_t i = 0; i < p->locales.count; i++) {
        const struct locale *l = p->locales.items[i];
        const struct manifest_file *f = front_page(p, l);
        if (f == NULL)
            continue;
        fronts[n++] = (struct front){.locale = l, .file = f};
        if (l->is_default)
            *home = fronts[n - 1];
    }
    qsort(fronts, n, sizeof(*fronts), by_code);
    if (home->file == NULL && n > 0 && p->config->default_locale[0] == '\0')
        *home = fronts[0];
    return n;
}

/* --- whose path it is ----------------------------------------------------------------------- */

/* "sitemap-12.xml" */
static bool is_sitemap_part(const char *name, size_t len)
{
    static const char begin[] = "sitemap-", end[] = ".xml";
    size_t digits = 0;
    if (len <= sizeof(begin) + sizeof(end) - 2 || strncmp(name, begin, sizeof(begin) - 1) != 0)
        return false;
    name += sizeof(begin) - 1;
    len -= sizeof(begin) + sizeof(end) - 2;
    while (digits < len && name[digits] >= '0' && name[digits] <= '9')
        digits++;
    return digits == len && strncmp(name + digits, end, sizeof(end) - 1) == 0;
}

bool site_takes(const struct press *p, const char *path)
{
    static const struct {
        const char *name, *template; /* NULL: printed in any case */
        bool folder_only;
    } own[] = {{"sitemap.xml", NULL, false},
               {"version.json", NULL, false},
               {"404.html", "404", false},
               {"robots.txt", "robots.txt", false},
               {"index.html", NULL, true}};
    size_t len = strcspn(path, "/");
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strlen(own[i].name) == len && memcmp(own[i].name, path, len) == 0)
            return (own[i].template == NULL || theme_find(p->theme, own[i].template) != NULL) &&
                   !(own[i].folder_only && path[len] == '\0');
    return is_sitemap_part(path, len);
}

/* Otherwise the chooser stands at index.html. */
static bool repeats_home(const struct press *p, const struct front *home)
{
    return p->config->root_page[0] != '\0' && home->file != NULL;
}

bool site_takes_root(const struct press *p)
{
    struct front fronts[MANIFEST_MAX_NAMES], home;
    find_fronts(p, fronts, &home);
    arena_reset(&p->site->scratch);
    if (repeats_home(p, &home))
        return strcmp(home.file->path, "index.html") != 0;
    return theme_find(p->theme, "chooser") != NULL;
}

/* --- templates of the site ------------------------------------------------------------------ */

static struct json_value url_value(struct press *p, const char *base, const char *path)
{
    struct strbuf sb = STRBUF_INIT;
    route_url(&sb, base, path);
    const char *text = arena_strndup(&p->site->scratch, sb.buf, sb.len);
    struct json_value v = json_string(text, sb.len);
    strbuf_release(&sb);
    return v;
}

static struct json_value locales_value(struct press *p, const struct front *fronts, size_t n)
{
    struct arena *a = &p->site->scratch;
    const struct symtab *st = &p->theme->symtab;
    struct json_value list = json_array(a, n);
    for (size_t i = 0; i < n; i++) {
        const struct locale *l = fronts[i].locale;
        struct json_value o = json_object(a, 7);
        json_add(a, st, &o, "locale", json_strings(l->code));
        json_add(a, st, &o, "lang", json_strings(l->code));
        json_add(a, st, &o, "name", json_strings(l->name));
        json_add(a, st, &o, "dir", json_strings(l->dir));
        json_add(a, st, &o, "href", url_value(p, p->theme->base_path, fronts[i].file->path));
        json_add(a, st, &o, "url", url_value(p, p->config->base_url, fronts[i].file->path));
        json_add(a, st, &o, "is_default", json_bool(l->is_default));
        list.items[i] = o;
    }
    return list;
}

static bool put_template(struct press *p, const char *name, const char *path,
                         const struct front *fronts, size_t n, const struct front *home,
                         struct error *err)
{
    struct arena *a = &p->site->scratch;
    const struct symtab *st = &p->theme->symtab;
    const struct template *template = theme_find(p->theme, name);
    if (template == NULL)
        return true;
    struct json_value context = json_object(a, 4), page = json_object(a, 5);
    json_add(a, st, &page, "path", json_strings(path));
    json_add(a, st, &page, "href", url_value(p, p->theme->base_path, path));
    json_add(a, st, &page, "url", url_value(p, p->config->base_url, path));
    if (home->locale != NULL) {
        json_add(a, st, &page, "lang", json_strings(home->locale->code));
        json_add(a, st, &page, "dir", json_strings(home->locale->dir));
    }
    json_add(a, st, &context, "site", p->theme->site);
    json_add(a, st, &context, "asset", p->theme->asset);
    json_add(a, st, &context, "page", page);
    json_add(a, st, &context, "locales", locales_value(p, fronts, n));
    struct template_exec exec = {
        .stack = {&context}, .stack_len = 1, .parts = "", .limits = TEMPLATE_LIMITS_DEFAULT};
    strbuf_reset(&p->site->page);
    if (template_execute(template, &exec, &p->site->page, err))
        return put(p, MANIFEST_SITE, path, &p->site->page, err);
    err->kind = ERROR_USAGE; /* no row's content is to blame */
    return false;
}

/* --- the root page -------------------------------------------------------------------------- */

/* The bytes of a file of this release, wherever they are by now. */
static bool read_printed(struct press *p, const struct manifest_file *f, struct strbuf *sb,
                         struct error *err)
{
    char name[STAGE_NAME_SIZE];
    strbuf_reset(sb);
    if (f->staged == MANIFEST_NOT_STAGED)
        return artifact_read(p, p->site, f, sb) ||
               error_set(err, ERROR_FAILED,
                         "%s/public/%s: the bytes on the disk are not those that were printed, and "
                         "out/objects does not have them; remove the file, and it is printed again",
                         p->store.out, f->path);
    stage_name(f->staged, f->path, false, name);
    return file_read(stage_folder(&p->stage, f->staged), name, f->size, sb, err);
}

/* A site may do without, but hardly anybody means to. */
static void warn_of_no_root(struct press *p, size_t n)
{
    const struct config *c = p->config;
    struct press_result *r = p->result;
    if (n == 0 || c->root_page[0] == '\0' || theme_find(p->theme, "chooser") != NULL ||
        find_next(p, "index.html") != NULL || r->warning != NULL)
        return;
    r->warning = arena_printf(&r->arena,
                              "no index.html: default_locale '%s' has no page at root_page "
                              "('%s'), and there is no template 'chooser'",
                              c->default_locale, c->root_page);
}

static bool put_root(struct press *p, const struct front *fronts, size_t n,
                     const struct front *home, struct error *err)
{
    if (!repeats_home(p, home)) {
        warn_of_no_root(p, n);
        return put_template(p, "chooser", "index.html", fronts, n, home, err);
    }
    if (strcmp(home->file->path, "index.html") == 0)
        return true;
    if (home->file->staged == PRESS_STAGED_DRY) {
        /* Nothing was written that could be read: what the page is, its copy would be. */
        struct manifest_file *f = manifest_add(&p->site->out);
        *f = *home->file;
        f->path = "index.html";
        f->key = NULL;
        f->set = f->locale = f->from = MANIFEST_NONE;
        f->kind = MANIFEST_SITE;
        return true;
    }
    return read_printed(p, home->file, &p->site->page, err) &&
           put(p, MANIFEST_SITE, "index.html", &p->site->page, err);
}

/* --- sitemap and version -------------------------------------------------------------------- */

static bool put_sitemap(struct press *p, struct error *err)
{
    struct sitemap s;
    char name[32];
    bool ok = true;
    sitemap_open(&s, p->config, &p->next);
    while (ok && sitemap_next(&s, &p->site->page, name))
        ok = put(p, MANIFEST_SITEMAP, name, &p->site->page, err);
    sitemap_close(&s);
    return ok;
}

bool site_put_version(struct press *p, struct error *err)
{
    char hex[DIGEST_HEX_SIZE + 1];
    manifest_content(&p->next, hex);
    p->next.content = arena_strdup(&p->next.arena, hex);
    strbuf_reset(&p->site->page);
    strbuf_addf(&p->site->page, "{\"content\":\"%s\",\"platen\":\"%s\"}\n", hex, PLATEN_VERSION);
    return put(p, MANIFEST_VERSION, "version.json", &p->site->page, err);
}

/* Whether a static file has taken a path that belongs to the site; no row's page gets so far. */
static bool check_reserved(const struct press *p, struct error *err)
{
    const struct manifest *m = &p->next;
    for (size_t i = 1; i < m->n_files; i++)
        if (strcmp(m->files[i - 1].path, m->files[i].path) == 0)
            return error_set(err, ERROR_USAGE,
                             "two files want the path '%s', which platen prints itself (from a "
                             "template of that name, or the sitemap): rename the one in static/",
                             m->files[i].path);
    return true;
}

bool site_put(struct press *p, struct error *err)
{
    struct front fronts[MANIFEST_MAX_NAMES], home;
    size_t n = find_fronts(p, fronts, &home);
    bool ok = put_root(p, fronts, n, &home, err) &&
              put_template(p, "404", "404.html", fronts, n, &home, err) &&
              put_template(p, "robots.txt", "robots.txt", fronts, n, &home, err) &&
              put_sitemap(p, err);
    arena_reset(&p->site->scratch);
    settle_site(p); /* after which the fronts point nowhere */
    if (!ok || !check_reserved(p, err) || !site_put_version(p, err))
        return false;
    settle_site(p);
    return check_reserved(p, err);
}

bool site_put_index(struct press *p, bool root, struct error *err)
{
    struct front fronts[MANIFEST_MAX_NAMES], home;
    size_t n = find_fronts(p, fronts, &home);
    bool ok = (!root || put_root(p, fronts, n, &home, err)) && put_sitemap(p, err);
    arena_reset(&p->site->scratch);
    settle_site(p);
    return ok && check_reserved(p, err);
}

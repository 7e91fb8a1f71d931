#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "upload/prove.h"
#include "upload/purge.h"
#include "upload/upload_pass.h"

#define PURGE_GIVE_UP_MS 15000 /* a purge that fails is tried again with the next upload */
#define PURGE_ATTEMPTS 5
#define UNPURGED_MAX 20000 /* paths kept for another try; beyond: everything is purged */

/* --- purge ------------------------------------------------------------------------------------ */

static void remember(struct upload *u, const char *path)
{
    if (u->purge_all || (u->n_unpurged > 0 && strcmp(u->unpurged[u->n_unpurged - 1], path) == 0))
        return;
    if (u->n_unpurged == UNPURGED_MAX) {
        u->purge_all = true;
        return;
    }
    u->unpurged = mem_realloc(u->unpurged, (u->n_unpurged + 1) * sizeof(*u->unpurged));
    u->unpurged[u->n_unpurged++] = mem_strdup(path);
}

void upload_forget_purges(struct upload *u)
{
    for (size_t i = 0; i < u->n_unpurged; i++)
        free(u->unpurged[i]);
    free(u->unpurged);
    u->unpurged = NULL;
    u->n_unpurged = 0;
    u->purge_all = false;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_paths(struct upload *u)
{
    size_t kept = 0;
    if (u->n_unpurged == 0)
        return;
    qsort(u->unpurged, u->n_unpurged, sizeof(*u->unpurged), compare_paths);
    for (size_t i = 0; i < u->n_unpurged; i++) {
        if (kept > 0 && strcmp(u->unpurged[kept - 1], u->unpurged[i]) == 0)
            free(u->unpurged[i]);
        else
            u->unpurged[kept++] = u->unpurged[i];
    }
    u->n_unpurged = kept;
}

static void remember_all(struct upload *u, const struct delta *d, bool deletes)
{
    for (size_t i = 0; !deletes && i < d->n_puts; i++)
        remember(u, d->puts[i].file->path);
    for (size_t i = 0; deletes && i < d->n_deletes; i++)
        if (d->deletes[i].whole)
            remember(u, d->deletes[i].path);
    sort_paths(u);
}

static bool run_purge(struct upload *u, const char *release, struct error *err)
{
    struct http_options options = {.concurrency = 4,
                                   .connect_timeout_ms = u->config->origin_connect_timeout_ms,
                                   .stall_ms = u->config->origin_stall_ms,
                                   .give_up_ms = PURGE_GIVE_UP_MS,
                                   .attempts_max = PURGE_ATTEMPTS,
                                   .stop = u->stop};
    struct purge_request request = {.paths = (const char *const *)u->unpurged,
                                    .n_paths = u->n_unpurged,
                                    .release = release,
                                    .all = u->purge_all};
    struct purge_result result = {0};
    if (u->credentials == NULL)
        u->credentials = credentials_new();
    if (u->http == NULL && (u->http = http_new(&options, err)) == NULL)
        return false;
    return purge_run(u->config, u->http, u->credentials, &request, &result, err);
}

void upload_purge(struct upload *u, const struct delta *d, bool deletes, struct upload_result *r)
{
    char release[96];
    struct error err = ERROR_INIT;
    if (u->config->n_purges == 0)
        return;
    if (d != NULL)
        remember_all(u, d, deletes);
    if (d != NULL && u->record.generation == 0)
        u->purge_all = true; /* nobody knows what caches hold */
    if (u->n_unpurged == 0 && !u->purge_all)
        return;
    snprintf(release, sizeof(release), "platen-%" PRIu64 "-%.16s%s", r->generation,
             d != NULL ? d->next.content : "again", deletes ? "-deleted" : "");
    if (run_purge(u, release, &err)) {
        upload_forget_purges(u);
        return;
    }
    r->purge_failed = true;
    r->purge_error = arena_strdup(&r->arena, err.text);
}

/* --- proof ------------------------------------------------------------------------------------ */

/* What visitors ask for: not the gzip objects, which a server picks itself. */
static size_t list_paths(const struct delta *d, bool held, struct prove_path *paths)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_puts; i++)
        if (d->puts[i].variant == RECORD_PLAIN && d->puts[i].file->size <= PROVE_BYTES_MAX)
            paths[n++] = (struct prove_path){d->puts[i].file->path, d->puts[i].file->sha256};
    for (size_t i = 0; !held && i < d->n_deletes; i++)
        if (d->deletes[i].whole && d->deletes[i].variant == RECORD_PLAIN)
            paths[n++] = (struct prove_path){d->deletes[i].path, NULL};
    return n;
}

void upload_prove(struct upload *u, const struct delta *d, struct upload_result *r)
{
    struct http_options options = {.concurrency = 8,
                                   .connect_timeout_ms = u->config->origin_connect_timeout_ms,
                                   .stall_ms = u->config->origin_stall_ms,
                                   .stop = u->stop};
    struct prove_result proof = {0};
    struct error err = ERROR_INIT;
    if (u->config->prove == CONFIG_PROVE_OFF)
        return;
    struct prove_path *paths = mem_calloc(d->n_puts + d->n_deletes + 1, sizeof(*paths));
    size_t n = list_paths(d, r->held, paths);
    struct http *http = http_new(&options, &err);
    bool ok = http != NULL && prove_run(u->config, http, paths, n, &proof, &err);
    if (ok) {
        r->live_seconds = proof.seconds;
        r->proven = proof.live;
    } else {
        r->unproven = true;
        r->proof_error = arena_strdup(&r->arena, err.text);
    }
    http_free(http);
    free(paths);
}

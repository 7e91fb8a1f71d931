#include <string.h>

#include "config/bucket.h"
#include "upload/upload_pass.h"

static bool wants_path_style(const struct config *c, const char *bucket)
{
    if (c->origin_style != CONFIG_STYLE_AUTO)
        return c->origin_style == CONFIG_STYLE_PATH;
    return c->origin_endpoint[0] != '\0' || strchr(bucket, '.') != NULL;
}

static bool open_one(struct upload *u, const char *address, struct target **out, struct error *err)
{
    const struct config *c = u->config;
    struct target_options options = {.concurrency = (unsigned)c->origin_concurrency,
                                     .connect_timeout_ms = c->origin_connect_timeout_ms,
                                     .stall_ms = c->origin_stall_ms,
                                     .give_up_ms = c->origin_give_up_ms,
                                     .ca_file =
                                         c->origin_ca_file[0] != '\0' ? c->origin_ca_file : NULL,
                                     .stop = u->stop};
    struct target_s3 where = {.endpoint = c->origin_endpoint[0] != '\0' ? c->origin_endpoint : NULL,
                              .region = c->origin_region};
    if (!bucket_is(address)) {
        *out = target_open_folder(address, &options, err);
        return *out != NULL;
    }
    bucket_split(&u->arena, address, &where.bucket, &where.prefix);
    where.path_style = wants_path_style(c, where.bucket);
    *out = target_open_s3(&where, &options, err);
    return *out != NULL;
}

bool upload_open_targets(struct upload *u, struct error *err)
{
    const struct config *c = u->config;
    if (c->origin[0] == '\0')
        return error_set(err, ERROR_USAGE,
                         "there is no origin to upload to: set origin.url in the configuration, or "
                         "PLATEN_ORIGIN, to s3://BUCKET/PREFIX or a folder");
    if (!open_one(u, c->origin, &u->pages, err))
        return false;
    u->state = u->pages;
    return c->origin_state[0] == '\0' || strcmp(c->origin_state, c->origin) == 0 ||
           open_one(u, c->origin_state, &u->state, err);
}

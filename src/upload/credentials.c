#include "upload/credentials.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "upload/credentials_fetch.h"
#include "upload/credentials_json.h"
#include "upload/http.h"

#define REFRESH_S 600 /* before they expire */
#define AGAIN_S 60    /* between two attempts to refresh what is still good */
#define REFUSED_S 10  /* in which refusals are told of requests that were signed before */

enum place { ENVIRONMENT, CONTAINER, INSTANCE };

struct credentials {
    char *access_key, *secret_key, *token; /* of the environment; NULL: not set */
    char *relative_uri, *full_uri, *container_token, *container_token_file;
    char *metadata_endpoint;
    bool metadata_disabled;
    enum place place;
    struct http *http;          /* made when first needed */
    struct credentials_set set; /* access_key NULL: none yet */
    bool refused;
    int64_t tried;    /* when they were last asked for; 0: never */
    int64_t replaced; /* when refused ones were last replaced; 0: never */
};

/* Set to nothing is not set. */
static char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? mem_strdup(value) : NULL;
}

struct credentials *credentials_new(void)
{
    struct credentials *c = mem_calloc(1, sizeof(*c));
    const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
    c->access_key = from_environment("AWS_ACCESS_KEY_ID");
    c->secret_key = from_environment("AWS_SECRET_ACCESS_KEY");
    c->token = from_environment("AWS_SESSION_TOKEN");
    c->relative_uri = from_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    c->full_uri = from_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    c->container_token = from_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    c->container_token_file = from_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    c->metadata_endpoint = from_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    c->metadata_disabled = disabled != NULL && strcasecmp(disabled, "true") == 0;
    /* One place, and no other when it fails: the role of the machine is not that of a container
     * on it. */
    c->place = c->access_key != NULL || c->secret_key != NULL   ? ENVIRONMENT
               : c->relative_uri != NULL || c->full_uri != NULL ? CONTAINER
                                                                : INSTANCE;
    return c;
}

void credentials_free(struct credentials *c)
{
    if (c == NULL)
        return;
    char *texts[] = {c->access_key,           c->secret_key,       c->token,
                     c->relative_uri,         c->full_uri,         c->container_token,
                     c->container_token_file, c->metadata_endpoint};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        credentials_wipe(texts[i]);
    credentials_set_release(&c->set);
    http_free(c->http);
    free(c);
}

/* --- the environment ----------------------------------------------------------------------- */

static bool check_variable(const char *name, const char *value, size_t cap, bool for_header,
                           struct error *err)
{
    if (value == NULL)
        return error_set(err, ERROR_USAGE,
                         "%s is not set: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed "
                         "together",
                         name);
    const char *fault = credentials_fault(value, strlen(value), cap, for_header);
    return fault == NULL || error_set(err, ERROR_USAGE, "%s %s", name, fault);
}

static bool take_environment(struct credentials *c, struct error *err)
{
    if (!check_variable("AWS_ACCESS_KEY_ID", c->access_key, CREDENTIALS_KEY_MAX, true, err) ||
        !check_variable("AWS_SECRET_ACCESS_KEY", c->secret_key, CREDENTIALS_KEY_MAX, false, err))
        return false;
    if (c->token != NULL &&
        !check_variable("AWS_SESSION_TOKEN", c->token, CREDENTIALS_TOKEN_MAX, true, err))
        return false;
    c->set = (struct credentials_set){.access_key = mem_strdup(c->access_key),
                                      .secret_key = mem_strdup(c->secret_key),
                                      .token = c->token != NULL ? mem_strdup(c->token) : NULL,
                                      .expires = INT64_MAX};
    return true;
}

/* --- the services -------------------------------------------------------------------------- */

/* They are on the machine or one link away, or not there at all. */
static bool make_http(struct credentials *c, struct error *err)
{
    struct http_options options = {.concurrency = 1,
                                   .connect_timeout_ms = 1000,
                                   .stall_ms = 2000,
                                   .give_up_ms = 10000,
                                   .attempts_max = c->place == CONTAINER ? 3 : 2};
    if (c->http == NULL)
        c->http = http_new(&options, err);
    return c->http != NULL;
}

static bool fetch(struct credentials *c, struct credentials_set *set, struct error *err)
{
    if (c->place == INSTANCE && c->metadata_disabled)
        return error_set(err, ERROR_USAGE,
                         "the instance metadata service is turned off "
                         "(AWS_EC2_METADATA_DISABLED)");
    if (!make_http(c, err))
        return false;
    if (c->place == INSTANCE)
        return credentials_fetch_instance(c->http, c->metadata_endpoint, set, err);
    struct credentials_container where = {.relative_uri = c->relative_uri,
                                          .full_uri = c->full_uri,
                                          .token = c->container_token,
                                          .token_file = c->container_token_file};
    return credentials_fetch_container(c->http, &where, set, err);
}

static bool explain(const struct credentials *c, struct error *err)
{
    if (c->set.access_key != NULL)
        return error_context(err, c->refused ? "the AWS credentials are refused, and no new ones "
                                               "are to be had"
                                             : "the AWS credentials have expired, and no new ones "
                                               "are to be had");
    if (c->place == CONTAINER)
        return error_context(err, "no AWS credentials: AWS_ACCESS_KEY_ID is not set");
    return error_context(err, "no AWS credentials: AWS_ACCESS_KEY_ID is not set, nor is "
                              "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI");
}

/* True as well where the old ones will do. */
static bool refresh(struct credentials *c, int64_t now, struct error *err)
{
    struct credentials_set fresh = {0};
    c->tried = now;
    if (!fetch(c, &fresh, err)) {
        if (c->set.access_key != NULL && !c->refused && now < c->set.expires) {
            error_clear(err);
            return true;
        }
        explain(c, err);
        credentials_set_release(&c->set);
        return false;
    }
    if (c->refused)
        c->replaced = now;
    c->refused = false;
    credentials_set_release(&c->set);
    c->set = fresh;
    return true;
}

/* The wall clock, by which they expire; it may be set back. */
static bool is_within(int64_t since, int64_t now, int64_t seconds)
{
    return since != 0 && now >= since && now - since < seconds;
}

/* Those that expired before they came are for the server to judge: the clock here may be wrong. */
static bool is_due(const struct credentials *c, int64_t now)
{
    if (c->set.access_key == NULL || c->refused)
        return true;
    return now >= c->set.expires - REFRESH_S && !is_within(c->tried, now, AGAIN_S);
}

bool credentials_get(struct credentials *c, struct credentials_value *value, struct error *err)
{
    static const char *const names[] = {[ENVIRONMENT] = "AWS_ACCESS_KEY_ID",
                                        [CONTAINER] = "the container's endpoint",
                                        [INSTANCE] = "the instance metadata service"};
    if (c->place == ENVIRONMENT) {
        if (c->set.access_key == NULL && !take_environment(c, err))
            return false;
    } else {
        int64_t now = (int64_t)time(NULL);
        if (is_due(c, now) && !refresh(c, now, err))
            return false;
    }
    *value = (struct credentials_value){.access_key = c->set.access_key,
                                        .secret_key = c->set.secret_key,
                                        .token = c->set.token,
                                        .from = names[c->place]};
    return true;
}

bool credentials_refused(struct credentials *c)
{
    if (c->place == ENVIRONMENT)
        return false;
    /* Of many requests in flight the first one's refusal has brought new ones already. */
    if (!is_within(c->replaced, (int64_t)time(NULL), REFUSED_S))
        c->refused = true;
    return true;
}

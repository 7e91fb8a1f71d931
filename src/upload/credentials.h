/* AWS credentials: where they come from, and new ones before they expire.
 *
 * In the order of the AWS tools: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; the
 * container endpoint of ECS and EKS (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or _FULL_URI with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE; only https, loopback and the two link-local
 * hosts of ECS and EKS); EC2's instance metadata service, version 2
 * (AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_DISABLED). Not for: ~/.aws, SSO, assuming
 * roles.
 *
 * The first place that is set is the one that is asked, and no other when it fails: the role of a
 * machine is not that of a container on it. The services are asked directly, by no proxy.
 *
 * Order: credentials_new(); credentials_get() before each signature (cheap while they are good);
 * credentials_free(). Temporary ones are fetched again ten minutes before they expire, or when
 * credentials_refused() says that a server calls them expired; while new ones cannot be had, those
 * that are still good are kept. Fetching takes seconds where a service is silent. One thread.
 * Errors: say where was looked and what each place answered; never a secret. ERROR_USAGE: something
 * is not set, or not rightly.
 */
#ifndef UPLOAD_CREDENTIALS_H
#define UPLOAD_CREDENTIALS_H

#include <stdbool.h>

#include "base/error.h"

struct credentials;

struct credentials_value {
    const char *access_key, *secret_key;
    const char *token; /* NULL: none */
    const char *from;  /* "AWS_ACCESS_KEY_ID", "the container's endpoint", ...: for messages */
};

/* Reads the environment once. */
struct credentials *credentials_new(void);
void credentials_free(struct credentials *c); /* accepts NULL; wipes */

/* Borrowed until the next call. */
bool credentials_get(struct credentials *c, struct credentials_value *value, struct error *err);

/* The server refused them as expired: the next credentials_get() asks anew where that is possible
 * (returns true then). Told for many requests that were signed with the same, it asks once in ten
 * seconds; how often one request is signed again is for the caller to bound. */
bool credentials_refused(struct credentials *c);

#endif

/* Asking the services that hand out credentials: a container's endpoint, EC2's metadata service.
 *
 * For: upload/credentials.h. Both answer plain http on the machine itself or one link away, so who
 * may be asked is checked before a token goes out. Redirects are not followed (upload/http.h).
 * Ownership: everything given is borrowed for the call; the set is the caller's.
 * Errors: with the place and its host; never a path (a container's is as good as a password), a
 * token or what was answered.
 */
#ifndef UPLOAD_CREDENTIALS_FETCH_H
#define UPLOAD_CREDENTIALS_FETCH_H

#include <stdbool.h>

#include "base/error.h"
#include "upload/credentials_json.h"
#include "upload/http.h"

struct credentials_container {
    const char *relative_uri; /* below ECS's own host; or NULL: */
    const char *full_uri;
    const char *token;      /* Authorization, or NULL */
    const char *token_file; /* read each time, as EKS changes it; goes before `token`; or NULL */
};

bool credentials_fetch_container(struct http *http, const struct credentials_container *where,
                                 struct credentials_set *set, struct error *err);

/* endpoint: NULL for EC2's. */
bool credentials_fetch_instance(struct http *http, const char *endpoint,
                                struct credentials_set *set, struct error *err);

#endif

/* Looking into a connection string before libpq does.
 *
 * For: finding the list of hosts, so that each gets its share of the deadline, and refusing strings
 * of which libpq's own complaint would print a piece of a password (a URL whose password has a raw
 * '@' or '/' in it is read as another host or database).
 * Not for: connecting.
 */
#ifndef PG_CONNINFO_H
#define PG_CONNINFO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* One place to try; NULL members leave the choice to libpq. */
struct conninfo_host {
    const char *host, *hostaddr, *port;
};

struct conninfo {
    struct conninfo_host *hosts; /* at least one */
    size_t n_hosts;
    const char *password; /* NULL: none in the string; for removing it from messages */
};

/* Everything is allocated from the arena. Errors: ERROR_USAGE, never with a part of the string. */
bool conninfo_read(struct conninfo *out, struct arena *arena, const char *text, struct error *err);

#endif

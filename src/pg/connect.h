/* Connecting with a deadline that holds even while a name is being resolved.
 *
 * libpq asks the resolver in a blocking call, and the resolver may take half a minute. So the
 * attempt runs on a thread of its own; a caller whose deadline passes leaves it behind, and the
 * thread cleans up after itself when the resolver returns.
 * Not for anybody outside src/pg/.
 */
#ifndef PG_CONNECT_H
#define PG_CONNECT_H

#include <libpq-fe.h>
#include <stdint.h>

#include "pg/conn.h"

/* Connects within connect_ms, each host of the string getting an equal share of what is left. Of
 * the options, application, session_attrs and stop count. NULL: failed, err says why for every
 * host. The connection is in non-blocking mode, UTF-8. */
PGconn *pg_connect(const char *conninfo, const struct pg_options *options, int64_t connect_ms,
                   struct error *err);

#endif

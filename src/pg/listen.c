#include "pg/listen.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "pg/wire.h"

/* All that libpq has received so far, so that it keeps no list that grows. */
static bool hand_over(struct pg_conn *c, pg_listen_fn *heard, void *payload)
{
    bool any = false;
    for (PGnotify *n; (n = PQnotifies(c->pq)) != NULL; any = true) {
        heard(payload, n->relname, n->extra);
        PQfreemem(n);
    }
    return any;
}

static enum pg_listen_end lost(struct pg_conn *c, struct error *err)
{
    pg_wire_report(c, NULL, NULL, err);
    error_context(err, "the connection to PostgreSQL was lost");
    pg_wire_give_up(c, err);
    return PG_LISTEN_LOST;
}

/* True: one of both is ready. A signal counts as nothing. */
static bool wait_both(struct pollfd pfds[2], int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - pg_conn_clock();
        int n = poll(pfds, 2, left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return true;
        if (n == 0 && left <= INT_MAX)
            return false;
        if (n < 0 && errno != EINTR)
            return true;
    }
}

enum pg_listen_end pg_listen_wait(struct pg_conn *c, int wake_fd, int64_t deadline,
                                  pg_listen_fn *heard, void *payload, struct error *err)
{
    if (!pg_wire_usable(c, err))
        return PG_LISTEN_LOST;
    for (;;) {
        if (PQconsumeInput(c->pq) == 0 || PQstatus(c->pq) != CONNECTION_OK)
            return lost(c, err);
        if (hand_over(c, heard, payload))
            return PG_LISTEN_HEARD;
        struct pollfd pfds[2] = {{.fd = PQsocket(c->pq), .events = POLLIN},
                                 {.fd = wake_fd, .events = POLLIN}};
        if (!wait_both(pfds, deadline))
            return PG_LISTEN_DEADLINE;
        if (pfds[1].revents != 0)
            return PG_LISTEN_WOKEN;
    }
}

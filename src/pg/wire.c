#include "pg/wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define STOP_SLICE_MS 100 /* how often a stop is asked for */

int64_t pg_conn_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool pg_wire_poll(int fd, short events, int64_t deadline, const atomic_bool *stop)
{
    for (;;) {
        int64_t left = deadline > 0 ? deadline - pg_conn_clock() : INT_MAX;
        if (left <= 0 || (stop != NULL && atomic_load(stop)))
            return false;
        if (stop != NULL && left > STOP_SLICE_MS)
            left = STOP_SLICE_MS;
        bool forever = stop == NULL && deadline == 0;
        struct pollfd pfd = {.fd = fd, .events = events};
        int n = poll(&pfd, 1, forever ? -1 : left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return true; /* an error on the socket too: the next read will say which */
        if (n < 0 && errno != EINTR)
            return true;
    }
}

bool pg_wire_usable(struct pg_conn *c, struct error *err)
{
    c->sqlstate[0] = '\0';
    if (c->pq != NULL)
        return true;
    *err = c->lost;
    return false;
}

bool pg_wire_give_up(struct pg_conn *c, const struct error *err)
{
    if (c->pq != NULL) {
        c->lost = *err;
        PQfinish(c->pq);
        c->pq = NULL;
    }
    return false;
}

bool pg_wire_sent(struct pg_conn *c, int sent, struct error *err)
{
    if (sent)
        return true;
    pg_wire_report(c, NULL, NULL, err);
    return pg_wire_give_up(c, err);
}

static bool lost(struct pg_conn *c, struct error *err)
{
    pg_wire_report(c, NULL, NULL, err);
    error_context(err, "the connection to PostgreSQL was lost");
    return pg_wire_give_up(c, err);
}

bool pg_wire_next(struct pg_conn *c, PGresult **out, struct error *err)
{
    int64_t deadline = c->wait_ms > 0 ? pg_conn_clock() + c->wait_ms : 0;
    *out = NULL;
    for (;;) {
        int unsent = PQflush(c->pq);
        if (unsent < 0)
            return lost(c, err);
        if (unsent == 0 && !PQisBusy(c->pq))
            break;
        short events = (short)(POLLIN | (unsent ? POLLOUT : 0));
        if (!pg_wire_poll(PQsocket(c->pq), events, deadline, c->stop)) {
            error_set(err, ERROR_FAILED,
                      "PostgreSQL has not answered for %.1f s; the connection is given up",
                      (double)c->wait_ms / 1000);
            return pg_wire_give_up(c, err);
        }
        if (!PQconsumeInput(c->pq))
            return lost(c, err);
    }
    *out = PQgetResult(c->pq);
    return true;
}

bool pg_wire_drain(struct pg_conn *c, struct error *err)
{
    PGresult *res;
    do {
        if (!pg_wire_next(c, &res, err))
            return false;
        PQclear(res);
    } while (res != NULL);
    return true;
}

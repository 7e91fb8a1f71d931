/* Reading from a standby what is known to be committed on its primary. */
#include <time.h>

#include "source/database.h"

#define STEP_FIRST_MS 2
#define STEP_MOST_MS 50

/* NULL, and so not true, on a server that is no standby any more: it has replayed all there was. */
static const char REPLAYED[] =
    "SELECT coalesce(pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_catalog.pg_lsn"
    " OR NOT pg_catalog.pg_is_in_recovery(), true)";

static bool has_replayed(struct database *d, const char *position, bool *yes, struct error *err)
{
    PGresult *res = NULL;
    if (!pg_conn_query(d->conn, &PG_SQL(REPLAYED), &position, 1, &res, err))
        return error_context(err, "cannot ask what the standby has replayed");
    *yes = PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return true;
}

static void sleep_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

/* The question is asked outside a transaction: the answer to it says nothing of a snapshot that
 * was taken before. */
bool standby_catch_up(struct source *s, const char *position, int64_t wait_ms, bool *behind,
                      struct error *err)
{
    struct database *d = (struct database *)s;
    int64_t until = pg_conn_clock() + wait_ms, step = STEP_FIRST_MS;
    *behind = false;
    if (!s->info.in_recovery)
        return true;
    if (!s->end(s, err))
        return false;
    for (;;) {
        bool yes = false;
        if (!has_replayed(d, position, &yes, err))
            return false;
        *behind = !yes;
        if (yes || pg_conn_clock() >= until)
            return s->begin(s, err);
        sleep_ms(step);
        step = step * 2 < STEP_MOST_MS ? step * 2 : STEP_MOST_MS;
    }
}

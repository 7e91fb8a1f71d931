/* Due times: what the clock of the database says, and when schedules are to be run.
 *
 * For: worker/schedule.h. Pure logic: no clock, no connection and no thread of its own; every
 * moment is an argument. Two kinds of moment: milliseconds of the monotonic clock of this machine
 * (pg_conn_clock()), and milliseconds since 1970 by the clock of the database. The wall clock of
 * this machine is never asked, so it may be wrong by hours.
 */
#ifndef WORKER_DUE_H
#define WORKER_DUE_H

#include <stdbool.h>
#include <stdint.h>

#define DUE_NEVER INT64_MAX

/* How far the database's clock is ahead of this machine's monotonic clock. */
struct due_clock {
    bool known;
    int64_t offset;
};

/* The database said `database` somewhere between the two monotonic moments. */
void due_clock_set(struct due_clock *clock, int64_t before, int64_t after, int64_t database);

/* The monotonic moment at which the database's clock shows `database`, and the other way round.
 * DUE_NEVER stays that, and is the answer as long as the offset is not known. */
int64_t due_clock_local(const struct due_clock *clock, int64_t database);
int64_t due_clock_database(const struct due_clock *clock, int64_t local);

/* Who runs the schedules. All of them may at once, each schedule is done once (its row is locked);
 * so this is about who goes first, and about nobody having to. */
enum due_rank {
    DUE_LEADER,   /* at once */
    DUE_ALONE,    /* nobody leads: at once, too */
    DUE_FOLLOWER, /* only what the leader has left undone for DUE_GRACE: it may not, or it hangs */
};
#define DUE_GRACE 10000

struct due_runs {
    int64_t last;    /* database's clock; 0: never run */
    unsigned barren; /* runs in a row that did nothing although something was due */
};

/* When to run for what is due at `due`, by the database's clock. What the last run has left waits
 * longer after every barren run, a quarter of a minute at most: somebody holds its row, or it
 * fails. What became due since does not wait for that. */
int64_t due_run_at(const struct due_runs *runs, enum due_rank rank, int64_t due);

/* A run is over, it finished `done` schedules. */
void due_ran(struct due_runs *runs, int64_t now, uint64_t done);

/* The earliest moment at which a page changes by the clock alone, as the last look found it. */
struct due_page {
    int64_t at;     /* database's clock */
    int64_t posted; /* monotonic: when it last was a reason to look; 0: never */
};
#define DUE_PAGE_PAUSE 250

/* "2026-01-02T03:04:05Z" as looks give it: a second cut off. DUE_NEVER: NULL, or no such text. */
int64_t due_parse(const char *text);

/* A look that began at the monotonic moment `began` found `at`, a whole second: it may mean any
 * moment within. What was over before it began was printed as such: no reason to look again,
 * however long a query goes on returning it. What was due in the second that had begun is looked at
 * once more when that is over. */
void due_page_set(struct due_page *page, const struct due_clock *clock, int64_t at, int64_t began);

/* The monotonic moment at which to look again. */
int64_t due_page_at(const struct due_page *page, const struct due_clock *clock);

/* That moment has come and was said. */
void due_page_posted(struct due_page *page, int64_t now);

#endif

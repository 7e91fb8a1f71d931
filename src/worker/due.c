#include "worker/due.h"

#include <string.h>
#include <time.h>

#define SECOND 1000
#define PAUSE_FIRST 1000
#define PAUSE_MOST 15000

/* first, doubled n times, at most `most`. */
static int64_t doubled(int64_t first, unsigned n, int64_t most)
{
    int64_t value = first;
    while (n-- > 0 && value < most)
        value *= 2;
    return value < most ? value : most;
}

void due_clock_set(struct due_clock *clock, int64_t before, int64_t after, int64_t database)
{
    clock->known = true;
    clock->offset = database - (before + (after - before) / 2);
}

int64_t due_clock_local(const struct due_clock *clock, int64_t database)
{
    int64_t local;
    if (!clock->known || database == DUE_NEVER ||
        __builtin_sub_overflow(database, clock->offset, &local))
        return DUE_NEVER;
    return local;
}

int64_t due_clock_database(const struct due_clock *clock, int64_t local)
{
    int64_t database;
    if (!clock->known || local == DUE_NEVER ||
        __builtin_add_overflow(local, clock->offset, &database))
        return DUE_NEVER;
    return database;
}

int64_t due_run_at(const struct due_runs *runs, enum due_rank rank, int64_t due)
{
    int64_t at = due;
    if (due == DUE_NEVER ||
        (rank == DUE_FOLLOWER && __builtin_add_overflow(due, (int64_t)DUE_GRACE, &at)))
        return DUE_NEVER;
    if (runs->barren == 0 || due > runs->last)
        return at;
    int64_t again = runs->last + doubled(PAUSE_FIRST, runs->barren - 1, PAUSE_MOST);
    return at < again ? again : at;
}

void due_ran(struct due_runs *runs, int64_t now, uint64_t done)
{
    runs->last = now;
    if (done > 0)
        runs->barren = 0;
    else if (runs->barren < UINT32_MAX)
        runs->barren++;
}

int64_t due_parse(const char *text)
{
    struct tm tm = {.tm_isdst = 0};
    const char *end = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    if (end == NULL || *end != '\0')
        return DUE_NEVER;
    return (int64_t)timegm(&tm) * SECOND;
}

void due_page_set(struct due_page *page, const struct due_clock *clock, int64_t at, int64_t began)
{
    int64_t seen = due_clock_database(clock, began);
    page->at = at;
    if (at == DUE_NEVER || seen == DUE_NEVER || at > seen)
        return;
    page->at = seen - at < SECOND ? at + SECOND : DUE_NEVER;
}

int64_t due_page_at(const struct due_page *page, const struct due_clock *clock)
{
    int64_t at = due_clock_local(clock, page->at);
    if (at == DUE_NEVER)
        return at;
    int64_t soonest = page->posted == 0 ? at : page->posted + DUE_PAGE_PAUSE;
    return at < soonest ? soonest : at;
}

void due_page_posted(struct due_page *page, int64_t now)
{
    page->at = DUE_NEVER;
    page->posted = now;
}

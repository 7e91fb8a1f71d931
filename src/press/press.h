/* The press: one look, from reading the snapshot to a committed release.
 *
 * For: the walk that `platen build` does once and a listener does for ever. It alone knows the
 * order: lock, recorded state, snapshot, rows to pages, guards, site pages, commit, retention.
 * Everything a look decides is in its result; nothing is printed here. Not for: when to look, nor
 * for command lines.
 *
 * Order: press_look() with a checked configuration; press_result_release().
 * Errors: as `struct error`. Held or omitted content is no error: see the result.
 *
 * What becomes of rows. A pair is a page set in one locale, that of the row.
 * - A content problem goes to the policy guards.content: a path or a link that may not be, a column
 *   or field required and empty, an element without content or of unknown type, a row that cannot
 * be read or is above its limit, a page whose template fails, two rows with one path or one key and
 *   locale, a path of the site's own. hold: the pair stays as in the last release, all else goes
 *   live. omit: the element, or the page with all its files, is left out. keep: that element, or
 *   page, is as in the last release; what is new is left out. A problem of an element concerns the
 *   element alone, all others the page.
 * - A locale that is no language tag could never have been a page: left out under any policy.
 * - Guards that count compare the rows of a pair, tombstones included, with the pages that the last
 *   release printed from rows of that locale; too few hold the pair. A page set without any row
 *   that never had one is held as a whole.
 * - Tombstones act also when their pair is held: `gone` removes the page, `maintenance` prints that
 *   template at its path, with the page's further files but not those of single elements, whose
 *   content is not checked then.
 * - Files that would be removed by no tombstone are counted; above guards.max_deletes all of them
 *   stay. guards.scope: release makes one held pair hold all.
 * - accept: nothing counts, and hold is omit.
 * - What stays from the last release was there first: a row that wants its path is the one to
 * blame. A file of static/ and a page with one path are a mistake of the site: an error.
 * - A locale without a row of its own borrows the first live one along its chain. The borrowed page
 *   shares the fate of the row; it is canonical there, no translation, and in no sitemap. A row
 * that cannot be read is a row all the same.
 * - Alternates are the pages that are there after this look, held and kept ones included.
 * - config.only_locales is about pages: pages of all other locales stay as they are, uncounted.
 * - While a release is pinned (store/pin.h), nothing but tombstones acts, in all locales and also
 *   with accept: see press/pinned.h.
 */
#ifndef PRESS_PRESS_H
#define PRESS_PRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"
#include "store/pin.h"

struct press_options {
    bool accept;  /* this once: print over empty and shrunken results, beyond the cap of deletions,
                     and leave out what a content check would hold */
    bool dry_run; /* decide everything, write nothing */
    /* Called from the looking thread, at most some times a second; step is "reading", "printing",
     * "placing". total 0: not known yet. May be NULL. */
    void (*progress)(void *payload, const char *step, uint64_t done, uint64_t total);
    void *payload;
    bool full;         /* of a session: read everything, whatever the change log says */
    const char *after; /* where rows come from a standby: wait for it to have replayed this position
                          of its primary (pg_lsn); or NULL */
};

enum press_action { PRESS_HELD, PRESS_OMITTED, PRESS_KEPT };

/* Something about the content that kept a look from printing it as it is. */
struct press_problem {
    const char *set;    /* page set; "" = no particular one */
    const char *locale; /* "" = all of the set */
    const char *key;    /* row, or "" */
    const char *text;
    enum press_action action;
};

enum press_change_kind { PRESS_ADDED, PRESS_CHANGED, PRESS_REMOVED };

struct press_change {
    const char *path;
    enum press_change_kind kind;
    uint32_t old_size, size;
};

struct press_result {
    struct arena arena;  /* everything below */
    uint64_t generation; /* of the release now in out/public; 0 = none at all */
    bool released;       /* whether this look made it */
    const char *content; /* hex digest of it, "" when there is none */
    uint64_t pages, files;
    uint64_t added, changed, removed;
    uint64_t bytes_written; /* identity bytes and twins */
    struct press_change *changes;
    size_t n_changes;
    struct press_problem *problems; /* sorted */
    size_t n_problems;
    uint64_t more_problems; /* beyond the list's cap */
    bool held, omitted;
    const struct pin *pin; /* what keeps the release as it is (then held is set, too), or NULL */
    const char *warning;   /* or NULL */
    double seconds;
    bool incremental;         /* only what the change log names was read */
    int64_t changed_ms;       /* when the oldest change was made that it printed, in milliseconds of
                                 the monotonic clock; 0: unknown */
    const char *full_because; /* of a session's look: why everything was read, or NULL */
    bool unnamed;             /* it found changes in the content that the change log, which covers
                                 them, does not name */
    bool in_recovery;         /* the rows are a standby's */
    bool behind;              /* which had not replayed options.after in time: look again */
    const char *next_change_at; /* when a page changes by the clock alone (RFC 3339), or NULL */
};

/* A single look. */
bool press_look(const struct config *config, const struct press_options *options,
                struct press_result *result, struct error *err);
void press_result_release(struct press_result *result);

/* Look after look with one configuration, by a listener. Templates are compiled once, the
 * connection stays, and what has not changed since the last look is not read again, as far as the
 * database's change log can be trusted to name it:
 *
 * - A look reads everything when it is the first, when it is asked to, when the last one failed or
 *   left something out or held, when somebody else has printed to out/, when the log does not cover
 *   the time in between (source_covers()), and when what is affected is not a list of keys.
 * - What a look finds among the few rows it has read may concern rows it has not: a problem, a
 *   tombstone, a page that came or went in one of several locales, a guard. Then the look is begun
 *   again and reads everything. Either way out/public is what a build of that snapshot gives.
 * - Files that are not printed again are taken to be there: the next full look finds what somebody
 *   changed in out/public.
 *
 * The configuration stays with the caller. Templates and static files are those of the first look,
 * until press_session_close(). One thread at a time. */
struct press_session;

struct press_session *press_session_open(const struct config *config);
bool press_session_look(struct press_session *s, const struct press_options *options,
                        struct press_result *result, struct error *err);
void press_session_close(struct press_session *s); /* accepts NULL */

#endif

/* What a listener's looks leave to each other (press/press.h). Private to press/.
 *
 * A look takes what it needs from the session and gives it back in setup_release(), whatever became
 * of it; session_note() tells the session what it may build on.
 */
#ifndef PRESS_SESSION_H
#define PRESS_SESSION_H

#include "press/state.h"

struct press_session {
    const struct config *config;
    struct theme theme;
    bool has_theme;
    struct source *source;         /* connected, no snapshot open; or NULL */
    struct release_state recorded; /* the newest manifest as it was after the last look */
    bool has_recorded;
    struct arena arena;      /* of what follows */
    struct source_mark mark; /* of the last look that printed all it read */
    uint64_t generation;     /* the release it left; 0: no such look */
    const char *next_change_at;
    int64_t retained; /* when releases were last looked through, in seconds */
};

/* Whether a look may begin where the last one ended. */
bool session_is_comparable(const struct press_session *s);

/* When a page changes by the clock alone: rows that an incremental look did not read again still do
 * so when the last full look said. */
const char *session_due(const struct press_session *s, const char *of_rows_read);

/* What a full look compares its findings with: the session as it was before. */
struct session_past {
    struct arena arena;
    struct source_mark mark;
    uint64_t generation;
    const char *content, *next_change_at;
};

void session_recall(const struct press_session *s, struct session_past *past);

/* Whether, after a full look that made the next release, nothing but the database can have changed
 * its content, and the log, which should, does not name a change. What is committed meanwhile may
 * hide that, never feign it. */
bool session_is_unnamed(struct press_session *s, const struct session_past *past);

/* After a look that came to its end. mark NULL: nothing can be built on it. */
void session_note(struct press_session *s, struct press *p, const struct source_mark *mark);

/* Whether to look through kept releases for what may go: not after every one of many. */
bool session_may_retain(struct press_session *s, int64_t now);

/* Forgets the connection, and with it what is known of columns. */
void session_disconnect(struct press_session *s);

#endif

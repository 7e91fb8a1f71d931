/* What a long-running command says on standard error: one line per event.
 *
 * For: `platen listen`. A line has a time, a level, what happened and named values; for a program
 * as key=value pairs or JSON, on a terminal shorter. Values may be hostile: control characters
 * never reach the stream.
 * A warning or error that says the same as one of the last minute, digits aside, is not written
 * again but counted; the next one after that minute says how many there were (`repeated`).
 * Not for: commands that end; these speak by cmd/say.h.
 *
 * Order: log_init(); from any thread: struct log_line l; log_begin(&l, log, ...); log_text(),
 * log_number(), log_seconds(); log_end(&l). log_release().
 * Errors: none; a line that cannot be written is lost.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_form { LOG_PAIRS, LOG_JSON, LOG_TERMINAL };

#define LOG_REMEMBERED 32

struct log {
    int fd;
    enum log_form form;
    enum log_level least; /* what is below is not written */
    pthread_mutex_t mutex;
    struct {
        uint64_t hash;
        int64_t shown_ms; /* monotonic */
        uint64_t hidden;
    } seen[LOG_REMEMBERED];
};

struct log_line {
    struct log *log;
    enum log_level level;
    bool wanted;
    uint64_t hash;
    struct strbuf text;
};

void log_init(struct log *log, int fd, enum log_form form, enum log_level least);
void log_release(struct log *log);

/* what: a few words that never vary. */
void log_begin(struct log_line *line, struct log *log, enum log_level level, const char *what);
void log_text(struct log_line *line, const char *name, const char *value);
void log_number(struct log_line *line, const char *name, int64_t value);
void log_seconds(struct log_line *line, const char *name, double value);
void log_end(struct log_line *line);

/* A line with one text, named `text`; text NULL: none. */
void log_say(struct log *log, enum log_level level, const char *what, const char *text);

#endif

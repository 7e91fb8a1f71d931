/* What a worker says of itself: its state as a value, and as JSON.
 *
 * For: the one thing that `platen status` reads, and that the loop fills in as it goes. Everything
 * is inline and of fixed size, so that a status can be copied, needs no release, and stays small
 * whatever the content does; lists that are full count what they leave out.
 * Not for: where it is kept (worker/status_file.h), nor what is in out/ (store/release.h).
 *
 * Texts go in by status_text() only: it cuts them to their place between two characters, and what
 * could play with a terminal or spoil JSON becomes '?'. Moments are milliseconds since 1970
 * (worker/instant.h), 0 = there was none.
 *
 * Errors: status_parse() gives ERROR_CONTENT naming the member that is missing or wrong, and
 * ERROR_USAGE for the form of a newer platen. Members it does not know are ignored.
 */
#ifndef WORKER_STATUS_H
#define WORKER_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "worker/latency.h"

#define STATUS_FORMAT 1
#define STATUS_BYTES_MAX ((size_t)1 << 20)
#define STATUS_NAME_MAX 128
#define STATUS_TEXT_MAX 512
#define STATUS_PROBLEMS_MAX 20
#define STATUS_HELD_MAX 100

/* A worker writes at least once in a heartbeat; after so many without a word it is silent. */
#define STATUS_HEARTBEAT_MS 5000
#define STATUS_SILENT_BEATS 3

enum status_mode {
    STATUS_STARTING,
    STATUS_LISTENING,    /* hears of each commit */
    STATUS_POLLING,      /* cannot listen here: looks at fixed times */
    STATUS_RECONNECTING, /* lost the connection it listens on */
    STATUS_STOPPED,      /* the last word of one that ended in order */
    STATUS_MODES
};

enum status_result {
    STATUS_NO_LOOK, /* none has ended yet */
    STATUS_RELEASED,
    STATUS_UNCHANGED,
    STATUS_FAILED,
    STATUS_RESULTS
};

struct status_look {
    int64_t at; /* its end */
    char reason[STATUS_NAME_MAX];
    bool incremental;
    double seconds;
    enum status_result result;
    bool held, omitted;          /* content was kept back, or left out */
    char error[STATUS_TEXT_MAX]; /* of a failed one */
};

struct status_counters {
    uint64_t looks, full, incremental; /* ended; failed ones are in the first alone */
    uint64_t failures;
    uint64_t notifications;
    uint64_t reconnects;
    uint64_t unnamed; /* full looks that found what the change log did not name */
};

struct status_held {
    char set[STATUS_NAME_MAX], locale[STATUS_NAME_MAX]; /* locale "" = all of the set */
};

enum status_upload {
    STATUS_UPLOAD_IDLE,
    STATUS_UPLOADING,
    STATUS_UPLOAD_RETRYING,  /* what failed is tried again */
    STATUS_UPLOAD_ELSEWHERE, /* another worker uploads */
    STATUS_UPLOADS
};

/* The origin, as far as this worker has to do with it. */
struct status_origin {
    char name[STATUS_TEXT_MAX]; /* bucket and prefix, or folder; "": there is no origin */
    enum status_upload state;
    uint64_t release; /* generation in out/ that is there; 0: none was uploaded yet, or unknown */
    int64_t behind_since;  /* a newer one waits; 0: none */
    int64_t running_since; /* of an upload in flight */
    uint64_t uploads;      /* that changed something there */
    uint64_t failures, failures_in_row;
    char error[STATUS_TEXT_MAX]; /* of the last failure, "" after a success */
    bool held, pinned;           /* deletes are held back, or all is, by a pin from elsewhere */
    uint64_t held_deletes;
    char why[STATUS_TEXT_MAX]; /* of held and pinned */
    /* "", or what is wrong since the last upload */
    char purge_error[STATUS_TEXT_MAX], proof_error[STATUS_TEXT_MAX];
    int64_t uploaded; /* end of the last upload that changed something; the rest is of it */
    double seconds, live_seconds; /* live: from the commit there to the proof; 0: not proven */
    uint64_t requests, bytes;
    struct latency_summary latency; /* commit to live */
};

struct worker_status {
    char id[STATUS_NAME_MAX], host[STATUS_NAME_MAX], version[STATUS_NAME_MAX];
    char place[STATUS_NAME_MAX]; /* boot and namespace in which the pid means something */
    int64_t pid;
    uint64_t pid_start; /* of the process, in the kernel's ticks since boot */
    int64_t started, written;
    int64_t heartbeat_ms;
    enum status_mode mode;
    char why[STATUS_TEXT_MAX]; /* of the mode, where there is something to say */
    bool leader;
    uint64_t generation;
    struct status_look look; /* the last one that has ended */
    int64_t looking_since;   /* of one that runs */
    bool stuck;              /* it has passed its deadlines without a step */
    uint64_t failures_in_row;
    struct status_counters counters;
    struct latency_summary latency; /* notification to printed */
    int64_t lag_ms;                 /* age of what waits for a look; -1 = unknown */
    int64_t next_due;
    int64_t overdue; /* locales with schedules past their time; -1 = unknown */
    char problems[STATUS_PROBLEMS_MAX][STATUS_TEXT_MAX];
    uint64_t n_problems, more_problems;
    struct status_held held[STATUS_HELD_MAX];
    uint64_t n_held, more_held;
    struct status_origin origin;
};

/* Who and where this process is; the rest is unknown or nothing. id "": HOST-PID. */
void status_init(struct worker_status *s, const char *id);

/* Copies into an array of this size. */
void status_text(char *to, size_t size, const char *from);
#define STATUS_SET(array, from) status_text(array, sizeof(array), from)

void status_add_problem(struct worker_status *s, const char *text);
/* A pair that is there already is not added twice. */
void status_add_held(struct worker_status *s, const char *set, const char *locale);
/* Both lists, before those of the next look. */
void status_clear_lists(struct worker_status *s);

const char *status_mode_name(enum status_mode mode);
const char *status_result_name(enum status_result result);
const char *status_upload_name(enum status_upload state);

bool status_has_origin(const struct worker_status *s);
/* It is not as it should be, and nobody has asked for that. */
bool status_origin_fails(const struct status_origin *o);

/* Appends the JSON object, without a line's end. */
void status_write(struct strbuf *sb, const struct worker_status *s);
bool status_parse(struct worker_status *s, const char *text, size_t len, struct error *err);

/* --- is there anybody ------------------------------------------------------------------------- */

enum status_life {
    STATUS_ALIVE,
    STATUS_SILENT, /* no word for STATUS_SILENT_BEATS heartbeats: hung, halted, or out of reach */
    STATUS_GONE,   /* the process has ended without a last word */
    STATUS_ENDED,  /* the process ended in order */
};

/* Where the pid can be looked up (same boot, same namespace), a process that is not there, or
 * is another one that began at another time, is gone at once. Otherwise the age of the last word
 * alone tells; one from the future counts as old, too, for a worker that is there would have
 * written again. */
enum status_life status_life(const struct worker_status *s, int64_t now);

#endif

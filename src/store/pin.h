/* The pin: a word on the disk that says "this release stays" (out/releases/pin.json).
 *
 * For: whoever went back to an earlier release, or wants nothing to change for a while. As long as
 * the file stands there a look prints nothing but tombstones (press/pinned.h), and retention leaves
 * the release alone that it names. Written under the lock of out/.
 * Not for: deciding what a pinned look does.
 *
 * Form: {"platen":1,"generation":12,"since":"2026-01-02T03:04:05Z","reason":"text","by":"rollback"}
 * on one line. `generation` is the release whose content stays; after a rollback the newest release
 * repeats it under a number of its own.
 *
 * Errors: ERROR_FAILED for a file that is damaged or cannot be read, naming it and the mend;
 * ERROR_USAGE for one that a newer platen wrote. A struct pin owns nothing.
 */
#ifndef STORE_PIN_H
#define STORE_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "store/store.h"

#define PIN_REASON_MAX 500 /* bytes */

enum pin_by { PIN_BY_HAND, PIN_BY_ROLLBACK }; /* "pin", "rollback" */

struct pin {
    uint64_t generation;             /* 0: there is no pin */
    char since[24];                  /* RFC 3339 UTC */
    char reason[PIN_REASON_MAX + 1]; /* one line of UTF-8 without control characters; may be "" */
    enum pin_by by;
};

const char *pin_by_name(enum pin_by by);

/* Sets `since` to a moment, in seconds since 1970. */
void pin_set_time(struct pin *pin, int64_t seconds);

/* Sets the reason. ERROR_USAGE when it is too long or no single line of text. */
bool pin_set_reason(struct pin *pin, const char *reason, struct error *err);

/* Nothing beyond the form above is accepted: a pin that is misread lets through what it was to
 * stop. ERROR_CONTENT or ERROR_USAGE. */
bool pin_parse(struct pin *pin, const char *text, size_t len, struct error *err);

/* Appends the pin as a JSON object without a line end. */
void pin_print(struct strbuf *sb, const struct pin *pin);

bool pin_read(const struct store *s, struct pin *pin, struct error *err);

/* By rename, durable when it returns. */
bool pin_write(const struct store *s, const struct pin *pin, struct error *err);

/* Durable, too. Also takes away a damaged one. *was_there: there was something to remove. */
bool pin_remove(const struct store *s, bool *was_there, struct error *err);

#endif

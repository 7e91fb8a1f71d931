/* Errors as values.
 *
 * For: telling a caller what went wrong, where, and what kind of wrong it is. A function that can
 * fail returns bool (true = done) or a status, takes a caller-owned `struct error *` as its last
 * parameter and fills it exactly when it fails. On the way up callers put context in front with
 * error_context(); only src/cmd/ prints and decides the exit code.
 *
 * Not for: bugs in platen itself, nor for running out of memory (see base/mem.h).
 *
 * Order: struct error err = ERROR_INIT; if (!thing(..., &err)) return error_context(&err, ...);
 * Ownership: the text lives inside the struct; nothing to release. Text over ERROR_TEXT_MAX bytes
 * is cut at a character boundary. Control characters, and bytes that are no UTF-8, are replaced by
 * '?', so that hostile data quoted in a message cannot play with the reader's terminal or spoil
 * JSON that carries it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_TEXT_MAX 2048

enum error_kind {
    ERROR_NONE = 0,
    ERROR_FAILED,  /* the world: disk, network, server; exit 1 */
    ERROR_USAGE,   /* command line, configuration, templates; exit 2 */
    ERROR_CONTENT, /* the data of one row or part; a policy decides: press/press.h */
};

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_MAX];
};

#define ERROR_INIT                                                                                 \
    {                                                                                              \
        .kind = ERROR_NONE                                                                         \
    }

/* Sets kind and text; returns false always, so that `return error_set(err, ...)` reads well. */
bool error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like error_set(ERROR_FAILED) with ": " and the text of errno (as it is at the call) behind. */
bool error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text; kind stays. Returns false always. */
bool error_context(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void error_clear(struct error *err)
{
    err->kind = ERROR_NONE;
    err->text[0] = '\0';
}

#endif

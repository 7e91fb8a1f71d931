/* The command line of one command: from argv to values, and on to the configuration.
 *
 * For: every cmd/NAME.c. The options a command has stand in commands.c; their values arrive here.
 * Not for: settings themselves (config/): an option that overrides one only carries its text.
 *
 * Order: options_run(argc, argv, run) for a command that wants the configuration; options_begin()
 * for one that does not.
 *
 * Ownership: texts are borrowed from argv. Errors: options_begin() prints them itself, with the
 * nearest known name and where to read on; exit code 2.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/cmd.h"
#include "config/config.h"

#define OPTIONS_LOCALES_MAX 256

struct options {
    const struct cmd *command;

    /* common */
    const char *config;                       /* NULL: not given */
    const char *out, *source, *threads;       /* NULL: not given; they reach struct config */
    const char *locales[OPTIONS_LOCALES_MAX]; /* they, too */
    size_t n_locales;
    bool json, quiet, verbose;

    /* build */
    bool accept;
    const char *lock_wait; /* reaches struct config; rollback, pin and unpin have it, too */

    /* build, upload, rollback, migrate */
    bool dry_run;

    /* upload; build has no_upload */
    bool verify, no_upload;
    const char *origin; /* reaches struct config */

    /* rollback, pin */
    const char *reason; /* NULL: not given */

    /* render */
    const char *parts; /* NULL: not given */
    bool strict;

    /* export */
    const char *to; /* file; NULL: not given */

    /* migrate */
    int64_t to_version; /* -1: not given */
    int64_t down;       /* -1: not given */
    bool list;          /* rollback has it, too */
    const char *dir;    /* reaches struct config */

    /* serve */
    int64_t port;
    const char *bind;

    /* help */
    bool man, sample, reference;
    const char *completion;

    char **operands; /* what is no option, in order */
    int n_operands;
};

/* Reads argv by the rows of the command argv[0]. False when the command is over: *code says how. */
bool options_begin(struct options *o, int argc, char **argv, int *code);

/* The same without printing; *help is set when --help was among the options. */
bool options_parse(struct options *o, int argc, char **argv, bool *help, struct error *err);

/* Initialises c and fills it: file, environment, options, then the check. Where the command needs a
 * site and there is no file, the error says what to do. The caller releases c in any case. */
bool options_load_config(struct config *c, const struct options *o, struct error *err);

/* What most commands are: options, configuration, then `run`, whose result is the exit code. */
int options_run(int argc, char **argv, int (*run)(struct config *c, const struct options *o));

#endif

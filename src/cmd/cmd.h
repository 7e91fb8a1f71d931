/* The commands of platen: one table, one function each, one file each.
 *
 * For: main.c, which finds the command and calls it, and for everything that is told about
 * commands: --help, the man page, the reference and the shells' completion are printed from the
 * rows of commands.c, so that no text about an option exists twice.
 * Adding a command: its function in cmd/NAME.c, its prototype below, its row in commands.c; then
 * `make docs` prints the manuals anew (make lint compares them).
 *
 * A command gets its own name as argv[0] and what follows behind. It begins with options_begin()
 * (cmd/options.h), writes results to stdout and messages to stderr (cmd/say.h), returns an exit
 * code and never calls exit().
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Scripts rely on these. */
enum cmd_exit {
    CMD_DONE = 0,    /* also when nothing changed */
    CMD_FAILED = 1,  /* the world: disk, network, server */
    CMD_USAGE = 2,   /* command line, configuration, templates */
    CMD_HELD = 3,    /* a guard held pages back */
    CMD_OMITTED = 4, /* done, with content left out */
};

enum cmd_option_kind {
    CMD_FLAG,    /* bool */
    CMD_TEXT,    /* const char * */
    CMD_NUMBER,  /* int64_t from min to max */
    CMD_LOCALES, /* may be given several times: struct options' locales */
};

/* One option. Its value goes to a field of struct options (cmd/options.h). */
struct cmd_option {
    const char *name;
    char letter; /* 0: none */
    bool common; /* means the same in every command that has it */
    enum cmd_option_kind kind;
    const char *argument; /* "FILE"; NULL for flags */
    const char *words;    /* all values there are, with blanks between; or NULL */
    size_t offset;
    int64_t min, max;
    const char *setting; /* the setting of the configuration it overrides, or NULL */
    const char *prose;
};

struct cmd_example {
    const char *line, *prose;
};

/* What a command wants of the configuration file. */
enum cmd_config {
    CMD_NO_CONFIG,
    CMD_MAY_CONFIG, /* reads it where there is one */
    CMD_NEEDS_SITE, /* cannot work without page sets */
};

struct cmd {
    const char *name;
    const char *summary;     /* a few words, small initial */
    const char *operands;    /* "TEMPLATE_DIR NAME DATA.json", or "" */
    const char *description; /* paragraphs with "\n" between */
    int (*run)(int argc, char **argv);
    enum cmd_config config;
    int min_operands, max_operands;
    const struct cmd_option *options; /* its own first, then common ones; without --help */
    size_t n_options;
    const struct cmd_example *examples;
    size_t n_examples;
    unsigned exits; /* bit mask of enum cmd_exit */
};

/* commands.c: in the order of the manuals. */
extern const struct cmd cmd_table[];
extern const size_t cmd_count;

/* NULL when there is no such command. */
const struct cmd *cmd_find(const char *name);

/* Meaning of an exit code, for manuals. */
const char *cmd_exit_prose(enum cmd_exit code);

int cmd_build(int argc, char **argv);
int cmd_upload(int argc, char **argv);
int cmd_listen(int argc, char **argv);
int cmd_rollback(int argc, char **argv);
int cmd_pin(int argc, char **argv);
int cmd_unpin(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_render(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif

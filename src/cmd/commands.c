/* The table of commands with all that manuals say of them. */
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"

#define AT(field) .offset = offsetof(struct options, field)
#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))
#define EXIT(code) (1u << (code))

/* --- options that mean the same everywhere ---------------------------------------------------- */

#define OPTION_CONFIG                                                                              \
    {                                                                                              \
        .name = "config", .letter = 'c', .common = true, .kind = CMD_TEXT, .argument = "FILE",     \
        AT(config), .prose = "The configuration. Default: platen.yaml in the current folder."      \
    }
#define OPTION_OUT                                                                                 \
    {                                                                                              \
        .name = "out", .letter = 'o', .common = true, .kind = CMD_TEXT, .argument = "DIR",         \
        AT(out), .setting = "output.dir",                                                          \
        .prose = "The folder printed to; the web root is `public` in it."                          \
    }
#define OPTION_SOURCE                                                                              \
    {                                                                                              \
        .name = "source", .letter = 's', .common = true, .kind = CMD_TEXT, .argument = "FILE|URL", \
        AT(source), .setting = "database.source",                                                  \
        .prose = "Where rows come from: a PostgreSQL connection string, or a file that "           \
                 "`platen export` wrote."                                                          \
    }
#define OPTION_DATABASE                                                                            \
    {                                                                                              \
        .name = "source", .letter = 's', .common = true, .kind = CMD_TEXT, .argument = "URL",      \
        AT(source), .setting = "database.source",                                                  \
        .prose = "The database: a PostgreSQL connection string."                                   \
    }
#define OPTION_LOCALE                                                                              \
    {                                                                                              \
        .name = "locale", .letter = 'l', .common = true, .kind = CMD_LOCALES, .argument = "L",     \
        .prose = "Only this locale; the others stay as they are. May be given several times."      \
    }
#define OPTION_THREADS                                                                             \
    {                                                                                              \
        .name = "threads", .common = true, .kind = CMD_TEXT, .argument = "N", AT(threads),         \
        .setting = "output.threads",                                                               \
        .prose = "Threads that render and compress; 0: one per "                                   \
                 "processor."                                                                      \
    }
#define OPTION_JSON                                                                                \
    {                                                                                              \
        .name = "json", .common = true, .kind = CMD_FLAG, AT(json),                                \
        .prose = "Print the result as JSON, for programs."                                         \
    }
#define OPTION_QUIET                                                                               \
    {                                                                                              \
        .name = "quiet", .letter = 'q', .common = true, .kind = CMD_FLAG, AT(quiet),               \
        .prose = "Say nothing but what is wrong."                                                  \
    }
#define OPTION_VERBOSE                                                                             \
    {                                                                                              \
        .name = "verbose", .letter = 'v', .common = true, .kind = CMD_FLAG, AT(verbose),           \
        .prose = "Say more."                                                                       \
    }
#define OPTION_DRY_RUN(what)                                                                       \
    {                                                                                              \
        .name = "dry-run", .letter = 'n', .kind = CMD_FLAG, AT(dry_run), .prose = what             \
    }
#define OPTION_LOCK_WAIT                                                                           \
    {                                                                                              \
        .name = "lock-wait", .kind = CMD_TEXT, .argument = "DURATION", AT(lock_wait),              \
        .setting = "output.lock_wait",                                                             \
        .prose = "How long to wait while another platen prints to the same folder (10s, 5m)."      \
    }

/* --- build ------------------------------------------------------------------------------------ */

static const struct cmd_option build_options[] = {
    {.name = "accept",
     .kind = CMD_FLAG,
     AT(accept),
     .prose = "Print although a guard would hold: this once, because you have looked and it is "
              "meant."},
    OPTION_DRY_RUN("Print nothing; list what would be added, changed and removed, with sizes."),
    OPTION_LOCK_WAIT,
    {.name = "no-upload",
     .kind = CMD_FLAG,
     AT(no_upload),
     .prose = "Print only, although the configuration names an origin."},
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_SOURCE,
    OPTION_LOCALE,
    OPTION_THREADS,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example build_examples[] = {
    {"platen build", "Print the site of ./platen.yaml from the database of the environment."},
    {"platen build --dry-run", "What would change?"},
    {"platen build --source site.export --out /tmp/site", "Without a database, somewhere else."},
};

/* --- upload ----------------------------------------------------------------------------------- */

static const struct cmd_option upload_options[] = {
    {.name = "origin",
     .kind = CMD_TEXT,
     .argument = "URL|DIR",
     AT(origin),
     .setting = "origin.url",
     .prose = "Where to: s3://BUCKET/PREFIX, or a folder."},
    {.name = "verify",
     .kind = CMD_FLAG,
     AT(verify),
     .prose = "List what is really there, and put right what is not as it was uploaded."},
    {.name = "accept",
     .kind = CMD_FLAG,
     AT(accept),
     .prose = "Delete what is gone although it is more than origin.max_deletes: this once, because "
              "you have looked and it is meant."},
    OPTION_DRY_RUN("Change nothing; list what would be put and deleted, with sizes."),
    {.name = "lock-wait",
     .kind = CMD_TEXT,
     .argument = "DURATION",
     AT(lock_wait),
     .setting = "output.lock_wait",
     .prose = "How long to wait while another platen uploads to the same origin (10s, 5m)."},
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example upload_examples[] = {
    {"platen upload", "Send what has changed since the last upload."},
    {"platen upload --dry-run", "What would be sent?"},
    {"platen upload --verify", "Somebody has been in the bucket: put it right."},
};

/* --- listen ----------------------------------------------------------------------------------- */

static const struct cmd_option listen_options[] = {
    {.name = "lock-wait",
     .kind = CMD_TEXT,
     .argument = "DURATION",
     AT(lock_wait),
     .setting = "output.lock_wait",
     .prose = "How long a look waits while another platen prints to the same folder (10s, 5m)."},
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_DATABASE,
    OPTION_LOCALE,
    OPTION_THREADS,
    {.name = "json", .kind = CMD_FLAG, AT(json), .prose = "Log JSON, one object per line."},
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example listen_examples[] = {
    {"platen listen", "Print now, and again within a blink of every commit."},
    {"platen listen --json 2>> platen.log", "With a log for programs."},
};

/* --- rollback, pin, unpin --------------------------------------------------------------------- */

static const struct cmd_option rollback_options[] = {
    {.name = "list",
     .kind = CMD_FLAG,
     AT(list),
     .prose = "Show the releases that are kept, newest first; change nothing."},
    OPTION_DRY_RUN("Print nothing; list what would be added, changed and removed, with sizes."),
    {.name = "reason",
     .kind = CMD_TEXT,
     .argument = "TEXT",
     AT(reason),
     .prose = "Why: every build says it until `platen unpin`."},
    OPTION_LOCK_WAIT,
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_THREADS,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example rollback_examples[] = {
    {"platen rollback --list", "Where could we go?"},
    {"platen rollback --dry-run", "What would the release before this one change?"},
    {"platen rollback 41 --reason 'wrong prices'", "Release 41 again, at once."},
};

static const struct cmd_option pin_options[] = {
    {.name = "reason",
     .kind = CMD_TEXT,
     .argument = "TEXT",
     AT(reason),
     .prose = "Why: every build says it until `platen unpin`."},
    OPTION_LOCK_WAIT,
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_JSON,
    OPTION_QUIET,
};

static const struct cmd_example pin_examples[] = {
    {"platen pin --reason 'sale until Monday'", "Nothing changes until Monday."},
};

static const struct cmd_option unpin_options[] = {
    OPTION_LOCK_WAIT, OPTION_CONFIG, OPTION_OUT, OPTION_JSON, OPTION_QUIET,
};

static const struct cmd_example unpin_examples[] = {
    {"platen unpin && platen build", "What the database says, from now on."},
};

/* --- serve ------------------------------------------------------------------------------------ */

static const struct cmd_option serve_options[] = {
    {.name = "port",
     .letter = 'p',
     .kind = CMD_NUMBER,
     .argument = "N",
     AT(port),
     .min = 0,
     .max = 65535,
     .prose = "The port. Default: 8080. 0: any that is free."},
    {.name = "bind",
     .kind = CMD_TEXT,
     .argument = "ADDR",
     AT(bind),
     .prose = "The address to listen at. Default: 127.0.0.1, which only this machine can reach."},
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example serve_examples[] = {
    {"platen serve", "Then look at http://127.0.0.1:8080/."},
    {"platen serve --port 0 --verbose", "A free port; every request is shown."},
};

/* --- render ----------------------------------------------------------------------------------- */

static const struct cmd_option render_options[] = {
    {.name = "parts",
     .kind = CMD_TEXT,
     .argument = "FOLDER",
     AT(parts),
     .prose =
         "Dynamic names ({{>*name}}) pick from this folder of TEMPLATE_DIR, as those of a page "
         "set pick from its `parts`. Default: all of TEMPLATE_DIR."},
    {.name = "strict",
     .kind = CMD_FLAG,
     AT(strict),
     .prose = "A template that is named and missing is an error, as in a build; otherwise it is "
              "empty, as the specification has it."},
};

static const struct cmd_example render_examples[] = {
    {"platen render templates product product.json",
     "Print templates/product.html.mustache with the data of product.json."},
    {"echo '{\"content\": {\"text\": \"Hello\"}}' | platen render templates sections/banner -",
     "Data need not be in a file."},
};

/* --- export ----------------------------------------------------------------------------------- */

static const struct cmd_option export_options[] = {
    {.name = "to",
     .kind = CMD_TEXT,
     .argument = "FILE",
     AT(to),
     .prose = "The file to write, the same as FILE. '-' is standard output, the default."},
    OPTION_CONFIG,
    OPTION_SOURCE,
    OPTION_LOCALE,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example export_examples[] = {
    {"platen export site.export", "Keep what is published now."},
    {"platen export | gzip > site.export.gz", "To a program."},
};

/* --- migrate ---------------------------------------------------------------------------------- */

static const struct cmd_option migrate_options[] = {
    {.name = "to",
     .kind = CMD_NUMBER,
     .argument = "N",
     AT(to_version),
     .min = 0,
     .max = 9999,
     .prose = "Apply up to migration N and no further."},
    {.name = "down",
     .kind = CMD_NUMBER,
     .argument = "N",
     AT(down),
     .min = 0,
     .max = 9999,
     .prose = "Roll back, newest first, until migration N is the newest; 0: all of them."},
    {.name = "list",
     .kind = CMD_FLAG,
     AT(list),
     .prose = "Show every migration and whether it is applied; change nothing."},
    OPTION_DRY_RUN("Say what would be applied or rolled back; change nothing."),
    {.name = "dir",
     .kind = CMD_TEXT,
     .argument = "DIR",
     AT(dir),
     .setting = "database.migrations",
     .prose = "The folder of the migrations. Default: sql/migrations."},
    OPTION_CONFIG,
    OPTION_DATABASE,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
};

static const struct cmd_example migrate_examples[] = {
    {"platen migrate --list", "What is applied, what is not?"},
    {"platen migrate --source postgresql:///cms", "Apply everything that is missing."},
    {"platen migrate --down 6", "Roll back until 0006 is the newest."},
};

/* --- status ----------------------------------------------------------------------------------- */

static const struct cmd_option status_options[] = {
    OPTION_CONFIG,
    OPTION_OUT,
    OPTION_JSON,
    OPTION_QUIET,
};

static const struct cmd_example status_examples[] = {
    {"platen status", "Is somebody there, and how far is it?"},
    {"platen status --quiet", "The exit code alone, for monitoring."},
    {"platen status --json | jq .worker.latency", "For a program."},
};

/* --- help and version ------------------------------------------------------------------------- */

static const struct cmd_option help_options[] = {
    {.name = "sample",
     .kind = CMD_FLAG,
     AT(sample),
     .prose = "Print a commented platen.yaml with every setting and its default."},
    {.name = "completion",
     .kind = CMD_TEXT,
     .argument = "SHELL",
     .words = "bash zsh fish",
     AT(completion),
     .prose = "Print the completion of a shell: bash, zsh or fish."},
    {.name = "man", .kind = CMD_FLAG, AT(man), .prose = "Print the man page (man -l -)."},
    {.name = "reference",
     .kind = CMD_FLAG,
     AT(reference),
     .prose = "Print the reference of commands and settings as Markdown."},
};

static const struct cmd_example help_examples[] = {
    {"platen help build", "The options of one command."},
    {"platen help settings", "What may stand in platen.yaml."},
    {"platen help --sample > platen.yaml", "Begin a site."},
};

static const struct cmd_option version_options[] = {
    OPTION_VERBOSE,
};

static const struct cmd_example version_examples[] = {
    {"platen version --verbose", "With the libraries it runs with: for reports."},
};

/* --- the table -------------------------------------------------------------------------------- */

#define OPTIONS(rows) .options = rows, .n_options = COUNT(rows)
#define EXAMPLES(rows) .examples = rows, .n_examples = COUNT(rows)

const struct cmd cmd_table[] = {
    {.name = "build",
     .summary = "look once and print what is published",
     .operands = "",
     .description =
         "Reads every page set from the database in one snapshot, prints what changed since the "
         "last release to the output folder, and removes what is gone. A file appears whole or "
         "not at all; stop it at any moment and the next build finishes the work.\n"
         "Results that look like an accident are held back (see the settings `guards`): those "
         "pages stay as they are, the rest is printed, and the exit code is 3. While a release is "
         "pinned (`platen rollback`, `platen pin`), nothing but tombstones is printed, and it is "
         "3, "
         "too.",
     .run = cmd_build,
     .config = CMD_NEEDS_SITE,
     OPTIONS(build_options),
     EXAMPLES(build_examples),
     .exits =
         EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE) | EXIT(CMD_HELD) | EXIT(CMD_OMITTED)},
    {.name = "upload",
     .summary = "send what has changed to the origin",
     .operands = "",
     .description =
         "Compares the newest release of the output folder with what the origin says it has (one "
         "request), and sends the difference: dependencies before pages, pages before the sitemap, "
         "then the record of all that, and only then deletes what is gone. Stop it at any moment "
         "and the next upload finishes the work. `platen build` and `platen listen` do the same "
         "where an origin is configured.\n"
         "Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from the container's "
         "endpoint, or from the instance's metadata service. More deletes than origin.max_deletes, "
         "or an origin that was pinned from elsewhere, hold it: exit code 3.",
     .run = cmd_upload,
     .config = CMD_MAY_CONFIG,
     OPTIONS(upload_options),
     EXAMPLES(upload_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE) | EXIT(CMD_HELD)},
    {.name = "listen",
     .summary = "keep printing what is published, for as long as it runs",
     .operands = "",
     .description =
         "Looks as `platen build` does, and again whenever there is a reason: a notification on "
         "the channel `platen`, a changed template, query or setting, a connection that came back, "
         "and from time to time without any (see the settings `listen`). A notification says that "
         "something changed, never what: lost or invented ones do no harm.\n"
         "Whatever fails is logged and tried again; the last good pages stay. SIGTERM ends it once "
         "the look that runs is finished, SIGHUP reads the configuration again. The log goes to "
         "standard error.",
     .run = cmd_listen,
     .config = CMD_NEEDS_SITE,
     OPTIONS(listen_options),
     EXAMPLES(listen_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "rollback",
     .summary = "print an earlier release again",
     .operands = "[GENERATION]",
     .description =
         "Prints a kept release again from `objects` of the output folder, without the database "
         "and without the templates of that day, and pins it. GENERATION is a number of --list; "
         "default: the release before the newest or, while a rollback is pinned, that release "
         "again. What comes is a new release with the content of the old one. All bytes are "
         "checked first: where one file is missing or damaged, nothing is changed. Stop it at any "
         "moment: run again, or the next build, ends it.\n"
         "While pinned, `platen build` prints nothing but tombstones (rows whose state is "
         "`maintenance` or `gone`) and exits 3; `platen unpin` ends that. A listener acts at "
         "once on all of this. Without one, build after a rollback where a page was under "
         "maintenance or gone: its tombstone acts again then.",
     .run = cmd_rollback,
     .config = CMD_MAY_CONFIG,
     .max_operands = 1,
     OPTIONS(rollback_options),
     EXAMPLES(rollback_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "pin",
     .summary = "leave what is published as it is",
     .operands = "",
     .description =
         "Pins the newest release: until `platen unpin` nothing is printed but tombstones (rows "
         "whose state is `maintenance` or `gone`; when they are live again, their pages come back "
         "as the pinned release has them), whatever the database, the templates and the "
         "configuration say. `platen build` exits 3 and tells since when and why. Pinned already: "
         "the release and the time stay, a new --reason replaces the old one.",
     .run = cmd_pin,
     .config = CMD_MAY_CONFIG,
     OPTIONS(pin_options),
     EXAMPLES(pin_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "unpin",
     .summary = "end a pin, also that of a rollback",
     .operands = "",
     .description = "The next build, or a listener at once, prints what the database says.",
     .run = cmd_unpin,
     .config = CMD_MAY_CONFIG,
     OPTIONS(unpin_options),
     EXAMPLES(unpin_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "serve",
     .summary = "preview the printed pages on this machine",
     .operands = "",
     .description =
         "Serves the folder `public` of the output folder over HTTP, as a web server in front of "
         "it would: compressed twins by Accept-Encoding, ETag and 304, the 404 page, folders by "
         "their index.html. Where base_url has a path, the site is served below it. A build may "
         "run meanwhile. For looking, not for the public: no TLS, no limits of rate. Ctrl-C ends "
         "it.",
     .run = cmd_serve,
     .config = CMD_MAY_CONFIG,
     OPTIONS(serve_options),
     EXAMPLES(serve_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "render",
     .summary = "print one template with one JSON file",
     .operands = "TEMPLATE_DIR NAME DATA.json",
     .description =
         "Prints the template NAME of a folder with the data of a file to standard output: the "
         "shortest way to work on a theme. NAME.html.mustache escapes for HTML, a plain "
         "NAME.mustache is read exactly as the Mustache specification says. DATA.json may hold "
         "any JSON value; \"-\" is standard input.",
     .run = cmd_render,
     .config = CMD_NO_CONFIG,
     .min_operands = 3,
     .max_operands = 3,
     OPTIONS(render_options),
     EXAMPLES(render_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "export",
     .summary = "write the snapshot to a file",
     .operands = "[FILE]",
     .description =
         "Writes every row of every page set, read in one snapshot, to a file from which "
         "`platen build --source FILE` prints the same pages without a database: for tests, for "
         "themes, for a site in a box.",
     .run = cmd_export,
     .config = CMD_NEEDS_SITE,
     .max_operands = 1,
     OPTIONS(export_options),
     EXAMPLES(export_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE) | EXIT(CMD_OMITTED)},
    {.name = "migrate",
     .summary = "bring the database's schema up to date",
     .operands = "",
     .description =
         "Applies the numbered files of sql/migrations that the database has not seen, in order, "
         "one after the other, and writes down which. Each file is one transaction, unless a "
         "comment "
         "line at its top says `-- platen: no-transaction`. Stops at the first error with file, "
         "line and the server's words; run again, it goes on from there.\n"
         "Every NNNN_name.sql has its way back, NNNN_name.down.sql. The files are plain SQL: psql "
         "-f runs them, too. It needs a direct connection, not a pooler in transaction mode.",
     .run = cmd_migrate,
     .config = CMD_MAY_CONFIG,
     OPTIONS(migrate_options),
     EXAMPLES(migrate_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "status",
     .summary = "tell how the worker is, and what is printed",
     .operands = "",
     .description =
         "Tells what the worker that prints to the output folder says of itself: how it hears of "
         "changes, its last look and why, how long a commit takes to become a page and to be live, "
         "what is at the origin, what is due, "
         "held or wrong. Without a worker it tells which release is there. It reads files of the "
         "output folder only: no database, no lock.\n"
         "A worker writes out/status.json with each change, and every 5 seconds without one. It "
         "counts as gone when its process is not there, and as silent when it has not written for "
         "three times as long: hung, stopped, or cut off. Exit code 0: a worker is alive and well; "
         "1: none is, or its last look or upload failed; 3: it is, but something is held or "
         "pinned.",
     .run = cmd_status,
     .config = CMD_MAY_CONFIG,
     OPTIONS(status_options),
     EXAMPLES(status_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE) | EXIT(CMD_HELD)},
    {.name = "help",
     .summary = "explain a command, or the settings",
     .operands = "[COMMAND | settings]",
     .description = "Explains platen, one of its commands, or what may stand in platen.yaml.",
     .run = cmd_help,
     .config = CMD_NO_CONFIG,
     .max_operands = 1,
     OPTIONS(help_options),
     EXAMPLES(help_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
    {.name = "version",
     .summary = "tell the version",
     .operands = "",
     .description = "Tells the version of platen.",
     .run = cmd_version,
     .config = CMD_NO_CONFIG,
     OPTIONS(version_options),
     EXAMPLES(version_examples),
     .exits = EXIT(CMD_DONE) | EXIT(CMD_FAILED) | EXIT(CMD_USAGE)},
};

const size_t cmd_count = COUNT(cmd_table);

const struct cmd *cmd_find(const char *name)
{
    for (size_t i = 0; i < cmd_count; i++)
        if (strcmp(cmd_table[i].name, name) == 0)
            return &cmd_table[i];
    return NULL;
}

const char *cmd_exit_prose(enum cmd_exit code)
{
    static const char *const prose[] = {
        [CMD_DONE] = "Done, also when nothing had changed.",
        [CMD_FAILED] = "Failed: the database, the disk or the network.",
        [CMD_USAGE] = "The command line, the configuration or a template is wrong.",
        [CMD_HELD] = "A guard, or a pin, held pages back; they stay as they were.",
        [CMD_OMITTED] = "Done, with content left out that a policy omits or keeps.",
    };
    return prose[code];
}

#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/help.h"
#include "cmd/say.h"
#include "config/nearest.h"

#define OPTIONS_MAX 32
#define VALUE_FIRST 256 /* getopt's value of row 0; letters are below */
#define DEFAULT_CONFIG "platen.yaml"

/* --- what getopt_long wants ----------------------------------------------------------------------
 */

struct spec {
    struct option longs[OPTIONS_MAX + 2];
    char shorts[2 * OPTIONS_MAX + 4];
};

static void spec_init(struct spec *spec, const struct cmd *command)
{
    char *p = spec->shorts;
    *p++ = ':'; /* a missing argument is told from an unknown option */
    for (size_t i = 0; i < command->n_options; i++) {
        const struct cmd_option *row = &command->options[i];
        int has_argument = row->kind == CMD_FLAG ? no_argument : required_argument;
        spec->longs[i] = (struct option){row->name, has_argument, NULL, VALUE_FIRST + (int)i};
        if (row->letter != 0) {
            *p++ = row->letter;
            if (has_argument == required_argument)
                *p++ = ':';
        }
    }
    *p++ = 'h';
    *p = '\0';
    spec->longs[command->n_options] = (struct option){"help", no_argument, NULL, 'h'};
    spec->longs[command->n_options + 1] = (struct option){0};
}

static const struct cmd_option *row_of(const struct cmd *command, int value)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (value == VALUE_FIRST + (int)i || (value != 0 && value == command->options[i].letter))
            return &command->options[i];
    return NULL;
}

/* --- what can be wrong ------------------------------------------------------------------------ */

static bool fail_hint(const struct cmd *command, struct error *err)
{
    char text[ERROR_TEXT_MAX];
    memcpy(text, err->text, sizeof(text));
    return error_set(err, ERROR_USAGE, "%s\nsee 'platen %s --help'", text, command->name);
}

/* getopt leaves optopt at 0 for a long option, which is then the argument just passed. */
static bool fail_unknown(const struct cmd *command, char **argv, struct error *err)
{
    if (optopt != 0) {
        error_set(err, ERROR_USAGE, "unknown option '-%c'", optopt);
        return fail_hint(command, err);
    }
    const char *argument = argv[optind - 1];
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    struct nearest n;
    nearest_init(&n, name);
    for (size_t i = 0; i < command->n_options; i++)
        nearest_offer(&n, command->options[i].name);
    nearest_offer(&n, "help");
    size_t same = 0;
    for (size_t i = 0; i < command->n_options; i++)
        same += strncmp(command->options[i].name, name, strlen(name)) == 0;
    if (same > 1)
        error_set(err, ERROR_USAGE, "option '--%s' may mean more than one; write it out", name);
    else if (n.best != NULL)
        error_set(err, ERROR_USAGE, "unknown option '--%s'; did you mean '--%s'?", name, n.best);
    else
        error_set(err, ERROR_USAGE, "unknown option '--%s'", name);
    return fail_hint(command, err);
}

/* A known option (optopt is its value) without the value it needs, or with one it does not take. */
static bool fail_argument(const struct cmd *command, struct error *err)
{
    const struct cmd_option *row = row_of(command, optopt);
    if (row != NULL && row->kind != CMD_FLAG)
        error_set(err, ERROR_USAGE, "option '--%s' needs a value: --%s %s", row->name, row->name,
                  row->argument);
    else
        error_set(err, ERROR_USAGE, "option '--%s' takes no value",
                  row != NULL ? row->name : "help");
    return fail_hint(command, err);
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_word_of(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (const char *p = words; *p != '\0'; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (n == len && memcmp(p, text, n) == 0)
            return true;
        p += n;
    }
    return false;
}

static bool take_number(const struct cmd_option *row, const char *text, int64_t *out,
                        struct error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == ' ' || value < row->min ||
        value > row->max)
        return error_set(err, ERROR_USAGE, "--%s: '%s' is not a whole number from %lld to %lld",
                         row->name, text, (long long)row->min, (long long)row->max);
    *out = value;
    return true;
}

static bool take(struct options *o, const struct cmd_option *row, const char *text,
                 struct error *err)
{
    void *at = (char *)o + row->offset;
    switch (row->kind) {
    case CMD_FLAG:
        *(bool *)at = true;
        return true;
    case CMD_NUMBER:
        return take_number(row, text, at, err);
    case CMD_LOCALES:
        if (o->n_locales == OPTIONS_LOCALES_MAX)
            return error_set(err, ERROR_USAGE, "--%s: more than %d are too many", row->name,
                             OPTIONS_LOCALES_MAX);
        o->locales[o->n_locales++] = text;
        return true;
    case CMD_TEXT:
        if (text[0] == '\0')
            return error_set(err, ERROR_USAGE, "--%s: the value is empty", row->name);
        if (row->words != NULL && !is_word_of(row->words, text))
            return error_set(err, ERROR_USAGE, "--%s: '%s' is not one of: %s", row->name, text,
                             row->words);
        *(const char **)at = text;
        return true;
    }
    return true;
}

static bool check_operands(struct options *o, struct error *err)
{
    const struct cmd *command = o->command;
    if (o->n_operands > command->max_operands)
        error_set(err, ERROR_USAGE, "platen %s: '%s' is one argument too many", command->name,
                  o->operands[command->max_operands]);
    else if (o->n_operands < command->min_operands)
        error_set(err, ERROR_USAGE, "platen %s needs: %s", command->name, command->operands);
    else
        return true;
    return fail_hint(command, err);
}

/* --- the face --------------------------------------------------------------------------------- */

bool options_parse(struct options *o, int argc, char **argv, bool *help, struct error *err)
{
    struct spec spec;
    *o = (struct options){.command = cmd_find(argv[0]), .to_version = -1, .down = -1};
    o->port = 8080;
    o->bind = "127.0.0.1";
    *help = false;
    spec_init(&spec, o->command);
    opterr = 0;
    optind = 0; /* glibc: start anew, permuting */
    for (;;) {
        int value = getopt_long(argc, argv, spec.shorts, spec.longs, NULL);
        if (value == -1)
            break;
        if (value == 'h') {
            *help = true;
            continue;
        }
        const struct cmd_option *row = row_of(o->command, value == '?' ? optopt : value);
        bool known = row != NULL || (value == '?' && optopt == 'h');
        if (value == ':' || (value == '?' && known))
            return fail_argument(o->command, err);
        if (row == NULL)
            return fail_unknown(o->command, argv, err);
        if (!take(o, row, optarg, err))
            return fail_hint(o->command, err);
    }
    o->operands = argv + optind;
    o->n_operands = argc - optind;
    return *help || check_operands(o, err);
}

bool options_begin(struct options *o, int argc, char **argv, int *code)
{
    struct error err = ERROR_INIT;
    bool help;
    *code = CMD_DONE;
    if (!options_parse(o, argc, argv, &help, &err)) {
        *code = say_error(&err);
        return false;
    }
    if (help) {
        help_print_command(o->command, stdout);
        return false;
    }
    return true;
}

/* --- on to the configuration ------------------------------------------------------------------ */

static bool fail_no_file(struct error *err)
{
    return error_set(err, ERROR_USAGE,
                     "there is no " DEFAULT_CONFIG " here. Either\n"
                     "  go to the folder of your site, or\n"
                     "  name the file:    --config FILE (or PLATEN_CONFIG=FILE), or\n"
                     "  begin a new one:  platen help --sample > " DEFAULT_CONFIG);
}

static bool load_file(struct config *c, const struct options *o, struct error *err)
{
    const char *path = o->config;
    if (path == NULL)
        path = getenv("PLATEN_CONFIG");
    if (path != NULL && path[0] != '\0')
        return config_load_file(c, path, true, err);
    if (o->command->config == CMD_NEEDS_SITE && access(DEFAULT_CONFIG, F_OK) != 0)
        return fail_no_file(err);
    return config_load_file(c, DEFAULT_CONFIG, false, err);
}

static bool set_options(struct config *c, const struct options *o, struct error *err)
{
    for (size_t i = 0; i < o->command->n_options; i++) {
        const struct cmd_option *row = &o->command->options[i];
        if (row->setting == NULL)
            continue;
        const char *text = *(const char *const *)(const void *)((const char *)o + row->offset);
        if (text != NULL && !config_set(c, row->setting, text, err))
            return error_context(err, "--%s", row->name);
    }
    for (size_t i = 0; i < o->n_locales; i++)
        if (!config_add_locale(c, o->locales[i], err))
            return error_context(err, "--locale");
    c->json = o->json;
    c->quiet = o->quiet;
    c->verbose = o->verbose;
    return true;
}

bool options_load_config(struct config *c, const struct options *o, struct error *err)
{
    config_init(c);
    if (!load_file(c, o, err) || !config_load_env(c, err) || !set_options(c, o, err) ||
        !config_check(c, err))
        return false;
    if (o->command->config == CMD_NEEDS_SITE && c->n_sets == 0)
        return error_set(err, ERROR_USAGE,
                         "%s: page_sets is missing: without one there is nothing to print",
                         c->file);
    return true;
}

int options_run(int argc, char **argv, int (*run)(struct config *c, const struct options *o))
{
    struct options o;
    struct config c;
    struct error err = ERROR_INIT;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    code = options_load_config(&c, &o, &err) ? run(&c, &o) : say_error(&err);
    config_release(&c);
    return code;
}

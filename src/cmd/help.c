#include "cmd/help.h"

#include <stdlib.h>
#include <string.h>

#include "base/version.h"
#include "cmd/docs.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "config/nearest.h"

#define WIDTH 80

const struct setting_table *const help_tables[] = {
    &setting_config, &setting_locale,  &setting_page_set, &setting_items,
    &setting_output, &setting_headers, &setting_purge,
};
const size_t help_table_count = sizeof(help_tables) / sizeof(*help_tables);

const char *help_table_title(const struct setting_table *table)
{
    return table->title[0] == '\0' ? "Settings" : table->title;
}

/* --- layout --------------------------------------------------------------------------------------
 */

static size_t columns_of(const char *text, size_t len)
{
    size_t columns = 0;
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

/* Appends text as lines of at most WIDTH columns; the first begins at column `at`, those that
 * follow at `indent`. "\n" in the text begins a paragraph. */
static void wrap(struct strbuf *out, const char *text, size_t at, size_t indent)
{
    size_t column = at;
    for (const char *p = text; *p != '\0';) {
        if (*p == '\n') {
            strbuf_addf(out, "\n\n%*s", (int)indent, "");
            column = indent;
            p++;
            continue;
        }
        size_t len = strcspn(p, " \n");
        size_t width = columns_of(p, len);
        if (column > indent && column + 1 + width > WIDTH) {
            strbuf_addf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            strbuf_addch(out, ' ');
            column++;
        }
        strbuf_add(out, p, len);
        column += width;
        p += len;
        p += *p == ' ';
    }
    strbuf_addch(out, '\n');
}

/* A term at column 2 and its prose at column `indent`, on the next line when the term is long. */
static void entry(struct strbuf *out, const char *term, const char *prose, size_t indent)
{
    size_t width = columns_of(term, strlen(term));
    strbuf_addf(out, "  %s", term);
    if (width + 4 > indent)
        strbuf_addf(out, "\n%*s", (int)indent, "");
    else
        strbuf_addf(out, "%*s", (int)(indent - width - 2), "");
    wrap(out, prose, indent, indent);
}

static void heading(struct strbuf *out, const char *text, bool bold)
{
    strbuf_addf(out, "\n%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

static void print(struct strbuf *text, FILE *to)
{
    fwrite(text->buf, 1, text->len, to);
    strbuf_release(text);
}

/* --- parts ---------------------------------------------------------------------------------------
 */

void help_setting_default(const struct setting *row, struct strbuf *out)
{
    if (row->required)
        strbuf_addstr(out, "none; must be given");
    else if (row->standard_is != NULL)
        strbuf_addstr(out, row->standard_is);
    else if (row->standard == NULL)
        strbuf_addstr(out, "none");
    else if (row->standard[0] == '\0')
        strbuf_addstr(out, "empty");
    else
        strbuf_addstr(out, row->standard);
}

void help_option_prose(const struct cmd_option *row, struct strbuf *out)
{
    strbuf_addstr(out, row->prose);
    const struct setting *setting =
        row->setting != NULL ? setting_find(&setting_config, row->setting) : NULL;
    if (setting == NULL)
        return;
    if (strstr(row->prose, "Default:") == NULL) {
        strbuf_addstr(out, " Default: ");
        help_setting_default(setting, out);
        strbuf_addch(out, '.');
    }
    strbuf_addf(out, " Setting: %s.", row->setting);
}

static bool has_option(const struct cmd *command, const char *name)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (strcmp(command->options[i].name, name) == 0)
            return true;
    return false;
}

void help_each_variable(const struct cmd *command, help_variable_fn *fn, void *payload)
{
    char prose[64];
    if (has_option(command, "config"))
        fn(payload, "PLATEN_CONFIG", "Like --config.");
    for (size_t i = 0; i < command->n_options; i++) {
        const struct cmd_option *row = &command->options[i];
        const struct setting *setting =
            row->setting != NULL ? setting_find(&setting_config, row->setting) : NULL;
        if (setting == NULL || setting->environment == NULL)
            continue;
        snprintf(prose, sizeof(prose), "Like --%s.", row->name);
        fn(payload, setting->environment, prose);
    }
    if (has_option(command, "source"))
        fn(payload, "PGHOST, PGDATABASE, PGUSER, PGPASSFILE, ...",
           "libpq's own; they fill in what the connection string leaves out.");
    if (has_option(command, "config"))
        fn(payload, "PLATEN_...", "Most settings have a variable: platen help settings.");
    fn(payload, "NO_COLOR", "No colours, also on a terminal.");
}

/* --- one command ---------------------------------------------------------------------------------
 */

static void add_options(struct strbuf *out, const struct cmd *command, bool common, bool bold)
{
    bool any = common; /* --help is always there */
    for (size_t i = 0; i < command->n_options; i++)
        any = any || command->options[i].common == common;
    if (!any)
        return;
    heading(out, common ? "Common options:" : "Options:", bold);
    struct strbuf prose = STRBUF_INIT;
    for (size_t i = 0; i < command->n_options; i++) {
        const struct cmd_option *row = &command->options[i];
        if (row->common != common)
            continue;
        char letter[8] = "    ", term[80];
        if (row->letter != 0)
            snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        snprintf(term, sizeof(term), "%s--%s%s%s", letter, row->name,
                 row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
        strbuf_reset(&prose);
        help_option_prose(row, &prose);
        entry(out, term, prose.buf, 28);
    }
    strbuf_release(&prose);
    if (common)
        entry(out, "-h, --help", "Print this.", 28);
}

static void add_variable(void *payload, const char *name, const char *prose)
{
    entry(payload, name, prose, 28);
}

static void add_exits(struct strbuf *out, const struct cmd *command)
{
    for (unsigned code = CMD_DONE; code <= CMD_OMITTED; code++) {
        char term[4];
        snprintf(term, sizeof(term), "%u", code);
        if (command->exits & (1u << code))
            entry(out, term, cmd_exit_prose((enum cmd_exit)code), 5);
    }
}

void help_print_command(const struct cmd *command, FILE *to)
{
    struct strbuf out = STRBUF_INIT;
    bool bold = say_in_colour(to);
    strbuf_addf(&out, "Usage: platen %s [options]%s%s\n\n", command->name,
                command->operands[0] != '\0' ? " " : "", command->operands);
    wrap(&out, command->description, 0, 0);
    add_options(&out, command, false, bold);
    add_options(&out, command, true, bold);
    heading(&out, "Environment:", bold);
    help_each_variable(command, add_variable, &out);
    heading(&out, "Exit codes:", bold);
    add_exits(&out, command);
    heading(&out, "Examples:", bold);
    for (size_t i = 0; i < command->n_examples; i++) {
        strbuf_addf(&out, "  %s\n      ", command->examples[i].line);
        wrap(&out, command->examples[i].prose, 6, 6);
    }
    print(&out, to);
}

/* --- all of them ---------------------------------------------------------------------------------
 */

void help_print_overview(FILE *to)
{
    struct strbuf out = STRBUF_INIT;
    bool bold = say_in_colour(to);
    strbuf_addstr(&out, "Usage: platen COMMAND [options]\n\n");
    wrap(&out,
         "A press for PostgreSQL: reads what is published in one snapshot and prints finished "
         "pages, which any web server can serve.",
         0, 0);
    heading(&out, "Commands:", bold);
    for (size_t i = 0; i < cmd_count; i++)
        entry(&out, cmd_table[i].name, cmd_table[i].summary, 14);
    heading(&out, "More:", bold);
    entry(&out, "platen COMMAND --help", "its options, with examples", 30);
    entry(&out, "platen help settings", "what may stand in platen.yaml", 30);
    entry(&out, "platen help --sample", "a commented platen.yaml to begin with", 30);
    entry(&out, "platen --version", "the version", 30);
    print(&out, to);
}

static void add_setting(struct strbuf *out, const struct setting *row)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(out, "  %s\n      ", row->name);
    wrap(out, row->prose, 6, 6);
    if (row->table != NULL)
        strbuf_addf(&text, "Entries: see %s. ", row->table->title);
    else if (row->type == SETTING_TABLE)
        strbuf_addstr(&text, "A map. ");
    else {
        strbuf_addstr(&text, "Value: ");
        setting_describe(row, &text);
        strbuf_addstr(&text, ". ");
    }
    strbuf_addstr(&text, "Default: ");
    help_setting_default(row, &text);
    strbuf_addch(&text, '.');
    setting_describe_environment(row, &text);
    strbuf_addstr(out, "      ");
    wrap(out, text.buf, 6, 6);
    strbuf_release(&text);
}

void help_print_settings(FILE *to)
{
    struct strbuf out = STRBUF_INIT;
    bool bold = say_in_colour(to);
    wrap(&out,
         "What may stand in platen.yaml (YAML or JSON). A dot in a name is one level of map: "
         "guards.scope is written guards: {scope: ...}. The command line goes before the "
         "environment, that before the file, and that before the default. Relative paths stand "
         "for files beside platen.yaml.",
         0, 0);
    for (size_t i = 0; i < help_table_count; i++) {
        char title[80];
        snprintf(title, sizeof(title), "%s:", help_table_title(help_tables[i]));
        heading(&out, title, bold);
        for (size_t j = 0; j < help_tables[i]->n; j++)
            add_setting(&out, &help_tables[i]->rows[j]);
    }
    print(&out, to);
}

/* --- the commands help and version ------------------------------------------------------------ */

static int print_topic(const char *topic)
{
    if (strcmp(topic, "settings") == 0) {
        help_print_settings(stdout);
        return CMD_DONE;
    }
    const struct cmd *command = cmd_find(topic);
    if (command != NULL) {
        help_print_command(command, stdout);
        return CMD_DONE;
    }
    struct error err = ERROR_INIT;
    struct nearest n;
    nearest_init(&n, topic);
    for (size_t i = 0; i < cmd_count; i++)
        nearest_offer(&n, cmd_table[i].name);
    nearest_offer(&n, "settings");
    error_set(&err, ERROR_USAGE, "there is no help on '%s'%s%s%s\nsee 'platen help'", topic,
              n.best != NULL ? "; did you mean '" : "", n.best != NULL ? n.best : "",
              n.best != NULL ? "'?" : "");
    return say_error(&err);
}

int cmd_help(int argc, char **argv)
{
    struct options o;
    struct strbuf out = STRBUF_INIT;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    if (o.man)
        docs_man(&out);
    if (o.sample)
        docs_sample(&out);
    if (o.reference)
        docs_reference(&out);
    if (o.completion != NULL)
        docs_completion(&out, o.completion);
    if (o.n_operands == 1)
        code = print_topic(o.operands[0]);
    else if (out.len == 0)
        help_print_overview(stdout);
    print(&out, stdout);
    return code;
}

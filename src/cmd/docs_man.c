/* The man page, in man(7) macros. */
#include <string.h>

#include "base/version.h"
#include "cmd/docs.h"
#include "cmd/help.h"

/* Text as roff wants it: '-' would become a hyphen, '\' begins a command. "\n" begins a paragraph.
 */
static void add_text(struct strbuf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool first = p == text || p[-1] == '\n';
        if (first && (*p == '.' || *p == '\''))
            strbuf_addstr(out, "\\&");
        if (*p == '\\')
            strbuf_addstr(out, "\\e");
        else if (*p == '-')
            strbuf_addstr(out, "\\-");
        else if (*p == '\n')
            strbuf_addstr(out, "\n.PP\n");
        else
            strbuf_addch(out, *p);
    }
    strbuf_addch(out, '\n');
}

static void add_option(struct strbuf *out, const struct cmd_option *row)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addstr(out, ".TP\n");
    if (row->letter != 0)
        strbuf_addf(&text, "-%c, ", row->letter);
    strbuf_addf(&text, "--%s", row->name);
    strbuf_addstr(out, "\\fB");
    add_text(out, text.buf);
    strbuf_setlen(out, out->len - 1); /* the line goes on */
    strbuf_addstr(out, "\\fR");
    if (row->argument != NULL)
        strbuf_addf(out, " \\fI%s\\fR", row->argument);
    strbuf_addch(out, '\n');
    strbuf_reset(&text);
    help_option_prose(row, &text);
    add_text(out, text.buf);
    strbuf_release(&text);
}

static void add_variable(void *payload, const char *name, const char *prose)
{
    struct strbuf *out = payload;
    strbuf_addf(out, ".TP\n.B %s\n", name);
    add_text(out, prose);
}

static void add_command(struct strbuf *out, const struct cmd *command)
{
    strbuf_addf(out, ".SS platen %s [options]%s%s\n", command->name,
                command->operands[0] != '\0' ? " " : "", command->operands);
    add_text(out, command->description);
    for (size_t i = 0; i < command->n_options; i++)
        add_option(out, &command->options[i]);
}

static void add_setting(struct strbuf *out, const struct setting *row)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(out, ".TP\n.B %s\n", row->name);
    strbuf_addstr(&text, row->prose);
    if (row->type != SETTING_TABLE) {
        strbuf_addstr(&text, " Value: ");
        setting_describe(row, &text);
        strbuf_addch(&text, '.');
    }
    strbuf_addstr(&text, " Default: ");
    help_setting_default(row, &text);
    strbuf_addch(&text, '.');
    setting_describe_environment(row, &text);
    add_text(out, text.buf);
    strbuf_release(&text);
}

static void add_settings(struct strbuf *out)
{
    strbuf_addstr(out, ".SH CONFIGURATION\n");
    add_text(out, "platen.yaml (YAML or JSON) holds these settings. A dot in a name is one level "
                  "of map. The command line goes before the environment, that before the file, "
                  "and that before the default. Relative paths stand for files beside the file.");
    for (size_t i = 0; i < help_table_count; i++) {
        if (help_tables[i]->title[0] != '\0')
            strbuf_addf(out, ".SS %s\n", help_tables[i]->title);
        for (size_t j = 0; j < help_tables[i]->n; j++)
            add_setting(out, &help_tables[i]->rows[j]);
    }
}

static void add_ends(struct strbuf *out)
{
    strbuf_addstr(out, ".SH ENVIRONMENT\n");
    help_each_variable(cmd_find("help"), add_variable, out);
    add_variable(out, "PLATEN_CONFIG", "Like --config.");
    add_variable(out, "DATABASE_URL", "Like --source.");
    add_variable(out, "PGHOST, PGDATABASE, PGUSER, PGPASSFILE, ...",
                 "libpq's own; they fill in what the connection string leaves out.");
    add_variable(out, "PLATEN_...", "Those named with the settings above.");
    strbuf_addstr(out, ".SH EXIT STATUS\n");
    for (unsigned code = CMD_DONE; code <= CMD_OMITTED; code++) {
        strbuf_addf(out, ".TP\n.B %u\n", code);
        add_text(out, cmd_exit_prose((enum cmd_exit)code));
    }
    strbuf_addstr(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < cmd_count; i++) {
        for (size_t j = 0; j < cmd_table[i].n_examples; j++) {
            strbuf_addstr(out, ".TP\n\\fB");
            add_text(out, cmd_table[i].examples[j].line);
            strbuf_setlen(out, out->len - 1);
            strbuf_addstr(out, "\\fR\n");
            add_text(out, cmd_table[i].examples[j].prose);
        }
    }
}

void docs_man(struct strbuf *out)
{
    strbuf_addf(out,
                ".\\\" Printed by `platen help --man`.\n"
                ".TH PLATEN 1 \"\" \"platen %s\" \"User Commands\"\n"
                ".SH NAME\nplaten \\- a press for PostgreSQL: rows in, finished pages out\n"
                ".SH SYNOPSIS\n.B platen\n.I COMMAND\n[options]\n.SH DESCRIPTION\n",
                PLATEN_VERSION);
    add_text(out, "Reads what is published in a PostgreSQL database in one snapshot and prints "
                  "finished HTML and JSON pages for every locale, with compressed twins, which any "
                  "web server can serve.");
    strbuf_addstr(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < cmd_count; i++)
        add_command(out, &cmd_table[i]);
    add_settings(out);
    add_ends(out);
}

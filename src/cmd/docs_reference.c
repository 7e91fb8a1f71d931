/* The reference of commands and settings, in Markdown. */
#include <string.h>

#include "cmd/docs.h"
#include "cmd/help.h"

/* Text inside a table's cell: '|' would end it, {{ and <tags> are shown as they are. */
static void add_cell(struct strbuf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '|')
            strbuf_addstr(out, "\\|");
        else if (*p == '<')
            strbuf_addstr(out, "&lt;");
        else
            strbuf_addch(out, *p);
    }
}

static void add_options(struct strbuf *out, const struct cmd *command)
{
    if (command->n_options == 0)
        return;
    strbuf_addstr(out, "\n| option | meaning |\n|---|---|\n");
    struct strbuf prose = STRBUF_INIT;
    for (size_t i = 0; i < command->n_options; i++) {
        const struct cmd_option *row = &command->options[i];
        strbuf_addstr(out, "| ");
        if (row->letter != 0)
            strbuf_addf(out, "`-%c`, ", row->letter);
        strbuf_addf(out, "`--%s", row->name);
        if (row->argument != NULL) {
            strbuf_addch(out, ' ');
            add_cell(out, row->argument);
        }
        strbuf_addstr(out, "` | ");
        strbuf_reset(&prose);
        help_option_prose(row, &prose);
        add_cell(out, prose.buf);
        strbuf_addstr(out, " |\n");
    }
    strbuf_release(&prose);
}

static void add_command(struct strbuf *out, const struct cmd *command)
{
    strbuf_addf(out, "\n### platen %s\n\n`platen %s [options]%s%s`\n\n", command->name,
                command->name, command->operands[0] != '\0' ? " " : "", command->operands);
    for (const char *p = command->description; *p != '\0'; p++)
        strbuf_addstr(out, *p == '\n' ? "\n\n" : (char[]){*p, '\0'});
    strbuf_addch(out, '\n');
    add_options(out, command);
    strbuf_addstr(out, "\n```sh\n");
    for (size_t i = 0; i < command->n_examples; i++)
        strbuf_addf(out, "%s  # %s\n", command->examples[i].line, command->examples[i].prose);
    strbuf_addstr(out, "```\n");
}

static void add_setting(struct strbuf *out, const struct setting *row)
{
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(out, "| `%s` | ", row->name);
    if (row->type == SETTING_TABLE)
        strbuf_addstr(&text, row->table != NULL ? row->table->title : "a map");
    else
        setting_describe(row, &text);
    add_cell(out, text.buf);
    strbuf_reset(&text);
    strbuf_addstr(out, " | ");
    help_setting_default(row, &text);
    add_cell(out, text.buf);
    strbuf_addstr(out, " | ");
    if (row->environment != NULL)
        strbuf_addf(out, "`%s`", row->environment);
    if (row->environment_else != NULL)
        strbuf_addf(out, ", else `%s`", row->environment_else);
    strbuf_addstr(out, " | ");
    add_cell(out, row->prose);
    strbuf_addstr(out, " |\n");
    strbuf_release(&text);
}

void docs_reference(struct strbuf *out)
{
    strbuf_addstr(out, "# Reference\n\n"
                       "Printed by `platen help --reference` from the tables in "
                       "`src/cmd/commands.c` and `src/config/tables.c`.\n\n## Commands\n");
    for (size_t i = 0; i < cmd_count; i++)
        add_command(out, &cmd_table[i]);
    strbuf_addstr(out, "\n### Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (unsigned code = CMD_DONE; code <= CMD_OMITTED; code++)
        strbuf_addf(out, "| %u | %s |\n", code, cmd_exit_prose((enum cmd_exit)code));
    strbuf_addstr(out,
                  "\n## Settings\n\n"
                  "`platen.yaml` (YAML or JSON) holds these settings. A dot in a name is one "
                  "level of map: `guards.scope` is written `guards: {scope: ...}`. The command "
                  "line goes before the environment, that before the file, and that before "
                  "the default. Relative paths stand for files beside the file. "
                  "`PLATEN_CONFIG` names another file.\n");
    for (size_t i = 0; i < help_table_count; i++) {
        if (help_tables[i]->title[0] != '\0')
            strbuf_addf(out, "\n### %s\n", help_tables[i]->title);
        strbuf_addstr(out, "\n| setting | value | default | environment | meaning |\n"
                           "|---|---|---|---|---|\n");
        for (size_t j = 0; j < help_tables[i]->n; j++)
            add_setting(out, &help_tables[i]->rows[j]);
    }
}

/* What --help prints, from the table of commands and the table of settings.
 *
 * For: terminals: wrapped at 80 columns, headings bold where colours are allowed.
 * Not for: documents; cmd/docs.h prints those from the same tables.
 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stdio.h>

#include "base/strbuf.h"
#include "cmd/cmd.h"
#include "config/setting.h"

void help_print_overview(FILE *to);
void help_print_command(const struct cmd *command, FILE *to);
void help_print_settings(FILE *to);

/* Parts that documents share. */

/* The option's prose and, where a setting stands behind it, that one's default and variable. */
void help_option_prose(const struct cmd_option *row, struct strbuf *out);

/* The setting's default in words; "none" where there is none. */
void help_setting_default(const struct setting *row, struct strbuf *out);

/* Calls fn for each variable a command heeds: its name, what it does. */
typedef void help_variable_fn(void *payload, const char *name, const char *prose);
void help_each_variable(const struct cmd *command, help_variable_fn *fn, void *payload);

/* The tables of settings in the order of the manuals. */
extern const struct setting_table *const help_tables[];
extern const size_t help_table_count;
const char *help_table_title(const struct setting_table *table);

#endif

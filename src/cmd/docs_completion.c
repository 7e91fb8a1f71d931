/* Completion of commands, options and their values for three shells. */
#include <string.h>

#include "cmd/docs.h"
#include "cmd/help.h"

static bool names_folder(const struct cmd_option *row)
{
    return strcmp(row->argument, "DIR") == 0;
}

static bool names_file(const struct cmd_option *row)
{
    return strncmp(row->argument, "FILE", 4) == 0;
}

/* --- bash ----------------------------------------------------------------------------------------
 */

static void bash_values(struct strbuf *out, const struct cmd *command)
{
    for (size_t i = 0; i < command->n_options; i++) {
        const struct cmd_option *row = &command->options[i];
        if (row->argument == NULL)
            continue;
        strbuf_addf(out, "        %s,--%s", command->name, row->name);
        if (row->letter != 0)
            strbuf_addf(out, "|%s,-%c", command->name, row->letter);
        if (row->words != NULL)
            strbuf_addf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n",
                        row->words);
        else if (names_folder(row) || names_file(row))
            strbuf_addf(out, ") _platen_files -%c; return ;;\n", names_folder(row) ? 'd' : 'f');
        else
            strbuf_addstr(out, ") return ;;\n");
    }
}

static void bash(struct strbuf *out)
{
    strbuf_addstr(out, "# bash completion of platen; printed by `platen help --completion bash`\n"
                       "_platen_files()\n{\n"
                       "    compopt -o filenames 2>/dev/null\n"
                       "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
                       "}\n\n"
                       "_platen()\n{\n"
                       "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                       "    local command=${COMP_WORDS[1]}\n"
                       "    COMPREPLY=()\n"
                       "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                       "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < cmd_count; i++)
        strbuf_addf(out, "%s%s", i > 0 ? " " : "", cmd_table[i].name);
    strbuf_addstr(out, " --help --version' -- \"$cur\"))\n"
                       "        return\n"
                       "    fi\n"
                       "    case $command,$prev in\n");
    for (size_t i = 0; i < cmd_count; i++)
        bash_values(out, &cmd_table[i]);
    strbuf_addstr(out, "    esac\n"
                       "    if [[ $cur != -* ]]; then\n"
                       "        if [ \"$command\" = help ]; then\n"
                       "            COMPREPLY=($(compgen -W 'settings");
    for (size_t i = 0; i < cmd_count; i++)
        strbuf_addf(out, " %s", cmd_table[i].name);
    strbuf_addstr(out, "' -- \"$cur\"))\n"
                       "        else\n"
                       "            _platen_files -f\n"
                       "        fi\n"
                       "        return\n"
                       "    fi\n"
                       "    case $command in\n");
    for (size_t i = 0; i < cmd_count; i++) {
        strbuf_addf(out, "        %s) COMPREPLY=($(compgen -W '", cmd_table[i].name);
        for (size_t j = 0; j < cmd_table[i].n_options; j++)
            strbuf_addf(out, "--%s ", cmd_table[i].options[j].name);
        strbuf_addstr(out, "--help' -- \"$cur\")) ;;\n");
    }
    strbuf_addstr(out, "    esac\n}\ncomplete -F _platen platen\n");
}

/* --- zsh and fish: the prose stands beside each option -------------------------------------------
 */

/* The first sentence, in single quotes for the shell; zsh: ':' and brackets have a meaning. */
static void add_first_sentence(struct strbuf *out, const char *prose, bool zsh)
{
    for (const char *p = prose; *p != '\0'; p++) {
        if (p[0] == '.' && (p[1] == ' ' || p[1] == '\0'))
            break;
        if (*p == '\'')
            strbuf_addstr(out, zsh ? "'\\''" : "\\'");
        else if (zsh && (*p == ':' || *p == '[' || *p == ']'))
            strbuf_addf(out, "\\%c", *p);
        else
            strbuf_addch(out, *p);
    }
}

static void zsh_option(struct strbuf *out, const struct cmd_option *row)
{
    const char *repeat = row->kind == CMD_LOCALES ? "*" : "";
    const char *takes = row->argument != NULL ? "=" : "";
    strbuf_addf(out, "                '%s--%s%s[", repeat, row->name, takes);
    add_first_sentence(out, row->prose, true);
    strbuf_addch(out, ']');
    if (row->argument != NULL) {
        strbuf_addf(out, ":%s:", row->argument);
        if (row->words != NULL)
            strbuf_addf(out, "(%s)", row->words);
        else if (names_folder(row))
            strbuf_addstr(out, "_files -/");
        else if (names_file(row))
            strbuf_addstr(out, "_files");
    }
    strbuf_addstr(out, "' \\\n");
}

static void zsh(struct strbuf *out)
{
    strbuf_addstr(out, "#compdef platen\n"
                       "# printed by `platen help --completion zsh`\n"
                       "_platen() {\n"
                       "    local -a commands\n"
                       "    commands=(\n");
    for (size_t i = 0; i < cmd_count; i++) {
        strbuf_addf(out, "        '%s:", cmd_table[i].name);
        add_first_sentence(out, cmd_table[i].summary, true);
        strbuf_addstr(out, "'\n");
    }
    strbuf_addstr(out, "    )\n"
                       "    if (( CURRENT == 2 )); then\n"
                       "        _describe command commands\n"
                       "        return\n"
                       "    fi\n"
                       "    local command=$words[2]\n"
                       "    shift words\n"
                       "    (( CURRENT-- ))\n"
                       "    case $command in\n");
    for (size_t i = 0; i < cmd_count; i++) {
        strbuf_addf(out, "        %s)\n            _arguments \\\n", cmd_table[i].name);
        for (size_t j = 0; j < cmd_table[i].n_options; j++)
            zsh_option(out, &cmd_table[i].options[j]);
        strbuf_addstr(out, "                '(-h --help)'{-h,--help}'[Print this]' \\\n"
                           "                '*:operand:_files'\n"
                           "            ;;\n");
    }
    strbuf_addstr(out, "    esac\n}\n_platen \"$@\"\n");
}

static void fish_option(struct strbuf *out, const struct cmd *command, const struct cmd_option *row)
{
    strbuf_addf(out, "complete -c platen -n '__fish_seen_subcommand_from %s' -l %s", command->name,
                row->name);
    if (row->letter != 0)
        strbuf_addf(out, " -s %c", row->letter);
    if (row->argument != NULL) {
        if (row->words != NULL)
            strbuf_addf(out, " -x -a '%s'", row->words);
        else if (names_folder(row))
            strbuf_addstr(out, " -x -a '(__fish_complete_directories)'");
        else
            strbuf_addstr(out, names_file(row) ? " -r -F" : " -x");
    }
    strbuf_addstr(out, " -d '");
    add_first_sentence(out, row->prose, false);
    strbuf_addstr(out, "'\n");
}

static void fish(struct strbuf *out)
{
    strbuf_addstr(out, "# fish completion of platen; printed by `platen help --completion fish`\n");
    for (size_t i = 0; i < cmd_count; i++) {
        strbuf_addf(out, "complete -c platen -f -n __fish_use_subcommand -a %s -d '",
                    cmd_table[i].name);
        add_first_sentence(out, cmd_table[i].summary, false);
        strbuf_addstr(out, "'\n");
    }
    for (size_t i = 0; i < cmd_count; i++) {
        for (size_t j = 0; j < cmd_table[i].n_options; j++)
            fish_option(out, &cmd_table[i], &cmd_table[i].options[j]);
        strbuf_addf(out,
                    "complete -c platen -n '__fish_seen_subcommand_from %s' -l help -s h -d "
                    "'Print this'\n",
                    cmd_table[i].name);
    }
}

void docs_completion(struct strbuf *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        bash(out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(out);
    else
        fish(out);
}

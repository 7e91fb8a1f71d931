/* The commented platen.yaml: every setting with its meaning and default, ready to be edited. */
#include <stdlib.h>
#include <string.h>

#include "cmd/docs.h"
#include "cmd/help.h"

#define WIDTH 80

/* Text as comment lines of at most WIDTH columns. */
static void add_comment(struct strbuf *out, const char *text, int indent)
{
    size_t column = 0;
    for (const char *p = text; *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (column == 0 || column + 1 + len > WIDTH) {
            strbuf_addf(out, "%s%*s#", column == 0 ? "" : "\n", indent, "");
            column = (size_t)indent + 1;
        }
        strbuf_addf(out, " %.*s", (int)len, p);
        column += 1 + len;
        p += len;
        p += *p == ' ';
    }
    strbuf_addch(out, '\n');
}

static bool needs_quotes(const char *text)
{
    return text[0] == '\0' || strpbrk(text, "{}[]:#&*!|>'\"%@`,") != NULL || text[0] == '-' ||
           text[0] == '?' || text[0] == '.';
}

static void add_value(struct strbuf *out, const struct setting *row, const char *text)
{
    if (row->type == SETTING_TABLE) /* "auto", or written as YAML */
        strbuf_addstr(out, text);
    else if (row->type == SETTING_LIST) {
        strbuf_addch(out, '[');
        for (const char *p = text; *p != '\0'; p++)
            strbuf_addstr(out, *p == ' ' ? ", " : (char[]){*p, '\0'});
        strbuf_addch(out, ']');
    } else if (row->type == SETTING_REAL || !needs_quotes(text))
        strbuf_addstr(out, text);
    else
        strbuf_addf(out, "\"%s\"", text); /* no value of the tables holds '"' or '\' */
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* What the value may be, its default where the line below does not show it, its variable. */
static void add_facts(struct strbuf *out, const struct setting *row, bool shows_default, int indent)
{
    struct strbuf facts = STRBUF_INIT;
    if (row->type != SETTING_TABLE) {
        strbuf_addstr(&facts, "Value: ");
        setting_describe(row, &facts);
        strbuf_addch(&facts, '.');
    }
    if (!shows_default) {
        strbuf_addf(&facts, "%sDefault: ", facts.len > 0 ? " " : "");
        help_setting_default(row, &facts);
        strbuf_addch(&facts, '.');
    }
    setting_describe_environment(row, &facts);
    if (facts.len > 0)
        add_comment(out, facts.buf, indent);
    strbuf_release(&facts);
}

/* Every line of text as a comment at the indent it has. */
static void add_commented(struct strbuf *out, const struct strbuf *text, int indent)
{
    for (const char *p = text->buf; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        size_t skip = (size_t)indent < len ? (size_t)indent : len;
        if (len == 0)
            strbuf_addch(out, '\n');
        else
            strbuf_addf(out, "%*s# %.*s\n", indent, "", (int)(len - skip), p + skip);
        p += len;
        p += *p == '\n';
    }
}

static void add_entry(struct strbuf *out, const struct setting_table *table, int indent,
                      bool plain);

/* The example of a list or map of entries. */
static void add_entries(struct strbuf *out, const struct setting *row, int indent)
{
    strbuf_addf(out, "%*s%s:\n", indent, "", last_part(row->name));
    if (row->table == &setting_locale || row->table == &setting_output ||
        row->table == &setting_headers || row->table == &setting_purge) {
        strbuf_addf(out, "%*s-\n", indent + 2, "");
        add_entry(out, row->table, indent + 4, true);
    } else if (row->table == &setting_page_set) {
        strbuf_addf(out, "%*sproducts:\n", indent + 2, "");
        add_entry(out, row->table, indent + 4, false);
    } else {
        add_entry(out, row->table, indent + 2, true);
    }
}

static void add_row(struct strbuf *out, const struct setting *row, int indent, bool plain)
{
    bool shows_default = row->standard != NULL && row->standard[0] != '\0';
    const char *text = shows_default ? row->standard : row->example;
    add_comment(out, row->prose, indent);
    add_facts(out, row, shows_default, indent);
    struct strbuf line = STRBUF_INIT;
    if (text != NULL) {
        strbuf_addf(&line, "%*s%s: ", indent, "", last_part(row->name));
        add_value(&line, row, text);
        strbuf_addch(&line, '\n');
        if (plain || shows_default || row->required)
            strbuf_addstr(out, line.buf);
        else
            add_commented(out, &line, indent);
    }
    if (row->table != NULL) {
        strbuf_reset(&line);
        add_entries(&line, row, indent);
        if (row->table == &setting_page_set)
            strbuf_addstr(out, line.buf);
        else
            add_commented(out, &line, indent);
    }
    strbuf_release(&line);
}

/* What cannot stand in one entry with the rows before: not both `template` and `data`; a webhook
 * has no `id`. */
static bool is_beside(const struct setting_table *table, const struct setting *row)
{
    return (table == &setting_output && strcmp(row->name, "data") == 0) ||
           (table == &setting_purge && strcmp(row->name, "id") == 0);
}

/* plain: lines stand without '#' (the whole entry is a comment already). */
static void add_entry(struct strbuf *out, const struct setting_table *table, int indent, bool plain)
{
    for (size_t i = 0; i < table->n; i++)
        add_row(out, &table->rows[i], indent, plain && !is_beside(table, &table->rows[i]));
}

void docs_sample(struct strbuf *out)
{
    char group[64] = "";
    add_comment(out,
                "platen.yaml: every setting, what it means, and its default. Lines with a value "
                "show the default (or an example, where there is none); remove what you do not "
                "change.",
                0);
    for (size_t i = 0; i < setting_config.n; i++) {
        const struct setting *row = &setting_config.rows[i];
        size_t len = strchr(row->name, '.') != NULL ? strcspn(row->name, ".") : 0;
        strbuf_addch(out, '\n');
        if (len > 0 && (strncmp(group, row->name, len) != 0 || group[len] != '\0'))
            strbuf_addf(out, "%.*s:\n", (int)len, row->name);
        snprintf(group, sizeof(group), "%.*s", (int)len, row->name);
        add_row(out, row, len > 0 ? 2 : 0, false);
    }
}

/* The command line: options, their errors, and the manuals made from the same rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cmd/cmd.h"
#include "cmd/docs.h"
#include "cmd/help.h"
#include "cmd/options.h"
#include "config/config.h"

#define ARGS_MAX 16

/* getopt reorders argv, so each test gets its own. */
static bool parse(struct options *o, struct error *err, bool *help, const char *const *words)
{
    static char *argv[ARGS_MAX + 1];
    int argc = 0;
    for (; words[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    argv[argc] = NULL;
    return options_parse(o, argc, argv, help, err);
}

#define PARSE(o, err, help, ...) parse(o, err, help, (const char *const[]){__VA_ARGS__, NULL})

static void options_and_operands_may_mix(void **state)
{
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    bool help;
    assert_true(PARSE(&o, &err, &help, "serve", "-qp", "81", "--bind=::1", "-v", "-oprinted"));
    assert_true(o.quiet && o.verbose && !o.json && !help);
    assert_int_equal(o.port, 81);
    assert_string_equal(o.bind, "::1");
    assert_string_equal(o.out, "printed");
    assert_int_equal(o.n_operands, 0);
    assert_true(PARSE(&o, &err, &help, "help", "serve", "--sample"));
    assert_true(o.sample);
    assert_int_equal(o.n_operands, 1);
    assert_string_equal(o.operands[0], "serve");
    assert_true(PARSE(&o, &err, &help, "help", "--", "--sample"));
    assert_false(o.sample);
    assert_string_equal(o.operands[0], "--sample");
}

static void defaults_stand_without_options(void **state)
{
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    bool help;
    assert_true(PARSE(&o, &err, &help, "serve"));
    assert_int_equal(o.port, 8080);
    assert_string_equal(o.bind, "127.0.0.1");
    assert_int_equal(o.to_version, -1);
    assert_int_equal(o.down, -1);
    assert_null(o.out);
    assert_null(o.config);
}

static void long_options_may_be_cut_short(void **state)
{
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    bool help;
    assert_true(PARSE(&o, &err, &help, "serve", "--po=0", "--quie"));
    assert_int_equal(o.port, 0);
    assert_true(o.quiet);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        const char *message;
    } cases[] = {
        {{"serve", "--prot", "1"},
         "unknown option '--prot'; did you mean '--port'?\nsee 'platen serve --help'"},
        {{"serve", "--zzzzzzzz=1"}, "unknown option '--zzzzzzzz'\nsee 'platen serve --help'"},
        {{"serve", "-qz"}, "unknown option '-z'\nsee 'platen serve --help'"},
        {{"serve", "--port"}, "option '--port' needs a value: --port N\nsee 'platen serve --help'"},
        {{"serve", "-p"}, "option '--port' needs a value: --port N\nsee 'platen serve --help'"},
        {{"serve", "--quiet=yes"}, "option '--quiet' takes no value\nsee 'platen serve --help'"},
        {{"serve", "--help=yes"}, "option '--help' takes no value\nsee 'platen serve --help'"},
        {{"serve", "--port", "70000"},
         "--port: '70000' is not a whole number from 0 to 65535\nsee 'platen serve --help'"},
        {{"serve", "--port", "8o"},
         "--port: '8o' is not a whole number from 0 to 65535\nsee 'platen serve --help'"},
        {{"serve", "--port", ""},
         "--port: '' is not a whole number from 0 to 65535\nsee 'platen serve --help'"},
        {{"serve", "--out", ""}, "--out: the value is empty\nsee 'platen serve --help'"},
        {{"serve", "x"}, "platen serve: 'x' is one argument too many\nsee 'platen serve --help'"},
        {{"help", "--completion", "csh"},
         "--completion: 'csh' is not one of: bash zsh fish\nsee 'platen help --help'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct options o;
        struct error err = ERROR_INIT;
        bool help;
        assert_false(parse(&o, &err, &help, cases[i].words));
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_string_equal(err.text, cases[i].message);
    }
}

static void help_wins_over_missing_operands(void **state)
{
    (void)state;
    struct options o;
    struct error err = ERROR_INIT;
    bool help;
    assert_true(PARSE(&o, &err, &help, "serve", "x", "-h"));
    assert_true(help);
}

static void options_reach_the_configuration(void **state)
{
    (void)state;
    struct options o;
    struct config c;
    struct error err = ERROR_INIT;
    bool help;
    setenv("PLATEN_OUT", "from-environment", 1);
    assert_true(PARSE(&o, &err, &help, "serve", "-c", "/dev/null", "--quiet"));
    assert_true(options_load_config(&c, &o, &err));
    assert_string_equal(c.file, "/dev/null");
    assert_true(c.quiet);
    assert_non_null(strstr(c.out, "/from-environment"));
    config_release(&c);
    assert_true(PARSE(&o, &err, &help, "serve", "--out", "/srv/out"));
    setenv("PLATEN_CONFIG", "/dev/null", 1);
    assert_true(options_load_config(&c, &o, &err));
    assert_string_equal(c.out, "/srv/out");
    config_release(&c);
    setenv("PLATEN_CONFIG", "/nonexistent.yaml", 1);
    assert_false(options_load_config(&c, &o, &err));
    assert_string_equal(err.text, "/nonexistent.yaml: No such file or directory");
    config_release(&c);
    unsetenv("PLATEN_CONFIG");
    unsetenv("PLATEN_OUT");
}

/* --- the table -------------------------------------------------------------------------------- */

static void every_row_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < cmd_count; i++) {
        const struct cmd *command = &cmd_table[i];
        assert_ptr_equal(cmd_find(command->name), command);
        assert_true(command->n_examples >= 1);
        assert_true(command->min_operands <= command->max_operands);
        assert_true(command->n_options < 30);
        for (size_t j = 0; j < command->n_options; j++) {
            const struct cmd_option *row = &command->options[j];
            assert_true((row->argument == NULL) == (row->kind == CMD_FLAG));
            assert_true(strlen(row->prose) > 0 && row->prose[strlen(row->prose) - 1] == '.');
            assert_true(row->setting == NULL || setting_find(&setting_config, row->setting));
            assert_true(row->setting == NULL || row->kind == CMD_TEXT);
            for (size_t k = 0; k < j; k++) {
                assert_string_not_equal(command->options[k].name, row->name);
                assert_true(row->letter == 0 || command->options[k].letter != row->letter);
            }
        }
    }
}

/* Whoever copies the sample gets the defaults, and it loads. */
static void the_sample_file_loads_and_equals_the_defaults(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    struct config c, d;
    struct error err = ERROR_INIT;
    docs_sample(&text);
    config_init(&c);
    config_init(&d);
    if (!config_load_text(&c, "sample", text.buf, text.len, &err) || !config_check(&c, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c.n_sets, 1);
    for (size_t i = 0; i < setting_config.n; i++) {
        const struct setting *row = &setting_config.rows[i];
        const char *a = (const char *)&c + row->offset, *b = (const char *)&d + row->offset;
        if (row->type == SETTING_TABLE || row->standard == NULL)
            continue;
        if (row->type == SETTING_BOOL)
            assert_memory_equal(a, b, sizeof(bool));
        else if (row->type == SETTING_ENUM)
            assert_memory_equal(a, b, sizeof(int));
        else if (row->type == SETTING_REAL ||
                 (row->type >= SETTING_INTEGER && row->type <= SETTING_SIZE))
            assert_memory_equal(a, b, sizeof(int64_t));
        else if (row->type == SETTING_LIST)
            assert_memory_equal((const char *)&c + row->count_offset,
                                (const char *)&d + row->count_offset, sizeof(size_t));
        else
            assert_string_equal(*(const char *const *)(const void *)a,
                                *(const char *const *)(const void *)b);
    }
    config_release(&c);
    config_release(&d);
    strbuf_release(&text);
}

/* With the comment signs of its examples taken away it must load, too: they are what people edit.
 */
static void the_samples_examples_are_valid(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT, bare = STRBUF_INIT;
    struct config c;
    struct error err = ERROR_INIT;
    docs_sample(&text);
    for (const char *p = text.buf; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        size_t indent = strspn(p, " ");
        const char *word = p + indent + 2;
        size_t name =
            indent + 2 < len ? strspn(word + strspn(word, " "), "abcdefghijklmnopqrstuvwxyz_") : 0;
        const char *end = word + strspn(word, " ") + name;
        bool is_key =
            p[indent] == '#' && name > 0 && *end == ':' && (end[1] == ' ' || end[1] == '\n');
        bool is_dash =
            p[indent] == '#' && len > 0 && p[len - 1] == '-' && word[strspn(word, " ")] == '-';
        bool is_first_locales = strncmp(p, "locales: auto", 13) == 0;
        if (is_key || is_dash)
            strbuf_addf(&bare, "%*s%.*s\n", (int)indent, "", (int)(p + len - word), word);
        else if (!is_first_locales)
            strbuf_addf(&bare, "%.*s\n", (int)len, p);
        p += len;
        p += *p == '\n';
    }
    config_init(&c);
    if (!config_load_text(&c, "sample", bare.buf, bare.len, &err))
        fail_msg("%s\n%s", err.text, bare.buf);
    assert_int_equal(c.n_locales, 1);
    assert_string_equal(c.locales[0].code, "fr-CA");
    assert_int_equal(c.sets[0].n_outputs, 1);
    assert_int_equal(c.sets[0].items.n_required, 1);
    assert_int_equal(c.sets[0].n_required, 2);
    assert_string_equal(c.source, "postgresql://platen_reader@/cms");
    config_release(&c);
    strbuf_release(&text);
    strbuf_release(&bare);
}

static void manuals_name_every_option_and_setting(void **state)
{
    (void)state;
    struct strbuf man = STRBUF_INIT, reference = STRBUF_INIT;
    docs_man(&man);
    docs_reference(&reference);
    for (size_t i = 0; i < cmd_count; i++) {
        for (size_t j = 0; j < cmd_table[i].n_options; j++) {
            char text[64];
            snprintf(text, sizeof(text), "--%s", cmd_table[i].options[j].name);
            assert_non_null(strstr(reference.buf, text));
        }
    }
    for (size_t i = 0; i < help_table_count; i++) {
        for (size_t j = 0; j < help_tables[i]->n; j++) {
            assert_non_null(strstr(man.buf, help_tables[i]->rows[j].name));
            assert_non_null(strstr(reference.buf, help_tables[i]->rows[j].name));
        }
    }
    strbuf_release(&man);
    strbuf_release(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_may_mix),
        cmocka_unit_test(defaults_stand_without_options),
        cmocka_unit_test(long_options_may_be_cut_short),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(help_wins_over_missing_operands),
        cmocka_unit_test(options_reach_the_configuration),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(the_sample_file_loads_and_equals_the_defaults),
        cmocka_unit_test(the_samples_examples_are_valid),
        cmocka_unit_test(manuals_name_every_option_and_setting),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}

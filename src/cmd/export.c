/* platen export: the snapshot as a file. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "source/export.h"

#define PROBLEMS_MAX 50 /* named one by one; the rest is counted */

static void say_problem(void *payload, const struct error *problem)
{
    unsigned *n = payload;
    if (++*n <= PROBLEMS_MAX)
        say_warning("left out: %s", problem->text);
}

/* FILE and --to FILE are the same. NULL: both were given. */
static const char *target(const struct options *o)
{
    if (o->n_operands > 0 && o->to != NULL)
        return NULL;
    return o->n_operands > 0 ? o->operands[0] : o->to != NULL ? o->to : "-";
}

static int export_to(const struct config *c, const char *path, bool quiet, struct error *err)
{
    struct source *source = NULL;
    struct export_result result;
    unsigned named = 0;
    bool ok = source_open(&source, c, NULL, err) &&
              export_write(source, c, path, say_problem, &named, &result, err);
    source_close(source);
    if (!ok)
        return say_error(err);
    if (named > PROBLEMS_MAX)
        say_warning("and %u more rows were left out", named - PROBLEMS_MAX);
    if (!quiet)
        say_note("%s: %" PRIu64 " rows of %zu page sets, %" PRIu64 " bytes",
                 strcmp(path, "-") == 0 ? "standard output" : path, result.rows, c->n_sets,
                 result.bytes);
    return result.omitted > 0 ? CMD_OMITTED : CMD_DONE;
}

static int run(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    const char *path = target(o);
    if (path == NULL) {
        error_set(&err, ERROR_USAGE, "FILE and --to FILE are the same: give one of them");
        return say_error(&err);
    }
    return export_to(c, path, o->quiet || (strcmp(path, "-") == 0 && !o->verbose), &err);
}

int cmd_export(int argc, char **argv)
{
    return options_run(argc, argv, run);
}

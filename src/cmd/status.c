/* platen status: the worker that prints to out/, and what is there without one. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/result.h"
#include "cmd/say.h"
#include "cmd/status_facts.h"
#include "cmd/status_show.h"

static int status(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    struct status_facts f;
    int code;
    if (!status_facts_read(&f, c->out, &err)) {
        code = say_error(&err);
        goto out;
    }
    code = status_facts_exit(&f);
    if (o->json)
        status_show_json(&f, code);
    else if (!o->quiet)
        status_show_table(&f);
    code = result_flush(code);
out:
    status_facts_release(&f);
    return code;
}

int cmd_status(int argc, char **argv)
{
    return options_run(argc, argv, status);
}

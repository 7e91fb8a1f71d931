/* platen listen: keep looking until told to end. */
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "pg/conninfo.h"
#include "worker/loop.h"

static bool check_string(const char *text, const char *setting, struct error *err)
{
    struct arena arena;
    struct conninfo info;
    arena_init(&arena);
    bool ok = conninfo_read(&info, &arena, text, err);
    arena_release(&arena);
    return ok || error_context(err, "%s", setting);
}

/* The worker tries for ever to reach a server that is down; a string that can never work is told
 * from that at once. */
static bool load_config(void *payload, struct config *out, struct error *err)
{
    if (!options_load_config(out, payload, err))
        return false;
    if (out->source_is_file)
        return error_set(err, ERROR_USAGE,
                         "database.source is the file %s, which notifies nobody: listen needs a "
                         "database",
                         out->source);
    return check_string(out->source, "database.source", err) &&
           check_string(out->listen_database, "listen.database", err);
}

static enum log_form log_form(const struct options *o)
{
    return o->json ? LOG_JSON : isatty(STDERR_FILENO) ? LOG_TERMINAL : LOG_PAIRS;
}

static enum log_level log_level(const struct options *o)
{
    return o->verbose ? LOG_DEBUG : o->quiet ? LOG_WARNING : LOG_INFO;
}

static int run(const struct config *c, struct options *o)
{
    struct error err = ERROR_INIT;
    struct log log;
    log_init(&log, STDERR_FILENO, log_form(o), log_level(o));
    struct worker_options options = {
        .config = c, .log = &log, .load_config = load_config, .payload = o};
    bool ok = worker_run(&options, &err);
    log_release(&log);
    return ok ? CMD_DONE : say_error(&err);
}

/* Not by options_run(): the options are wanted again whenever the configuration is. */
int cmd_listen(int argc, char **argv)
{
    struct options o;
    struct config c;
    struct error err = ERROR_INIT;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    code = load_config(&o, &c, &err) ? run(&c, &o) : say_error(&err);
    config_release(&c);
    return code;
}

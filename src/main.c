/* argv -> command table -> exit code. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/help.h"
#include "cmd/say.h"
#include "config/nearest.h"

/* Started with a standard descriptor closed, the next file opened would get its number, and a
 * message would be written into a page. */
static bool standard_descriptors_are_open(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) != fd)
            return false;
    return true;
}

static int unknown_command(const char *name)
{
    struct error err = ERROR_INIT;
    struct nearest n;
    if (name[0] == '-') {
        error_set(&err, ERROR_USAGE,
                  "'%s' stands before the command; options come behind it: platen build %s\n"
                  "see 'platen help'",
                  name, name);
        return say_error(&err);
    }
    nearest_init(&n, name);
    for (size_t i = 0; i < cmd_count; i++)
        nearest_offer(&n, cmd_table[i].name);
    error_set(&err, ERROR_USAGE, "unknown command '%s'%s%s%s\nsee 'platen help'", name,
              n.best != NULL ? "; did you mean '" : "", n.best != NULL ? n.best : "",
              n.best != NULL ? "'?" : "");
    return say_error(&err);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        help_print_overview(stderr);
        return CMD_USAGE;
    }
    char help[] = "help", version[] = "version";
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        argv[1] = help;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        argv[1] = version;
    const struct cmd *command = cmd_find(argv[1]);
    return command != NULL ? command->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}

/* A result that did not reach the disk is a failure, found out at the last write only. */
static int finish(int code)
{
    bool failed = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) != 0 || failed) {
        struct error err = ERROR_INIT;
        if (errno != 0)
            error_errno(&err, "standard output");
        else
            error_set(&err, ERROR_FAILED, "standard output could not be written");
        say_error(&err);
        return code == CMD_DONE ? CMD_FAILED : code;
    }
    return code;
}

int main(int argc, char **argv)
{
    if (!standard_descriptors_are_open())
        return CMD_FAILED;
    return finish(run(argc, argv));
}

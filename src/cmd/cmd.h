/* The subcommands of platen, one file each.
 *
 * A command gets its own arguments (argv[0] is its name), prints what it has to say, and returns
 * the exit code: 0 done, 1 failed, 2 usage or configuration, 3 held by a guard, 4 done with omitted
 * content. Commands alone print and decide exit codes; everything below them returns errors.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

int cmd_render(int argc, char **argv);

#endif

/* What the program says on stderr: "platen: error: ...". Results go to stdout, not through here.
 *
 * Colours appear only on a terminal, never when NO_COLOR is set and not empty or TERM is dumb.
 */
#ifndef CMD_SAY_H
#define CMD_SAY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* Prints the error and returns the exit code of its kind (enum cmd_exit). */
int say_error(const struct error *err);

void say_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Whether text to this stream may be coloured. */
bool say_in_colour(FILE *stream);

#endif

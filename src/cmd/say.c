#include "cmd/say.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

bool say_in_colour(FILE *stream)
{
    const char *off = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (off == NULL || off[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0 &&
           isatty(fileno(stream)) == 1;
}

/* One write per message, so that lines of two processes do not mix. */
static void say(const char *label, const char *colour, const char *fmt, va_list ap)
{
    char text[ERROR_TEXT_MAX + 256];
    vsnprintf(text, sizeof(text), fmt, ap);
    bool coloured = label[0] != '\0' && say_in_colour(stderr);
    fprintf(stderr, "platen: %s%s%s%s\n", coloured ? colour : "", label, coloured ? "\033[0m" : "",
            text);
    fflush(stderr);
}

static void say_as(const char *label, const char *colour, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say_as(const char *label, const char *colour, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(label, colour, fmt, ap);
    va_end(ap);
}

int say_error(const struct error *err)
{
    say_as("error: ", "\033[1;31m", "%s", err->text);
    return err->kind == ERROR_USAGE ? CMD_USAGE : CMD_FAILED;
}

void say_warning(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("warning: ", "\033[1;33m", fmt, ap);
    va_end(ap);
}

void say_note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say("", "", fmt, ap);
    va_end(ap);
}

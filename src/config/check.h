/* The checks between settings, one subject per file. Private to config/. */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include <stdbool.h>

#include "config/config.h"

/* ERROR_USAGE with "platen.yaml:7:17: " or "environment variable PLATEN_X: " in front, for a
 * setting of the top table; returns false. */
bool check_error(struct config *c, const char *name, struct error *err, const char *what);

/* check_origin.c: origin, its header rules, purges. Fills in what a purge leaves open. */
bool check_origin(struct config *c, struct error *err);

#endif

/* HTML escaping of & < > " and '. */
#ifndef TEMPLATE_ESCAPE_H
#define TEMPLATE_ESCAPE_H

#include <stddef.h>

#define TEMPLATE_ESCAPE_MOST 6 /* bytes out for one byte in */

/* Writes s escaped to out, which must have room for TEMPLATE_ESCAPE_MOST * len bytes; returns the
 * bytes written. Other bytes, invalid UTF-8 too, are copied as they are. */
size_t template_escape_html(char *out, const char *s, size_t len);

#endif

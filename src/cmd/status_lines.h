/* The lines of `platen status`. For: cmd/status_show.c, cmd/status_origin.c. */
#ifndef CMD_STATUS_LINES_H
#define CMD_STATUS_LINES_H

#include <stdint.h>

#include "base/strbuf.h"

#define STATUS_DURATION_SIZE 32

/* One line: label, then text, which is clear afterwards. Whatever could play with the terminal is
 * taken out: manifests and status.json come from a disk where anything may stand. */
void status_lines_show(const char *label, struct strbuf *text);

/* "850 ms", "12 s", "3 min 20 s", "5 h 2 min", "4 days". */
const char *status_lines_duration(int64_t ms, char text[STATUS_DURATION_SIZE]);

/* "2026-03-01T09:30:00Z, 12 s ago" */
void status_lines_add_moment(struct strbuf *sb, int64_t at, int64_t now);

#endif

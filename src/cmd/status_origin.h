/* What `platen status` shows of the origin. For: cmd/status_show.c. */
#ifndef CMD_STATUS_ORIGIN_H
#define CMD_STATUS_ORIGIN_H

#include "base/strbuf.h"
#include "cmd/status_facts.h"

/* Nothing without one. sb: for its lines; empty before and after. */
void status_origin_show(const struct status_facts *f, struct strbuf *sb);

#endif

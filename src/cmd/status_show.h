/* How `platen status` shows what it knows: one line per matter, or JSON. Both go to stdout. */
#ifndef CMD_STATUS_SHOW_H
#define CMD_STATUS_SHOW_H

#include "cmd/status_facts.h"

/* Matters about which there is nothing to say have no line. */
void status_show_table(const struct status_facts *f);

/* One object on one line; `worker` is what status.json says. */
void status_show_json(const struct status_facts *f, int code);

#endif

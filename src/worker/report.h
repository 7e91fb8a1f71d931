/* What the worker's log says of looks. */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "base/log.h"
#include "config/config.h"
#include "worker/looker.h"

void report_start(struct log *log, const char *id, const struct config *config);
void report_look(struct log *log, const struct looked *looked);

#endif

/* The members of the status that are many of a kind: one table for both ways. Private to
 * status_write.c and status_read.c. */
#ifndef WORKER_STATUS_FIELDS_H
#define WORKER_STATUS_FIELDS_H

#include <stddef.h>

enum status_field_type {
    STATUS_FIELD_TEXT, /* of STATUS_TEXT_MAX */
    STATUS_FIELD_COUNT,
    STATUS_FIELD_MOMENT,
    STATUS_FIELD_FLAG,
    STATUS_FIELD_SECONDS,
};

struct status_field {
    const char *name;
    enum status_field_type type;
    size_t offset;
};

#define STATUS_COUNTERS 7
#define STATUS_ORIGIN_FIELDS 18

extern const struct status_field status_counters[STATUS_COUNTERS]; /* struct status_counters */
extern const struct status_field
    status_origin_fields[STATUS_ORIGIN_FIELDS]; /* struct status_origin */

#endif

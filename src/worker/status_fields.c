#include "worker/status_fields.h"

#include "worker/status.h"

#define COUNTER(name)                                                                              \
    {                                                                                              \
#name, STATUS_FIELD_COUNT, offsetof(struct status_counters, name)                          \
    }
const struct status_field status_counters[STATUS_COUNTERS] = {
    COUNTER(looks),         COUNTER(full),       COUNTER(incremental), COUNTER(failures),
    COUNTER(notifications), COUNTER(reconnects), COUNTER(unnamed),
};

#define FIELD(type, name)                                                                          \
    {                                                                                              \
#name, STATUS_FIELD_##type, offsetof(struct status_origin, name)                           \
    }
const struct status_field status_origin_fields[STATUS_ORIGIN_FIELDS] = {
    FIELD(COUNT, release),
    FIELD(MOMENT, behind_since),
    FIELD(MOMENT, running_since),
    FIELD(COUNT, uploads),
    FIELD(COUNT, failures),
    FIELD(COUNT, failures_in_row),
    FIELD(TEXT, error),
    FIELD(FLAG, held),
    FIELD(FLAG, pinned),
    FIELD(COUNT, held_deletes),
    FIELD(TEXT, why),
    FIELD(TEXT, purge_error),
    FIELD(TEXT, proof_error),
    FIELD(MOMENT, uploaded),
    FIELD(SECONDS, seconds),
    FIELD(SECONDS, live_seconds),
    FIELD(COUNT, requests),
    FIELD(COUNT, bytes),
};

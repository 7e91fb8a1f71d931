/* What each kind of target does by itself; upload/target.c does the rest. */
#ifndef UPLOAD_TARGET_OPS_H
#define UPLOAD_TARGET_OPS_H

#include "upload/target.h"

/* As the functions of the same name in upload/target.h. Keys have been checked. */
struct target_ops {
    bool is_folder;
    void (*close)(struct target *t);
    bool (*get)(struct target *t, const char *key, size_t cap, const char *known_etag,
                struct strbuf *body, struct target_found *found, bool *unchanged,
                enum target_outcome *outcome, struct error *err);
    bool (*head)(struct target *t, const char *key, struct target_found *found,
                 enum target_outcome *outcome, struct error *err);
    bool (*put_many)(struct target *t, target_next_fn *next, target_done_fn *done, void *payload,
                     struct error *err);
    bool (*delete)(struct target *t, const char *const *keys, size_t n, struct error *err);
    bool (*list)(struct target *t, const char *prefix, target_take_fn *take, void *payload,
                 struct error *err);
    int64_t (*now)(const struct target *t);
    uint64_t (*requests)(const struct target *t);
};

/* The first member of each kind's own struct. */
struct target {
    const struct target_ops *ops;
    char *name; /* malloc'ed; the kind frees it */
    struct target_conditions conditions;
    target_may_fn *may; /* or NULL */
    void *may_payload;
};

/* Whether the gate is open. */
bool target_may(const struct target *t);

/* Whether any target may hold such a key. */
bool target_key_check(const char *key, struct error *err);

/* An ETag as a header has it, without quotes; false: none that can be used. */
bool target_etag_read(const char *header, char etag[TARGET_ETAG_MAX + 1]);

#endif

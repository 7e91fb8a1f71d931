#include "cmd/status_facts.h"

#include "cmd/cmd.h"
#include "store/release.h"
#include "store/store.h"
#include "worker/instant.h"
#include "worker/status_file.h"

/* The newest that is not damaged, as a look would take it. */
static void read_release(struct status_facts *f, const struct store *s)
{
    struct release_list list;
    struct error err = ERROR_INIT;
    if (!release_list(s, &list, &err)) {
        f->warning = err;
        return;
    }
    for (size_t i = list.n_manifests; i-- > 0;) {
        if (release_read_header(s, list.manifests[i], &f->release, &err))
            break;
        if (f->warning.kind == ERROR_NONE)
            f->warning = err;
    }
    release_list_free(&list);
}

bool status_facts_read(struct status_facts *f, const char *out, struct error *err)
{
    struct store s;
    *f = (struct status_facts){.out = out, .now = instant_now()};
    manifest_init(&f->release);
    if (!store_open(&s, out, true, err))
        return false;
    if (!status_file_read(out, &f->worker, &f->has_worker, &f->worker_fault))
        f->has_worker = false;
    if (f->has_worker)
        f->life = status_life(&f->worker, f->now);
    if (!pin_read(&s, &f->pin, &f->warning))
        f->pin = (struct pin){0};
    read_release(f, &s);
    store_close(&s);
    return true;
}

void status_facts_release(struct status_facts *f)
{
    manifest_release(&f->release);
}

bool status_facts_alive(const struct status_facts *f)
{
    return f->has_worker && f->life == STATUS_ALIVE;
}

bool status_facts_worker_looked(const struct status_facts *f)
{
    return status_facts_alive(f) && f->worker.look.result != STATUS_NO_LOOK;
}

bool status_facts_held(const struct status_facts *f)
{
    return status_facts_worker_looked(f) ? f->worker.look.held : f->release.n_held > 0;
}

int status_facts_exit(const struct status_facts *f)
{
    if (!status_facts_alive(f) || f->worker.failures_in_row > 0 || f->worker.stuck ||
        status_origin_fails(&f->worker.origin) || f->warning.kind != ERROR_NONE)
        return CMD_FAILED;
    return status_facts_held(f) || f->pin.generation > 0 || f->worker.origin.held ? CMD_HELD
                                                                                  : CMD_DONE;
}

const char *status_facts_life(const struct status_facts *f)
{
    static const char *const names[] = {[STATUS_ALIVE] = "alive",
                                        [STATUS_SILENT] = "silent",
                                        [STATUS_GONE] = "gone",
                                        [STATUS_ENDED] = "stopped"};
    if (f->worker_fault.kind != ERROR_NONE)
        return "unknown";
    return f->has_worker ? names[f->life] : "none";
}

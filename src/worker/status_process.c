/* Who writes a status, and whether it is still there. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/version.h"
#include "worker/instant.h"
#include "worker/status.h"

#define PROC_BYTES_MAX 65536

/* The state and the start time of a process, as proc(5) tells: the third and the 22nd word, where
 * the second, in brackets, may hold anything. */
static bool look_up(int64_t pid, char *state, uint64_t *start)
{
    char path[48];
    struct strbuf sb = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    bool ok = file_read(AT_FDCWD, path, PROC_BYTES_MAX, &sb, &ignored);
    const char *p = ok ? strrchr(sb.buf, ')') : NULL;
    ok = p != NULL && p[1] == ' ' && p[2] != '\0';
    if (ok)
        *state = p[2];
    for (int word = 2; ok && word < 22; word++) {
        p = strchr(p + 1, ' ');
        ok = p != NULL;
    }
    if (ok)
        *start = strtoull(p + 1, NULL, 10);
    strbuf_release(&sb);
    return ok;
}

/* Pids of two containers are not comparable, nor are those of before and after a restart. */
static void find_place(char *to, size_t size)
{
    char text[STATUS_NAME_MAX];
    struct stat st;
    struct strbuf boot = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    to[0] = '\0';
    if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", PROC_BYTES_MAX, &boot, &ignored) &&
        stat("/proc/self/ns/pid", &st) == 0) {
        snprintf(text, sizeof(text), "%.*s/%ju", (int)strcspn(boot.buf, "\n"), boot.buf,
                 (uintmax_t)st.st_ino);
        status_text(to, size, text);
    }
    strbuf_release(&boot);
}

void status_init(struct worker_status *s, const char *id)
{
    char host[STATUS_NAME_MAX], made[STATUS_NAME_MAX + 24], state;
    *s = (struct worker_status){.pid = getpid(),
                                .started = instant_now(),
                                .heartbeat_ms = STATUS_HEARTBEAT_MS,
                                .mode = STATUS_STARTING,
                                .lag_ms = -1,
                                .overdue = -1};
    if (gethostname(host, sizeof(host)) < 0)
        strcpy(host, "localhost");
    host[sizeof(host) - 1] = '\0';
    snprintf(made, sizeof(made), "%s-%" PRId64, host, s->pid);
    STATUS_SET(s->host, host);
    STATUS_SET(s->id, id[0] != '\0' ? id : made);
    STATUS_SET(s->version, PLATEN_VERSION);
    find_place(s->place, sizeof(s->place));
    look_up(s->pid, &state, &s->pid_start);
}

/* False also where that cannot be known: a /proc that hides what others run. */
static bool is_surely_gone(const struct worker_status *s)
{
    char here[STATUS_NAME_MAX], state;
    uint64_t start;
    find_place(here, sizeof(here));
    if (here[0] == '\0' || strcmp(here, s->place) != 0)
        return false;
    if (look_up(s->pid, &state, &start))
        return start != s->pid_start || state == 'Z' || state == 'X';
    return kill((pid_t)s->pid, 0) < 0 && errno == ESRCH;
}

enum status_life status_life(const struct worker_status *s, int64_t now)
{
    int64_t longest = STATUS_SILENT_BEATS * s->heartbeat_ms;
    if (s->mode == STATUS_STOPPED)
        return STATUS_ENDED;
    if (is_surely_gone(s))
        return STATUS_GONE;
    return now - s->written > longest || s->written - now > longest ? STATUS_SILENT : STATUS_ALIVE;
}

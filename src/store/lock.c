/* The lock of store/store.h: flock(2) on out/.lock.
 *
 * The file is opened for reading and stays empty: a look that finds nothing to do writes nothing at
 * all. Who holds it is what the kernel says in /proc/locks. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

#define RETRY_MS 20

/* The pid of a process holding a flock on this file; 0 when it cannot be told. */
static long holder_pid(int fd)
{
    struct stat st;
    char line[256], found[64];
    long pid = 0;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks == NULL || fstat(fd, &st) < 0)
        goto out;
    snprintf(found, sizeof(found), " %02x:%02x:%" PRIu64 " ", major(st.st_dev), minor(st.st_dev),
             (uint64_t)st.st_ino);
    while (pid == 0 && fgets(line, sizeof(line), locks) != NULL) {
        /* "->" marks those who wait. */
        if (strstr(line, "FLOCK") == NULL || strstr(line, "->") != NULL ||
            strstr(line, found) == NULL)
            continue;
        if (sscanf(line, "%*s %*s %*s %*s %ld", &pid) != 1)
            pid = 0;
    }
out:
    if (locks != NULL)
        fclose(locks);
    return pid;
}

static bool name_holder(const struct store *s, struct error *err)
{
    long pid = holder_pid(s->lock_fd);
    if (pid <= 0)
        return error_set(err, ERROR_FAILED, "%s is locked by another platen", s->out);
    char path[64], command[64] = "?";
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        if (fgets(command, sizeof(command), f) != NULL)
            command[strcspn(command, "\n")] = '\0';
        fclose(f);
    }
    return error_set(err, ERROR_FAILED,
                     "%s is locked by process %ld (%s); wait for it, or give --lock-wait more time",
                     s->out, pid, command);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool store_lock(struct store *s, int64_t wait_ms, struct error *err)
{
    int64_t deadline = now_ms() + wait_ms;
    s->lock_fd = openat(s->out_fd, ".lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (s->lock_fd < 0 && errno == ENOENT)
        s->lock_fd = openat(s->out_fd, ".lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (s->lock_fd < 0)
        return error_errno(err, "%s/.lock", s->out);
    for (;;) {
        if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_errno(err, "locking %s/.lock", s->out);
        if (now_ms() >= deadline)
            return name_holder(s, err);
        struct timespec pause = {.tv_nsec = RETRY_MS * 1000000};
        nanosleep(&pause, NULL);
    }
}

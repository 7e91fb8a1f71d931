/* measure RESULT PROGRAM ARGUMENT...: runs a program and writes to the file RESULT what it cost:
 * "STATUS WALL CPU PEAK", in seconds and bytes.
 *
 * The figures are the kernel's own (wait4), of the program and everything it waited for. This
 * program is small so that the peak of memory is the other's: a child begins with the peak of who
 * started it.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

extern char **environ;

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    pid_t pid;
    int status;
    struct rusage used;
    if (argc < 3) {
        fprintf(stderr, "usage: measure RESULT PROGRAM ARGUMENT...\n");
        return 2;
    }
    double begin = seconds_of(CLOCK_MONOTONIC);
    errno = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
    if (errno != 0)
        die(argv[2]);
    while (wait4(pid, &status, 0, &used) < 0)
        if (errno != EINTR)
            die("wait4");
    double wall = seconds_of(CLOCK_MONOTONIC) - begin;
    FILE *result = fopen(argv[1], "we");
    if (result == NULL)
        die(argv[1]);
    fprintf(result, "%d %.6f %.6f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128, wall,
            seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss * 1024);
    return fclose(result) == 0 ? 0 : 1;
}

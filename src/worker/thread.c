#include "worker/thread.h"

#include <errno.h>
#include <signal.h>

bool thread_start(pthread_t *thread, void *(*run)(void *), void *payload, struct error *err)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(thread, NULL, run, payload);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = failed;
    return failed == 0 || error_errno(err, "cannot start a thread");
}

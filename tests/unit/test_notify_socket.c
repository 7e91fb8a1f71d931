/* The protocol of sd_notify(3), spoken to a socket that this test listens at. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "worker/notify_socket.h"

struct manager {
    struct scratch dir;
    int fd;
    char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* what NOTIFY_SOCKET says */
};

static int listen_at(struct manager *m, bool abstract)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len;
    if (abstract)
        snprintf(m->name, sizeof(m->name), "@platen-test-%d", (int)getpid());
    else
        snprintf(m->name, sizeof(m->name), "%.80s/notify", m->dir.path);
    len = strlen(m->name);
    memcpy(a.sun_path, m->name, len);
    if (abstract)
        a.sun_path[0] = '\0';
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !abstract);
    return bind(m->fd, (struct sockaddr *)&a, size) < 0 || setenv("NOTIFY_SOCKET", m->name, 1) < 0;
}

static int setup_with(void **state, bool abstract)
{
    static struct manager m;
    *state = &m;
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return scratch_make(&m.dir) != 0 || listen_at(&m, abstract) != 0;
}

static int setup(void **state)
{
    return setup_with(state, false);
}

static int setup_abstract(void **state)
{
    return setup_with(state, true);
}

static int teardown(void **state)
{
    struct manager *m = *state;
    close(m->fd);
    scratch_remove(&m->dir);
    unsetenv("NOTIFY_SOCKET");
    return 0;
}

/* The next word, "" = nothing was said. */
static const char *heard(struct manager *m)
{
    static char text[2048];
    ssize_t n = recv(m->fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void open_well(struct notify_socket *n)
{
    struct error err = ERROR_INIT;
    if (!notify_open(n, &err))
        fail_msg("%s", err.text);
}

static void every_state_is_told(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    int64_t micros = 0;
    open_well(&n);
    assert_string_equal(heard(m), "");
    notify_ready(&n);
    assert_string_equal(heard(m), "READY=1");
    notify_reloading(&n);
    assert_int_equal(sscanf(heard(m), "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &micros), 1);
    assert_true(micros > 0);
    notify_stopping(&n);
    assert_string_equal(heard(m), "STOPPING=1");
    notify_close(&n);
    notify_ready(&n);
    assert_string_equal(heard(m), "");
}

static void status_is_one_clean_line_said_once(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    char long_text[2000];
    open_well(&n);
    notify_status(&n, "release 7\nREADY=1");
    assert_string_equal(heard(m), "STATUS=release 7?READY=1");
    notify_status(&n, "release 7\nREADY=1");
    assert_string_equal(heard(m), "");
    notify_status(&n, "release 8");
    assert_string_equal(heard(m), "STATUS=release 8");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    notify_status(&n, long_text);
    assert_int_equal(strlen(heard(m)), sizeof(n.status) - 1);
    notify_close(&n);
}

static void a_watchdog_is_fed_at_half_its_time(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    setenv("WATCHDOG_USEC", "3000000", 1);
    open_well(&n);
    assert_int_equal(notify_watchdog_wait(&n, 10), 0);
    notify_watchdog(&n, 10, true);
    assert_string_equal(heard(m), "WATCHDOG=1");
    assert_int_equal(notify_watchdog_wait(&n, 10), 1500);
    notify_watchdog(&n, 1509, true);
    assert_string_equal(heard(m), "");
    assert_int_equal(notify_watchdog_wait(&n, 1509), 1);
    notify_watchdog(&n, 1510, true);
    assert_string_equal(heard(m), "WATCHDOG=1");
    notify_close(&n);
}

static void a_watchdog_is_not_fed_without_progress(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    setenv("WATCHDOG_USEC", "3000000", 1);
    open_well(&n);
    for (int64_t now = 1; now < 20000; now += 100) {
        notify_watchdog(&n, now, false);
        assert_true(notify_watchdog_wait(&n, now) > 0); /* or the loop would spin */
    }
    assert_string_equal(heard(m), "");
    notify_watchdog(&n, 20000 + NOTIFY_RETRY_MS, true); /* it goes on: at once, not at half time */
    assert_string_equal(heard(m), "WATCHDOG=1");
    notify_close(&n);
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    char pid[24];
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    open_well(&n);
    assert_int_equal(notify_watchdog_wait(&n, 10), -1);
    notify_watchdog(&n, 10, true);
    assert_string_equal(heard(m), "");
    notify_close(&n);

    setenv("NOTIFY_SOCKET", m->name, 1);
    setenv("WATCHDOG_USEC", "3000000", 1);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    open_well(&n);
    assert_int_equal(notify_watchdog_wait(&n, 10), 0);
    notify_close(&n);
}

static void children_do_not_speak_in_our_name(void **state)
{
    (void)state;
    struct notify_socket n;
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    open_well(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    notify_close(&n);
}

/* Nobody reads: what may be lost does not wait, and comes later. */
static void a_deaf_manager_does_not_stop_the_loop(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    char text[32];
    setenv("WATCHDOG_USEC", "2000", 1);
    open_well(&n);
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "step %d", i);
        notify_status(&n, text);
        notify_watchdog(&n, i + 1, true);
    }
    assert_string_equal(heard(m), "STATUS=step 0");
    while (heard(m)[0] != '\0')
        ;
    notify_status(&n, "step 4999"); /* did not go out before, so it is no repetition */
    assert_string_equal(heard(m), "STATUS=step 4999");
    notify_close(&n);
}

static void a_manager_that_comes_back_is_heard(void **state)
{
    struct manager *m = *state;
    struct notify_socket n;
    open_well(&n);
    close(m->fd);
    assert_int_equal(unlink(m->name), 0);
    notify_status(&n, "lost");
    assert_int_equal(listen_at(m, false), 0);
    notify_status(&n, "found");
    assert_string_equal(heard(m), "STATUS=found");
    notify_close(&n);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    struct notify_socket n;
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "3000000", 1);
    open_well(&n);
    notify_ready(&n);
    notify_status(&n, "x");
    notify_watchdog(&n, 1, true);
    assert_int_equal(notify_watchdog_wait(&n, 1), -1);
    notify_close(&n);
    setenv("NOTIFY_SOCKET", "", 1);
    open_well(&n);
    assert_int_equal(n.fd, -1);
    notify_close(&n);
}

static void refuse(const char *name, const char *value, const char *why)
{
    struct notify_socket n;
    struct error err = ERROR_INIT;
    setenv("NOTIFY_SOCKET", "/run/none", 1);
    setenv(name, value, 1);
    assert_false(notify_open(&n, &err));
    assert_int_equal(err.kind, ERROR_USAGE);
    if (strstr(err.text, why) == NULL)
        fail_msg("expected '%s', got '%s'", why, err.text);
    assert_int_equal(n.fd, -1);
    notify_ready(&n);
}

static void what_cannot_be_spoken_to_is_an_error(void **state)
{
    (void)state;
    char long_name[300] = "/";
    memset(long_name + 1, 'x', sizeof(long_name) - 2);
    long_name[sizeof(long_name) - 1] = '\0';
    refuse("NOTIFY_SOCKET", "run/notify", "a path from the root");
    refuse("NOTIFY_SOCKET", "vsock:2:1234", "a path from the root");
    refuse("NOTIFY_SOCKET", "@", "a path from the root");
    refuse("NOTIFY_SOCKET", long_name, "too long");
    refuse("WATCHDOG_USEC", "soon", "WATCHDOG_USEC is 'soon'");
    refuse("WATCHDOG_USEC", "-1", "no number above 0");
    refuse("WATCHDOG_PID", "", "WATCHDOG_PID is ''");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TEST_ABSTRACT(test) cmocka_unit_test_setup_teardown(test, setup_abstract, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_state_is_told),
        TEST_ABSTRACT(every_state_is_told),
        TEST(status_is_one_clean_line_said_once),
        TEST(a_watchdog_is_fed_at_half_its_time),
        TEST(a_watchdog_is_not_fed_without_progress),
        TEST(a_watchdog_of_another_process_is_not_ours),
        TEST(children_do_not_speak_in_our_name),
        TEST(a_deaf_manager_does_not_stop_the_loop),
        TEST_ABSTRACT(a_deaf_manager_does_not_stop_the_loop),
        TEST(a_manager_that_comes_back_is_heard),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(what_cannot_be_spoken_to_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

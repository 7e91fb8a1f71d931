/* What a worker writes of itself, and what becomes of it when it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "scratch.h"
#include "worker/instant.h"
#include "worker/status_file.h"

static int setup(void **state)
{
    static struct scratch s;
    *state = &s;
    return scratch_make(&s);
}

static int teardown(void **state)
{
    scratch_remove(*state);
    return 0;
}

static void fill(struct worker_status *s)
{
    status_init(s, "press-1");
    s->written = s->started + 1234;
    s->mode = STATUS_POLLING;
    STATUS_SET(s->why, "a \"pooler\" in transaction mode");
    s->leader = true;
    s->generation = 42;
    s->look = (struct status_look){.at = s->started + 100,
                                   .reason = "notified",
                                   .incremental = true,
                                   .seconds = 0.012345,
                                   .result = STATUS_FAILED,
                                   .held = true,
                                   .error = "no server"};
    s->counters = (struct status_counters){.looks = 7,
                                           .full = 2,
                                           .incremental = 4,
                                           .failures = 1,
                                           .notifications = 99,
                                           .reconnects = 3,
                                           .unnamed = 5};
    s->failures_in_row = 1;
    s->looking_since = s->started + 50;
    s->stuck = true;
    s->latency =
        (struct latency_summary){.count = 9, .p50_ms = 12.5, .p99_ms = 40, .max_ms = 41.125};
    s->lag_ms = 0;
    s->next_due = s->started + 60000;
    s->overdue = 2;
    status_add_problem(s, "held: the table is empty");
    status_add_held(s, "homepage", "fr");
    status_add_held(s, "products", "");
    s->origin = (struct status_origin){.name = "s3://www-example-com/site",
                                       .state = STATUS_UPLOAD_RETRYING,
                                       .release = 41,
                                       .behind_since = s->started + 70,
                                       .running_since = s->started + 80,
                                       .uploads = 8,
                                       .failures = 2,
                                       .failures_in_row = 1,
                                       .error = "no \"route\"",
                                       .held = true,
                                       .held_deletes = 60,
                                       .why = "60 paths are gone",
                                       .purge_error = "403",
                                       .proof_error = "old",
                                       .uploaded = s->started + 60,
                                       .seconds = 0.25,
                                       .live_seconds = 0.5,
                                       .requests = 7,
                                       .bytes = 1234};
    s->origin.latency =
        (struct latency_summary){.count = 3, .p50_ms = 512.5, .p99_ms = 700, .max_ms = 700};
}

static void write_text(struct strbuf *sb, const struct worker_status *s)
{
    strbuf_reset(sb);
    status_write(sb, s);
}

/* --- moments and percentiles ------------------------------------------------------------------ */

static void moments_are_text_and_back(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(1772357400250), "2026-03-01T09:30:00.250Z"},
        {INT64_C(1709164800000), "2024-02-29T00:00:00.000Z"},
        {INSTANT_MAX, "9999-12-31T23:59:59.999Z"},
        {INSTANT_MIN, "0001-01-01T00:00:00.000Z"},
    };
    char text[INSTANT_SIZE];
    int64_t ms;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        instant_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(instant_parse(text, strlen(text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
    instant_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    instant_format(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

static void days_that_there_are_not_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "2026-03-01T09:30:00Z",
        "2026-03-01T09:30:00.250+",
        "2026-03-01 09:30:00.250Z",
        "2026-02-29T09:30:00.250Z",
        "2026-13-01T09:30:00.250Z",
        "2026-00-01T09:30:00.250Z",
        "2026-03-01T24:00:00.000Z",
        "2026-03-01T09:30:60.000Z",
        "0000-03-01T09:30:00.250Z",
        "2026-03-01T09:30:0 .250Z",
        "2026-03-01T09:30:00.250ZZ",
    };
    int64_t ms;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (instant_parse(wrong[i], strlen(wrong[i]), &ms))
            fail_msg("accepted '%s'", wrong[i]);
}

static void percentiles_are_measurements(void **state)
{
    (void)state;
    static struct latency_ring ring;
    struct latency_summary none = latency_summary(&ring);
    assert_true(none.count == 0 && none.p50_ms == 0.0 && none.max_ms == 0.0);
    latency_add(&ring, 7.5);
    struct latency_summary one = latency_summary(&ring);
    assert_true(one.count == 1 && one.p50_ms == 7.5 && one.p99_ms == 7.5 && one.max_ms == 7.5);
    memset(&ring, 0, sizeof(ring));
    for (int i = 100; i > 0; i--)
        latency_add(&ring, i);
    struct latency_summary hundred = latency_summary(&ring);
    assert_true(hundred.p50_ms == 50.0 && hundred.p99_ms == 99.0 && hundred.max_ms == 100.0);
}

static void the_ring_forgets_what_is_old(void **state)
{
    (void)state;
    static struct latency_ring ring;
    for (int i = 0; i < 100; i++)
        latency_add(&ring, 5000);
    for (int i = 0; i < LATENCY_RING; i++)
        latency_add(&ring, 3);
    struct latency_summary s = latency_summary(&ring);
    assert_int_equal(s.count, LATENCY_RING + 100);
    assert_true(s.max_ms == 3.0);
}

static void impossible_measurements_are_bounded(void **state)
{
    (void)state;
    static struct latency_ring ring;
    latency_add(&ring, -3);
    assert_true(latency_summary(&ring).max_ms == 0.0);
    latency_add(&ring, 0.0 / (double)(ring.count - 1)); /* not a number */
    assert_true(latency_summary(&ring).max_ms == 0.0);
    latency_add(&ring, 1e300);
    assert_true(latency_summary(&ring).max_ms > 4e6 && latency_summary(&ring).max_ms < 5e6);
}

/* --- as text ---------------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct worker_status s, again;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    fill(&s);
    write_text(&once, &s);
    if (!status_parse(&again, once.buf, once.len, &err))
        fail_msg("%s in %s", err.text, once.buf);
    write_text(&twice, &again);
    assert_string_equal(once.buf, twice.buf);
    assert_int_equal(again.mode, STATUS_POLLING);
    assert_string_equal(again.why, "a \"pooler\" in transaction mode");
    assert_true(again.leader && again.look.held && !again.look.omitted && again.look.incremental);
    assert_int_equal(again.look.result, STATUS_FAILED);
    assert_int_equal(again.counters.unnamed, 5);
    assert_int_equal(again.lag_ms, 0);
    assert_int_equal(again.overdue, 2);
    assert_int_equal(again.started, s.started);
    assert_int_equal(again.pid_start, s.pid_start);
    assert_int_equal(again.looking_since, s.started + 50);
    assert_true(again.stuck);
    assert_int_equal(again.n_held, 2);
    assert_string_equal(again.held[0].set, "homepage");
    assert_string_equal(again.held[1].locale, "");
    assert_string_equal(again.problems[0], "held: the table is empty");
    assert_true(status_has_origin(&again) && status_origin_fails(&again.origin));
    assert_int_equal(again.origin.state, STATUS_UPLOAD_RETRYING);
    assert_int_equal(again.origin.behind_since, s.started + 70);
    assert_int_equal(again.origin.held_deletes, 60);
    assert_true(again.origin.held && !again.origin.pinned);
    assert_string_equal(again.origin.error, "no \"route\"");
    assert_true(again.origin.live_seconds == 0.5 && again.origin.latency.p50_ms == 512.5);
    strbuf_release(&once);
    strbuf_release(&twice);
}

static void a_status_has_no_origin_or_a_whole_one(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *fault; /* NULL: it is well */
    } cases[] = {
        {"null", NULL},
        {"{}", "origin: name is missing"},
        {"{\"name\":\"\"}", "origin: name is not the name of an origin"},
        {"{\"name\":\"x\",\"state\":\"asleep\"}", "origin: state is not a word it can be"},
        {"{\"name\":\"x\",\"state\":\"idle\"}", "origin: release is missing"},
        {"[]", "origin is not an object"},
    };
    struct worker_status s, again;
    struct strbuf sb = STRBUF_INIT;
    status_init(&s, "press-1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error err = ERROR_INIT;
        write_text(&sb, &s);
        const char *at = strstr(sb.buf, "\"origin\":null}");
        assert_non_null(at);
        sb.len = (size_t)(at - sb.buf);
        strbuf_addf(&sb, "\"origin\":%s}", cases[i].origin);
        assert_int_equal(status_parse(&again, sb.buf, sb.len, &err), cases[i].fault == NULL);
        if (cases[i].fault != NULL)
            assert_string_equal(err.text, cases[i].fault);
        else
            assert_false(status_has_origin(&again));
    }
    strbuf_release(&sb);
}

static void hostile_texts_are_cut_and_cleaned(void **state)
{
    (void)state;
    char small[8];
    status_text(small, sizeof(small), "a\nb\033\x7f");
    assert_string_equal(small, "a?b??");
    status_text(small, sizeof(small), "\xc2\x85-\xff-\xc3");
    assert_string_equal(small, "?-?-?");
    status_text(small, sizeof(small), "123456\xc3\xa9"); /* no half of the last character */
    assert_string_equal(small, "123456");
    status_text(small, sizeof(small), "12345\xc3\xa9");
    assert_string_equal(small, "12345\xc3\xa9");
}

static void full_lists_count_what_they_leave_out(void **state)
{
    (void)state;
    struct worker_status s, again;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT;
    char name[STATUS_TEXT_MAX * 2];
    status_init(&s, "");
    memset(name, '"', sizeof(name) - 1); /* each takes two bytes in JSON */
    name[sizeof(name) - 1] = '\0';
    for (int i = 0; i < 1000; i++) {
        name[0] = (char)('a' + i % 26);
        name[1] = (char)('a' + i / 26);
        status_add_problem(&s, name);
        status_add_held(&s, name, "en");
        status_add_held(&s, name, "en");
    }
    assert_int_equal(s.n_problems, STATUS_PROBLEMS_MAX);
    assert_int_equal(s.more_problems, 1000 - STATUS_PROBLEMS_MAX);
    assert_int_equal(s.n_held, STATUS_HELD_MAX);
    assert_true(s.more_held >= 1000 - STATUS_HELD_MAX);
    write_text(&sb, &s);
    assert_true(sb.len < STATUS_BYTES_MAX / 4);
    assert_true(status_parse(&again, sb.buf, sb.len, &err));
    assert_int_equal(again.n_problems, STATUS_PROBLEMS_MAX);
    status_clear_lists(&s);
    assert_true(s.n_held == 0 && s.more_held == 0 && s.n_problems == 0 && s.more_problems == 0);
    strbuf_release(&sb);
}

/* The text with its first `from` replaced by `to` must be refused, and the message says `why`. */
static void refuse(const char *from, const char *to, enum error_kind kind, const char *why)
{
    struct worker_status s, read;
    struct error err = ERROR_INIT;
    struct strbuf sb = STRBUF_INIT, bad = STRBUF_INIT;
    fill(&s);
    write_text(&sb, &s);
    const char *at = strstr(sb.buf, from);
    if (at == NULL)
        fail_msg("no %s in %s", from, sb.buf);
    strbuf_add(&bad, sb.buf, (size_t)(at - sb.buf));
    strbuf_addstr(&bad, to);
    strbuf_addstr(&bad, at + strlen(from));
    if (status_parse(&read, bad.buf, bad.len, &err))
        fail_msg("accepted %s", to);
    assert_int_equal(err.kind, kind);
    if (strstr(err.text, why) == NULL)
        fail_msg("expected '%s', got '%s'", why, err.text);
    strbuf_release(&sb);
    strbuf_release(&bad);
}

static void a_wrong_member_is_named(void **state)
{
    (void)state;
    const enum error_kind bad = ERROR_CONTENT;
    refuse("{\"platen_status\":1", "{\"platen_status\":2", ERROR_USAGE, "newer platen");
    refuse("{\"platen_status\":1", "{\"platen_status\":0", bad, "platen_status is not a format");
    refuse("{\"platen_status\":1", "{\"x\":1", bad, "not the status of a worker");
    refuse("\"mode\":\"polling\"", "\"mode\":\"sleeping\"", bad, "mode is not a word");
    refuse("\"mode\":", "\"mood\":", bad, "mode is missing");
    refuse("\"leader\":true", "\"leader\":1", bad, "leader is not true or false");
    refuse("\"generation\":42", "\"generation\":-42", bad, "generation is not a whole number");
    refuse("\"generation\":42", "\"generation\":4.2", bad, "generation is not a whole number");
    refuse("\"generation\":42", "\"generation\":99999999999999999999", bad, "generation is not");
    refuse("\"looks\":7", "\"looks\":\"7\"", bad, "counters: looks is not a whole number");
    refuse("\"looks\":7,", "", bad, "counters: looks is missing");
    refuse("\"counters\":{", "\"counters\":[],\"x\":{", bad, "counters is not an object");
    refuse("\"p50_ms\":12.500", "\"p50_ms\":-1", bad, "latency: p50_ms is not in its range");
    refuse("\"p50_ms\":12.500", "\"p50_ms\":1e999", bad, "latency: p50_ms is not in its range");
    refuse("\"lag_ms\":0", "\"lag_ms\":-1", bad, "lag_ms is not a whole number or null");
    refuse("\"heartbeat_ms\":5000", "\"heartbeat_ms\":0", bad, "heartbeat_ms is not in its range");
    refuse("\"pid\":", "\"pid\":0", bad, "line"); /* a number does not begin so */
    refuse("\"pid\":", "\"pid\":99999999", bad, "worker: pid is not in its range");
    refuse("\"held\":[{", "\"held\":[[],{", bad, "held: page_set is missing");
    refuse("\"held\":[{", "\"held\":7,\"x\":[{", bad, "held is not a list");
    refuse("\"problems\":[\"", "\"problems\":[null,\"", bad, "problems is not a list of texts");
    refuse("press-1", "press\\u0000", bad, "worker: id is not a text");
    refuse("\"result\":\"failed\"", "\"result\":null", bad, "look: result is not a word");
    refuse("{\"platen_status\":1,\"written\":\"2", "{\"platen_status\":1,\"written\":\"x", bad,
           "written is not a moment");
}

static void too_long_is_refused(void **state)
{
    (void)state;
    struct strbuf many = STRBUF_INIT, name = STRBUF_INIT;
    strbuf_addstr(&many, "\"problems\":[");
    for (int i = 0; i < STATUS_PROBLEMS_MAX; i++)
        strbuf_addstr(&many, "\"x\",");
    strbuf_addch(&many, '"');
    refuse("\"problems\":[\"", many.buf, ERROR_CONTENT, "problems is not a list, or is too long");
    for (int i = 0; i < STATUS_NAME_MAX; i++)
        strbuf_addch(&name, 'x');
    refuse("press-1", name.buf, ERROR_CONTENT, "worker: id is not a text, or is too long");
    strbuf_release(&many);
    strbuf_release(&name);
}

/* --- who is there ----------------------------------------------------------------------------- */

static void a_worker_lives_while_it_speaks(void **state)
{
    (void)state;
    struct worker_status s;
    status_init(&s, "");
    s.written = s.started;
    int64_t longest = STATUS_SILENT_BEATS * s.heartbeat_ms;
    assert_int_equal(status_life(&s, s.written), STATUS_ALIVE);
    assert_int_equal(status_life(&s, s.written + longest), STATUS_ALIVE);
    assert_int_equal(status_life(&s, s.written + longest + 1), STATUS_SILENT);
    assert_int_equal(status_life(&s, s.written - longest - 1), STATUS_SILENT);
    s.mode = STATUS_STOPPED;
    assert_int_equal(status_life(&s, s.written), STATUS_ENDED);
}

static void a_process_that_is_not_there_is_gone_at_once(void **state)
{
    (void)state;
    struct worker_status s;
    status_init(&s, "");
    s.written = s.started;
    s.pid_start++; /* the number was given to another one */
    assert_int_equal(status_life(&s, s.written), STATUS_GONE);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    s.pid = child;
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(status_life(&s, s.written), STATUS_GONE); /* not yet buried */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(status_life(&s, s.written), STATUS_GONE);
}

static void of_another_place_only_its_words_tell(void **state)
{
    (void)state;
    struct worker_status s;
    status_init(&s, "");
    s.written = s.started;
    s.pid_start++;
    STATUS_SET(s.place, "another boot/1");
    assert_int_equal(status_life(&s, s.written), STATUS_ALIVE);
    assert_int_equal(status_life(&s, s.written + 3600000), STATUS_SILENT);
}

/* --- the file --------------------------------------------------------------------------------- */

static uint64_t generation_on_disk(const char *out)
{
    struct worker_status s;
    struct error err = ERROR_INIT;
    bool found;
    if (!status_file_read(out, &s, &found, &err))
        fail_msg("%s", err.text);
    return found ? s.generation : 0;
}

static void it_is_written_as_often_as_it_may(void **state)
{
    struct scratch *dir = *state;
    static struct status_file f;
    struct error err = ERROR_INIT;
    char out[300];
    snprintf(out, sizeof(out), "%s/new/out", dir->path); /* made where it is missing */
    status_file_init(&f, out, "press-1");
    assert_int_equal(generation_on_disk(out), 0);
    f.now.generation = 1;
    assert_int_equal(status_file_wait(&f, 5), 0);
    assert_true(status_file_write(&f, 5, false, &err));
    assert_int_equal(generation_on_disk(out), 1);
    assert_int_equal(status_file_wait(&f, 5), STATUS_HEARTBEAT_MS);

    f.now.generation = 2;
    status_file_changed(&f);
    assert_int_equal(status_file_wait(&f, 105), STATUS_EVERY_MS - 100);
    assert_true(status_file_write(&f, 105, false, &err));
    assert_int_equal(generation_on_disk(out), 1);
    assert_true(status_file_write(&f, 5 + STATUS_EVERY_MS, false, &err));
    assert_int_equal(generation_on_disk(out), 2);

    f.now.generation = 3;
    assert_true(status_file_write(&f, 6 + STATUS_EVERY_MS, true, &err));
    assert_int_equal(generation_on_disk(out), 3);
    assert_int_equal(status_file_wait(&f, 6 + STATUS_EVERY_MS), STATUS_HEARTBEAT_MS);
    assert_true(scratch_has(dir, "new/out/status.json"));
    assert_false(scratch_has(dir, "new/out/.status.json.new"));
}

static void the_last_word_is_that_it_ended(void **state)
{
    struct scratch *dir = *state;
    static struct status_file f;
    struct worker_status s;
    struct error err = ERROR_INIT;
    bool found;
    status_file_init(&f, dir->path, "press-1");
    f.now.leader = true;
    latency_add(&f.latency, 12.5);
    assert_true(status_file_stop(&f, 1, &err));
    assert_true(status_file_read(dir->path, &s, &found, &err) && found);
    assert_int_equal(s.mode, STATUS_STOPPED);
    assert_false(s.leader);
    assert_true(s.latency.p50_ms == 12.5);
    assert_int_equal(status_life(&s, s.written), STATUS_ENDED);
}

static void a_write_that_fails_is_told_and_tried_again_later(void **state)
{
    struct scratch *dir = *state;
    static struct status_file f;
    struct error err = ERROR_INIT;
    status_file_init(&f, dir->path, "press-1");
    assert_int_equal(mkdirat(dir->fd, "status.json", 0777), 0);
    assert_false(status_file_write(&f, 1, false, &err));
    assert_non_null(strstr(err.text, "renaming to status.json"));
    assert_false(scratch_has(dir, ".status.json.new"));
    assert_int_equal(status_file_wait(&f, 1), STATUS_EVERY_MS);
    assert_int_equal(unlinkat(dir->fd, "status.json", AT_REMOVEDIR), 0);
    assert_true(status_file_write(&f, 1 + STATUS_EVERY_MS, false, &err));
    assert_true(scratch_has(dir, "status.json"));
}

static void a_link_in_the_way_is_not_followed(void **state)
{
    struct scratch *dir = *state;
    static struct status_file f;
    struct error err = ERROR_INIT;
    scratch_write(dir, "treasure", "gold");
    assert_int_equal(symlinkat("treasure", dir->fd, ".status.json.new"), 0);
    status_file_init(&f, dir->path, "press-1");
    assert_int_equal(symlinkat("treasure", dir->fd, "status.json"), 0);
    assert_true(status_file_write(&f, 1, true, &err));
    assert_true(scratch_is(dir, "treasure", "gold"));
    assert_true(S_ISREG(scratch_stat(dir, "status.json").st_mode));
}

static void what_is_no_status_is_an_error_with_its_path(void **state)
{
    struct scratch *dir = *state;
    struct worker_status s;
    struct error err = ERROR_INIT;
    bool found;
    assert_true(status_file_read(dir->path, &s, &found, &err));
    assert_false(found);
    scratch_write(dir, "status.json", "{\"platen_status\":1,");
    assert_false(status_file_read(dir->path, &s, &found, &err));
    assert_non_null(strstr(err.text, "/status.json: line 1"));
    assert_int_equal(unlinkat(dir->fd, "status.json", 0), 0);
    assert_int_equal(mkfifoat(dir->fd, "status.json", 0666), 0); /* which nobody writes to */
    assert_false(status_file_read(dir->path, &s, &found, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_text_and_back),
        cmocka_unit_test(days_that_there_are_not_are_refused),
        cmocka_unit_test(percentiles_are_measurements),
        cmocka_unit_test(the_ring_forgets_what_is_old),
        cmocka_unit_test(impossible_measurements_are_bounded),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_status_has_no_origin_or_a_whole_one),
        cmocka_unit_test(hostile_texts_are_cut_and_cleaned),
        cmocka_unit_test(full_lists_count_what_they_leave_out),
        cmocka_unit_test(a_wrong_member_is_named),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(a_worker_lives_while_it_speaks),
        cmocka_unit_test(a_process_that_is_not_there_is_gone_at_once),
        cmocka_unit_test(of_another_place_only_its_words_tell),
        ON_DISK(it_is_written_as_often_as_it_may),
        ON_DISK(the_last_word_is_that_it_ended),
        ON_DISK(a_write_that_fails_is_told_and_tried_again_later),
        ON_DISK(a_link_in_the_way_is_not_followed),
        ON_DISK(what_is_no_status_is_an_error_with_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

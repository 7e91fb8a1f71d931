/* Any bytes as the status of a worker: damage is told, and what is accepted is clean text within
 * its bounds that says the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "worker/instant.h"
#include "worker/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

/* Nothing that plays with a terminal. */
static void check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    expect(len < size && utf8_valid_prefix(text, len) == len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        expect(c >= 0x20 && c != 0x7f);
        expect(c != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
    }
}
#define CHECK_TEXT(array) check_text(array, sizeof(array))

static void check_promises(const struct worker_status *s)
{
    CHECK_TEXT(s->id);
    CHECK_TEXT(s->host);
    CHECK_TEXT(s->version);
    CHECK_TEXT(s->place);
    CHECK_TEXT(s->why);
    CHECK_TEXT(s->look.reason);
    CHECK_TEXT(s->look.error);
    expect(s->pid > 0 && s->heartbeat_ms > 0);
    expect(s->mode < STATUS_MODES && s->look.result < STATUS_RESULTS);
    expect(s->lag_ms >= -1 && s->overdue >= -1);
    expect(s->look.seconds >= 0 && s->latency.p99_ms >= 0);
    expect(s->written >= INSTANT_MIN && s->written <= INSTANT_MAX);
    expect(s->n_held <= STATUS_HELD_MAX && s->n_problems <= STATUS_PROBLEMS_MAX);
    for (size_t i = 0; i < s->n_held; i++) {
        CHECK_TEXT(s->held[i].set);
        CHECK_TEXT(s->held[i].locale);
    }
    for (size_t i = 0; i < s->n_problems; i++)
        CHECK_TEXT(s->problems[i]);
    CHECK_TEXT(s->origin.name);
    CHECK_TEXT(s->origin.error);
    CHECK_TEXT(s->origin.why);
    CHECK_TEXT(s->origin.purge_error);
    CHECK_TEXT(s->origin.proof_error);
    expect(s->origin.state < STATUS_UPLOADS && s->origin.seconds >= 0);
}

static void check_written(const struct worker_status *s)
{
    struct worker_status again;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
    status_write(&once, s);
    expect(once.len < STATUS_BYTES_MAX && status_parse(&again, once.buf, once.len, &err));
    status_write(&twice, &again);
    expect(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
    strbuf_release(&once);
    strbuf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct worker_status s;
    struct error err = ERROR_INIT;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    if (status_parse(&s, text, size, &err)) {
        check_promises(&s);
        check_written(&s);
    } else {
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
        expect(err.text[0] != '\0');
    }
    free(text);
    return 0;
}

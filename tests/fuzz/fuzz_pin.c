/* Any bytes as a pin: damage is told, and what is accepted keeps what store/pin.h promises and says
 * the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "store/pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_promises(const struct pin *pin)
{
    size_t len = strlen(pin->reason);
    struct pin copy = *pin;
    struct error err = ERROR_INIT;
    expect(pin->generation > 0 && strlen(pin->since) == 20);
    expect(len <= PIN_REASON_MAX && utf8_valid_prefix(pin->reason, len) == len);
    expect(pin_set_reason(&copy, pin->reason, &err));
}

static void check_written(const struct pin *pin)
{
    struct pin again;
    struct error err = ERROR_INIT;
    struct strbuf once = STRBUF_INIT;
    pin_print(&once, pin);
    expect(pin_parse(&again, once.buf, once.len, &err));
    expect(again.generation == pin->generation && again.by == pin->by);
    expect(strcmp(again.since, pin->since) == 0 && strcmp(again.reason, pin->reason) == 0);
    strbuf_release(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pin pin;
    struct error err = ERROR_INIT;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size); /* of exactly this size: reading past the end is seen */
    if (pin_parse(&pin, text, size, &err)) {
        check_promises(&pin);
        check_written(&pin);
    } else {
        expect(err.kind == ERROR_CONTENT || err.kind == ERROR_USAGE);
        expect(err.text[0] != '\0' && pin.generation == 0);
    }
    free(text);
    return 0;
}

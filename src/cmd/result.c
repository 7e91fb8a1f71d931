#include "cmd/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "cmd/say.h"

static const char *const change_names[] = {"added", "changed", "removed"};

void result_flatten(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* U+0080 to U+009F */
            *c = c[1] = '?';
    }
}

void result_print_changes(const struct press_result *r)
{
    static const char marks[] = {'+', '~', '-'};
    for (size_t i = 0; i < r->n_changes; i++) {
        const struct press_change *c = &r->changes[i];
        if (c->kind == PRESS_CHANGED)
            printf("%c %s  %" PRIu32 " -> %" PRIu32 " bytes\n", marks[c->kind], c->path,
                   c->old_size, c->size);
        else
            printf("%c %s  %" PRIu32 " bytes\n", marks[c->kind], c->path,
                   c->kind == PRESS_REMOVED ? c->old_size : c->size);
    }
}

void result_say_pinned(const struct pin *pin)
{
    say_warning("pinned to release %" PRIu64 " since %s by %s%s%s%s; nothing but tombstones is "
                "printed. To end that: platen unpin",
                pin->generation, pin->since, pin_by_name(pin->by),
                pin->reason[0] != '\0' ? " (" : "", pin->reason, pin->reason[0] != '\0' ? ")" : "");
}

void result_add_text(struct strbuf *sb, const char *name, const char *value)
{
    strbuf_addf(sb, "\"%s\":", name);
    json_write_string(sb, value, strlen(value));
}

void result_add_changes(struct strbuf *sb, const struct press_result *r)
{
    strbuf_addstr(sb, ",\"changes\":[");
    for (size_t i = 0; i < r->n_changes; i++) {
        const struct press_change *c = &r->changes[i];
        strbuf_addstr(sb, i > 0 ? ",{" : "{");
        result_add_text(sb, "action", change_names[c->kind]);
        strbuf_addch(sb, ',');
        result_add_text(sb, "path", c->path);
        strbuf_addf(sb, ",\"old_size\":%" PRIu32 ",\"size\":%" PRIu32 "}", c->old_size, c->size);
    }
    strbuf_addch(sb, ']');
}

void result_add_pin(struct strbuf *sb, const struct pin *pin)
{
    strbuf_addstr(sb, ",\"pin\":");
    if (pin == NULL || pin->generation == 0)
        strbuf_addstr(sb, "null");
    else
        pin_print(sb, pin);
}

int result_flush(int code)
{
    struct error err = ERROR_INIT;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    error_errno(&err, "writing to standard output");
    return say_error(&err);
}

#include "cmd/status_lines.h"

#include <inttypes.h>
#include <stdio.h>

#include "worker/instant.h"
#include "worker/status.h"

void status_lines_show(const char *label, struct strbuf *text)
{
    char clean[4096];
    STATUS_SET(clean, text->buf);
    printf("%-10s %s\n", label, clean);
    strbuf_reset(text);
}

const char *status_lines_duration(int64_t ms, char text[STATUS_DURATION_SIZE])
{
    int64_t s = ms / 1000;
    if (ms < 1000)
        snprintf(text, STATUS_DURATION_SIZE, "%" PRId64 " ms", ms > 0 ? ms : 0);
    else if (s < 60)
        snprintf(text, STATUS_DURATION_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(text, STATUS_DURATION_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (s < 2 * 86400)
        snprintf(text, STATUS_DURATION_SIZE, "%" PRId64 " h %" PRId64 " min", s / 3600,
                 s / 60 % 60);
    else
        snprintf(text, STATUS_DURATION_SIZE, "%" PRId64 " days", s / 86400);
    return text;
}

void status_lines_add_moment(struct strbuf *sb, int64_t at, int64_t now)
{
    char text[INSTANT_SIZE], length[STATUS_DURATION_SIZE];
    instant_format(at, text);
    text[19] = '\0'; /* without fractions */
    if (at > now)
        strbuf_addf(sb, "%sZ, in %s", text, status_lines_duration(at - now, length));
    else
        strbuf_addf(sb, "%sZ, %s ago", text, status_lines_duration(now - at, length));
}

#include "worker/status.h"

#include <string.h>

#include "base/utf8.h"

static const char *const mode_names[STATUS_MODES] = {
    [STATUS_STARTING] = "starting", [STATUS_LISTENING] = "listening",
    [STATUS_POLLING] = "polling",   [STATUS_RECONNECTING] = "reconnecting",
    [STATUS_STOPPED] = "stopped",
};
static const char *const result_names[STATUS_RESULTS] = {
    [STATUS_NO_LOOK] = "none",
    [STATUS_RELEASED] = "released",
    [STATUS_UNCHANGED] = "unchanged",
    [STATUS_FAILED] = "failed",
};

static const char *const upload_names[STATUS_UPLOADS] = {
    [STATUS_UPLOAD_IDLE] = "idle",
    [STATUS_UPLOADING] = "uploading",
    [STATUS_UPLOAD_RETRYING] = "retrying",
    [STATUS_UPLOAD_ELSEWHERE] = "elsewhere",
};

const char *status_mode_name(enum status_mode mode)
{
    return mode_names[mode];
}

const char *status_result_name(enum status_result result)
{
    return result_names[result];
}

const char *status_upload_name(enum status_upload state)
{
    return upload_names[state];
}

bool status_has_origin(const struct worker_status *s)
{
    return s->origin.name[0] != '\0';
}

bool status_origin_fails(const struct status_origin *o)
{
    return o->failures_in_row > 0 || o->purge_error[0] != '\0' || o->proof_error[0] != '\0';
}

static bool is_control(const unsigned char *c, size_t len)
{
    return len == 1 ? c[0] < 0x20 || c[0] == 0x7f : len == 2 && c[0] == 0xc2 && c[1] < 0xa0;
}

void status_text(char *to, size_t size, const char *from)
{
    size_t left = strlen(from), used = 0;
    while (left > 0) {
        size_t len = utf8_char_len(from, left);
        bool bad = len == 0 || is_control((const unsigned char *)from, len);
        size_t put = bad ? 1 : len;
        if (used + put >= size)
            break;
        memcpy(to + used, bad ? "?" : from, put);
        used += put;
        from += len > 0 ? len : 1;
        left -= len > 0 ? len : 1;
    }
    to[used] = '\0';
}

void status_add_problem(struct worker_status *s, const char *text)
{
    if (s->n_problems == STATUS_PROBLEMS_MAX)
        s->more_problems++;
    else
        status_text(s->problems[s->n_problems++], STATUS_TEXT_MAX, text);
}

void status_add_held(struct worker_status *s, const char *set, const char *locale)
{
    struct status_held pair;
    STATUS_SET(pair.set, set);
    STATUS_SET(pair.locale, locale);
    for (size_t i = 0; i < s->n_held; i++)
        if (strcmp(s->held[i].set, pair.set) == 0 && strcmp(s->held[i].locale, pair.locale) == 0)
            return;
    if (s->n_held == STATUS_HELD_MAX)
        s->more_held++;
    else
        s->held[s->n_held++] = pair;
}

void status_clear_lists(struct worker_status *s)
{
    s->n_problems = s->more_problems = 0;
    s->n_held = s->more_held = 0;
}

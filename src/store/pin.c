#include "store/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"

#define NAME "pin.json"
#define TEMPORARY ".pin.new"
#define FORMAT 1
#define BYTES_MAX 8192
#define TIME_FORM "%Y-%m-%dT%H:%M:%SZ"

static const char *const by_names[] = {[PIN_BY_HAND] = "pin", [PIN_BY_ROLLBACK] = "rollback"};

const char *pin_by_name(enum pin_by by)
{
    return by_names[by];
}

void pin_set_time(struct pin *pin, int64_t seconds)
{
    struct tm tm;
    time_t t = (time_t)seconds;
    pin->since[0] = '\0';
    if (gmtime_r(&t, &tm) != NULL && tm.tm_year + 1900 > 0 && tm.tm_year + 1900 < 10000)
        strftime(pin->since, sizeof(pin->since), TIME_FORM, &tm);
}

/* What is shown in one line, on terminals too. */
static bool is_line(const char *text, size_t len)
{
    if (utf8_valid_prefix(text, len) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && (unsigned char)text[i + 1] < 0xa0; /* U+0080 to U+009F */
        if (c < 0x20 || c == 0x7f || c1)
            return false;
    }
    return true;
}

static bool take_reason(struct pin *pin, const char *text, size_t len)
{
    if (len > PIN_REASON_MAX || !is_line(text, len))
        return false;
    memcpy(pin->reason, text, len);
    pin->reason[len] = '\0';
    return true;
}

bool pin_set_reason(struct pin *pin, const char *reason, struct error *err)
{
    return take_reason(pin, reason, strlen(reason)) ||
           error_set(err, ERROR_USAGE, "a reason is one line of text, of up to %d bytes",
                     PIN_REASON_MAX);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Digits alone, without a sign, a fraction or an exponent. */
static bool take_number(const struct json_value *v, uint64_t *out)
{
    *out = 0;
    if (v->type != JSON_NUMBER || v->len > 18)
        return false;
    for (uint32_t i = 0; i < v->len; i++) {
        if (v->text[i] < '0' || v->text[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(v->text[i] - '0');
    }
    return *out > 0;
}

static bool take_time(struct pin *pin, const struct json_value *v)
{
    struct tm tm = {0};
    if (v->type != JSON_STRING || v->len != strlen("2026-01-02T03:04:05Z"))
        return false;
    memcpy(pin->since, v->text, v->len);
    pin->since[v->len] = '\0';
    for (uint32_t i = 0; i < v->len; i++)
        if (strchr("0123456789-T:Z", pin->since[i]) == NULL)
            return false;
    const char *end = strptime(pin->since, TIME_FORM, &tm);
    return end != NULL && *end == '\0';
}

static bool take_by(struct pin *pin, const struct json_value *v)
{
    pin->by = json_is(v, by_names[PIN_BY_ROLLBACK]) ? PIN_BY_ROLLBACK : PIN_BY_HAND;
    return json_is(v, by_names[pin->by]);
}

static bool is_named(const struct json_member *m, const char *name)
{
    return m->key_len == strlen(name) && memcmp(m->key, name, m->key_len) == 0;
}

/* *seen: a bit for each member there was. */
static bool take_member(struct pin *pin, const struct json_member *m, unsigned *seen)
{
    static const char *const names[] = {"platen", "generation", "since", "reason", "by"};
    const struct json_value *v = &m->value;
    uint64_t format;
    unsigned i = 0;
    while (i < 5 && !is_named(m, names[i]))
        i++;
    if (i == 5 || (*seen & 1u << i) != 0)
        return false;
    *seen |= 1u << i;
    switch (i) {
    case 0:
        return take_number(v, &format);
    case 1:
        return take_number(v, &pin->generation);
    case 2:
        return take_time(pin, v);
    case 3:
        return v->type == JSON_STRING && take_reason(pin, v->text, v->len);
    default:
        return take_by(pin, v);
    }
}

static bool check_format(const struct json_value *v, struct error *err)
{
    const struct json_value *format = json_gets(v, "platen");
    uint64_t n;
    if (v->type != JSON_OBJECT || format == NULL || !take_number(format, &n))
        return error_set(err, ERROR_CONTENT, "not a pin");
    return n == FORMAT ||
           error_set(err, ERROR_USAGE,
                     "written by a newer platen, in format %" PRIu64 " (this one reads %d)", n,
                     FORMAT);
}

static bool take_members(struct pin *pin, const struct json_value *v, struct error *err)
{
    unsigned seen = 0;
    for (uint32_t i = 0; i < v->len; i++)
        if (!take_member(pin, &v->members[i], &seen))
            return error_set(err, ERROR_CONTENT, "'%.*s' is wrong, there twice or unknown",
                             (int)(v->members[i].key_len < 40 ? v->members[i].key_len : 40),
                             v->members[i].key);
    return seen == 0x1f ||
           error_set(err, ERROR_CONTENT, "generation, since, reason or by is missing");
}

bool pin_parse(struct pin *pin, const char *text, size_t len, struct error *err)
{
    struct arena arena;
    struct json_value v;
    struct json_limits limits = {.depth = 4, .bytes = BYTES_MAX};
    *pin = (struct pin){0};
    arena_init(&arena);
    bool ok = json_parse(&arena, NULL, text, len, &limits, &v, err) && check_format(&v, err) &&
              take_members(pin, &v, err);
    arena_release(&arena);
    if (!ok)
        *pin = (struct pin){0};
    return ok;
}

bool pin_read(const struct store *s, struct pin *pin, struct error *err)
{
    struct stat st;
    struct strbuf text = STRBUF_INIT;
    *pin = (struct pin){0};
    if (s->releases_fd < 0)
        return true;
    if (fstatat(s->releases_fd, NAME, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return true;
    bool ok = file_read(s->releases_fd, NAME, BYTES_MAX, &text, err);
    if (ok && !pin_parse(pin, text.buf, text.len, err)) {
        error_context(err, "%s", NAME);
        if (err->kind == ERROR_CONTENT) { /* no row's: the world's */
            struct error what = *err;
            ok = error_set(err, ERROR_FAILED,
                           "%s; nothing is printed while nobody can say what is pinned: "
                           "'platen unpin' takes it away",
                           what.text);
        }
        ok = false;
    }
    strbuf_release(&text);
    return ok || error_context(err, "%s/releases", s->out);
}

/* --- writing -------------------------------------------------------------------------------- */

void pin_print(struct strbuf *sb, const struct pin *pin)
{
    strbuf_addf(sb, "{\"platen\":%d,\"generation\":%" PRIu64 ",\"since\":", FORMAT,
                pin->generation);
    json_write_string(sb, pin->since, strlen(pin->since));
    strbuf_addstr(sb, ",\"reason\":");
    json_write_string(sb, pin->reason, strlen(pin->reason));
    strbuf_addf(sb, ",\"by\":\"%s\"}", by_names[pin->by]);
}

bool pin_write(const struct store *s, const struct pin *pin, struct error *err)
{
    struct strbuf sb = STRBUF_INIT;
    pin_print(&sb, pin);
    strbuf_addch(&sb, '\n');
    int fd = openat(s->releases_fd, TEMPORARY,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    bool ok = fd >= 0 || error_errno(err, "%s", TEMPORARY);
    ok = ok && file_write_all(fd, TEMPORARY, sb.buf, sb.len, err);
    if (ok && fsync(fd) < 0)
        ok = error_errno(err, "flushing %s", TEMPORARY);
    if (fd >= 0 && close(fd) < 0 && ok)
        ok = error_errno(err, "closing %s", TEMPORARY);
    if (ok && renameat(s->releases_fd, TEMPORARY, s->releases_fd, NAME) < 0)
        ok = error_errno(err, "renaming %s to %s", TEMPORARY, NAME);
    ok = ok && file_sync_dir(s->releases_fd, ".", err);
    strbuf_release(&sb);
    return ok || error_context(err, "%s/releases", s->out);
}

bool pin_remove(const struct store *s, bool *was_there, struct error *err)
{
    *was_there = false;
    if (s->releases_fd < 0)
        return true;
    unlinkat(s->releases_fd, TEMPORARY, 0); /* of a writer that was killed */
    *was_there = unlinkat(s->releases_fd, NAME, 0) == 0;
    if (!*was_there && errno != ENOENT)
        return error_errno(err, "removing %s/releases/%s", s->out, NAME);
    return file_sync_dir(s->releases_fd, ".", err) || error_context(err, "%s/releases", s->out);
}

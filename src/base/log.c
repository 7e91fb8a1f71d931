#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/utf8.h"

#define VALUE_MAX 4096
#define REPEAT_MS 60000

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_init(struct log *log, int fd, enum log_form form, enum log_level least)
{
    *log = (struct log){.fd = fd, .form = form, .least = least};
    pthread_mutex_init(&log->mutex, NULL);
}

void log_release(struct log *log)
{
    pthread_mutex_destroy(&log->mutex);
}

/* --- putting a line together ------------------------------------------------------------------ */

/* FNV-1a; a run of digits counts as one '0', so that a port or a duration makes no new problem. */
static void hash_text(uint64_t *hash, const char *text)
{
    bool in_digits = false;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        bool digit = *p >= '0' && *p <= '9';
        if (digit && in_digits)
            continue;
        in_digits = digit;
        *hash = (*hash ^ (digit ? '0' : *p)) * UINT64_C(1099511628211);
    }
    *hash = (*hash ^ 0xff) * UINT64_C(1099511628211);
}

static bool is_plain(const char *value)
{
    if (strnlen(value, VALUE_MAX) == VALUE_MAX)
        return false;
    for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '=' || *p == '\\')
            return false;
    return value[0] != '\0';
}

/* JSON's quoting serves pairs as well: one line stays one line. Bytes that are no UTF-8 and the
 * control characters that JSON lets pass become '?'. */
static void add_quoted(struct strbuf *sb, const char *value)
{
    struct strbuf clean = STRBUF_INIT;
    size_t len = strnlen(value, VALUE_MAX);
    bool cut = value[len] != '\0';
    while (len > 0) {
        size_t good = utf8_valid_prefix(value, len);
        for (size_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)value[i];
            bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
            bool c1 = c == 0xc2 && i + 1 < good && (unsigned char)value[i + 1] < 0xa0;
            strbuf_addch(&clean, control || c1 ? '?' : (char)c);
            i += c1;
        }
        if (good < len) {
            strbuf_addch(&clean, '?');
            good++;
        }
        value += good;
        len -= good;
    }
    if (cut)
        strbuf_addstr(&clean, "...");
    json_write_string(sb, clean.buf, clean.len);
    strbuf_release(&clean);
}

static void add_name(struct log_line *line, const char *name)
{
    if (line->log->form == LOG_JSON)
        strbuf_addf(&line->text, ",\"%s\":", name);
    else
        strbuf_addf(&line->text, " %s=", name);
}

static void add_time(struct strbuf *sb, enum log_form form)
{
    struct timespec now;
    struct tm tm;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    if (form == LOG_TERMINAL) {
        localtime_r(&now.tv_sec, &tm);
        strftime(text, sizeof(text), "%H:%M:%S", &tm);
        strbuf_addf(sb, "%s.%03d", text, (int)(now.tv_nsec / 1000000));
        return;
    }
    gmtime_r(&now.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    strbuf_addf(sb, form == LOG_JSON ? "{\"time\":\"%s.%03dZ\"" : "time=%s.%03dZ", text,
                (int)(now.tv_nsec / 1000000));
}

void log_begin(struct log_line *line, struct log *log, enum log_level level, const char *what)
{
    *line = (struct log_line){.log = log,
                              .level = level,
                              .wanted = level >= log->least,
                              .hash = UINT64_C(14695981039346656037)};
    strbuf_init(&line->text, STRBUF_CAP_DEFAULT);
    if (!line->wanted)
        return;
    hash_text(&line->hash, what);
    add_time(&line->text, log->form);
    if (log->form == LOG_TERMINAL) {
        strbuf_addf(&line->text, " %s%s", level == LOG_WARNING ? "warning: " : "",
                    level == LOG_ERROR ? "error: " : "");
        strbuf_addstr(&line->text, what);
        return;
    }
    add_name(line, "level");
    if (log->form == LOG_JSON)
        strbuf_addf(&line->text, "\"%s\"", level_names[level]);
    else
        strbuf_addstr(&line->text, level_names[level]);
    log_text(line, "what", what);
}

void log_text(struct log_line *line, const char *name, const char *value)
{
    if (!line->wanted)
        return;
    hash_text(&line->hash, value);
    if (line->log->form == LOG_TERMINAL && strcmp(name, "text") == 0) {
        struct strbuf quoted = STRBUF_INIT;
        add_quoted(&quoted, value);
        strbuf_addstr(&line->text, ": ");
        strbuf_add(&line->text, quoted.buf + 1, quoted.len - 2);
        strbuf_release(&quoted);
        return;
    }
    add_name(line, name);
    if (line->log->form != LOG_JSON && is_plain(value))
        strbuf_addstr(&line->text, value);
    else
        add_quoted(&line->text, value);
}

void log_number(struct log_line *line, const char *name, int64_t value)
{
    if (!line->wanted)
        return;
    add_name(line, name);
    strbuf_addf(&line->text, "%" PRId64, value);
}

void log_seconds(struct log_line *line, const char *name, double value)
{
    if (!line->wanted)
        return;
    add_name(line, name);
    strbuf_addf(&line->text, "%.3f", value);
}

/* --- writing it ------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Whether to write it now; *repeated: how many like it were not. */
static bool is_news(struct log *log, uint64_t hash, uint64_t *repeated)
{
    int64_t now = now_ms();
    size_t oldest = 0;
    for (size_t i = 0; i < LOG_REMEMBERED; i++) {
        if (log->seen[i].hash == hash) {
            if (now - log->seen[i].shown_ms < REPEAT_MS) {
                log->seen[i].hidden++;
                return false;
            }
            *repeated = log->seen[i].hidden;
            log->seen[i].shown_ms = now;
            log->seen[i].hidden = 0;
            return true;
        }
        if (log->seen[i].shown_ms < log->seen[oldest].shown_ms)
            oldest = i;
    }
    log->seen[oldest].hash = hash;
    log->seen[oldest].shown_ms = now;
    log->seen[oldest].hidden = 0;
    return true;
}

void log_end(struct log_line *line)
{
    uint64_t repeated = 0;
    struct log *log = line->log;
    if (line->wanted) {
        pthread_mutex_lock(&log->mutex);
        if (line->level < LOG_WARNING || is_news(log, line->hash, &repeated)) {
            if (repeated > 0)
                log_number(line, "repeated", (int64_t)repeated);
            strbuf_addstr(&line->text, log->form == LOG_JSON ? "}\n" : "\n");
            ssize_t ignored = write(log->fd, line->text.buf, line->text.len);
            (void)ignored;
        }
        pthread_mutex_unlock(&log->mutex);
    }
    strbuf_release(&line->text);
}

void log_say(struct log *log, enum log_level level, const char *what, const char *text)
{
    struct log_line line;
    log_begin(&line, log, level, what);
    if (text != NULL)
        log_text(&line, "text", text);
    log_end(&line);
}

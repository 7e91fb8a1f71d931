#include "upload/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

#define NAME ".upload.json"
#define NEW_NAME ".upload.new"
#define LOCK_NAME ".upload.lock"
#define TEXT_MAX 8192
#define RETRY_MS 50

static bool take_text(const struct json_value *v, const char *name, char *out, size_t size)
{
    const struct json_value *text = json_gets(v, name);
    if (text == NULL || text->type != JSON_STRING || text->len >= size ||
        memchr(text->text, '\0', text->len) != NULL)
        return false;
    memcpy(out, text->text, text->len);
    out[text->len] = '\0';
    return true;
}

void marker_read(const struct store *s, const char *origin, struct marker *m)
{
    struct error unread = ERROR_INIT;
    struct strbuf text = STRBUF_INIT;
    struct arena arena;
    struct json_value v;
    struct json_limits limits = {.depth = 2, .bytes = TEXT_MAX};
    arena_init(&arena);
    *m = (struct marker){0};
    bool ok = file_read(s->out_fd, NAME, TEXT_MAX, &text, &unread) &&
              json_parse(&arena, NULL, text.buf, text.len, &limits, &v, &unread) &&
              take_text(&v, "origin", m->origin, sizeof(m->origin)) &&
              take_text(&v, "owner", m->owner, sizeof(m->owner)) &&
              take_text(&v, "record", m->record, sizeof(m->record)) &&
              strcmp(m->origin, origin) == 0;
    if (ok) {
        const struct json_value *settled = json_gets(&v, "settled");
        m->settled = settled != NULL && settled->type == JSON_TRUE;
    } else {
        *m = (struct marker){0};
    }
    arena_release(&arena);
    strbuf_release(&text);
}

static void print(const struct marker *m, struct strbuf *out)
{
    strbuf_addstr(out, "{\"platen_upload\":1,\"origin\":");
    json_write_string(out, m->origin, strlen(m->origin));
    strbuf_addstr(out, ",\"owner\":");
    json_write_string(out, m->owner, strlen(m->owner));
    strbuf_addf(out, ",\"settled\":%s,\"record\":", m->settled ? "true" : "false");
    json_write_string(out, m->record, strlen(m->record));
    strbuf_addstr(out, "}\n");
}

bool marker_write(const struct store *s, const struct marker *m, struct error *err)
{
    struct strbuf text = STRBUF_INIT;
    print(m, &text);
    int fd =
        openat(s->out_fd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    bool ok = fd >= 0 || error_errno(err, "creating " NEW_NAME);
    ok = ok && file_write_all(fd, NEW_NAME, text.buf, text.len, err);
    if (ok && fsync(fd) < 0)
        ok = error_errno(err, "flushing " NEW_NAME);
    if (fd >= 0 && close(fd) < 0 && ok)
        ok = error_errno(err, "closing " NEW_NAME);
    if (ok && renameat(s->out_fd, NEW_NAME, s->out_fd, NAME) < 0)
        ok = error_errno(err, "renaming " NEW_NAME);
    ok = ok && file_sync_dir(s->out_fd, ".", err);
    strbuf_release(&text);
    return ok || error_context(err, "%s", s->out);
}

bool marker_lock(const struct store *s, int64_t wait_ms, int *fd, struct error *err)
{
    *fd = openat(s->out_fd, LOCK_NAME, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*fd < 0)
        return error_errno(err, "%s/" LOCK_NAME, s->out);
    for (int64_t waited = 0; flock(*fd, LOCK_EX | LOCK_NB) < 0; waited += RETRY_MS) {
        struct timespec pause = {.tv_nsec = RETRY_MS * 1000000};
        if (errno != EWOULDBLOCK && errno != EINTR)
            error_errno(err, "locking %s/" LOCK_NAME, s->out);
        else if (waited >= wait_ms)
            error_set(err, ERROR_FAILED, "another platen is uploading from %s; wait for it",
                      s->out);
        else if (nanosleep(&pause, NULL) == 0 || errno == EINTR)
            continue;
        close(*fd);
        *fd = -1;
        return false;
    }
    return true;
}

#include "worker/status_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/instant.h"

#define TEMPORARY ".status.json.new"

void status_file_init(struct status_file *f, const char *out, const char *id)
{
    *f = (struct status_file){.out = out};
    status_init(&f->now, id);
}

void status_file_changed(struct status_file *f)
{
    f->changed = true;
}

int64_t status_file_wait(const struct status_file *f, int64_t now_ms)
{
    if (!f->tried)
        return 0;
    int64_t due = f->last_ms + (f->changed ? STATUS_EVERY_MS : f->now.heartbeat_ms);
    return due > now_ms ? due - now_ms : 0;
}

static bool place_text(int dir, const struct strbuf *sb, struct error *err)
{
    /* What a kill left behind is in the way, and so is a link that somebody put there. */
    unlinkat(dir, TEMPORARY, 0);
    int fd = openat(dir, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(err, TEMPORARY);
    bool ok = file_write_all(fd, TEMPORARY, sb->buf, sb->len, err);
    if (close(fd) < 0 && ok)
        ok = error_errno(err, "closing " TEMPORARY);
    if (ok && renameat(dir, TEMPORARY, dir, STATUS_FILE_NAME) < 0)
        ok = error_errno(err, "renaming to " STATUS_FILE_NAME);
    if (!ok)
        unlinkat(dir, TEMPORARY, 0);
    return ok;
}

static bool write_now(struct status_file *f, struct error *err)
{
    struct strbuf sb = STRBUF_INIT;
    f->now.written = instant_now();
    f->now.latency = latency_summary(&f->latency);
    status_write(&sb, &f->now);
    strbuf_addch(&sb, '\n');
    int dir = -1;
    bool ok = file_make_dirs(AT_FDCWD, f->out, err);
    if (ok && (dir = open(f->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        ok = error_errno(err, "opening folder %s", f->out);
    ok = ok && (place_text(dir, &sb, err) || error_context(err, "%s", f->out));
    if (dir >= 0)
        close(dir);
    strbuf_release(&sb);
    return ok;
}

bool status_file_write(struct status_file *f, int64_t now_ms, bool forced, struct error *err)
{
    if (!forced && status_file_wait(f, now_ms) > 0)
        return true;
    f->tried = true;
    f->last_ms = now_ms;
    bool ok = write_now(f, err);
    f->changed = !ok;
    return ok;
}

bool status_file_stop(struct status_file *f, int64_t now_ms, struct error *err)
{
    f->now.mode = STATUS_STOPPED;
    f->now.why[0] = '\0';
    f->now.leader = false;
    return status_file_write(f, now_ms, true, err);
}

bool status_file_read(const char *out, struct worker_status *s, bool *found, struct error *err)
{
    struct stat st;
    struct strbuf path = STRBUF_INIT, text = STRBUF_INIT;
    strbuf_addf(&path, "%s/" STATUS_FILE_NAME, out);
    *found = stat(path.buf, &st) == 0;
    bool ok = *found || errno == ENOENT || errno == ENOTDIR || error_errno(err, "%s", path.buf);
    if (*found) {
        ok = file_read(AT_FDCWD, path.buf, STATUS_BYTES_MAX, &text, err);
        if (ok && !status_parse(s, text.buf, text.len, err))
            ok = error_context(err, "%s", path.buf);
    }
    strbuf_release(&path);
    strbuf_release(&text);
    return ok;
}

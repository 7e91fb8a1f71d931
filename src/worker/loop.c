#include "worker/loop.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "pg/conn.h"
#include "worker/backoff.h"
#include "worker/crew.h"
#include "worker/listener.h"
#include "worker/looker.h"
#include "worker/mailbox.h"
#include "worker/reasons.h"
#include "worker/report.h"
#include "worker/tell.h"
#include "worker/watchfiles.h"
#include "worker/watchpin.h"

struct worker {
    const struct worker_options *options;
    struct log *log;
    char id[HOST_NAME_MAX +
            24]; /* host, process and a number: two containers may share the others */
    const struct config *config;
    struct config *loaded; /* NULL: the one to begin with is in force */
    struct mailbox mailbox;
    struct reasons reasons;
    struct looker *looker;
    struct listener *listener;
    struct crew *crew;
    struct watchfiles *files;
    int64_t look_began;
    struct watchpin pin;
    struct tell tell;
    int signals;
    bool begun, looking, stopping;
};

/* --- configuration ---------------------------------------------------------------------------- */

static struct reasons_options reasons_of(const struct config *c)
{
    return (struct reasons_options){.quiet_ms = c->listen_quiet_ms,
                                    .quiet_max_ms = c->listen_quiet_max_ms,
                                    .poll_ms = c->listen_poll_ms,
                                    .full_every_ms = c->listen_full_every_ms};
}

static struct listener_options listener_of(struct worker *w, const struct config *c)
{
    bool own = c->listen_database[0] != '\0';
    return (struct listener_options){.conninfo = own ? c->listen_database : c->source,
                                     .id = w->id,
                                     .channels = c->listen_channels,
                                     .connect_ms = c->connect_timeout_ms,
                                     .echo_every_ms = c->listen_echo_every_ms,
                                     .echo_wait_ms = c->listen_echo_wait_ms,
                                     .retry_ms = c->listen_poll_ms,
                                     .mailbox = &w->mailbox,
                                     .log = w->log};
}

/* The crew first: it is the listener's guest. */
static bool start_threads(struct worker *w, const struct config *c, struct error *err)
{
    struct crew_options crew = {.config = c, .id = w->id, .mailbox = &w->mailbox, .log = w->log};
    if (!crew_start(&w->crew, &crew, err))
        return false;
    struct listener_options listener = listener_of(w, c);
    listener.guest = crew_guest(w->crew);
    return listener_start(&w->listener, &listener, err);
}

static void stop_threads(struct worker *w)
{
    listener_stop(w->listener);
    crew_stop(w->crew);
    w->listener = NULL;
    w->crew = NULL;
}

static bool same_listener(const struct listener_options *a, const struct listener_options *b)
{
    return strcmp(a->conninfo, b->conninfo) == 0 && strcmp(a->channels, b->channels) == 0 &&
           a->connect_ms == b->connect_ms && a->echo_every_ms == b->echo_every_ms &&
           a->echo_wait_ms == b->echo_wait_ms && a->retry_ms == b->retry_ms;
}

static void free_config(struct config *c)
{
    if (c == NULL)
        return;
    config_release(c);
    free(c);
}

/* Puts a new configuration in force; the old one is released after. Not while a look runs. */
static void use_config(struct worker *w, struct config *c)
{
    struct error err = ERROR_INIT;
    struct listener_options before = listener_of(w, w->config), now = listener_of(w, c);
    struct reasons_options reasons = reasons_of(c);
    bool same = same_listener(&before, &now) && crew_same(w->config, c);
    reasons_set_options(&w->reasons, &reasons);
    tell_config(&w->tell, c);
    w->config = c;
    watchpin_open(&w->pin, c->out);
    if (!same) {
        stop_threads(w);
        if (!start_threads(w, c, &err))
            log_say(w->log, LOG_ERROR, "not listening", err.text);
    } else if (w->crew != NULL && !crew_config(w->crew, c, &err)) {
        log_say(w->log, LOG_ERROR, "not uploading", err.text);
    }
    free_config(w->loaded);
    w->loaded = c;
}

/* After the configuration was read, since that says what to watch, and before all other files are.
 * What the old watches have seen meanwhile is a reason to read them once more. */
static void watch_files(struct worker *w)
{
    struct error err = ERROR_INIT;
    size_t missed = 0;
    struct watchfiles *files = watchfiles_open(w->config, &missed, &err);
    if (w->files != NULL && watchfiles_changed(w->files))
        reasons_note(&w->reasons, LOOK_RELOAD, 1, pg_conn_clock());
    watchfiles_close(w->files);
    w->files = files;
    if (files == NULL || missed > 0)
        log_say(w->log, LOG_WARNING, "files not watched",
                files == NULL ? err.text
                              : "not all folders of the site can be watched (see the limit "
                                "fs.inotify.max_user_watches); SIGHUP reads them again");
}

/* Before a look that changed files may have caused. */
static void reload(struct worker *w)
{
    struct error err = ERROR_INIT;
    struct config *c = mem_calloc(1, sizeof(*c));
    looker_forget(w->looker);
    if (w->options->load_config(w->options->payload, c, &err)) {
        use_config(w, c);
    } else {
        log_say(w->log, LOG_ERROR, "configuration not used", err.text);
        free_config(c);
    }
    watch_files(w);
}

/* --- what happens ----------------------------------------------------------------------------- */

/* The first look waits until it is known whether there is something to listen to. */
static void begin(struct worker *w, const struct event *e)
{
    if (!w->begun)
        reasons_note(&w->reasons, LOOK_START, 1, e->last_ms);
    w->begun = true;
}

static void on_looked(struct worker *w, const struct event *e)
{
    struct looked looked;
    looker_take(w->looker, &looked);
    w->looking = false;
    if (!watchpin_is_on(&w->pin))
        watchpin_open(&w->pin, w->config->out);
    reasons_done(&w->reasons, looked.ok, looked.full, pg_conn_clock());
    if (looked.ok && looked.result.behind)
        reasons_note(&w->reasons, LOOK_NOTIFIED, 0, pg_conn_clock());
    if (looked.ok && w->listener != NULL)
        listener_want_positions(w->listener, looked.result.in_recovery);
    report_look(w->log, &looked);
    if (w->crew != NULL)
        crew_looked(w->crew, &looked, w->look_began, e->last_ms);
    tell_looked(&w->tell, &looked, e->last_ms);
    press_result_release(&looked.result);
}

static void tell_mode(struct worker *w)
{
    struct listener_state state;
    if (w->listener == NULL)
        return;
    listener_state(w->listener, &state);
    tell_listener(&w->tell, &state);
}

static void on_event(struct worker *w, const struct event *e)
{
    if (w->crew != NULL)
        crew_event(w->crew, e);
    switch (e->kind) {
    case EVENT_NOTIFIED:
        reasons_note(&w->reasons, LOOK_NOTIFIED, e->count, e->last_ms);
        tell_notified(&w->tell, e->count);
        break;
    case EVENT_LISTENING:
        if (w->begun)
            reasons_note(&w->reasons, LOOK_RECONNECT, 1, e->last_ms);
        begin(w, e);
        tell_mode(w);
        tell_log(&w->tell, e->value != 0);
        break;
    case EVENT_LOST:
    case EVENT_DEAF:
        begin(w, e);
        tell_mode(w);
        break;
    case EVENT_DUE:
        reasons_note(&w->reasons, LOOK_DUE, e->count, e->last_ms);
        break;
    case EVENT_LOOKED:
        on_looked(w, e);
        break;
    case EVENT_LEADER:
    case EVENT_FOLLOWER:
        tell_leader(&w->tell, e->kind == EVENT_LEADER);
        break;
    case EVENT_UPLOAD: /* tell_state() asks */
    case EVENT_KINDS:
        break;
    }
}

static void on_signal(struct worker *w)
{
    struct signalfd_siginfo info;
    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            reasons_note(&w->reasons, LOOK_RELOAD, 1, pg_conn_clock());
            tell_reloading(&w->tell);
            continue;
        }
        if (!w->stopping) {
            log_say(w->log, LOG_INFO, "stopping", w->looking ? "the look is finished first" : NULL);
            tell_stopping(&w->tell);
        }
        w->stopping = true;
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

static void look_if_due(struct worker *w)
{
    struct look_order order;
    char position[LISTENER_POSITION_MAX] = "";
    if (w->stopping || w->looking || !reasons_take(&w->reasons, pg_conn_clock(), &order))
        return;
    if (order.reload)
        reload(w);
    if (w->listener != NULL)
        listener_position(w->listener, position);
    w->looking = true;
    w->look_began = pg_conn_clock();
    looker_look(w->looker, w->config, &order, position);
    tell_looking(&w->tell);
}

static int time_left(const struct worker *w)
{
    int64_t next = w->stopping ? REASONS_NEVER : reasons_next(&w->reasons);
    int64_t left = tell_wait(&w->tell), now = pg_conn_clock();
    if (next != REASONS_NEVER && next - now < left)
        left = next - now;
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void tell_state(struct worker *w)
{
    struct crew_state crew;
    if (w->crew != NULL) {
        crew_state(w->crew, &crew);
        tell_due(&w->tell, crew.schedule.next,
                 crew.schedule.visible ? (int64_t)crew.schedule.overdue : -1);
        tell_origin(&w->tell, &crew.origin);
    }
    tell_turn(&w->tell, &w->reasons, w->looking ? looker_step_ms(w->looker) : 0);
}

static void turn(struct worker *w)
{
    struct event e;
    struct pollfd pfds[] = {{.fd = w->signals, .events = POLLIN},
                            {.fd = mailbox_fd(&w->mailbox), .events = POLLIN},
                            {.fd = watchfiles_fd(w->files), .events = POLLIN},
                            {.fd = watchpin_fd(&w->pin), .events = POLLIN}};
    poll(pfds, sizeof(pfds) / sizeof(*pfds), time_left(w));
    on_signal(w);
    if (w->files != NULL && watchfiles_changed(w->files))
        reasons_note(&w->reasons, LOOK_RELOAD, 1, pg_conn_clock());
    if (watchpin_changed(&w->pin))
        reasons_note(&w->reasons, LOOK_COMMAND, 1, pg_conn_clock());
    while (mailbox_take(&w->mailbox, &e))
        on_event(w, &e);
    look_if_due(w);
    tell_state(w);
}

static bool take_signals(struct worker *w, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return w->signals >= 0 || error_errno(err, "signalfd");
}

static bool start(struct worker *w, struct error *err)
{
    struct reasons_options reasons = reasons_of(w->config);
    reasons_init(&w->reasons, &reasons, backoff_seed());
    watch_files(w);
    watchpin_open(&w->pin, w->config->out);
    return mailbox_init(&w->mailbox, err) && take_signals(w, err) &&
           looker_start(&w->looker, &w->mailbox, err) && start_threads(w, w->config, err);
}

static void stop(struct worker *w)
{
    stop_threads(w);
    looker_stop(w->looker);
    watchfiles_close(w->files);
    watchpin_close(&w->pin);
    mailbox_release(&w->mailbox);
    if (w->signals >= 0)
        close(w->signals);
}

static void set_id(struct worker *w)
{
    char host[HOST_NAME_MAX + 1] = "";
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        strcpy(host, "host");
    snprintf(w->id, sizeof(w->id), "%s-%d-%04x", host, (int)getpid(),
             (unsigned)(backoff_seed() & 0xffff));
}

bool worker_run(const struct worker_options *options, struct error *err)
{
    struct worker w = {.options = options,
                       .log = options->log,
                       .config = options->config,
                       .signals = -1,
                       .pin = WATCHPIN_OFF};
    set_id(&w);
    report_start(w.log, w.id, w.config);
    tell_open(&w.tell, w.config, w.id, w.log);
    bool ok = start(&w, err);
    while (ok && (!w.stopping || w.looking))
        turn(&w);
    stop(&w);
    tell_close(&w.tell);
    free_config(w.loaded);
    if (ok)
        log_say(w.log, LOG_INFO, "stopped", NULL);
    return ok;
}

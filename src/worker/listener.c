#include "worker/listener.h"

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "pg/listen.h"
#include "worker/backoff.h"
#include "worker/echo.h"
#include "worker/thread.h"

#define ANSWER_MS 5000 /* for the few small statements on this connection */
#define PAUSE_FIRST_MS 100
#define PAUSE_MOST_MS 10000
#define WAIT_MS 60000     /* nothing waits longer than this, whatever it waits for */
#define POOLER_RETRIES 10 /* times retry_ms: each try leaves traces in sessions of others */
#define UNHEARD_MOST 2    /* connections that never heard an echo, until it is the way's fault */
#define EXTENSIONS 10     /* an echo behind a flood may take so many times its wait */

struct listener {
    struct listener_options options;
    char *conninfo, *id, *channels;
    pthread_t thread;
    int wake;
    atomic_bool stop;
    struct backoff backoff;
    struct echo *echo;
    pthread_mutex_t mutex; /* of state and position */
    struct listener_state state;
    char position[LISTENER_POSITION_MAX];
    atomic_bool want_positions;
    unsigned unheard;          /* connections in a row that never heard an echo */
    char told[ERROR_TEXT_MAX]; /* what was last said about being deaf */
    bool told_no_log;
};

/* One connection and the echo on its way to it. */
struct session {
    struct listener *l;
    struct pg_conn *conn;
    int pid; /* of its server process */
    bool has_log, told, proven, settled;
    uint64_t notified;         /* not posted yet */
    char nonce[ECHO_TEXT_MAX]; /* "": no echo is awaited */
    bool sent;
    int64_t deadline;  /* of that echo, once it was sent */
    int64_t latest;    /* beyond which the deadline is not put off */
    bool put_off;      /* it was */
    int64_t next_echo; /* when to send one, while none is awaited */
    int64_t guest_at;
    bool guest_called;
};

/* --- telling ---------------------------------------------------------------------------------- */

static void post(const struct listener *l, enum event_kind kind, int64_t value)
{
    mailbox_post(l->options.mailbox, &(struct event){.kind = kind, .value = value});
}

static void set_state(struct listener *l, enum listener_mode mode, const char *why)
{
    pthread_mutex_lock(&l->mutex);
    l->state.mode = mode;
    l->state.connections += mode == LISTENER_LISTENING;
    snprintf(l->state.why, sizeof(l->state.why), "%s", why);
    pthread_mutex_unlock(&l->mutex);
}

void listener_state(struct listener *l, struct listener_state *state)
{
    pthread_mutex_lock(&l->mutex);
    *state = l->state;
    pthread_mutex_unlock(&l->mutex);
}

static void tell_listening(struct session *s)
{
    struct listener *l = s->l;
    if (!s->has_log && !l->told_no_log)
        log_say(l->options.log, LOG_WARNING, "no change log",
                "schema platen is not there, or this role may not read it: every look reads "
                "everything, and the channels of listen.channels count as well. Run platen "
                "migrate, and grant platen_reader");
    l->told_no_log = !s->has_log;
    l->told[0] = '\0';
    s->told = true;
    log_say(l->options.log, LOG_INFO, "listening", NULL);
    set_state(l, LISTENER_LISTENING, "");
    post(l, EVENT_LISTENING, s->has_log);
}

static void tell_lost(struct listener *l, const struct error *err)
{
    log_say(l->options.log, LOG_WARNING, "not listening", err->text);
    set_state(l, LISTENER_LOST, err->text);
    post(l, EVENT_LOST, 0);
}

/* Said once, however often it is found again. */
static void tell_deaf(struct listener *l, const struct error *err)
{
    if (strcmp(l->told, err->text) != 0)
        log_say(l->options.log, LOG_WARNING, "polling", err->text);
    snprintf(l->told, sizeof(l->told), "%s", err->text);
    set_state(l, LISTENER_DEAF, err->text);
    post(l, EVENT_DEAF, 0);
}

/* --- beginning -------------------------------------------------------------------------------- */

enum ending { END_STOPPED, END_LOST, END_STANDBY, END_POOLED };

static enum ending standby(struct error *err)
{
    error_set(err, ERROR_FAILED,
              "this server is a standby, which cannot LISTEN: changes are found by polling alone "
              "(listen.poll). Let listen.database name the primary");
    return END_STANDBY;
}

static enum ending pooled(struct error *err)
{
    error_set(err, ERROR_FAILED,
              "notifications do not arrive through this connection: a pooler hands its server "
              "sessions to many clients (transaction mode). Changes are found by polling alone "
              "(listen.poll). Let listen.database name the server itself, or a pooler in session "
              "mode (Supabase: port 5432 instead of 6543)");
    return END_POOLED;
}

/* Of several hosts the primary is wanted. Where none is, a standby will do to find that out, in the
 * time that is left: a network that is silent takes all of it. Not "read-write": a role whose
 * transactions are read-only by default may listen. */
static bool connect_to(struct listener *l, struct pg_conn **conn, struct error *err)
{
    struct pg_options options = {.connect_ms = l->options.connect_ms,
                                 .wait_ms = ANSWER_MS,
                                 .session_attrs = "primary",
                                 .application = "platen listen",
                                 .stop = &l->stop};
    int64_t until = pg_conn_clock() + l->options.connect_ms;
    if (pg_conn_open(conn, l->conninfo, &options, err))
        return true;
    options.session_attrs = NULL;
    options.connect_ms = until - pg_conn_clock();
    return options.connect_ms > 0 && pg_conn_open(conn, l->conninfo, &options, err);
}

static const char ABOUT[] =
    "SELECT pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery(),"
    " EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname = 'platen' AND c.relname = 'change'"
    " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
    " AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))";

void listener_want_positions(struct listener *l, bool wanted)
{
    atomic_store(&l->want_positions, wanted);
}

void listener_position(struct listener *l, char position[LISTENER_POSITION_MAX])
{
    pthread_mutex_lock(&l->mutex);
    memcpy(position, l->position, LISTENER_POSITION_MAX);
    pthread_mutex_unlock(&l->mutex);
}

static bool ask_position(struct session *s, struct error *err)
{
    PGresult *res = NULL;
    if (!pg_conn_run(s->conn, &PG_SQL("SELECT pg_catalog.pg_current_wal_insert_lsn()"), &res, err))
        return false;
    pthread_mutex_lock(&s->l->mutex);
    snprintf(s->l->position, sizeof(s->l->position), "%s", PQgetvalue(res, 0, 0));
    pthread_mutex_unlock(&s->l->mutex);
    PQclear(res);
    return true;
}

#define LISTEN "LISTEN platen; LISTEN " ECHO_CHANNEL

/* Without the change log, channels of schemas like the seeds' own triggers' are all there is. */
static void add_channels(struct strbuf *sql, const char *names)
{
    for (const char *at = names; *(at += strspn(at, " ")) != '\0'; at += strcspn(at, " "))
        strbuf_addf(sql, "; LISTEN \"%.*s\"", (int)strcspn(at, " "), at);
}

static bool subscribe(struct session *s, bool *in_recovery, struct error *err)
{
    PGresult *res = NULL;
    if (!pg_conn_run(s->conn, &PG_SQL(ABOUT), &res, err))
        return false;
    s->pid = atoi(PQgetvalue(res, 0, 0));
    *in_recovery = PQgetvalue(res, 0, 1)[0] == 't';
    s->has_log = PQgetvalue(res, 0, 2)[0] == 't';
    PQclear(res);
    if (*in_recovery)
        return true;
    struct strbuf sql = STRBUF_INIT;
    strbuf_addstr(&sql, LISTEN);
    if (!s->has_log)
        add_channels(&sql, s->l->channels);
    bool ok = pg_conn_run(s->conn, &PG_SQL(sql.buf), NULL, err) && ask_position(s, err);
    strbuf_release(&sql);
    return ok;
}

/* --- the echo --------------------------------------------------------------------------------- */

static void send_echo(struct session *s)
{
    struct listener *l = s->l;
    snprintf(s->nonce, sizeof(s->nonce), "echo %.100s %016" PRIx64, l->id, backoff_seed());
    s->sent = s->put_off = false;
    echo_send(l->echo, s->nonce);
}

static void echo_heard(struct session *s)
{
    s->nonce[0] = '\0';
    s->proven = true;
    if (!s->told)
        tell_listening(s);
    s->l->unheard = 0;
    s->next_echo = pg_conn_clock() + s->l->options.echo_every_ms;
    backoff_reset(&s->l->backoff);
}

/* Whether the connection itself answers, within the time an echo has. */
static bool answers(struct session *s, struct error *err)
{
    pg_conn_set_wait(s->conn, s->l->options.echo_wait_ms);
    bool ok = pg_conn_run(s->conn, &PG_SQL("SELECT 1"), NULL, err);
    pg_conn_set_wait(s->conn, ANSWER_MS);
    return ok;
}

/* The server takes no more connections, or cannot be reached: then the connection itself has to
 * answer, and whether it hears stays unknown. */
static enum ending echo_failed(struct session *s, const struct error *why, struct error *err)
{
    log_say(s->l->options.log, LOG_WARNING, "no echo sent", why->text);
    s->nonce[0] = '\0';
    s->next_echo = pg_conn_clock() + s->l->options.echo_every_ms;
    return answers(s, err) ? END_STOPPED : END_LOST;
}

/* END_STOPPED: go on. */
static enum ending see_echo(struct session *s, struct error *err)
{
    struct echo_answer answer;
    enum echo_state state = echo_take(s->l->echo, &answer);
    if (state == ECHO_FAILED && s->nonce[0] != '\0')
        return echo_failed(s, &answer.err, err);
    if (state != ECHO_SENT || s->nonce[0] == '\0')
        return END_STOPPED;
    if (answer.pid == s->pid) /* two clients in one server session */
        return pooled(err);
    s->sent = true;
    s->deadline = answer.sent_ms + s->l->options.echo_wait_ms;
    s->latest = answer.sent_ms + s->l->options.echo_wait_ms * EXTENSIONS;
    return END_STOPPED;
}

/* Where nothing was ever heard, a connection that answers all the same is a pooler's. */
static enum ending echo_missing(struct session *s, struct error *err)
{
    if (!s->proven && ++s->l->unheard >= UNHEARD_MOST)
        return answers(s, err) ? pooled(err) : END_LOST;
    error_set(err, ERROR_FAILED, "an echo was not heard for %.1f s: the connection is dead",
              (double)s->l->options.echo_wait_ms / 1000);
    return END_LOST;
}

/* --- one connection --------------------------------------------------------------------------- */

static void on_heard(void *payload, const char *channel, const char *text)
{
    struct session *s = payload;
    const struct listener_guest *guest = &s->l->options.guest;
    if (strcmp(channel, ECHO_CHANNEL) != 0) {
        s->notified++;
    } else if (s->nonce[0] != '\0' && strcmp(text, s->nonce) == 0) {
        echo_heard(s);
    } else if (s->guest_called && guest->heard != NULL) {
        guest->heard(guest->payload, text);
        s->guest_at = 0;
    }
    /* Behind a flood an echo comes late, and what arrives proves as much. */
    if (s->sent && s->nonce[0] != '\0') {
        int64_t put_off = pg_conn_clock() + s->l->options.echo_wait_ms;
        s->deadline = put_off < s->latest ? put_off : s->latest;
        s->put_off = true;
    }
}

/* A session that listens is idle for good reason. Not before it is known to be ours alone. */
static const char SETTLE[] = "SELECT pg_catalog.set_config(name, '0', false)"
                             " FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'";

static bool settle(struct session *s, struct error *err)
{
    if (!s->proven || s->settled)
        return true;
    s->settled = true;
    return pg_conn_run(s->conn, &PG_SQL(SETTLE), NULL, err);
}

static bool call_guest(struct session *s, struct error *err)
{
    const struct listener_guest *guest = &s->l->options.guest;
    bool awaiting = s->nonce[0] != '\0' && s->sent && !s->put_off;
    if (!s->proven || guest->turn == NULL ||
        awaiting) /* it is the idle connection that must hear */
        return true;
    if (!s->guest_called && guest->joined != NULL)
        guest->joined(guest->payload);
    bool due = !s->guest_called || pg_conn_clock() >= s->guest_at;
    s->guest_called = true;
    s->guest_at = due ? pg_conn_clock() + WAIT_MS : s->guest_at;
    return !due || guest->turn(guest->payload, s->conn, &s->guest_at, err);
}

/* Posted in any case: without a position, a look is still better than none. */
static bool post_notified(struct session *s, bool alive, struct error *err)
{
    if (s->notified == 0)
        return true;
    bool asked = !alive || !atomic_load(&s->l->want_positions) || ask_position(s, err);
    mailbox_post(s->l->options.mailbox,
                 &(struct event){.kind = EVENT_NOTIFIED, .count = s->notified});
    s->notified = 0;
    return asked;
}

static int64_t next_wake(const struct session *s)
{
    int64_t at = pg_conn_clock() + WAIT_MS;
    if (s->nonce[0] == '\0' && s->next_echo < at)
        at = s->next_echo;
    if (s->nonce[0] != '\0' && s->sent && s->deadline < at)
        at = s->deadline;
    if (s->guest_called && s->guest_at < at)
        at = s->guest_at;
    return at;
}

static void clear_wake(struct session *s)
{
    uint64_t count;
    ssize_t ignored = read(s->l->wake, &count, sizeof(count));
    (void)ignored;
    s->guest_at = 0;
}

/* Until the connection ends or the thread is to. */
static enum ending attend(struct session *s, struct error *err)
{
    while (!atomic_load(&s->l->stop)) {
        if (s->nonce[0] == '\0' && pg_conn_clock() >= s->next_echo)
            send_echo(s);
        enum pg_listen_end end =
            pg_listen_wait(s->conn, s->l->wake, next_wake(s), on_heard, s, err);
        bool alive = end != PG_LISTEN_LOST;
        if (!post_notified(s, alive, err) || !alive)
            return END_LOST;
        if (end == PG_LISTEN_WOKEN)
            clear_wake(s);
        enum ending ending = see_echo(s, err);
        if (ending == END_STOPPED && s->nonce[0] != '\0' && s->sent &&
            pg_conn_clock() >= s->deadline)
            ending = echo_missing(s, err);
        if (ending != END_STOPPED)
            return ending;
        if (!settle(s, err) || !call_guest(s, err))
            return END_LOST;
    }
    return END_STOPPED;
}

static enum ending listen_on(struct session *s, struct error *err)
{
    bool in_recovery;
    struct echo_answer stale;
    if (!subscribe(s, &in_recovery, err))
        return END_LOST;
    if (in_recovery)
        return standby(err);
    if (s->l->told[0] == '\0') /* what was deaf has to prove that it hears now */
        tell_listening(s);
    echo_take(s->l->echo, &stale);
    s->next_echo = pg_conn_clock();
    enum ending ending = attend(s, err);
    const struct listener_guest *guest = &s->l->options.guest;
    if (s->guest_called && guest->left != NULL)
        guest->left(guest->payload);
    /* The pooler's sessions go on to others, who did not ask for notifications. */
    struct error ignored = ERROR_INIT;
    if (ending == END_POOLED)
        pg_conn_run(s->conn, &PG_SQL("UNLISTEN *"), NULL, &ignored);
    return ending;
}

static enum ending one_connection(struct listener *l, struct error *err)
{
    struct session s = {.l = l};
    if (!connect_to(l, &s.conn, err))
        return END_LOST;
    enum ending ending = listen_on(&s, err);
    pg_conn_close(s.conn);
    return ending;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* An echo that is still on its way may wake us: harmless, but no reason to hurry. */
static void pause_for(struct listener *l, int64_t ms)
{
    int64_t until = pg_conn_clock() + ms, left;
    while (!atomic_load(&l->stop) && (left = until - pg_conn_clock()) > 0) {
        struct pollfd pfd = {.fd = l->wake, .events = POLLIN};
        if (poll(&pfd, 1, left > WAIT_MS ? WAIT_MS : (int)left) > 0 && !atomic_load(&l->stop))
            clear_wake(&(struct session){.l = l});
    }
}

static void *run(void *payload)
{
    struct listener *l = payload;
    while (!atomic_load(&l->stop)) {
        struct error err = ERROR_INIT;
        enum ending ending = one_connection(l, &err);
        if (atomic_load(&l->stop))
            break;
        if (ending == END_LOST) {
            tell_lost(l, &err);
            pause_for(l, backoff_next(&l->backoff));
        } else {
            tell_deaf(l, &err);
            pause_for(l, l->options.retry_ms * (ending == END_POOLED ? POOLER_RETRIES : 1));
        }
    }
    return NULL;
}

static void listener_free(struct listener *l)
{
    echo_stop(l->echo);
    if (l->wake >= 0)
        close(l->wake);
    pthread_mutex_destroy(&l->mutex);
    free(l->conninfo);
    free(l->channels);
    free(l->id);
    free(l);
}

bool listener_start(struct listener **out, const struct listener_options *options,
                    struct error *err)
{
    struct listener *l = mem_calloc(1, sizeof(*l));
    *out = NULL;
    l->options = *options;
    l->options.conninfo = l->conninfo = mem_strdup(options->conninfo);
    l->options.channels = l->channels = mem_strdup(options->channels);
    l->options.id = l->id = mem_strdup(options->id);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&l->mutex, NULL);
    backoff_init(&l->backoff, PAUSE_FIRST_MS, PAUSE_MOST_MS, backoff_seed());
    struct echo_options echo = {.conninfo = l->conninfo,
                                .connect_ms = options->echo_wait_ms,
                                .answer_ms = options->echo_wait_ms,
                                .wake_fd = l->wake,
                                .stop = &l->stop};
    bool ok = (l->wake >= 0 || error_errno(err, "eventfd")) && echo_start(&l->echo, &echo, err) &&
              thread_start(&l->thread, run, l, err);
    if (!ok) {
        listener_free(l);
        return false;
    }
    *out = l;
    return true;
}

void listener_wake(struct listener *l)
{
    uint64_t one = 1;
    ssize_t ignored = write(l->wake, &one, sizeof(one));
    (void)ignored;
}

void listener_stop(struct listener *l)
{
    if (l == NULL)
        return;
    atomic_store(&l->stop, true);
    listener_wake(l);
    pthread_join(l->thread, NULL);
    listener_free(l);
}

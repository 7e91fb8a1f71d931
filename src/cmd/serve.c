/* platen serve: sockets, HTTP by libmicrohttpd, signals. What is answered: serve_files.c. */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/say.h"
#include "cmd/serve_files.h"
#include "config/config.h"

struct server {
    const char *root; /* folder; opened for each request, so that it may be replaced meanwhile */
    const char *base;
    bool verbose;
};

/* --- one request ---------------------------------------------------------------------------------
 */

/* One request from its first line on; *state of the callbacks below. */
struct exchange {
    bool begun;    /* the handler has seen its headers */
    char target[]; /* as it came: MHD's own copy is decoded, which must happen only once and only
                      after the query is cut off */
};

static void *begin_exchange(void *payload, const char *target, struct MHD_Connection *connection)
{
    size_t len = strlen(target);
    (void)payload;
    (void)connection;
    struct exchange *exchange = mem_alloc(sizeof(*exchange) + len + 1);
    exchange->begun = false;
    memcpy(exchange->target, target, len + 1);
    return exchange;
}

static void end_exchange(void *payload, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)payload;
    (void)connection;
    (void)why;
    free(*state);
    *state = NULL;
}

/* The path of "/a?b" and of "http://host/a?b"; the query is cut off. "" when there is none. */
static char *split_target(char *target, const char **query)
{
    char *path = target;
    *query = NULL;
    if (strncmp(path, "http://", 7) == 0) {
        path = strchr(path + 7, '/');
        if (path == NULL)
            return target + strlen(target);
    }
    char *mark = strchr(path, '?');
    if (mark != NULL) {
        *mark = '\0';
        *query = mark + 1;
    }
    return path;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        (void)MHD_add_response_header(response, name, value);
}

static struct MHD_Response *new_response(struct serve_answer *a)
{
    struct MHD_Response *response;
    if (a->fd < 0) {
        response = MHD_create_response_from_buffer(strlen(a->text), (void *)(uintptr_t)a->text,
                                                   MHD_RESPMEM_PERSISTENT);
    } else { /* for a 304, too: its Content-Length must be that of the page; MHD sends no body */
        response = MHD_create_response_from_fd64(a->size, a->fd);
        if (response != NULL)
            a->fd = -1; /* MHD closes it */
    }
    if (response == NULL)
        return NULL;
    if (a->status != 304)
        add_header(response, "Content-Type", a->type);
    add_header(response, "Content-Encoding", a->status == 304 ? NULL : a->encoding);
    add_header(response, "Vary", a->varies ? "Accept-Encoding" : NULL);
    add_header(response, "ETag", a->etag);
    add_header(response, "Last-Modified", a->last_modified);
    add_header(response, "Location", a->location.buf);
    add_header(response, "Cache-Control", "no-cache");
    add_header(response, "X-Content-Type-Options", "nosniff");
    return response;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct serve_answer *a)
{
    struct MHD_Response *response = new_response(a);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, a->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_method(struct MHD_Connection *connection)
{
    static const char text[] = "405: only GET and HEAD are answered here\n";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        sizeof(text) - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    add_header(response, "Allow", "GET, HEAD");
    add_header(response, "Content-Type", "text/plain; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
    MHD_destroy_response(response);
    return result;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Paths come from outside: nothing but printable ASCII reaches the terminal. */
static void log_request(const char *method, const char *path, const struct serve_answer *a)
{
    char shown[512];
    size_t n = 0;
    for (; path[n] != '\0' && n + 1 < sizeof(shown); n++)
        shown[n] = path[n] > ' ' && path[n] <= '~' ? path[n] : '?';
    shown[n] = '\0';
    say_note("%s %s %u %s", method, shown, a->status, a->encoding != NULL ? a->encoding : "-");
}

static enum MHD_Result answer(const struct server *server, struct MHD_Connection *connection,
                              const char *method, char *target)
{
    struct serve_request request = {
        .accept_encoding = header(connection, "Accept-Encoding"),
        .if_none_match = header(connection, "If-None-Match"),
        .if_modified_since = header(connection, "If-Modified-Since"),
    };
    request.path = split_target(target, &request.query);
    struct serve_answer a;
    int root = open(server->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    serve_files_answer(root, server->base, &request, &a);
    if (root >= 0)
        close(root);
    if (server->verbose)
        log_request(method, request.path, &a);
    enum MHD_Result result = send_answer(connection, &a);
    serve_files_release(&a);
    return result;
}

/* Called once when the headers are there, then for each piece of a body, then once more: answering
 * only then keeps the connection open for the next request. */
static enum MHD_Result handle(void *payload, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct exchange *exchange = *state;
    (void)url;
    (void)version;
    (void)upload;
    if (!exchange->begun || *upload_size != 0) {
        exchange->begun = true;
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse_method(connection);
    return answer(payload, connection, method, exchange->target);
}

/* --- listening -------------------------------------------------------------------------------- */

static bool fail_listen(const struct options *o, struct error *err)
{
    int reason = errno;
    if (reason == EADDRINUSE)
        return error_set(err, ERROR_FAILED,
                         "port %lld of %s is in use; choose another with --port N, or --port 0 "
                         "for any that is free",
                         (long long)o->port, o->bind);
    if (reason == EACCES)
        return error_set(err, ERROR_FAILED,
                         "port %lld is reserved for the system; choose one above 1023 with "
                         "--port N",
                         (long long)o->port);
    if (reason == EADDRNOTAVAIL)
        return error_set(err, ERROR_USAGE, "--bind: %s is no address of this machine", o->bind);
    errno = reason;
    return error_errno(err, "cannot listen at %s port %lld", o->bind, (long long)o->port);
}

static int open_listener(const struct options *o, struct error *err)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    snprintf(service, sizeof(service), "%lld", (long long)o->port);
    int code = getaddrinfo(o->bind, service, &hints, &found);
    if (code != 0) {
        error_set(err, ERROR_USAGE, "--bind: '%s' is no address: %s", o->bind, gai_strerror(code));
        return -1;
    }
    int one = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 128) == 0;
    if (!ok) {
        fail_listen(o, err);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* The port matters when 0 was asked for. */
static unsigned port_of(int listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    if (getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return address.ss_family == AF_INET6
               ? ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port)
               : ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static struct MHD_Daemon *start(struct server *server, int listener, struct error *err)
{
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, handle, server, /* */
                         MHD_OPTION_LISTEN_SOCKET, listener,                          /* */
                         MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, NULL,           /* */
                         MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL,             /* */
                         MHD_OPTION_CONNECTION_TIMEOUT, 60u,                          /* */
                         MHD_OPTION_CONNECTION_LIMIT, 512u,                           /* */
                         MHD_OPTION_END);
    if (daemon == NULL)
        error_errno(err, "cannot start the HTTP server");
    return daemon;
}

/* --- the command ------------------------------------------------------------------------------ */

static bool has_root(const char *root, struct error *err)
{
    struct stat st;
    if (stat(root, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    return error_set(err, ERROR_FAILED,
                     "there is no folder %s; print the site first (platen build), or name another "
                     "output folder with --out DIR",
                     root);
}

static void announce(const struct options *o, const struct server *server, unsigned port)
{
    bool v6 = strchr(o->bind, ':') != NULL;
    printf("http://%s%s%s:%u%s\n", v6 ? "[" : "", o->bind, v6 ? "]" : "", port, server->base);
    fflush(stdout);
    if (!o->quiet)
        say_note("serving %s; Ctrl-C ends it", server->root);
}

static bool is_local(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

/* Signals are blocked before the server's thread begins, so that it inherits this and they wait
 * for sigwait(). */
static bool serve(const struct options *o, struct server *server, struct error *err)
{
    sigset_t ends;
    int which;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = open_listener(o, err);
    if (listener < 0)
        return false;
    unsigned port = port_of(listener);
    struct MHD_Daemon *daemon = start(server, listener, err);
    if (daemon == NULL)
        return false;
    if (!is_local(o->bind))
        say_warning("%s can be reached from other machines", o->bind);
    announce(o, server, port);
    while (sigwait(&ends, &which) != 0)
        ;
    MHD_stop_daemon(daemon);
    return true;
}

static int run(struct config *c, const struct options *o)
{
    struct error err = ERROR_INIT;
    struct server server = {.root = arena_printf(&c->arena, "%s/public", c->out),
                            .base = config_base_path(c),
                            .verbose = c->verbose};
    return has_root(server.root, &err) && serve(o, &server, &err) ? CMD_DONE : say_error(&err);
}

int cmd_serve(int argc, char **argv)
{
    return options_run(argc, argv, run);
}

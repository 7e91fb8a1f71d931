#include "pg/conninfo.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/strbuf.h"

#define HOSTS_MAX 64

static const char *const ENCODE_HINT =
    "special characters in the user name or password of a URL must be percent-encoded "
    "(@ is %40, / is %2F, : is %3A, % is %25)";

static bool is_url(const char *text)
{
    return strncmp(text, "postgres://", 11) == 0 || strncmp(text, "postgresql://", 13) == 0;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, keyword) == 0)
            return o->val != NULL && *o->val != '\0' ? o->val : NULL;
    return NULL;
}

/* libpq quotes what it could not read; what it could not read may be a password. */
static void add_without_quoted(struct strbuf *sb, const char *message)
{
    bool inside = false;
    size_t len = strlen(message);
    while (len > 0 && message[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (message[i] == '"') {
            inside = !inside;
            strbuf_addstr(sb, inside ? "\"..." : "\"");
        } else if (!inside) {
            strbuf_addch(sb, message[i]);
        }
    }
}

static bool refuse_unreadable(const char *text, const char *message, struct error *err)
{
    struct strbuf sb = STRBUF_INIT;
    if (message != NULL)
        add_without_quoted(&sb, message);
    error_set(
        err, ERROR_USAGE,
        "the connection string cannot be read: %s (its text is not shown, since it may hold a "
        "password)%s%s",
        sb.len > 0 ? sb.buf : "malformed", is_url(text) ? "; " : "",
        is_url(text) ? ENCODE_HINT : "");
    strbuf_release(&sb);
    return false;
}

static bool is_port_list(const char *text)
{
    return text == NULL || text[strspn(text, "0123456789, ")] == '\0';
}

/* A raw '@' or '/' in a URL's password moves the rest of it into host, port or database. */
static bool check_url(const char *text, const PQconninfoOption *options, struct error *err)
{
    const char *host = value_of(options, "host");
    const char *dbname = value_of(options, "dbname");
    bool odd_host = host != NULL && host[0] != '@' && host[0] != '/' && strchr(host, '@') != NULL;
    bool odd_db = dbname != NULL && strchr(dbname, '@') != NULL && strstr(text, "%40") == NULL;
    if (!odd_host && !odd_db)
        return true;
    return error_set(err, ERROR_USAGE, "the connection string's %s holds an '@'; %s",
                     odd_host ? "host" : "database name", ENCODE_HINT);
}

static size_t count_items(const char *list)
{
    size_t n = 1;
    for (const char *p = list; *p != '\0'; p++)
        n += *p == ',';
    return n;
}

/* Item i of a comma separated list; the only item counts for all. NULL when empty. */
static const char *item(struct arena *arena, const char *list, size_t i)
{
    if (list == NULL)
        return NULL;
    if (count_items(list) == 1)
        i = 0;
    while (i-- > 0) {
        const char *comma = strchr(list, ',');
        if (comma == NULL)
            return NULL;
        list = comma + 1;
    }
    size_t len = strcspn(list, ",");
    return len > 0 ? arena_strndup(arena, list, len) : NULL;
}

static bool split_hosts(struct conninfo *out, struct arena *arena, const PQconninfoOption *options,
                        const PQconninfoOption *defaults, struct error *err)
{
    const char *hosts = value_of(options, "host");
    const char *addrs = value_of(options, "hostaddr");
    const char *ports = value_of(options, "port");
    if (hosts == NULL)
        hosts = value_of(defaults, "host");
    if (addrs == NULL)
        addrs = value_of(defaults, "hostaddr");
    if (ports == NULL)
        ports = value_of(defaults, "port");
    out->n_hosts = addrs != NULL ? count_items(addrs) : hosts != NULL ? count_items(hosts) : 1;
    if (out->n_hosts > HOSTS_MAX)
        return error_set(err, ERROR_USAGE, "the connection string names more than %d hosts",
                         HOSTS_MAX);
    out->hosts = arena_calloc(arena, out->n_hosts, sizeof(*out->hosts));
    if (out->n_hosts == 1) /* nothing to share out: libpq reads its own string */
        return true;
    for (size_t i = 0; i < out->n_hosts; i++)
        out->hosts[i] = (struct conninfo_host){.host = item(arena, hosts, i),
                                               .hostaddr = item(arena, addrs, i),
                                               .port = item(arena, ports, i)};
    return true;
}

bool conninfo_read(struct conninfo *out, struct arena *arena, const char *text, struct error *err)
{
    bool ok = false;
    char *message = NULL;
    *out = (struct conninfo){0};
    PQconninfoOption *defaults = PQconndefaults();
    PQconninfoOption *options = PQconninfoParse(text, &message);
    if (options == NULL) {
        refuse_unreadable(text, message, err);
        goto out;
    }
    if (is_url(text) && !check_url(text, options, err))
        goto out;
    if (!is_port_list(value_of(options, "port"))) {
        error_set(err, ERROR_USAGE, "the connection string's port is not a number; %s",
                  ENCODE_HINT);
        goto out;
    }
    const char *password = value_of(options, "password");
    if (password != NULL)
        out->password = arena_strdup(arena, password);
    ok = split_hosts(out, arena, options, defaults, err);
out:
    PQconninfoFree(options);
    PQconninfoFree(defaults);
    PQfreemem(message);
    return ok;
}

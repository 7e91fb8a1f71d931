#include "config/url.h"

#include <stddef.h>
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static const char *host_of(const char *text)
{
    if (strncmp(text, "http://", 7) == 0)
        return text + 7;
    return strncmp(text, "https://", 8) == 0 ? text + 8 : NULL;
}

static const char *port_fault(const char *port, size_t len)
{
    unsigned long value = 0;
    for (size_t i = 0; i < len; i++) {
        if (port[i] < '0' || port[i] > '9' || i == 5)
            return "its port is no number from 1 to 65535";
        value = value * 10 + (unsigned long)(port[i] - '0');
    }
    return value < 1 || value > 65535 ? "its port is no number from 1 to 65535" : NULL;
}

static const char *host_fault(const char *host, size_t len)
{
    size_t n = 0;
    if (memchr(host, '@', len) != NULL)
        return "it must not hold a user or password";
    if (len > 0 && host[0] == '[') {
        n = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        if (n < 4 || n >= len || host[n] != ']')
            return "its host is not valid";
        n++;
    } else {
        while (n < len && (is_alnum(host[n]) || host[n] == '-' || host[n] == '.'))
            n++;
    }
    if (n == 0)
        return len == 0 ? "the host is missing" : "its host is not valid";
    if (n == len)
        return NULL;
    if (host[n] == ':')
        return port_fault(host + n + 1, len - n - 1);
    return "its host is not valid (write an international name in its xn-- form)";
}

static bool is_path_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("/-._~%!$&'()*+,;=:@", c) != NULL);
}

static const char *path_fault(const char *path)
{
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '?' || *p == '#')
            return "it must not hold '?' or '#'";
        if (!is_path_char(*p))
            return "it holds a character that must be percent-encoded";
        if (p[0] == '/' && p[1] == '/')
            return "it holds an empty folder ('//')";
        if (p[0] == '/' && p[1] == '.' &&
            (p[2] == '/' || p[2] == '\0' || (p[2] == '.' && (p[3] == '/' || p[3] == '\0'))))
            return "it must not hold '.' or '..' as a folder";
    }
    return NULL;
}

const char *url_fault(const char *text, bool allow_path)
{
    const char *host = host_of(text);
    if (host == NULL) {
        if (allow_path && text[0] == '/')
            return path_fault(text);
        return strstr(text, "://") == NULL ? "the scheme is missing" : "its scheme is another";
    }
    size_t len = strcspn(host, "/?#");
    const char *fault = host_fault(host, len);
    return fault != NULL ? fault : path_fault(host + len);
}

const char *url_path(const char *text)
{
    const char *host = host_of(text);
    if (host == NULL)
        return text;
    const char *path = strchr(host, '/');
    return path != NULL ? path : "/";
}

#include "plan/route.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

#define QUOTE_MAX 80

/* Quoted is what can stand in one line of a log: whole characters, none of them a newline. */
static bool bad(struct error *err, const char *path, size_t len, const char *rule)
{
    char quote[QUOTE_MAX];
    size_t shown = utf8_valid_prefix(path, len < QUOTE_MAX ? len : QUOTE_MAX);
    for (size_t i = 0; i < shown; i++)
        quote[i] = (unsigned char)path[i] < 0x20 ? '?' : path[i];
    return error_set(err, ERROR_CONTENT, "path '%.*s%s' %s", (int)shown, quote,
                     len > shown ? "..." : "", rule);
}

static bool ends_in(const char *path, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);
    return len >= n && strncasecmp(path + len - n, suffix, n) == 0;
}

bool route_is_well_known(const char *name, size_t len)
{
    return len == strlen(".well-known") && memcmp(name, ".well-known", len) == 0;
}

/* NULL when the segment is fine, else the rule it breaks. */
static const char *segment_fault(const char *s, size_t len, bool first_folder)
{
    if (len == 0)
        return "has an empty segment";
    if (s[0] == '.' && !(first_folder && route_is_well_known(s, len)))
        return len == 1 || (len == 2 && s[1] == '.') ? "has a '.' or '..' segment"
                                                     : "has a segment that starts with '.'";
    if (len > ROUTE_SEGMENT_MAX)
        return "has a segment of more than 200 bytes";
    if (s[0] == ' ' || s[len - 1] == ' ')
        return "has a segment that starts or ends with a space";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f)
            return "has a control character";
        if (c == '\\')
            return "has a backslash";
        if (c == '%')
            return "has a percent sign";
    }
    /* A folder too: it would stand where the twin of a page beside it has to be. */
    if (ends_in(s, len, ".gz") || ends_in(s, len, ".br"))
        return "has a segment that ends in .gz or .br, the names of compressed twins";
    return NULL;
}

bool route_check(const char *path, size_t len, struct error *err)
{
    if (len == 0)
        return error_set(err, ERROR_CONTENT, "path is empty");
    if (len > ROUTE_PATH_MAX)
        return bad(err, path, len, "is longer than 1024 bytes");
    if (utf8_valid_prefix(path, len) != len)
        return bad(err, path, len, "is not valid UTF-8");
    size_t segments = 0;
    for (size_t start = 0; start <= len;) {
        const char *slash = start < len ? memchr(path + start, '/', len - start) : NULL;
        size_t end = slash != NULL ? (size_t)(slash - path) : len;
        const char *fault = segment_fault(path + start, end - start, start == 0 && slash != NULL);
        if (fault != NULL)
            return bad(err, path, len, fault);
        if (segments++ > ROUTE_DEPTH_MAX)
            return bad(err, path, len, "is more than 64 folders deep");
        start = end + 1;
    }
    return true;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool route_check_locale(const char *locale, struct error *err)
{
    size_t len = strlen(locale), run = 0;
    bool good = len > 0 && len <= 35;
    for (size_t i = 0; good && i <= len; i++) {
        if (i == len || locale[i] == '-') {
            good = run >= 1 && run <= 8;
            run = 0;
        } else {
            good = is_alnum(locale[i]);
            run++;
        }
    }
    if (good)
        return true;
    return error_set(err, ERROR_CONTENT,
                     "locale '%.40s' is not a language tag such as 'fr' or 'fr-CA'", locale);
}

void route_url(struct strbuf *sb, const char *base, const char *path)
{
    static const char plain[] = "-._~/!$&'()*+,;=:@";
    static const char hex[] = "0123456789ABCDEF";
    static const char index[] = "index.html";
    size_t len = strlen(path), n = sizeof(index) - 1;
    if (len >= n && strcmp(path + len - n, index) == 0 && (len == n || path[len - n - 1] == '/'))
        len -= n;
    strbuf_addstr(sb, base);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)path[i];
        if (is_alnum((char)c) || (c != '\0' && c < 0x80 && strchr(plain, c) != NULL)) {
            strbuf_addch(sb, (char)c);
        } else {
            strbuf_addch(sb, '%');
            strbuf_addch(sb, hex[c >> 4]);
            strbuf_addch(sb, hex[c & 15]);
        }
    }
}

bool route_url_is_safe(const char *url, size_t len)
{
    static const char *const schemes[] = {"http", "https", "mailto", "tel"};
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c < 0x20 || c == 0x7f || (c == ' ' && i == 0))
            return false;
    }
    size_t end = 0;
    while (end < len && strchr(":/?#", url[end]) == NULL)
        end++;
    if (end == len || url[end] != ':')
        return true; /* relative */
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strlen(schemes[i]) == end && strncasecmp(url, schemes[i], end) == 0)
            return true;
    return false;
}

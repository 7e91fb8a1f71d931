#include "config/bucket.h"

#include <stddef.h>
#include <string.h>

#define SCHEME "s3://"
#define SCHEME_LEN (sizeof(SCHEME) - 1)
#define PLAIN "abcdefghijklmnopqrstuvwxyz0123456789"

bool bucket_is(const char *text)
{
    return strncmp(text, SCHEME, SCHEME_LEN) == 0;
}

static bool ends_plain(const char *name, size_t len)
{
    return strchr(PLAIN, name[0]) != NULL && strchr(PLAIN, name[len - 1]) != NULL;
}

static const char *name_fault(const char *name, size_t len)
{
    if (len == 0)
        return "the bucket is missing";
    if (len < 3 || len > 63)
        return "a bucket's name has 3 to 63 characters";
    if (strspn(name, PLAIN "-.") < len)
        return "a bucket's name is made of small letters, digits, '-' and '.'";
    if (!ends_plain(name, len))
        return "a bucket's name begins and ends with a letter or digit";
    for (size_t i = 1; i < len; i++)
        if (name[i] == '.' && name[i - 1] == '.')
            return "a bucket's name holds no two dots in a row";
    return strspn(name, "0123456789.") >= len && memchr(name, '.', len) != NULL
               ? "a bucket's name is no address of numbers"
               : NULL;
}

static const char *prefix_fault(const char *prefix)
{
    if (strlen(prefix) > BUCKET_PREFIX_MAX)
        return "its prefix is longer than 512 bytes";
    if (strpbrk(prefix, "?#%\\") != NULL)
        return "its prefix must not hold '?', '#', '%' or '\\'";
    for (const char *p = prefix; *p != '\0';) {
        size_t len = strcspn(p, "/");
        if (len == 0)
            return "its prefix holds an empty segment ('//')";
        if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return "its prefix must not hold '.' or '..'";
        p += len;
        p += *p == '/';
    }
    return NULL;
}

const char *bucket_fault(const char *text)
{
    if (!bucket_is(text)) {
        if (strstr(text, "://") != NULL)
            return "its scheme is another (the server goes into origin.endpoint)";
        return strncmp(text, "s3:", 3) == 0 ? "a bucket is written s3://BUCKET" : NULL;
    }
    const char *name = text + SCHEME_LEN;
    size_t len = strcspn(name, "/");
    const char *fault = name_fault(name, len);
    return fault != NULL || name[len] == '\0' ? fault : prefix_fault(name + len + 1);
}

void bucket_split(struct arena *arena, const char *text, const char **bucket, const char **prefix)
{
    const char *name = text + SCHEME_LEN;
    size_t len = strcspn(name, "/");
    const char *rest = name[len] == '/' ? name + len + 1 : "";
    size_t rest_len = strlen(rest);
    bool closed = rest_len == 0 || rest[rest_len - 1] == '/';
    *bucket = arena_strndup(arena, name, len);
    *prefix = arena_printf(arena, "%s%s", rest, closed ? "" : "/");
}

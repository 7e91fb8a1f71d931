#include "cmd/serve_accept.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UNSET 2000u

/* "0.5" -> 500; at most three decimals. False when malformed. */
static bool read_weight(const char *p, size_t len, unsigned *out)
{
    if (len == 0 || len > 5 || (p[0] != '0' && p[0] != '1') || (len > 1 && p[1] != '.'))
        return false;
    unsigned value = p[0] == '1' ? 1000 : 0, digit = 100;
    for (size_t i = 2; i < len; i++, digit /= 10) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value += digit * (unsigned)(p[i] - '0');
    }
    *out = value;
    return value <= 1000;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

static bool is_name(const char *p, size_t len, const char *name)
{
    return strlen(name) == len && strncasecmp(p, name, len) == 0;
}

/* One element "gzip;q=0.5" that begins at p and ends before `end`. */
static void read_element(const char *p, const char *end, unsigned weight[SERVE_CODINGS],
                         unsigned *star)
{
    size_t name = strcspn(p, " \t;,");
    unsigned q = 1000;
    const char *parameter = skip_blanks(p + name);
    if (parameter < end && *parameter == ';') {
        parameter = skip_blanks(parameter + 1);
        if (strncasecmp(parameter, "q=", 2) != 0 ||
            !read_weight(parameter + 2, strcspn(parameter + 2, " \t,;"), &q))
            q = 0; /* what cannot be understood is not sent */
    }
    if (is_name(p, name, "gzip") || is_name(p, name, "x-gzip"))
        weight[SERVE_GZIP] = q;
    else if (is_name(p, name, "br"))
        weight[SERVE_BR] = q;
    else if (is_name(p, name, "identity"))
        weight[SERVE_IDENTITY] = q;
    else if (is_name(p, name, "*"))
        *star = q;
}

void serve_accept_read(const char *header, unsigned weight[SERVE_CODINGS])
{
    unsigned star = UNSET;
    for (int i = 0; i < SERVE_CODINGS; i++)
        weight[i] = UNSET;
    for (const char *p = header != NULL ? header : ""; *p != '\0';) {
        p += strspn(p, " \t,");
        const char *end = p + strcspn(p, ",");
        if (end > p)
            read_element(p, end, weight, &star);
        p = end;
    }
    /* Identity is welcome unless it is refused, but least so when others are named. */
    if (weight[SERVE_IDENTITY] == UNSET)
        weight[SERVE_IDENTITY] = star != UNSET ? star : 1;
    for (int i = SERVE_BR; i <= SERVE_GZIP; i++)
        if (weight[i] == UNSET)
            weight[i] = star != UNSET ? star : 0;
}

unsigned serve_accept_order(const unsigned weight[SERVE_CODINGS],
                            enum serve_coding order[SERVE_CODINGS])
{
    unsigned n = 0;
    for (int i = 0; i < SERVE_CODINGS; i++) {
        if (weight[i] == 0)
            continue;
        unsigned at = n++;
        for (; at > 0 && weight[order[at - 1]] < weight[i]; at--)
            order[at] = order[at - 1];
        order[at] = (enum serve_coding)i;
    }
    return n;
}

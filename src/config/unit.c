#include "config/unit.h"

#include <stddef.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Smallest first; the first spelling of a factor is the one printed. */
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000},
};
static const struct unit sizes[] = {
    {"B", 1},        {"kB", 1 << 10},  {"KB", 1 << 10},  {"KiB", 1 << 10},
    {"k", 1 << 10},  {"MB", 1 << 20},  {"MiB", 1 << 20}, {"M", 1 << 20},
    {"GB", 1 << 30}, {"GiB", 1 << 30}, {"G", 1 << 30},
};

static bool read_amount(const char *text, const struct unit *units, size_t n, bool bare,
                        int64_t *out)
{
    int64_t number = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *p - '0', &number))
            return false;
    if (p == text)
        return false;
    if (*p == '\0') {
        *out = number;
        return bare || number == 0;
    }
    p += *p == ' ';
    for (size_t i = 0; i < n; i++)
        if (strcmp(p, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].factor, out);
    return false;
}

static void add_amount(struct strbuf *out, int64_t amount, const struct unit *units, size_t n)
{
    const struct unit *best = &units[0];
    for (size_t i = 1; i < n; i++)
        if (amount != 0 && amount % units[i].factor == 0 && units[i].factor > best->factor)
            best = &units[i];
    if (amount == 0)
        strbuf_addch(out, '0');
    else
        strbuf_addf(out, "%lld%s", (long long)(amount / best->factor), best->name);
}

bool unit_read_duration(const char *text, int64_t *milliseconds)
{
    return read_amount(text, durations, sizeof(durations) / sizeof(*durations), false,
                       milliseconds);
}

bool unit_read_size(const char *text, int64_t *bytes)
{
    return read_amount(text, sizes, sizeof(sizes) / sizeof(*sizes), true, bytes);
}

void unit_add_duration(struct strbuf *out, int64_t milliseconds)
{
    add_amount(out, milliseconds, durations, sizeof(durations) / sizeof(*durations));
}

void unit_add_size(struct strbuf *out, int64_t bytes)
{
    add_amount(out, bytes, sizes, sizeof(sizes) / sizeof(*sizes));
}

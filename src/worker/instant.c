#include "worker/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t instant_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void instant_format(int64_t ms, char text[INSTANT_SIZE])
{
    struct tm tm;
    char wide[96]; /* what the compiler cannot know: a year has four digits here */
    if (ms < INSTANT_MIN)
        ms = INSTANT_MIN;
    if (ms > INSTANT_MAX)
        ms = INSTANT_MAX;
    int rest = (int)(ms % 1000);
    if (rest < 0)
        rest += 1000;
    time_t seconds = (time_t)((ms - rest) / 1000);
    gmtime_r(&seconds, &tm);
    snprintf(wide, sizeof(wide), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
    memcpy(text, wide, INSTANT_SIZE - 1);
    text[INSTANT_SIZE - 1] = '\0';
}

static bool is_of_the_form(const char *text, size_t len)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (len != INSTANT_SIZE - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

static int number(const char *digits, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++)
        value = value * 10 + (digits[i] - '0');
    return value;
}

bool instant_parse(const char *text, size_t len, int64_t *ms)
{
    if (!is_of_the_form(text, len))
        return false;
    struct tm tm = {.tm_year = number(text, 4) - 1900,
                    .tm_mon = number(text + 5, 2) - 1,
                    .tm_mday = number(text + 8, 2),
                    .tm_hour = number(text + 11, 2),
                    .tm_min = number(text + 14, 2),
                    .tm_sec = number(text + 17, 2)};
    char again[INSTANT_SIZE];
    *ms = (int64_t)timegm(&tm) * 1000 + number(text + 20, 3);
    instant_format(*ms, again); /* timegm() takes the 31st of February for a day in March */
    return memcmp(again, text, INSTANT_SIZE - 1) == 0;
}

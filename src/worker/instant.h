/* Moments as text: RFC 3339 in UTC with milliseconds, "2026-03-01T09:30:00.250Z".
 *
 * For: what a worker writes down for others to read. A moment is a count of milliseconds since
 * 1970, from -62135596800000 (year 1) to 253402300799999 (year 9999). Not for: measuring time that
 * passes, which is the monotonic clock's.
 */
#ifndef WORKER_INSTANT_H
#define WORKER_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTANT_SIZE 25 /* with its end */
#define INSTANT_MIN INT64_C(-62135596800000)
#define INSTANT_MAX INT64_C(253402300799999)

/* The wall clock's. */
int64_t instant_now(void);

/* A moment out of range is brought to its end. */
void instant_format(int64_t ms, char text[INSTANT_SIZE]);

/* Exactly what instant_format() writes, and no day that there is not. */
bool instant_parse(const char *text, size_t len, int64_t *ms);

#endif

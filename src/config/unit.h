/* Amounts with a unit: durations (500ms, 10s, 5m, 1h, 7d) and sizes (64kB, 16MB, 1GB).
 *
 * A size's units are powers of 1024; a bare number is bytes. A duration needs its unit, because
 * "lock_wait: 10" leaves open ten of what; only 0 stands alone.
 */
#ifndef CONFIG_UNIT_H
#define CONFIG_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

bool unit_read_duration(const char *text, int64_t *milliseconds);
bool unit_read_size(const char *text, int64_t *bytes);

/* Appends the amount with the largest unit that divides it. */
void unit_add_duration(struct strbuf *out, int64_t milliseconds);
void unit_add_size(struct strbuf *out, int64_t bytes);

#endif

/* What build and rollback say of a release: parts of their output, as text and as JSON.
 *
 * For: commands that print releases or tell of the pin. Not for: deciding anything.
 */
#ifndef CMD_RESULT_H
#define CMD_RESULT_H

#include "base/strbuf.h"
#include "press/press.h"
#include "store/pin.h"

/* Text from data: one line stays one line, and nothing in it plays with the terminal. */
void result_flatten(char *text);

/* One line per file: "+ path  120 bytes". */
void result_print_changes(const struct press_result *r);

/* Says on stderr since when, by what and why nothing is printed, and how to end that. */
void result_say_pinned(const struct pin *pin);

/* Append: "name":"value"; ,"changes":[...]; ,"pin":{...} or null. */
void result_add_text(struct strbuf *sb, const char *name, const char *value);
void result_add_changes(struct strbuf *sb, const struct press_result *r);
void result_add_pin(struct strbuf *sb, const struct pin *pin);

/* `code`, or that of the failure to write what was printed. */
int result_flush(int code);

#endif

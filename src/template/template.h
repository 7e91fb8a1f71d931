/* Mustache templates, compiled once, executed many times.
 *
 * For: turning data into bytes. The language is the Mustache specification 1.4 complete, plus its
 * optional modules inheritance ({{<parent}}, {{$block}}) and dynamic names ({{>*name}}); no
 * lambdas. Names resolve only among the templates of one set, loaded before the first execution:
 * data can choose among loaded templates, never name a file. Not for: reading data (base/json.h),
 * nor for deciding what to print (press/).
 *
 * Order: template_set_new(); template_set_load_dir() or template_set_add(), as often as needed;
 * template_set_compile() once: links partials, enters names into the symtab, reports every error
 * with file:line:column; then data is read with that symtab, and template_find() and
 * template_execute() serve any number of threads, each with its own struct template_exec.
 * template_set_free().
 *
 * A file NAME.html.mustache has the name NAME (with its folder below the root: "sections/hero"),
 * any other NAME.mustache the name NAME: robots.txt.mustache is the template "robots.txt". Values
 * are escaped (& < > " ') except in templates whose name ends in ".txt". Path patterns are
 * templates like any other: add them under a name that ends in ".txt.mustache".
 *
 * Where the specification leaves a choice:
 * - A section is not printed for null, false, 0, "", an empty array and a missing name.
 * - Numbers print as they are written in the data, null prints nothing, arrays and objects print as
 *   JSON.
 * - {{>partial}} begins without blocks: what a caller gave to its own parent does not reach into
 *   partials. The content of a block sees the data where it is put, but the blocks of the place
 *   where it is written. Of several callers the outermost one's block counts.
 * - Inside a parent tag text is passed over, and any tag but a block is refused.
 * - The value of a dynamic name may also be a number.
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"

struct template_set;
struct template;

/* Limits of one execution. Depth counts partials, parents, blocks and sections together; more than
 * 512 has no effect. */
struct template_limits {
    unsigned depth;      /* default 64 */
    uint64_t operations; /* default 100 million */
    size_t output;       /* bytes; default 64 MiB */
};
#define TEMPLATE_LIMITS_DEFAULT                                                                    \
    (struct template_limits)                                                                       \
    {                                                                                              \
        .depth = 64, .operations = 100000000u, .output = (size_t)64 << 20                          \
    }

/* symtab: where the names the templates use are entered; must outlive the set. */
struct template_set *template_set_new(struct symtab *symtab);
void template_set_free(struct template_set *set); /* accepts NULL */

/* Adds one template by its file name ("sections/hero.html.mustache"); text is copied. */
bool template_set_add(struct template_set *set, const char *file, const char *text, size_t len,
                      struct error *err);

/* Adds every *.mustache file below dir (symlinks to folders are not followed, names that begin with
 * a dot are passed over; files over 4 MiB and more than 10,000 files are refused). */
bool template_set_load_dir(struct template_set *set, const char *dir, struct error *err);

/* Parses and links everything. A missing partial is an empty string, as the specification has it,
 * unless strict: then it is an error. ERROR_USAGE, one line for each wrong template. */
bool template_set_compile(struct template_set *set, bool strict, struct error *err);

/* NULL when there is none. */
const struct template *template_find(const struct template_set *set, const char *name, size_t len);

/* What one execution sees and may use. Stack: the context stack from the bottom up; the last one is
 * looked up first. parts: "sections/" when dynamic names pick from that folder, "" for the whole
 * set. */
struct template_exec {
    const struct json_value *stack[4];
    unsigned stack_len;
    const char *parts;
    struct template_limits limits;
};

/* Appends the result to out. On failure out holds a part of it. Errors: ERROR_CONTENT for a dynamic
 * name nobody loaded (strict sets only) and for exceeded limits; they name template, line, column.
 */
bool template_execute(const struct template *t, const struct template_exec *exec,
                      struct strbuf *out, struct error *err);

#endif

/* Content checks: is this row, is this element fit to be shown?
 *
 * For: finding what would leave a hole or a trap in a page before it is printed: a required field
 * that is missing or empty, an element without content (its published version is gone, or `{}`), an
 * element type no template exists for, a link with a scheme such as javascript:.
 * Not for: what happens then; a policy decides (config guards.content), press/ carries it out.
 *
 * Errors: each check returns true or fills ERROR_CONTENT with one sentence that names the field.
 */
#ifndef RENDER_CHECK_H
#define RENDER_CHECK_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "render/theme.h"

/* The row itself: required columns, links in columns other than the array of elements. */
bool check_row(const struct theme *t, const struct theme_set *set, const struct json_value *data,
               struct error *err);

/* One element of the set's items column. */
bool check_item(const struct theme *t, const struct theme_set *set, const struct json_value *item,
                struct error *err);

/* How messages call an element: its key, or "#3". Writes at most size bytes. */
void check_item_name(const struct theme_set *set, const struct json_value *item, size_t index,
                     char *name, size_t size);

#endif

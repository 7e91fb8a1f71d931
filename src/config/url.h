/* Addresses a site is known by: what base_url and media_base_url may be.
 *
 * Stricter than a browser: such an address is put in front of every link, so a query, a fragment,
 * a password or a character that would need escaping in it is a mistake.
 */
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

#include <stdbool.h>

/* What is wrong with the address, or NULL. allow_path: a path such as /media/ will do, too. */
const char *url_fault(const char *text, bool allow_path);

/* The path part ("/" at least) of an address or path that url_fault() found good; borrowed. */
const char *url_path(const char *text);

#endif

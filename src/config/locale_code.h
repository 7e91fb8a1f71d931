/* Locale codes in one spelling.
 *
 * For: comparing what the configuration, the command line and the database call a locale: fr_ca,
 * FR-CA and fr-CA are one. The canonical form is BCP 47 as ICU writes it (zh-Hant-TW); it consists
 * of letters, digits and '-' only, so it is safe as a folder name.
 * Not for: names, directions or formats of locales.
 */
#ifndef CONFIG_LOCALE_CODE_H
#define CONFIG_LOCALE_CODE_H

#include <stdbool.h>
#include <stddef.h>

#define LOCALE_CODE_MAX 36 /* bytes with the terminator */

/* False when the text is no locale code: malformed, over-long, or without a language. */
bool locale_code_canonical(char out[LOCALE_CODE_MAX], const char *code, size_t len);

#endif

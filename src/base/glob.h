/* Globs over paths.
 *
 * For: rules that are given for some files of a site. A glob matches a whole path: `*` stands for
 * any characters but '/', `?` for one character but '/', `**` for any characters, a folder
 * `**` + `/` also for none ("**" "/x.html" matches x.html), {a,b} for either; braces nest. Every
 * other character stands for itself; '[' and '\\' are refused, since elsewhere they do not.
 * Not for: files on the disk.
 *
 * Time is at most proportional to the length of the glob (GLOB_MAX) times that of the path,
 * whatever they hold: all ways to match are followed side by side. Nothing is allocated.
 */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

#define GLOB_MAX 255      /* bytes */
#define GLOB_DEPTH_MAX 16 /* braces in braces */

/* What is wrong with the glob, or NULL. */
const char *glob_fault(const char *glob);

/* False for a glob with a fault, too. */
bool glob_match(const char *glob, const char *path);

#endif

/* One row per setting: the table that reading, checking and every manual are made from.
 *
 * For: knowing a setting's name, type, range, default, environment variable and meaning in one
 * place. Loading (config.c) writes values through the rows; `platen help settings`, the man page
 * and the commented sample file print the same rows. Adding a setting: a field in struct config, a
 * row in tables.c, nothing else.
 * Not for: options that exist on the command line only (cmd/commands.c has those).
 *
 * Names of the top table are dotted (`guards.max_shrink`): one level of map in the file per dot.
 * Lists and maps of a shape of their own (locales, page sets) are rows of type SETTING_TABLE that
 * point to the table of one entry.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

enum setting_type {
    SETTING_STRING,   /* const char *: one line of text */
    SETTING_PATH,     /* const char *: file or folder */
    SETTING_SOURCE,   /* const char *: connection string, or a file of `platen export` */
    SETTING_TARGET,   /* const char *: s3://BUCKET/PREFIX, or a folder */
    SETTING_SERVER,   /* const char *: http(s)://host[:port] */
    SETTING_URL,      /* const char *: http(s)://host/..., made to end in '/' */
    SETTING_URL_PATH, /* the same, or a path that begins with '/' */
    SETTING_LOCALE,   /* const char *: canonical locale code, or "" */
    SETTING_CURRENCY, /* const char *: three capital letters */
    SETTING_TEMPLATE, /* const char *: a template's name, its folder with it, without suffix */
    SETTING_PATTERN,  /* const char *: a path below the web root with {{tags}} */
    SETTING_INTEGER,  /* int64_t */
    SETTING_REAL,     /* double */
    SETTING_BOOL,     /* bool */
    SETTING_MILLIS,   /* int64_t in milliseconds: 500ms, 10s, 5m, 1h, 7d */
    SETTING_SECONDS,  /* int64_t in seconds, written the same way */
    SETTING_SIZE,     /* int64_t in bytes: 64kB, 16MB, 1GB (powers of 1024) */
    SETTING_ENUM,     /* an enum: the place of the word in `words` */
    SETTING_LIST,     /* const char ** at offset, size_t at count_offset */
    SETTING_TABLE,    /* entries of the shape of `table`; read by load.c */
};

struct setting_table;

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset, count_offset;  /* in struct config or the struct of one entry */
    double min, max;              /* numbers, durations (ms or s as the type), sizes */
    const char *words;            /* of SETTING_ENUM, with blanks between */
    const char *standard;         /* the default as text; NULL: none */
    const char *standard_is;      /* the default in words, where text cannot say it */
    const char *environment;      /* variable, or NULL */
    const char *environment_else; /* heeded where that one is not set or empty, or NULL */
    const char *example;          /* what the sample file shows where there is no default */
    bool required;
    bool may_be_empty; /* "" is a value; texts without further rules may always be empty */
    const struct setting_table *table; /* of SETTING_TABLE */
    const char *prose;                 /* one or two sentences */
};

struct setting_table {
    const char *title; /* "locales[]", "page_sets.NAME": what messages and manuals call an entry */
    const struct setting *rows;
    size_t n;
};

/* tables.c, tables_entry.c */
extern const struct setting_table setting_config;   /* struct config */
extern const struct setting_table setting_locale;   /* struct config_locale */
extern const struct setting_table setting_page_set; /* struct config_page_set */
extern const struct setting_table setting_items;    /* struct config_items */
extern const struct setting_table setting_output;   /* struct config_output */
extern const struct setting_table setting_headers;  /* struct config_headers */
extern const struct setting_table setting_purge;    /* struct config_purge */

/* The row of that name, or NULL. */
const struct setting *setting_find(const struct setting_table *table, const char *name);

/* Reads one value from text and stores it in the struct at `base`. Strings are copied to the arena.
 * quoted: the text stood in quotes, so it can be no number. The error says what is wrong with the
 * value, not where it stands: the caller puts the place in front. Not for SETTING_LIST and _TABLE.
 */
bool setting_read(const struct setting *row, struct arena *arena, const char *text, bool quoted,
                  void *base, struct error *err);

/* Stores the defaults of a table's rows. */
void setting_defaults(const struct setting_table *table, struct arena *arena, void *base);

/* The values of a list. */
void setting_store_list(const struct setting *row, const char **items, size_t n, void *base);

/* The value of the row's variable, and its name; NULL when it has none that is set. */
const char *setting_environment(const struct setting *row, const char **name);

/* Appends " Environment: A, else B." or nothing: for manuals. */
void setting_describe_environment(const struct setting *row, struct strbuf *out);

/* Appends "a whole number from 0 to 256", "one of: hold, omit, keep", ...: for manuals. */
void setting_describe(const struct setting *row, struct strbuf *out);

#endif

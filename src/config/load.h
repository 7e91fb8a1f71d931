/* From the tree of the configuration file to struct config. Private to config/. */
#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H

#include "config/config.h"
#include "config/setting.h"
#include "config/yaml.h"

/* Stores every value of the tree; c->file and c->dir are set. Errors name line and column. */
bool load_tree(struct config *c, const struct yaml_node *root, struct error *err);

/* Where a setting of the top table has its value from. */
struct config_place *load_place(struct config *c, const struct setting *row);

/* Relative paths stand for files beside the configuration file: joins a setting that is one with
 * c->dir. Others stay. */
void load_join_path(struct config *c, const struct setting *row);

/* Whether a value of that row names a file or folder. load_may_be_path(): some can. */
bool load_is_path(const struct setting *row, const char *value);
bool load_may_be_path(const struct setting *row);

/* A connection string is an address (postgresql://...) or begins with a keyword (host=...). */
bool load_source_is_file(const char *source);

#endif

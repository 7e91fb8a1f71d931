/* Many rows, one at a time, in constant memory.
 *
 * For: page sets. libpq's single-row mode: a row is handed over as soon as it has arrived and
 * forgotten after the call. Not for: results that are needed as a whole (pg_conn_query).
 */
#ifndef PG_ROWS_H
#define PG_ROWS_H

#include "pg/conn.h"

/* One row: res has exactly one, number 0. Return false, with err set, to stop: the connection is
 * then given up. */
typedef bool pg_row_fn(void *payload, const PGresult *res, struct error *err);

/* Runs one statement with text parameters. *count (may be NULL) gets the number of rows. row NULL:
 * rows are counted and dropped. A failure in the middle comes after rows were handed over. */
bool pg_rows_read(struct pg_conn *c, const struct pg_sql *sql, const char *const *params,
                  int n_params, pg_row_fn *row, void *payload, uint64_t *count, struct error *err);

#endif

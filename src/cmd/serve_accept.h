/* Accept-Encoding (RFC 9110, 12.5.3): which variants a client takes, and which it likes best. */
#ifndef CMD_SERVE_ACCEPT_H
#define CMD_SERVE_ACCEPT_H

enum serve_coding { SERVE_BR = 0, SERVE_GZIP, SERVE_IDENTITY, SERVE_CODINGS };

/* Weights 0 (not acceptable) to 1000, by enum serve_coding. header NULL: identity only. */
void serve_accept_read(const char *header, unsigned weight[SERVE_CODINGS]);

/* The codings in the order to try them; on equal weights br, gzip, identity. Returns how many are
 * acceptable. */
unsigned serve_accept_order(const unsigned weight[SERVE_CODINGS],
                            enum serve_coding order[SERVE_CODINGS]);

#endif

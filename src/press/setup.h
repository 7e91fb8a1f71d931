/* The state of a look from nothing and back to nothing. Private to press/.
 *
 * Order: setup_init(), setup_workers(), the look, setup_release(), which accepts what is only half
 * there.
 */
#ifndef PRESS_SETUP_H
#define PRESS_SETUP_H

#include "press/state.h"

void setup_init(struct press *p, const struct config *config, const struct press_options *options,
                struct press_result *result);

/* Threads with their buffers; the stage. */
bool setup_workers(struct press *p, struct error *err);

void setup_release(struct press *p);

#endif

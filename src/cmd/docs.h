/* Documents printed from the tables of commands and settings.
 *
 * For: `platen help --man`, `--reference`, `--sample`, `--completion SHELL`; deploy/ and docs/ hold
 * copies, which `make lint` compares with what is printed here, so that no manual lags behind.
 */
#ifndef CMD_DOCS_H
#define CMD_DOCS_H

#include "base/strbuf.h"

void docs_man(struct strbuf *out);       /* deploy/man/platen.1 */
void docs_reference(struct strbuf *out); /* docs/reference.md */
void docs_sample(
    struct strbuf *out); /* deploy/platen.sample.yaml: loads, and equals the defaults */

/* deploy/completion/: shell is "bash", "zsh" or "fish". */
void docs_completion(struct strbuf *out, const char *shell);

#endif

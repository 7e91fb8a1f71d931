/* credentials: what credentials_get() and credentials_refused() say, for tests.
 *
 * One command a line of standard input, "get" or "refused"; one JSON object for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "upload/credentials.h"

static void add(struct strbuf *line, const char *name, const char *text)
{
    strbuf_addstr(line, line->len == 0 ? "{" : ",");
    json_write_string(line, name, strlen(name));
    strbuf_addch(line, ':');
    if (text != NULL)
        json_write_string(line, text, strlen(text));
    else
        strbuf_addstr(line, "null");
}

static void get(struct credentials *c, struct strbuf *line)
{
    struct credentials_value value;
    struct error err = ERROR_INIT;
    if (credentials_get(c, &value, &err)) {
        add(line, "access_key", value.access_key);
        add(line, "secret_key", value.secret_key);
        add(line, "token", value.token);
        add(line, "from", value.from);
    } else {
        add(line, "error", err.text);
        add(line, "kind", err.kind == ERROR_USAGE ? "usage" : "failed");
    }
}

int main(void)
{
    struct credentials *c = credentials_new();
    struct strbuf line = STRBUF_INIT;
    char command[16];
    while (fgets(command, sizeof(command), stdin) != NULL) {
        strbuf_reset(&line);
        if (strcmp(command, "get\n") == 0)
            get(c, &line);
        else
            add(&line, "refused", credentials_refused(c) ? "ask again" : "give up");
        strbuf_addstr(&line, "}\n");
        fwrite(line.buf, 1, line.len, stdout);
        fflush(stdout);
    }
    strbuf_release(&line);
    credentials_free(c);
    return 0;
}

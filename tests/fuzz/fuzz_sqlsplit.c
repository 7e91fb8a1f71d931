/* Any bytes are cut into statements that lie in the text, one behind the other, and each of them
 * cut again is itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pg/sqlsplit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void cut_again(const struct sql_statement *st)
{
    struct sqlsplit s;
    struct sql_statement same, more;
    struct error err = ERROR_INIT;
    struct sql_word words[8];
    if (st->len >= 3 && memcmp(st->text, "\xef\xbb\xbf", 3) == 0)
        return; /* at the start of a text these bytes are a mark, not a name */
    sqlsplit_init(&s, st->text, st->len);
    HOLDS(sqlsplit_next(&s, &same, &err) == SQLSPLIT_STATEMENT);
    HOLDS(same.text == st->text && same.len == st->len && !same.closed);
    HOLDS(same.line == 1 && same.column == 1);
    HOLDS(sqlsplit_next(&s, &more, &err) == SQLSPLIT_END);
    size_t n = sqlsplit_words(st, words, 8);
    for (size_t i = 0; i < n; i++)
        HOLDS(words[i].len > 0 && words[i].text >= st->text &&
              words[i].text + words[i].len <= st->text + st->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct sqlsplit s;
    struct sql_statement st;
    struct error err = ERROR_INIT;
    size_t end = 0;
    enum sqlsplit_status status;
    sqlsplit_init(&s, text, size);
    while ((status = sqlsplit_next(&s, &st, &err)) == SQLSPLIT_STATEMENT) {
        HOLDS(st.len > 0 && st.text >= text + end && st.text + st.len <= text + st.end);
        HOLDS(st.end <= size && st.line >= 1 && st.column >= 1);
        HOLDS(!st.closed || text[st.end - 1] == ';');
        end = st.end;
        cut_again(&st);
    }
    HOLDS(status == SQLSPLIT_END || (err.kind == ERROR_USAGE && err.text[0] != '\0'));
    return 0;
}

#include "base/json.h"
#include "base/json_scan.h"

static void write_escape(struct strbuf *sb, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char escape[6] = {'\\', (char)c, '0', '0', digits[c >> 4], digits[c & 15]};
    size_t n = 2;
    switch (c) {
    case '"':
    case '\\':
        break;
    case '\b':
        escape[1] = 'b';
        break;
    case '\f':
        escape[1] = 'f';
        break;
    case '\n':
        escape[1] = 'n';
        break;
    case '\r':
        escape[1] = 'r';
        break;
    case '\t':
        escape[1] = 't';
        break;
    default:
        escape[1] = 'u';
        n = 6;
    }
    strbuf_add(sb, escape, n);
}

void json_write_string(struct strbuf *sb, const char *text, size_t len)
{
    const char *end = text + len;
    strbuf_addch(sb, '"');
    for (;;) {
        const char *next = json_scan(text, end, true);
        strbuf_add(sb, text, (size_t)(next - text));
        if (next == end)
            break;
        write_escape(sb, (unsigned char)*next);
        text = next + 1;
    }
    strbuf_addch(sb, '"');
}

static void write_array(struct strbuf *sb, const struct json_value *v)
{
    strbuf_addch(sb, '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i != 0)
            strbuf_addch(sb, ',');
        json_write(sb, &v->items[i]);
    }
    strbuf_addch(sb, ']');
}

static void write_object(struct strbuf *sb, const struct json_value *v)
{
    strbuf_addch(sb, '{');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i != 0)
            strbuf_addch(sb, ',');
        json_write_string(sb, v->members[i].key, v->members[i].key_len);
        strbuf_addch(sb, ':');
        json_write(sb, &v->members[i].value);
    }
    strbuf_addch(sb, '}');
}

void json_write(struct strbuf *sb, const struct json_value *v)
{
    switch (v->type) {
    case JSON_NULL:
        strbuf_add(sb, "null", 4);
        break;
    case JSON_FALSE:
        strbuf_add(sb, "false", 5);
        break;
    case JSON_TRUE:
        strbuf_add(sb, "true", 4);
        break;
    case JSON_NUMBER:
        strbuf_add(sb, v->text, v->len);
        break;
    case JSON_STRING:
        json_write_string(sb, v->text, v->len);
        break;
    case JSON_ARRAY:
        write_array(sb, v);
        break;
    case JSON_OBJECT:
        write_object(sb, v);
        break;
    }
}

#include "base/json.h"

#include <string.h>

/* From the back: of duplicate keys the last one counts. */
const struct json_value *json_get(const struct json_value *v, const char *key, size_t len)
{
    if (v == NULL || v->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = v->len; i-- > 0;) {
        const struct json_member *m = &v->members[i];
        if (m->key_len == len && memcmp(m->key, key, len) == 0)
            return &m->value;
    }
    return NULL;
}

const struct json_value *json_get_symbol(const struct json_value *v, uint32_t symbol)
{
    if (v == NULL || v->type != JSON_OBJECT || symbol == 0)
        return NULL;
    for (uint32_t i = v->len; i-- > 0;)
        if (v->members[i].symbol == symbol)
            return &v->members[i].value;
    return NULL;
}

bool json_is(const struct json_value *v, const char *s)
{
    return v != NULL && v->type == JSON_STRING && v->len == strlen(s) &&
           memcmp(v->text, s, v->len) == 0;
}

/* What does not fit into 24 bits only makes json_add() move the members more often. */
static uint32_t room_bits(size_t room)
{
    return room < 0xffffff ? (uint32_t)room : 0xffffff;
}

static struct json_member *alloc_members(struct arena *arena, size_t room)
{
    size_t bytes;
    if (__builtin_mul_overflow(room, sizeof(struct json_member), &bytes))
        bytes = SIZE_MAX; /* refused by the allocator */
    return arena_alloc(arena, bytes);
}

struct json_value json_object(struct arena *arena, size_t room)
{
    return (struct json_value){
        .type = JSON_OBJECT,
        .room = room_bits(room) & 0xffffff,
        .members = alloc_members(arena, room),
    };
}

void json_add(struct arena *arena, const struct symtab *st, struct json_value *object,
              const char *key, struct json_value value)
{
    if (object->len >= object->room) {
        size_t room = object->len < 4 ? 8 : (size_t)object->len * 2;
        struct json_member *grown = alloc_members(arena, room);
        if (object->len != 0)
            memcpy(grown, object->members, object->len * sizeof(*grown));
        object->members = grown;
        object->room = room_bits(room) & 0xffffff;
    }
    size_t len = strlen(key);
    object->members[object->len++] = (struct json_member){
        .symbol = symtab_find(st, key, len),
        .key_len = (uint32_t)len,
        .key = key,
        .value = value,
    };
}

struct json_value json_array(struct arena *arena, size_t count)
{
    return (struct json_value){
        .type = JSON_ARRAY,
        .len = (uint32_t)count,
        .items = arena_calloc(arena, count, sizeof(struct json_value)),
    };
}

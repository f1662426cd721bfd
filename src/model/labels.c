/* Labels: see labels.h. Layer: model. Memory: views. Thread: any. */
#include "model/labels.h"

#include "base/hash.h"
#include "base/quote.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    HASH_ON_STACK_MAX = 1024, /* bytes of names and values that are hashed in one piece */
    BUILDER_FIRST = 16,       /* labels */
};

Str labels_get(Labels labels, Str name)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (str_eq(labels.at[i].name, name)) {
            return labels.at[i].value;
        }
    }
    return STR_EMPTY;
}

bool labels_has(Labels labels, Str name)
{
    return labels_get(labels, name).len > 0;
}

bool labels_eq(Labels a, Labels b)
{
    if (a.count != b.count) {
        return false;
    }
    for (size_t i = 0; i < a.count; i++) {
        if (!str_eq(a.at[i].name, b.at[i].name) || !str_eq(a.at[i].value, b.at[i].value)) {
            return false;
        }
    }
    return true;
}

int labels_cmp(Labels a, Labels b)
{
    size_t common = MIN(a.count, b.count);
    for (size_t i = 0; i < common; i++) {
        int order = str_cmp(a.at[i].name, b.at[i].name);
        if (order == 0) {
            order = str_cmp(a.at[i].value, b.at[i].value);
        }
        if (order != 0) {
            return order;
        }
    }
    return (a.count > b.count) - (a.count < b.count);
}

/*
 * The hash of labels fed one by one. Each string is followed by 0xff, a byte that no UTF-8 text
 * holds, so that ("ab","c") and ("a","bc") differ. Short sets, which is nearly all, are gathered
 * and hashed at once; what does not fit is hashed by pieces and chained.
 */
typedef struct LabelHasher {
    u64 hash;
    size_t used;
    u8 bytes[HASH_ON_STACK_MAX];
} LabelHasher;

static void hasher_flush(LabelHasher *hasher)
{
    hasher->hash = hash_combine(hasher->hash, hash_bytes(hasher->bytes, hasher->used));
    hasher->used = 0;
}

static void hasher_put(LabelHasher *hasher, Str s)
{
    if (s.len + 1 > HASH_ON_STACK_MAX - hasher->used) {
        hasher_flush(hasher);
    }
    if (s.len + 1 > HASH_ON_STACK_MAX) {
        hasher->hash = hash_combine(hasher->hash, hash_str(s));
        return;
    }
    if (s.len > 0) {
        memcpy(hasher->bytes + hasher->used, s.ptr, s.len);
    }
    hasher->bytes[hasher->used + s.len] = 0xff;
    hasher->used += s.len + 1;
}

static void hasher_label(LabelHasher *hasher, const Label *label)
{
    hasher_put(hasher, label->name);
    hasher_put(hasher, label->value);
}

u64 labels_hash(Labels labels)
{
    LabelHasher hasher;
    hasher.hash = 0;
    hasher.used = 0;
    for (size_t i = 0; i < labels.count; i++) {
        hasher_label(&hasher, &labels.at[i]);
    }
    hasher_flush(&hasher);
    return hasher.hash;
}

u64 labels_hash_by(Labels labels, const Str *names, size_t count)
{
    LabelHasher hasher;
    hasher.hash = 0;
    hasher.used = 0;
    for (size_t i = 0, k = 0; i < labels.count && k < count;) {
        int order = str_cmp(labels.at[i].name, names[k]);
        if (order == 0) {
            hasher_label(&hasher, &labels.at[i]);
        }
        i += order <= 0;
        k += order > 0; /* a name given twice is passed when the labels are behind it */
    }
    hasher_flush(&hasher);
    return hasher.hash;
}

u64 labels_hash_without(Labels labels, const Str *names, size_t count)
{
    LabelHasher hasher;
    size_t k = 0;
    hasher.hash = 0;
    hasher.used = 0;
    for (size_t i = 0; i < labels.count; i++) {
        Str name = labels.at[i].name;
        while (k < count && str_cmp(names[k], name) < 0) {
            k++;
        }
        bool listed = k < count && str_eq(names[k], name);
        if (!listed && !str_eq(name, LABEL_NAME)) {
            hasher_label(&hasher, &labels.at[i]);
        }
    }
    hasher_flush(&hasher);
    return hasher.hash;
}

static void format_name(Buf *out, Str name)
{
    if (label_name_legacy_valid(name)) {
        buf_str(out, name);
    } else {
        quote_go(out, name);
    }
}

void labels_format(Buf *out, Labels labels)
{
    Str metric = labels_get(labels, LABEL_NAME);
    bool inside = metric.len > 0 && !metric_name_legacy_valid(metric);
    size_t shown = 0;
    if (!inside) {
        buf_str(out, metric);
    }
    if (labels.count == (metric.len > 0) && !inside && metric.len > 0) {
        return; /* nothing but the name */
    }
    buf_byte(out, '{');
    if (inside) {
        quote_go(out, metric);
        shown++;
    }
    for (size_t i = 0; i < labels.count; i++) {
        if (str_eq(labels.at[i].name, LABEL_NAME)) {
            continue;
        }
        if (shown++ > 0) {
            buf_lit(out, ", ");
        }
        format_name(out, labels.at[i].name);
        buf_byte(out, '=');
        quote_go(out, labels.at[i].value);
    }
    buf_byte(out, '}');
}

bool labels_copy(Arena *arena, Labels labels, Labels *ret, Err *err)
{
    Label *copies = ARENA_NEW(arena, Label, labels.count);
    if (!copies) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < labels.count; i++) {
        if (!arena_str(arena, labels.at[i].name, &copies[i].name, err) ||
            !arena_str(arena, labels.at[i].value, &copies[i].value, err)) {
            return false;
        }
    }
    *ret = (Labels){.at = copies, .count = labels.count};
    return true;
}

void labels_builder_init(LabelsBuilder *builder, Arena *arena)
{
    *builder = (LabelsBuilder){.arena = arena};
}

static bool builder_reserve(LabelsBuilder *builder, size_t needed, Err *err)
{
    if (needed <= builder->capacity) {
        return true;
    }
    size_t doubled = MAX(builder->capacity * 2, (size_t)BUILDER_FIRST);
    size_t capacity = MAX(needed, doubled);
    Label *grown = ARENA_NEW(builder->arena, Label, capacity);
    if (!grown) {
        return arena_full(builder->arena, err);
    }
    if (builder->count > 0) {
        memcpy(grown, builder->at, builder->count * sizeof(Label));
    }
    builder->at = grown;
    builder->capacity = capacity;
    return true;
}

bool labels_builder_from(LabelsBuilder *builder, Labels labels, Err *err)
{
    if (!builder_reserve(builder, labels.count, err)) {
        return false;
    }
    if (labels.count > 0) {
        memcpy(builder->at, labels.at, labels.count * sizeof(Label));
    }
    builder->count = labels.count;
    return true;
}

static Label *builder_find(const LabelsBuilder *builder, Str name)
{
    for (size_t i = 0; i < builder->count; i++) {
        if (str_eq(builder->at[i].name, name)) {
            return &builder->at[i];
        }
    }
    return NULL;
}

Str labels_builder_get(const LabelsBuilder *builder, Str name)
{
    const Label *label = builder_find(builder, name);
    return label ? label->value : STR_EMPTY;
}

bool labels_builder_set(LabelsBuilder *builder, Str name, Str value, Err *err)
{
    Label *label = builder_find(builder, name);
    if (label) {
        label->value = value;
        return true;
    }
    if (value.len == 0) {
        return true;
    }
    if (!builder_reserve(builder, builder->count + 1, err)) {
        return false;
    }
    builder->at[builder->count++] = (Label){.name = name, .value = value};
    return true;
}

void labels_builder_del(LabelsBuilder *builder, Str name)
{
    Label *label = builder_find(builder, name);
    if (label) {
        label->value = STR_EMPTY;
    }
}

/* Label sets are short and often sorted already: insertion sort up to this many. */
enum { SORT_BY_INSERTION_MAX = 32 };

static int label_cmp_qsort(const void *a, const void *b)
{
    return str_cmp(((const Label *)a)->name, ((const Label *)b)->name);
}

static void sort_labels(Label *at, size_t count)
{
    if (count > SORT_BY_INSERTION_MAX) {
        qsort(at, count, sizeof(*at), label_cmp_qsort);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        Label moving = at[i];
        size_t k = i;
        for (; k > 0 && str_cmp(at[k - 1].name, moving.name) > 0; k--) {
            at[k] = at[k - 1];
        }
        at[k] = moving;
    }
}

bool labels_builder_finish(LabelsBuilder *builder, Labels *ret, Err *err)
{
    Label *kept = ARENA_NEW(builder->arena, Label, builder->count);
    size_t count = 0;
    if (!kept) {
        return arena_full(builder->arena, err);
    }
    for (size_t i = 0; i < builder->count; i++) {
        if (builder->at[i].value.len > 0) {
            kept[count++] = builder->at[i];
        }
    }
    sort_labels(kept, count);
    *ret = (Labels){.at = kept, .count = count};
    return true;
}

static bool legacy_valid(Str name, bool colon)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9' && i > 0;
        if (!letter && !digit && !(colon && c == ':')) {
            return false;
        }
    }
    return name.len > 0;
}

bool label_name_legacy_valid(Str name)
{
    return legacy_valid(name, false);
}

bool metric_name_legacy_valid(Str name)
{
    return legacy_valid(name, true);
}

bool label_name_utf8_valid(Str name)
{
    return name.len > 0 && utf8_valid(name);
}

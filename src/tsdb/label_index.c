/* Label index: see label_index.h. Layer: tsdb. Thread: one writer, readers under a lock. */
#include "tsdb/label_index.h"

#include "base/hash.h"

enum { TABLE_FIRST = 64 };

void label_index_init(LabelIndex *index, Slab *slab)
{
    *index = (LabelIndex){.symbols = symbols_new(), .slab = slab};
    paged_init(&index->pairs, sizeof(Pair));
}

void label_index_done(LabelIndex *index)
{
    for (u32 i = 0; i < index->pairs.count; i++) {
        postings_clear(index->slab, &label_index_pair(index, i)->postings);
    }
    for (size_t i = 0; i < index->names.count; i++) {
        vec_done(&index->names.at[i].pairs);
    }
    paged_done(&index->pairs);
    vec_done(&index->free_pairs);
    vec_done(&index->names);
    vec_done(&index->free_names);
    u64map_done(&index->name_of);
    mem_free(index->table);
    (void)symbols_free(index->symbols);
    *index = (LabelIndex){0};
}

/* ---- table of pairs ---- */

static size_t home_of(const LabelIndex *index, Symbol name, Symbol value)
{
    return hash_u64((u64)name << 32 | value) & (index->capacity - 1);
}

/* The place of the pair, or the empty place where it would stand. */
static size_t place_of(const LabelIndex *index, Symbol name, Symbol value)
{
    size_t at = home_of(index, name, value);
    while (index->table[at] != 0) {
        const Pair *pair = label_index_pair(index, index->table[at] - 1);
        if (pair->name == name && pair->value == value) {
            break;
        }
        at = (at + 1) & (index->capacity - 1);
    }
    return at;
}

static void table_grow(LabelIndex *index)
{
    u32 *old = index->table;
    size_t old_capacity = index->capacity;
    index->capacity = old_capacity ? old_capacity * 2 : TABLE_FIRST;
    index->table = MEM_ARRAY(u32, index->capacity);
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            const Pair *pair = label_index_pair(index, old[i] - 1);
            index->table[place_of(index, pair->name, pair->value)] = old[i];
        }
    }
    mem_free(old);
}

/* Closes the gap, so that no probe ends too early. */
static void table_remove(LabelIndex *index, const Pair *pair)
{
    size_t mask = index->capacity - 1;
    size_t gap = place_of(index, pair->name, pair->value);
    for (size_t at = (gap + 1) & mask; index->table[at] != 0; at = (at + 1) & mask) {
        const Pair *other = label_index_pair(index, index->table[at] - 1);
        size_t home = home_of(index, other->name, other->value);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            index->table[gap] = index->table[at];
            gap = at;
        }
    }
    index->table[gap] = 0;
    index->count--;
}

/* ---- pairs ---- */

static u32 name_entry(LabelIndex *index, Symbol name)
{
    bool is_new;
    u64 *at = u64map_put(&index->name_of, name, &is_new);
    if (is_new) {
        if (index->free_names.count > 0) {
            *at = index->free_names.at[--index->free_names.count];
            index->names.at[*at].name = name;
        } else {
            *at = index->names.count;
            *vec_push(&index->names) = (PairName){.name = name};
        }
    }
    return (u32)*at;
}

/* Takes over one reference to each symbol. */
static bool pair_new(LabelIndex *index, Symbol name, Symbol value, PairId *ret, Err *err)
{
    PairId id;
    if (index->free_pairs.count > 0) {
        id = index->free_pairs.at[--index->free_pairs.count];
    } else {
        if (!paged_push(&index->pairs)) {
            return err_set(err, ERR_LIMIT, "the head is full: %u label pairs", index->pairs.count);
        }
        id = index->pairs.count - 1;
    }
    if ((index->count + 1) * 4 > index->capacity * 3) {
        table_grow(index);
    }
    u32 name_index = name_entry(index, name);
    PairName *entry = &index->names.at[name_index];
    *label_index_pair(index, id) = (Pair){.name = name,
                                          .value = value,
                                          .name_index = name_index,
                                          .position = (u32)entry->pairs.count};
    *vec_push(&entry->pairs) = id;
    index->table[place_of(index, name, value)] = id + 1;
    index->count++;
    index->born++;
    *ret = id;
    return true;
}

/* Out of the table and of its name's list; the struct stays as it is. */
static void pair_unlink(LabelIndex *index, PairId id)
{
    const Pair *pair = label_index_pair(index, id);
    PairName *entry = &index->names.at[pair->name_index];
    PairId moved = entry->pairs.at[--entry->pairs.count];
    entry->pairs.at[pair->position] = moved;
    label_index_pair(index, moved)->position = pair->position;
    table_remove(index, pair);
    if (entry->pairs.count == 0) {
        (void)u64map_del(&index->name_of, pair->name);
        vec_done(&entry->pairs);
        *vec_push(&index->free_names) = pair->name_index;
    }
}

void label_index_free_pair(LabelIndex *index, PairId id)
{
    const Pair *pair = label_index_pair(index, id);
    symbols_release(index->symbols, pair->name);
    symbols_release(index->symbols, pair->value);
    *vec_push(&index->free_pairs) = id;
}

static bool pair_find(const LabelIndex *index, Label label, PairId *ret)
{
    Symbol name;
    Symbol value;
    if (index->count == 0 || !symbols_find(index->symbols, label.name, &name) ||
        !symbols_find(index->symbols, label.value, &value)) {
        return false;
    }
    u32 found = index->table[place_of(index, name, value)];
    if (found == 0) {
        return false;
    }
    *ret = found - 1;
    return true;
}

static bool pair_acquire(LabelIndex *index, Label label, PairId *ret, Err *err)
{
    Symbol name;
    Symbol value;
    if (pair_find(index, label, ret)) {
        return true;
    }
    if (!symbols_acquire(index->symbols, label.name, &name, err)) {
        return false;
    }
    if (!symbols_acquire(index->symbols, label.value, &value, err)) {
        symbols_release(index->symbols, name);
        return false;
    }
    if (!pair_new(index, name, value, ret, err)) {
        symbols_release(index->symbols, name);
        symbols_release(index->symbols, value);
        return false;
    }
    return true;
}

bool label_index_find(const LabelIndex *index, Labels labels, PairId *ret)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (!pair_find(index, labels.at[i], &ret[i])) {
            return false;
        }
    }
    return true;
}

bool label_index_acquire(LabelIndex *index, Labels labels, PairId *ret, Err *err)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (!pair_acquire(index, labels.at[i], &ret[i], err)) {
            while (i-- > 0) {
                if (postings_count(&label_index_pair(index, ret[i])->postings) == 0) {
                    pair_unlink(index, ret[i]);
                    label_index_free_pair(index, ret[i]);
                }
            }
            return false;
        }
    }
    return true;
}

void label_index_add(LabelIndex *index, const PairId *pairs, size_t count, u32 slot)
{
    for (size_t i = 0; i < count; i++) {
        postings_add(index->slab, &label_index_pair(index, pairs[i])->postings, slot);
    }
}

void label_index_remove(LabelIndex *index, const PairId *pairs, size_t count, u32 slot,
                        PairList *dead)
{
    for (size_t i = 0; i < count; i++) {
        Pair *pair = label_index_pair(index, pairs[i]);
        postings_remove(index->slab, &pair->postings, slot);
        if (pair->postings.bits == 0) {
            pair_unlink(index, pairs[i]);
            *vec_push(dead) = pairs[i];
        }
    }
}

const Pair *label_index_find_pair(const LabelIndex *index, Str name, Str value)
{
    PairId id;
    return pair_find(index, (Label){.name = name, .value = value}, &id)
               ? label_index_pair(index, id)
               : NULL;
}

const PairName *label_index_find_name(const LabelIndex *index, Str name)
{
    Symbol symbol;
    if (!symbols_find(index->symbols, name, &symbol)) {
        return NULL;
    }
    const u64 *at = u64map_find(&index->name_of, symbol);
    return at ? &index->names.at[*at] : NULL;
}

void label_pair_labels(const LabelIndex *index, const PairId *pairs, size_t count, Label *ret)
{
    for (size_t i = 0; i < count; i++) {
        const Pair *pair = label_index_pair(index, pairs[i]);
        ret[i].name = symbols_text(index->symbols, pair->name);
        ret[i].value = symbols_text(index->symbols, pair->value);
    }
}

u64 label_index_bytes(const LabelIndex *index, u64 *ret_postings_bytes)
{
    u64 postings = 0;
    u64 lists = 0;
    for (size_t n = 0; n < index->names.count; n++) {
        const PairName *name = &index->names.at[n];
        lists += name->pairs.capacity * sizeof(PairId) + sizeof(PairName);
        for (size_t i = 0; i < name->pairs.count; i++) {
            postings += postings_bytes(&label_index_pair(index, name->pairs.at[i])->postings);
        }
    }
    *ret_postings_bytes = postings;
    return lists + (u64)index->pairs.count * sizeof(Pair) + index->capacity * sizeof(u32);
}

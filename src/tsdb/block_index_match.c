/* From matchers to series refs in the index of a block. See block_index.h. Layer: tsdb.
 * Thread: any; the index is immutable. */
#include "base/mem.h"
#include "codec/regex.h"
#include "tsdb/block_index_internal.h"

#include <stdlib.h>

/* One matcher as places of postings: a series must be in one of them, or in none. */
typedef struct Condition {
    VEC(u64) places;
    bool excludes;
    u64 estimate; /* members of all of them together */
} Condition;

static void add_place(const BlockIndex *index, u64 place, Condition *ret)
{
    *vec_push(&ret->places) = place;
    ret->estimate += block_index_postings_count(index, place);
}

static void add_exact(const BlockIndex *index, Str name, Str value, Condition *ret)
{
    u64 place;
    if (value.len > 0 && block_index_find(index, name, value, &place)) {
        add_place(index, place, ret);
    }
}

/*
 * A matcher that an absent label passes excludes the series whose value does not pass; any other
 * one asks for a value that passes. Either way only values that exist are looked at.
 */
static void resolve(const BlockIndex *index, const Matcher *matcher, Condition *ret)
{
    const Str *literals = NULL;
    size_t literal_count = 0;
    *ret = (Condition){.excludes = matcher_matches_empty(matcher)};
    bool equality = matcher->kind == MATCH_EQUAL || matcher->kind == MATCH_NOT_EQUAL;
    if (matcher->name.len == 0) {
        return; /* no series has a label without a name */
    }
    if (equality && matcher->value.len > 0) {
        add_exact(index, matcher->name, matcher->value, ret);
    } else if (matcher->regex && (matcher->kind == MATCH_REGEX) != ret->excludes &&
               regex_literals(matcher->regex, &literals, &literal_count)) {
        for (size_t i = 0; i < literal_count; i++) {
            add_exact(index, matcher->name, literals[i], ret);
        }
    } else {
        IndexValues values = block_index_values(index, matcher->name);
        Str value;
        u64 place;
        while (block_index_next_value(&values, &value, &place)) {
            if (value.len > 0 && matcher_matches(matcher, value) != ret->excludes) {
                add_place(index, place, ret);
            }
        }
    }
}

static bool join(const BlockIndex *index, const Condition *condition, roaring_bitmap_t *into,
                 Err *err)
{
    for (size_t i = 0; i < condition->places.count; i++) {
        if (!block_index_postings(index, condition->places.at[i], into, err)) {
            return false;
        }
    }
    return true;
}

static bool restrict_to(const BlockIndex *index, const Condition *condition, roaring_bitmap_t *set,
                        Err *err)
{
    roaring_bitmap_t *any = roaring_bitmap_create();
    bool ok = join(index, condition, any, err);
    if (ok && condition->excludes) {
        roaring_bitmap_andnot_inplace(set, any);
    } else if (ok) {
        roaring_bitmap_and_inplace(set, any);
    }
    roaring_bitmap_free(any);
    return ok;
}

/* Asking conditions first, the smallest one as the start. */
static int by_size(const void *a, const void *b)
{
    const Condition *left = a;
    const Condition *right = b;
    if (left->excludes != right->excludes) {
        return left->excludes ? 1 : -1;
    }
    return (left->estimate > right->estimate) - (left->estimate < right->estimate);
}

static bool combine(const BlockIndex *index, Condition *conditions, size_t count,
                    roaring_bitmap_t *set, Err *err)
{
    if (count > 1) {
        qsort(conditions, count, sizeof(*conditions), by_size);
    }
    bool asks = count > 0 && !conditions[0].excludes;
    if (!(asks ? join(index, &conditions[0], set, err) : block_index_all(index, set, err))) {
        return false;
    }
    for (size_t i = asks; i < count && !roaring_bitmap_is_empty(set); i++) {
        if (!restrict_to(index, &conditions[i], set, err)) {
            return false;
        }
    }
    return true;
}

bool block_index_match(const BlockIndex *index, const Matcher *matchers, size_t count,
                       roaring_bitmap_t **ret, Err *err)
{
    Condition *conditions = MEM_ARRAY(Condition, count + 1);
    for (size_t i = 0; i < count; i++) {
        resolve(index, &matchers[i], &conditions[i]);
    }
    roaring_bitmap_t *set = roaring_bitmap_create();
    bool ok = combine(index, conditions, count, set, err);
    for (size_t i = 0; i < count; i++) {
        vec_done(&conditions[i].places);
    }
    mem_free(conditions);
    if (!ok) {
        roaring_bitmap_free(set);
        return false;
    }
    *ret = set;
    return true;
}

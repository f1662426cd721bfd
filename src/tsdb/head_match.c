/*
 * From matchers to series. A regular expression is tried on every value of its label name without
 * a lock; only looking up and joining sets happens under the state lock. When new values appeared
 * in between it is done again, and at last under the lock: what a select sees is one moment.
 *
 * Layer: tsdb. Thread: any; the caller is pinned, so pairs keep their names meanwhile.
 */
#include "codec/regex.h"
#include "tsdb/head_internal.h"

#include <stdlib.h>

enum { ATTEMPTS_MAX = 3 }; /* without the lock */

/* One matcher as a list of pairs: a series must have one of them, or none. */
typedef struct Condition {
    PairList pairs;
    bool excludes;
    u64 estimate; /* members of all sets together */
} Condition;

static bool keep_pair(const Head *head, const Matcher *matcher, bool wanted, PairId id)
{
    Str value = symbols_text(head->labels.symbols, label_index_pair(&head->labels, id)->value);
    return matcher_matches(matcher, value) == wanted;
}

static void add_exact(const Head *head, Str name, Str value, Condition *ret)
{
    const Pair *pair = label_index_find_pair(&head->labels, name, value);
    if (pair) {
        const PairName *list = &head->labels.names.at[pair->name_index];
        *vec_push(&ret->pairs) = list->pairs.at[pair->position];
    }
}

static void add_all(const Head *head, Str name, Condition *ret)
{
    const PairName *list = label_index_find_name(&head->labels, name);
    if (list) {
        vec_reserve(&ret->pairs, list->pairs.count);
        memcpy(ret->pairs.at, list->pairs.at, list->pairs.count * sizeof(PairId));
        ret->pairs.count = list->pairs.count;
    }
}

/* Collects the values to try; *ret_exact: they need no trying. Under state. */
static void collect(const Head *head, const Matcher *matcher, Condition *ret, bool *ret_exact)
{
    const Str *literals = NULL;
    size_t literal_count = 0;
    ret->pairs.count = 0;
    *ret_exact = true;
    if ((matcher->kind == MATCH_EQUAL || matcher->kind == MATCH_NOT_EQUAL) &&
        matcher->value.len > 0) {
        add_exact(head, matcher->name, matcher->value, ret);
    } else if (matcher->regex && (matcher->kind == MATCH_REGEX) != ret->excludes &&
               regex_literals(matcher->regex, &literals, &literal_count)) {
        for (size_t i = 0; i < literal_count; i++) {
            add_exact(head, matcher->name, literals[i], ret);
        }
    } else {
        add_all(head, matcher->name, ret);
        *ret_exact = false;
    }
}

/*
 * A matcher that an absent label passes excludes the series whose value does not pass; any other
 * one asks for a value that passes. Either way only values that exist are looked at.
 * locked  the caller holds the state lock and wants to keep it
 */
static void resolve(Head *head, const Matcher *matcher, bool locked, Condition *ret)
{
    bool exact;
    ret->excludes = matcher_matches_empty(matcher);
    if (!locked) {
        head_read_state(head);
    }
    collect(head, matcher, ret, &exact);
    if (!locked) {
        head_unlock_state(head);
    }
    size_t kept = 0;
    for (size_t i = 0; i < ret->pairs.count && !exact; i++) {
        if (keep_pair(head, matcher, !ret->excludes, ret->pairs.at[i])) {
            ret->pairs.at[kept++] = ret->pairs.at[i];
        }
    }
    ret->pairs.count = exact ? ret->pairs.count : kept;
}

/* ---- under the state lock ---- */

static const Postings *postings_of(const Head *head, const Condition *condition, size_t i)
{
    return &label_index_pair(&head->labels, condition->pairs.at[i])->postings;
}

static void estimate(const Head *head, Condition *condition)
{
    condition->estimate = 0;
    for (size_t i = 0; i < condition->pairs.count; i++) {
        condition->estimate += postings_count(postings_of(head, condition, i));
    }
}

static roaring_bitmap_t *join(const Head *head, const Condition *condition)
{
    roaring_bitmap_t *set = roaring_bitmap_create();
    for (size_t i = 0; i < condition->pairs.count; i++) {
        postings_or_into(postings_of(head, condition, i), set);
    }
    return set;
}

static void restrict_to(const Head *head, const Condition *condition, roaring_bitmap_t *set)
{
    if (condition->excludes) {
        for (size_t i = 0; i < condition->pairs.count; i++) {
            postings_andnot_into(postings_of(head, condition, i), set);
        }
    } else if (condition->pairs.count == 1) {
        postings_and_into(postings_of(head, condition, 0), set);
    } else {
        roaring_bitmap_t *any = join(head, condition);
        roaring_bitmap_and_inplace(set, any);
        roaring_bitmap_free(any);
    }
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

static roaring_bitmap_t *combine(const Head *head, Condition *conditions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        estimate(head, &conditions[i]);
    }
    qsort(conditions, count, sizeof(*conditions), by_size);
    bool asks = count > 0 && !conditions[0].excludes;
    roaring_bitmap_t *set = asks ? join(head, &conditions[0]) : roaring_bitmap_copy(head->all);
    for (size_t i = asks; i < count && !roaring_bitmap_is_empty(set); i++) {
        restrict_to(head, &conditions[i], set);
    }
    return set;
}

static u64 births(Head *head)
{
    head_read_state(head);
    u64 born = head->labels.born;
    head_unlock_state(head);
    return born;
}

roaring_bitmap_t *head_match(Head *head, const Matcher *matchers, size_t count)
{
    Condition *conditions = MEM_ARRAY(Condition, count);
    bool settled = false;
    for (int attempt = 0; attempt < ATTEMPTS_MAX && !settled; attempt++) {
        u64 born = births(head);
        for (size_t i = 0; i < count; i++) {
            resolve(head, &matchers[i], false, &conditions[i]);
        }
        head_read_state(head);
        settled = head->labels.born == born;
        if (!settled) {
            head_unlock_state(head);
        }
    }
    if (!settled) {
        head_read_state(head);
        for (size_t i = 0; i < count; i++) {
            resolve(head, &matchers[i], true, &conditions[i]);
        }
    }
    roaring_bitmap_t *set = combine(head, conditions, count);
    for (size_t i = 0; i < count; i++) {
        vec_done(&conditions[i].pairs);
    }
    mem_free(conditions);
    return set;
}

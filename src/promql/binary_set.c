/*
 * Set operators and, or, unless; and the ordinals of matching labels that all vector matching uses.
 *
 * Layer: promql. Memory: the result takes its operands' columns over. Thread: the query's.
 */
#include "promql/binary.h"

#include "base/map.h"

#include <string.h>

/* A label set of the first series with a signature, to tell equal hashes of different ones. */
typedef struct SignatureTable {
    const BinaryEval *eval;
    U64Map by_hash;
    Labels *first;
    u32 count;
} SignatureTable;

static bool matching_label(const VectorMatching *matching, Str name)
{
    bool listed = str_in(name, matching->labels, matching->label_count);
    return matching->on ? listed : !listed && !str_eq(name, LABEL_NAME);
}

static size_t skip_unmatched(const VectorMatching *matching, Labels labels, size_t at)
{
    while (at < labels.count && !matching_label(matching, labels.at[at].name)) {
        at++;
    }
    return at;
}

static bool same_signature(const VectorMatching *matching, Labels a, Labels b)
{
    size_t i = skip_unmatched(matching, a, 0);
    size_t j = skip_unmatched(matching, b, 0);
    while (i < a.count && j < b.count) {
        if (!str_eq(a.at[i].name, b.at[j].name) || !str_eq(a.at[i].value, b.at[j].value)) {
            return false;
        }
        i = skip_unmatched(matching, a, i + 1);
        j = skip_unmatched(matching, b, j + 1);
    }
    return i == a.count && j == b.count;
}

static u32 ordinal_of(SignatureTable *table, Labels labels)
{
    const VectorMatching *matching = &table->eval->plan->matching;
    u64 hash = matching->on ? labels_hash_by(labels, matching->labels, matching->label_count)
                            : labels_hash_without(labels, matching->labels, matching->label_count);
    for (;; hash++) {
        bool is_new;
        u64 *slot = u64map_put(&table->by_hash, hash, &is_new);
        if (is_new) {
            *slot = table->count;
            table->first[table->count] = labels;
            return table->count++;
        }
        if (same_signature(matching, table->first[*slot], labels)) {
            return (u32)*slot;
        }
    }
}

bool binary_signatures(const BinaryEval *eval, const Vector *left, const Vector *right,
                       Arena *arena, Signatures *ret, Err *err)
{
    SignatureTable table = {.eval = eval};
    table.first = ARENA_NEW(arena, Labels, left->count + right->count + 1);
    ret->left = ARENA_NEW(arena, u32, left->count + 1);
    ret->right = ARENA_NEW(arena, u32, right->count + 1);
    if (!table.first || !ret->left || !ret->right) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < left->count; i++) {
        ret->left[i] = ordinal_of(&table, left->series[i].labels);
    }
    for (size_t i = 0; i < right->count; i++) {
        ret->right[i] = ordinal_of(&table, right->series[i].labels);
    }
    ret->count = table.count;
    u64map_done(&table.by_hash);
    return true;
}

/* Where any series of each signature is present: `words` words a signature. */
static u64 *presence(const Vector *vector, const u32 *signature, u32 count, Arena *arena)
{
    size_t words = BITMAP_WORDS(vector->steps);
    u64 *bits = ARENA_NEW(arena, u64, count * words + 1);
    for (size_t i = 0; bits && i < vector->count; i++) {
        u64 *to = bits + signature[i] * words;
        for (size_t word = 0; word < words; word++) {
            to[word] |= vector->series[i].column.present[word];
        }
    }
    return bits;
}

/* Keeps of each series the steps where `bits` of its signature is set (or is not). */
static void mask(Vector *vector, const u32 *signature, const u64 *bits, bool keep)
{
    size_t words = BITMAP_WORDS(vector->steps);
    for (size_t i = 0; i < vector->count; i++) {
        const u64 *of = bits + signature[i] * words;
        for (size_t word = 0; word < words; word++) {
            vector->series[i].column.present[word] &= keep ? of[word] : ~of[word];
        }
    }
}

/* Left and right series behind one another in one vector that owns both. */
static bool concatenate(Vector *left, Vector *right, Vector *ret, Err *err)
{
    Arena *arena;
    if (!vector_hold(ret, &arena, err)) {
        return false;
    }
    ret->series = ARENA_NEW(arena, VectorSeries, left->count + right->count + 1);
    if (!ret->series) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < left->count; i++) {
        ret->series[ret->count++] = left->series[i];
    }
    for (size_t i = 0; i < right->count; i++) {
        ret->series[ret->count++] = right->series[i];
    }
    vector_adopt(ret, left);
    vector_adopt(ret, right);
    return true;
}

bool binary_set(BinaryEval *eval, Vector *left, Vector *right, Value *ret, Err *err)
{
    BinaryOp op = eval->plan->op;
    Signatures signatures;
    Arena *arena;
    value_init(ret, VALUE_VECTOR, eval->query, eval->steps->count);
    if (!vector_hold(&ret->vector, &arena, err) ||
        !binary_signatures(eval, left, right, arena, &signatures, err)) {
        value_done(ret);
        return false;
    }
    const u64 *bits = op == BINARY_OR ? presence(left, signatures.left, signatures.count, arena)
                                      : presence(right, signatures.right, signatures.count, arena);
    bool ok = bits || arena_full(arena, err);
    if (ok && op == BINARY_OR) {
        mask(right, signatures.right, bits, false);
        ok = concatenate(left, right, &ret->vector, err);
    } else if (ok) {
        mask(left, signatures.left, bits, op == BINARY_AND);
        Vector none = {.budget = left->budget, .steps = left->steps};
        ok = concatenate(left, &none, &ret->vector, err);
    }
    ok = ok && vector_settle(&ret->vector, err) && vector_merge_same(&ret->vector, err);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

/*
 * Arithmetic, comparisons and trimming of a vector with a vector. Series find each other once, by
 * the ordinals of their matching labels; then each pair's columns are combined.
 *
 * The side that may have several series for one signature is called "many", the other "one". In a
 * one-to-one match the left side plays "many", and a second match is an error. Several series of
 * one signature are fine as long as they are not present at the same step.
 *
 * Layer: promql. Memory: see binary.h. Thread: the query's.
 */
#include "promql/binary.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"

#include <string.h>

enum {
    LABELS_TEXT_MAX = 1024 * 1024, /* bytes of the labels in an error */
};

/* A result series: the labels it will have, and where it has been matched already. */
typedef struct MatchedSeries {
    u32 signature;
    u64 *matched; /* also where a comparison then dropped the value */
    size_t next;  /* the next of this signature, SIZE_MAX at the end */
} MatchedSeries;

typedef struct Match {
    BinaryEval *eval;
    const VectorMatching *matching;
    bool swapped; /* "many" is the right side */
    const Vector *many, *one;
    const u32 *many_signature, *one_signature;
    u32 signature_count;
    Arena *arena;      /* of the result */
    u64 *active;       /* steps at which anything can happen */
    u64 *one_present;  /* per signature: any series of "one" */
    u64 *matched;      /* per signature: matched at all */
    size_t *one_first; /* per signature: chain of series of "one" */
    size_t *one_next;
    size_t *result_first; /* per signature: chain of results */
    VEC(MatchedSeries) results;
    VEC(VectorSeries) output;
} Match;

static size_t words_of(const Match *match)
{
    return BITMAP_WORDS(match->eval->steps->count);
}

/*
 * What a side stands for when it is missing; NULL when then nothing is computed. As in the
 * original, fill_left is for the side with many series, also where group_right makes that the right
 * one.
 */
static const f64 *fill_of(const Match *match, bool many)
{
    const VectorMatching *matching = match->matching;
    if (many) {
        return matching->has_fill_left ? &matching->fill_left : NULL;
    }
    return matching->has_fill_right ? &matching->fill_right : NULL;
}

static void collect_presence(const Vector *vector, u64 *bits)
{
    for (size_t i = 0; i < vector->count; i++) {
        for (size_t word = 0; word < BITMAP_WORDS(vector->steps); word++) {
            bits[word] |= vector->series[i].column.present[word];
        }
    }
}

/* Where one side has nothing at all, nothing happens, unless something fills in for it. */
static bool find_active(Match *match, Err *err)
{
    size_t words = words_of(match);
    u64 *many = ARENA_NEW(match->arena, u64, words);
    match->active = ARENA_NEW(match->arena, u64, words);
    if (!many || !match->active) {
        return arena_full(match->arena, err);
    }
    collect_presence(match->many, many);
    collect_presence(match->one, match->active);
    bool fills = match->matching->has_fill_left || match->matching->has_fill_right;
    for (size_t word = 0; word < words; word++) {
        match->active[word] =
            fills ? match->active[word] | many[word] : match->active[word] & many[word];
    }
    return true;
}

static bool matched_labels(const Match *match, Labels labels, Labels *ret, Err *err)
{
    const VectorMatching *matching = match->matching;
    return matching->on ? labels_only(match->eval->query, labels, matching->labels,
                                      matching->label_count, ret, err)
                        : labels_without(match->eval->query, labels, matching->labels,
                                         matching->label_count, ret, err);
}

/* The series of "one" that is present where another of its signature is too. */
static size_t other_of(const Match *match, u32 signature, size_t word, u64 bits)
{
    size_t i = match->one_first[signature];
    while (match->one_next[i] != SIZE_MAX && !(match->one->series[i].column.present[word] & bits)) {
        i = match->one_next[i];
    }
    return i;
}

static bool duplicate_error(Match *match, size_t index, size_t other, Err *err)
{
    Labels group;
    Labels labels = match->one->series[index].labels;
    if (!matched_labels(match, labels, &group, err)) {
        return false;
    }
    Buf texts[3];
    const Labels sets[] = {group, labels, match->one->series[other].labels};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_init(&texts[i], LABELS_TEXT_MAX);
        label_set_format(&texts[i], sets[i]);
    }
    Str first = buf_view(&texts[1]);
    Str second = buf_view(&texts[2]);
    bool in_order = str_cmp(first, second) <= 0;
    (void)err_set(err, ERR_UNSUPPORTED,
                  "found duplicate series for the match group " STR_FMT
                  " on the %s hand-side of the operation: [" STR_FMT ", " STR_FMT
                  "];many-to-many matching not allowed: matching labels must be unique on one "
                  "side",
                  STR_ARG(buf_view(&texts[0])), match->swapped ? "left" : "right",
                  STR_ARG(in_order ? first : second), STR_ARG(in_order ? second : first));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_done(&texts[i]);
    }
    return false;
}

/* Chains the series of "one" by signature and refuses two at one step. */
static bool chain_one(Match *match, Err *err)
{
    size_t words = words_of(match);
    match->one_present = ARENA_NEW(match->arena, u64, match->signature_count * words + 1);
    match->matched = ARENA_NEW(match->arena, u64, match->signature_count * words + 1);
    match->one_first = ARENA_NEW(match->arena, size_t, match->signature_count + 1);
    match->result_first = ARENA_NEW(match->arena, size_t, match->signature_count + 1);
    match->one_next = ARENA_NEW(match->arena, size_t, match->one->count + 1);
    if (!match->one_present || !match->matched || !match->one_first || !match->result_first ||
        !match->one_next) {
        return arena_full(match->arena, err);
    }
    for (u32 s = 0; s < match->signature_count; s++) {
        match->one_first[s] = SIZE_MAX;
        match->result_first[s] = SIZE_MAX;
    }
    for (size_t i = 0; i < match->one->count; i++) {
        u32 signature = match->one_signature[i];
        const u64 *present = match->one->series[i].column.present;
        u64 *all = match->one_present + signature * words;
        for (size_t word = 0; word < words; word++) {
            u64 twice = all[word] & present[word] & match->active[word];
            if (twice) {
                return duplicate_error(match, i, other_of(match, signature, word, twice), err);
            }
            all[word] |= present[word];
        }
        match->one_next[i] = match->one_first[signature];
        match->one_first[signature] = i;
    }
    return true;
}

static bool drops_name(const Match *match)
{
    const BinaryEval *eval = match->eval;
    return binary_op_renames(eval->query, eval->plan->op) ||
           (eval->plan->return_bool && !eval->query->delayed_names);
}

/* In a one-to-one match only the matching labels stay. */
static bool restrict_labels(const Match *match, Labels labels, Labels *ret, Err *err)
{
    const VectorMatching *matching = match->matching;
    Label *kept = ARENA_NEW(&match->eval->query->labels, Label, labels.count + 1);
    if (!kept) {
        return arena_full(&match->eval->query->labels, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < labels.count; i++) {
        bool listed = str_in(labels.at[i].name, matching->labels, matching->label_count);
        if (listed == matching->on) {
            kept[count++] = labels.at[i];
        }
    }
    *ret = (Labels){.at = kept, .count = count};
    return true;
}

static bool include_labels(const Match *match, Labels labels, Labels one, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    labels_builder_init(&builder, &match->eval->query->labels);
    if (!labels_builder_from(&builder, labels, err)) {
        return false;
    }
    for (size_t i = 0; i < match->matching->include_count; i++) {
        Str name = match->matching->include[i];
        if (!labels_builder_set(&builder, name, labels_get(one, name), err)) {
            return false;
        }
    }
    return labels_builder_finish(&builder, ret, err);
}

static bool result_labels(const Match *match, Labels many, Labels one, Labels *ret, Err *err)
{
    Labels labels = many;
    if (drops_name(match) && !labels_drop_metadata(match->eval->query, labels, &labels, err)) {
        return false;
    }
    if (match->matching->card == CARD_ONE_TO_ONE && !restrict_labels(match, labels, &labels, err)) {
        return false;
    }
    if (match->matching->include_count > 0 && !include_labels(match, labels, one, &labels, err)) {
        return false;
    }
    *ret = labels;
    return true;
}

/* The result series of a signature with these labels, made when it is new. */
static bool find_result(Match *match, u32 signature, Labels labels, size_t *ret, Err *err)
{
    for (size_t i = match->result_first[signature]; i != SIZE_MAX; i = match->results.at[i].next) {
        if (labels_eq(match->output.at[i].labels, labels)) {
            *ret = i;
            return true;
        }
    }
    MatchedSeries *result = vec_push(&match->results);
    VectorSeries *series = vec_push(&match->output);
    size_t index = match->results.count - 1;
    *series = (VectorSeries){.labels = labels,
                             .drop_name = match->eval->plan->return_bool &&
                                          match->eval->query->delayed_names};
    *result = (MatchedSeries){.signature = signature, .next = match->result_first[signature]};
    result->matched = ARENA_NEW(match->arena, u64, words_of(match));
    match->result_first[signature] = index;
    *ret = index;
    if (!result->matched) {
        return arena_full(match->arena, err);
    }
    return column_alloc(match->arena, match->eval->steps->count, &series->column, err);
}

/* A side of a pair: a column, or one number for all steps. */
typedef struct Side {
    const Column *column;
    f64 fill;
    Labels labels;
} Side;

static Operand side_at(const Side *side, size_t step)
{
    if (!side->column) {
        return (Operand){.value = side->fill};
    }
    return (Operand){.value = side->column->value[step],
                     .histogram = side->column->hist ? side->column->hist[step] : NULL};
}

static bool store(Match *match, Column *out, size_t step, Outcome outcome, Err *err)
{
    if (match->eval->plan->return_bool) {
        outcome = (Outcome){.any = outcome.any, .keep = true, .value = outcome.keep ? 1 : 0};
    }
    if (!outcome.any || !outcome.keep) {
        return true;
    }
    column_put(out, step, outcome.value);
    if (outcome.histogram) {
        if (!column_need_hist(match->arena, match->eval->steps->count, out, err)) {
            return false;
        }
        out->hist[step] = outcome.histogram;
    }
    return true;
}

static bool compute_step(Match *match, const Side *left, const Side *right, Column *out,
                         size_t step, Err *err)
{
    Operand l = side_at(left, step);
    Operand r = side_at(right, step);
    Outcome outcome;
    return binary_pair(match->eval, l, r, &outcome, err) && store(match, out, step, outcome, err);
}

/* Floats on both sides and arithmetic: no branch in the loop. */
static void compute_floats(BinaryOp op, const Side *left, const Side *right, const u64 *bits,
                           size_t steps, Column *out)
{
    BITS_EACH (bits, steps, step) {
        column_put(out, step,
                   binary_floats(op, left->column->value[step], right->column->value[step]));
    }
}

static bool refuse_twice(const Match *match, Err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   match->matching->card == CARD_ONE_TO_ONE
                       ? "multiple matches for labels: many-to-one matching must be explicit "
                         "(group_left/group_right)"
                       : "multiple matches for labels: grouping labels must ensure unique "
                         "matches");
}

/* 2.x looked for second matches only among the pairs that pass the filter. */
static void drop_filtered(const Match *match, const Side *many, const Side *one, u64 *bits)
{
    BinaryOp op = match->eval->plan->op;
    const Side *left = match->swapped ? one : many;
    const Side *right = match->swapped ? many : one;
    if (!match->eval->query->left_closed || !binary_op_is_comparison(op) ||
        match->eval->plan->return_bool) {
        return;
    }
    BITS_EACH (bits, match->eval->steps->count, step) {
        Operand l = side_at(left, step);
        Operand r = side_at(right, step);
        if (!l.histogram && !r.histogram && !binary_compare(op, l.value, r.value)) {
            bit_clear(bits, step);
        }
    }
}

/* Combines two sides at the steps in `bits`. */
static bool combine(Match *match, u32 signature, const Side *many, const Side *one, u64 *bits,
                    Err *err)
{
    size_t words = words_of(match);
    size_t steps = match->eval->steps->count;
    drop_filtered(match, many, one, bits);
    if (!bits_any(bits, steps)) {
        return true;
    }
    Labels labels;
    size_t at;
    if (!result_labels(match, many->labels, one->labels, &labels, err) ||
        !find_result(match, signature, labels, &at, err)) {
        return false;
    }
    u64 *signature_matched = match->matched + signature * words;
    u64 *before = match->matching->card == CARD_ONE_TO_ONE ? signature_matched
                                                           : match->results.at[at].matched;
    if (bits_overlap(before, bits, steps)) {
        return refuse_twice(match, err);
    }
    for (size_t word = 0; word < words; word++) {
        match->results.at[at].matched[word] |= bits[word];
        signature_matched[word] |= bits[word];
    }
    const Side *left = match->swapped ? one : many;
    const Side *right = match->swapped ? many : one;
    Column *out = &match->output.at[at].column;
    bool floats = left->column && right->column && !left->column->hist && !right->column->hist;
    if (floats && binary_op_is_arithmetic(match->eval->plan->op)) {
        compute_floats(match->eval->plan->op, left, right, bits, steps, out);
        return true;
    }
    BITS_EACH (bits, steps, step) {
        if (!compute_step(match, left, right, out, step, err)) {
            return false;
        }
    }
    return true;
}

static bool match_many(Match *match, size_t index, u64 *bits, Err *err)
{
    size_t words = words_of(match);
    u32 signature = match->many_signature[index];
    const VectorSeries *series = &match->many->series[index];
    Side many = {.column = &series->column, .labels = series->labels};
    for (size_t i = match->one_first[signature]; i != SIZE_MAX; i = match->one_next[i]) {
        const VectorSeries *other = &match->one->series[i];
        Side one = {.column = &other->column, .labels = other->labels};
        for (size_t word = 0; word < words; word++) {
            bits[word] = series->column.present[word] & other->column.present[word];
        }
        if (!combine(match, signature, &many, &one, bits, err)) {
            return false;
        }
    }
    const f64 *fill = fill_of(match, false);
    if (!fill) {
        return true;
    }
    Side one = {.fill = *fill};
    for (size_t word = 0; word < words; word++) {
        bits[word] = series->column.present[word] & ~match->one_present[signature * words + word];
    }
    return matched_labels(match, series->labels, &one.labels, err) &&
           combine(match, signature, &many, &one, bits, err);
}

/* Series of "one" without a partner, where something fills in for "many". */
static bool fill_many(Match *match, size_t index, u64 *bits, Err *err)
{
    size_t words = words_of(match);
    u32 signature = match->one_signature[index];
    const VectorSeries *series = &match->one->series[index];
    Side one = {.column = &series->column, .labels = series->labels};
    Side many = {.fill = *fill_of(match, true)};
    for (size_t word = 0; word < words; word++) {
        bits[word] = series->column.present[word] & ~match->matched[signature * words + word];
    }
    return matched_labels(match, series->labels, &many.labels, err) &&
           combine(match, signature, &many, &one, bits, err);
}

static bool match_all(Match *match, Err *err)
{
    u64 *bits = ARENA_NEW(match->arena, u64, words_of(match));
    if (!bits) {
        return arena_full(match->arena, err);
    }
    for (size_t i = 0; i < match->many->count; i++) {
        if (!query_check(match->eval->query, err) || !match_many(match, i, bits, err)) {
            return false;
        }
    }
    for (size_t i = 0; fill_of(match, true) && i < match->one->count; i++) {
        if (!fill_many(match, i, bits, err)) {
            return false;
        }
    }
    return true;
}

static bool give_output(Match *match, Vector *vector, Err *err)
{
    vector->series = ARENA_NEW(match->arena, VectorSeries, match->output.count + 1);
    if (!vector->series) {
        return arena_full(match->arena, err);
    }
    vector->count = match->output.count;
    for (size_t i = 0; i < vector->count; i++) {
        vector->series[i] = match->output.at[i];
    }
    if (!vector_settle(vector, err)) {
        return false;
    }
    /* An instant query with delayed removal looks for equal labels only at its end. */
    bool later = match->eval->query->delayed_names && match->eval->steps->count == 1;
    return later || vector_merge_same(vector, err);
}

bool binary_vectors(BinaryEval *eval, Vector *left, Vector *right, Value *ret, Err *err)
{
    Match match = {.eval = eval,
                   .matching = &eval->plan->matching,
                   .swapped = eval->plan->matching.card == CARD_ONE_TO_MANY};
    Signatures signatures;
    value_init(ret, VALUE_VECTOR, eval->query, eval->steps->count);
    bool ok = vector_hold(&ret->vector, &match.arena, err) &&
              binary_signatures(eval, left, right, match.arena, &signatures, err);
    if (ok) {
        eval->histograms = match.arena;
        match.many = match.swapped ? right : left;
        match.one = match.swapped ? left : right;
        match.many_signature = match.swapped ? signatures.right : signatures.left;
        match.one_signature = match.swapped ? signatures.left : signatures.right;
        match.signature_count = signatures.count;
        ok = find_active(&match, err) && chain_one(&match, err) && match_all(&match, err) &&
             give_output(&match, &ret->vector, err);
    }
    vec_done(&match.results);
    vec_done(&match.output);
    if (ok) { /* histograms of the operands may be in the result */
        vector_adopt(&ret->vector, left);
        vector_adopt(&ret->vector, right);
    } else {
        value_done(ret);
    }
    return ok;
}

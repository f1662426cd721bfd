/*
 * Binary operators: numbers with numbers, vectors with numbers, and one pair of values of any kind.
 * Vectors with vectors are in binary_match.c and binary_set.c.
 *
 * Layer: promql. Memory: see binary.h. Thread: the query's.
 */
#include "promql/binary.h"

#include "promql/histogram_math.h"

#include <math.h>

bool binary_compare(BinaryOp op, f64 left, f64 right)
{
    switch (op) {
    case BINARY_EQUAL:
        return left == right;
    case BINARY_NOT_EQUAL:
        return left != right;
    case BINARY_GREATER:
        return left > right;
    case BINARY_LESS:
        return left < right;
    case BINARY_GREATER_EQUAL:
        return left >= right;
    case BINARY_LESS_EQUAL:
        return left <= right;
    default:
        return false;
    }
}

f64 binary_floats(BinaryOp op, f64 left, f64 right)
{
    switch (op) {
    case BINARY_ADD:
        return left + right;
    case BINARY_SUB:
        return left - right;
    case BINARY_MUL:
        return left * right;
    case BINARY_DIV:
        return left / right;
    case BINARY_MOD:
        return fmod(left, right);
    case BINARY_POW:
        return pow(left, right);
    case BINARY_ATAN2:
        return atan2(left, right);
    default:
        return binary_compare(op, left, right) ? 1 : 0;
    }
}

static void note_incompatible(const BinaryEval *eval, Operand left, Operand right)
{
    const char *op = binary_op_name(eval->plan->op);
    annotations_info(&eval->query->annotations, eval->node->pos,
                     "incompatible sample types encountered for binary operator \"%s\": %s %s %s",
                     op, left.histogram ? "histogram" : "float", op,
                     right.histogram ? "histogram" : "float");
}

static bool give_histogram(const BinaryEval *eval, const Histogram *histogram, Outcome *ret,
                           Err *err)
{
    *ret = (Outcome){.any = true, .keep = true, .histogram = histogram};
    return histogram || arena_full(eval->histograms, err);
}

static bool add_histograms(const BinaryEval *eval, Operand left, Operand right, Outcome *ret,
                           Err *err)
{
    bool adds = eval->plan->op == BINARY_ADD;
    const char *name = adds ? "addition" : "subtraction";
    HistogramAcc acc;
    HistogramNotes notes = {0};
    if (!histogram_acc_init(&acc, eval->histograms, left.histogram)) {
        return arena_full(eval->histograms, err);
    }
    HistogramOutcome outcome =
        histogram_acc_add(&acc, right.histogram, adds ? HISTOGRAM_ADD : HISTOGRAM_SUBTRACT, &notes);
    if (outcome == HISTOGRAM_INCOMPATIBLE) {
        annotations_warn(&eval->query->annotations, eval->node->pos,
                         "incompatible bucket layout encountered for binary operator %s",
                         binary_op_name(eval->plan->op));
        return true;
    }
    if (outcome == HISTOGRAM_NO_MEMORY) {
        return arena_full(eval->histograms, err);
    }
    acc.reset = adds ? acc.reset : RESET_GAUGE;
    if (notes.reset_conflict) {
        annotations_warn(&eval->query->annotations, eval->node->pos,
                         "conflicting counter resets during histogram %s", name);
    }
    if (notes.bounds_reconciled) {
        annotations_info(&eval->query->annotations, eval->node->pos,
                         "mismatched custom buckets were reconciled during %s", name);
    }
    return give_histogram(eval, histogram_acc_finish(&acc), ret, err);
}

static bool two_histograms(const BinaryEval *eval, Operand left, Operand right, Outcome *ret,
                           Err *err)
{
    BinaryOp op = eval->plan->op;
    if (op == BINARY_ADD || op == BINARY_SUB) {
        return add_histograms(eval, left, right, ret, err);
    }
    if (op == BINARY_EQUAL || op == BINARY_NOT_EQUAL) {
        bool same = histogram_same(left.histogram, right.histogram);
        *ret = (Outcome){
            .any = true, .keep = same == (op == BINARY_EQUAL), .histogram = left.histogram};
        return true;
    }
    note_incompatible(eval, left, right);
    return true;
}

static bool histogram_and_float(const BinaryEval *eval, Operand left, Operand right, Outcome *ret,
                                Err *err)
{
    Arena *arena = eval->histograms;
    switch (eval->plan->op) {
    case BINARY_MUL:
        return give_histogram(eval, histogram_times(arena, left.histogram, right.value), ret, err);
    case BINARY_DIV:
        return give_histogram(eval, histogram_divided(arena, left.histogram, right.value), ret,
                              err);
    case BINARY_TRIM_UPPER:
    case BINARY_TRIM_LOWER:
        return give_histogram(
            eval,
            histogram_trim(arena, left.histogram, right.value, eval->plan->op == BINARY_TRIM_UPPER),
            ret, err);
    default:
        note_incompatible(eval, left, right);
        return true;
    }
}

bool binary_pair(const BinaryEval *eval, Operand left, Operand right, Outcome *ret, Err *err)
{
    BinaryOp op = eval->plan->op;
    *ret = (Outcome){0};
    if (left.histogram && right.histogram) {
        return two_histograms(eval, left, right, ret, err);
    }
    if (left.histogram) {
        return histogram_and_float(eval, left, right, ret, err);
    }
    if (right.histogram) {
        if (op == BINARY_MUL) {
            return give_histogram(
                eval, histogram_times(eval->histograms, right.histogram, left.value), ret, err);
        }
        note_incompatible(eval, left, right);
        return true;
    }
    if (op == BINARY_TRIM_UPPER || op == BINARY_TRIM_LOWER) {
        note_incompatible(eval, left, right);
        return true;
    }
    if (binary_op_is_comparison(op)) {
        *ret = (Outcome){
            .any = true, .keep = binary_compare(op, left.value, right.value), .value = left.value};
        return true;
    }
    *ret =
        (Outcome){.any = true, .keep = true, .value = binary_floats(op, left.value, right.value)};
    return true;
}

static bool scalar_scalar(const BinaryEval *eval, Value *left, Value *right, Value *ret)
{
    for (size_t step = 0; step < eval->steps->count; step++) {
        left->scalar[step] = binary_floats(eval->plan->op, left->scalar[step], right->scalar[step]);
    }
    *ret = *left;
    value_init(left, VALUE_SCALAR, eval->query, eval->steps->count);
    return true;
}

/* One step of a vector's series with a number; the series may be on either side. */
static bool vector_scalar_step(const BinaryEval *eval, Column *column, size_t step, f64 number,
                               bool number_left, Err *err)
{
    Operand element = {.value = column->value[step],
                       .histogram = column->hist ? column->hist[step] : NULL};
    Operand other = {.value = number};
    Outcome outcome;
    if (!binary_pair(eval, number_left ? other : element, number_left ? element : other, &outcome,
                     err)) {
        return false;
    }
    if (binary_op_is_comparison(eval->plan->op)) {
        /* What passes is the vector's element, on whichever side it stands. */
        outcome.value = element.value;
        outcome.histogram = element.histogram;
    }
    if (eval->plan->return_bool) {
        outcome = (Outcome){.any = outcome.any, .keep = true, .value = outcome.keep ? 1 : 0};
    }
    if (!outcome.any || !outcome.keep) {
        bit_clear(column->present, step);
        return true;
    }
    column->value[step] = outcome.value;
    if (column->hist) {
        column->hist[step] = outcome.histogram;
    }
    return true;
}

/* Arithmetic on floats alone. */
static void arithmetic_column(BinaryOp op, Column *column, size_t steps, const f64 *numbers,
                              bool number_left)
{
    BITS_EACH (column->present, steps, step) {
        f64 value = column->value[step];
        column->value[step] = number_left ? binary_floats(op, numbers[step], value)
                                          : binary_floats(op, value, numbers[step]);
    }
}

static bool vector_scalar(BinaryEval *eval, Vector *vector, const f64 *numbers, bool number_left,
                          Err *err)
{
    BinaryOp op = eval->plan->op;
    for (size_t i = 0; i < vector->count; i++) {
        Column *column = &vector->series[i].column;
        if (!column->hist && binary_op_is_arithmetic(op)) {
            arithmetic_column(op, column, eval->steps->count, numbers, number_left);
            continue;
        }
        BITS_EACH (column->present, eval->steps->count, step) {
            if (!vector_scalar_step(eval, column, step, numbers[step], number_left, err)) {
                return false;
            }
        }
    }
    if (!vector_settle(vector, err)) {
        return false;
    }
    bool renames = binary_op_renames(eval->query, op) || eval->plan->return_bool;
    return !renames || vector_drop_names(eval->query, vector, err);
}

static bool with_scalar(BinaryEval *eval, Value *left, Value *right, Value *ret, Err *err)
{
    bool number_left = left->type == VALUE_SCALAR;
    Value *vector = number_left ? right : left;
    const f64 *numbers = number_left ? left->scalar : right->scalar;
    if (!vector_hold(&vector->vector, &eval->histograms, err) ||
        !vector_scalar(eval, &vector->vector, numbers, number_left, err)) {
        return false;
    }
    *ret = *vector;
    value_init(vector, VALUE_VECTOR, eval->query, eval->steps->count);
    return true;
}

static bool apply(BinaryEval *eval, Value *left, Value *right, Value *ret, Err *err)
{
    if (left->type == VALUE_SCALAR && right->type == VALUE_SCALAR) {
        return scalar_scalar(eval, left, right, ret);
    }
    if (left->type == VALUE_SCALAR || right->type == VALUE_SCALAR) {
        return with_scalar(eval, left, right, ret, err);
    }
    return binary_op_is_set(eval->plan->op)
               ? binary_set(eval, &left->vector, &right->vector, ret, err)
               : binary_vectors(eval, &left->vector, &right->vector, ret, err);
}

bool eval_binary(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    BinaryEval eval = {.query = query, .node = node, .plan = node->binary, .steps = steps};
    Value left;
    Value right;
    if (!eval_node(query, node->args[0], steps, &left, err)) {
        return false;
    }
    if (!eval_node(query, node->args[1], steps, &right, err)) {
        value_done(&left);
        return false;
    }
    bool ok = apply(&eval, &left, &right, ret, err);
    value_done(&left);
    value_done(&right);
    return ok;
}

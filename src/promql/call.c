/*
 * Call: evaluates function calls; here those over numbers and dates, and the dispatch to the other
 * files. See call.h.
 *
 * Layer: promql. Memory: see eval.h. Thread: the query's.
 */
#include "promql/call.h"

#include "base/time.h"
#include "promql/functions_math.h"
#include "promql/range.h"

#include <math.h>
#include <string.h>

bool call_arg(const Call *call, size_t index, Value *ret, Err *err)
{
    return eval_node(call->query, call->node->args[index], call->steps, ret, err);
}

Str call_string(const Call *call, size_t index)
{
    return call->node->args[index]->string;
}

void vector_keep_floats(Vector *vector)
{
    for (size_t i = 0; i < vector->count; i++) {
        Column *column = &vector->series[i].column;
        if (!column->hist) {
            continue;
        }
        for (size_t step = 0; step < vector->steps; step++) {
            if (column->hist[step]) {
                bit_clear(column->present, step);
            }
        }
        column->hist = NULL;
    }
}

static f64 sign_of(f64 value)
{
    return value < 0 ? -1 : (value > 0 ? 1 : value);
}

static f64 to_radians(f64 value)
{
    return value * M_PI / 180;
}

static f64 to_degrees(f64 value)
{
    return value * 180 / M_PI;
}

/* As Go computes them: from the natural logarithm of the fraction, with powers of two exact. */
static f64 log2_go(f64 value)
{
    int exponent;
    f64 fraction = frexp(value, &exponent);
    if (fraction == 0.5) {
        return exponent - 1;
    }
    return isfinite(value) ? log(fraction) * M_LOG2E + exponent : log(value);
}

static f64 log10_go(f64 value)
{
    static const f64 log10_of_2 = 0.301029995663981195213738894724493;
    return log2_go(value) * log10_of_2;
}

typedef f64 (*NumberFunction)(f64);

static const NumberFunction number_functions[FUNCTION_COUNT] = {
    [FUNCTION_abs] = fabs,     [FUNCTION_acos] = acos,      [FUNCTION_acosh] = acosh,
    [FUNCTION_asin] = asin,    [FUNCTION_asinh] = asinh,    [FUNCTION_atan] = atan,
    [FUNCTION_atanh] = atanh,  [FUNCTION_ceil] = ceil,      [FUNCTION_cos] = cos,
    [FUNCTION_cosh] = cosh,    [FUNCTION_deg] = to_degrees, [FUNCTION_exp] = exp,
    [FUNCTION_floor] = floor,  [FUNCTION_ln] = log,         [FUNCTION_log10] = log10_go,
    [FUNCTION_log2] = log2_go, [FUNCTION_rad] = to_radians, [FUNCTION_sgn] = sign_of,
    [FUNCTION_sin] = sin,      [FUNCTION_sinh] = sinh,      [FUNCTION_sqrt] = sqrt,
    [FUNCTION_tan] = tan,      [FUNCTION_tanh] = tanh,
};

/* Floats of an argument, ready to be changed in place. */
static bool float_arg(const Call *call, size_t index, Value *ret, Err *err)
{
    if (!call_arg(call, index, ret, err)) {
        return false;
    }
    vector_keep_floats(&ret->vector);
    return true;
}

static bool finish_floats(const Call *call, Value *ret, Err *err)
{
    if (vector_settle(&ret->vector, err) && vector_drop_names(call->query, &ret->vector, err)) {
        return true;
    }
    value_done(ret);
    return false;
}

static bool call_number(const Call *call, Value *ret, Err *err)
{
    NumberFunction function = number_functions[call->node->function];
    if (!float_arg(call, 0, ret, err)) {
        return false;
    }
    for (size_t i = 0; i < ret->vector.count; i++) {
        Column *column = &ret->vector.series[i].column;
        BITS_EACH (column->present, call->steps->count, step) {
            column->value[step] = function(column->value[step]);
        }
    }
    return finish_floats(call, ret, err);
}

/* An argument's column, or a constant for a missing one. */
static bool scalar_arg(const Call *call, size_t index, f64 missing, Value *ret, Err *err)
{
    if (index < call->node->arg_count) {
        return call_arg(call, index, ret, err);
    }
    if (!value_scalar(ret, call->query, call->steps->count, err)) {
        return false;
    }
    for (size_t step = 0; step < call->steps->count; step++) {
        ret->scalar[step] = missing;
    }
    return true;
}

static void clamp_column(Column *column, size_t steps, const f64 *lowest, const f64 *highest)
{
    BITS_EACH (column->present, steps, step) {
        if (highest[step] < lowest[step]) {
            bit_clear(column->present, step);
        } else {
            column->value[step] = go_max(lowest[step], go_min(highest[step], column->value[step]));
        }
    }
}

static bool call_clamp(const Call *call, Value *ret, Err *err)
{
    FunctionId id = call->node->function;
    size_t low_index = id == FUNCTION_clamp_max ? SIZE_MAX : 1;
    size_t high_index = id == FUNCTION_clamp_min ? SIZE_MAX : (id == FUNCTION_clamp ? 2 : 1);
    Value low = {0};
    Value high = {0};
    value_init(&low, VALUE_SCALAR, call->query, call->steps->count);
    value_init(&high, VALUE_SCALAR, call->query, call->steps->count);
    bool ok = float_arg(call, 0, ret, err);
    bool bounded = ok && scalar_arg(call, low_index, -INFINITY, &low, err) &&
                   scalar_arg(call, high_index, INFINITY, &high, err);
    for (size_t i = 0; bounded && i < ret->vector.count; i++) {
        clamp_column(&ret->vector.series[i].column, call->steps->count, low.scalar, high.scalar);
    }
    value_done(&low);
    value_done(&high);
    if (ok && !bounded) {
        value_done(ret);
    }
    return bounded && finish_floats(call, ret, err);
}

static bool call_round(const Call *call, Value *ret, Err *err)
{
    Value nearest;
    if (!float_arg(call, 0, ret, err)) {
        return false;
    }
    if (!scalar_arg(call, 1, 1, &nearest, err)) {
        value_done(ret);
        return false;
    }
    for (size_t i = 0; i < ret->vector.count; i++) {
        Column *column = &ret->vector.series[i].column;
        BITS_EACH (column->present, call->steps->count, step) {
            f64 inverse = 1.0 / nearest.scalar[step];
            column->value[step] = floor(column->value[step] * inverse + 0.5) / inverse;
        }
    }
    value_done(&nearest);
    return finish_floats(call, ret, err);
}

/*
 * NaN, infinities and what is beyond the ends of 64-bit time all become the moment just behind that
 * end, 4 December 292277026596, 15:30:08: so the original's processor turns them into integers.
 */
static f64 date_part_beyond(FunctionId id)
{
    switch (id) {
    case FUNCTION_minute:
        return 30;
    case FUNCTION_hour:
        return 15;
    case FUNCTION_day_of_week:
        return 0;
    case FUNCTION_day_of_month:
        return 4;
    case FUNCTION_day_of_year:
        return 339;
    case FUNCTION_days_in_month:
        return 31;
    case FUNCTION_month:
        return 12;
    default:
        return 292277026596.0;
    }
}

static f64 date_part(FunctionId id, f64 unix_seconds)
{
    static const f64 end_of_time = 9223372036854775808.0;
    if (!(unix_seconds < end_of_time && unix_seconds > -end_of_time)) {
        return date_part_beyond(id);
    }
    Civil civil = civil_from_unix((i64)unix_seconds);
    switch (id) {
    case FUNCTION_minute:
        return civil.minute;
    case FUNCTION_hour:
        return civil.hour;
    case FUNCTION_day_of_week:
        return civil.weekday;
    case FUNCTION_day_of_month:
        return civil.day;
    case FUNCTION_day_of_year:
        return civil.yearday;
    case FUNCTION_days_in_month: {
        Civil next = civil_from_unix(civil_to_unix(civil.year, civil.month, 32, 0, 0, 0));
        return 32 - next.day;
    }
    case FUNCTION_month:
        return civil.month;
    default:
        return civil.year;
    }
}

/* A vector of one series without labels whose every step has a value. */
static bool plain_series(const Call *call, Value *ret, Err *err)
{
    value_init(ret, VALUE_VECTOR, call->query, call->steps->count);
    if (!vector_alloc(&ret->vector, 1, err)) {
        value_done(ret);
        return false;
    }
    ret->vector.series[0].labels = LABELS_EMPTY;
    bits_fill(ret->vector.series[0].column.present, call->steps->count);
    return true;
}

static bool settle(Value *ret, Err *err)
{
    if (vector_settle(&ret->vector, err)) {
        return true;
    }
    value_done(ret);
    return false;
}

static bool call_date(const Call *call, Value *ret, Err *err)
{
    FunctionId id = call->node->function;
    if (call->node->arg_count == 0) {
        if (!plain_series(call, ret, err)) {
            return false;
        }
        for (size_t step = 0; step < call->steps->count; step++) {
            ret->vector.series[0].column.value[step] =
                date_part(id, floor((f64)steps_at(call->steps, step) / 1000));
        }
        return settle(ret, err);
    }
    if (!float_arg(call, 0, ret, err)) {
        return false;
    }
    for (size_t i = 0; i < ret->vector.count; i++) {
        Column *column = &ret->vector.series[i].column;
        BITS_EACH (column->present, call->steps->count, step) {
            column->value[step] = date_part(id, column->value[step]);
        }
    }
    return finish_floats(call, ret, err);
}

static bool call_time(const Call *call, Value *ret, Err *err)
{
    if (!value_scalar(ret, call->query, call->steps->count, err)) {
        return false;
    }
    for (size_t step = 0; step < call->steps->count; step++) {
        ret->scalar[step] = (f64)steps_at(call->steps, step) / 1000;
    }
    return true;
}

static bool call_two_scalars(const Call *call, Value *ret, Err *err)
{
    bool highest = call->node->function == FUNCTION_max_of;
    Value other;
    if (!call_arg(call, 0, ret, err)) {
        return false;
    }
    if (!call_arg(call, 1, &other, err)) {
        value_done(ret);
        return false;
    }
    for (size_t step = 0; step < call->steps->count; step++) {
        ret->scalar[step] = highest ? go_max(ret->scalar[step], other.scalar[step])
                                    : go_min(ret->scalar[step], other.scalar[step]);
    }
    value_done(&other);
    return true;
}

/* The value where exactly one series has a float, else NaN. */
static bool call_scalar(const Call *call, Value *ret, Err *err)
{
    Value vector;
    if (!float_arg(call, 0, &vector, err)) {
        return false;
    }
    bool ok = value_scalar(ret, call->query, call->steps->count, err);
    for (size_t step = 0; ok && step < call->steps->count; step++) {
        size_t found = 0;
        ret->scalar[step] = (f64)NAN;
        for (size_t i = 0; i < vector.vector.count && found < 2; i++) {
            const Column *column = &vector.vector.series[i].column;
            if (bit_get(column->present, step)) {
                ret->scalar[step] = ++found == 1 ? column->value[step] : (f64)NAN;
            }
        }
    }
    value_done(&vector);
    return ok;
}

static bool call_vector(const Call *call, Value *ret, Err *err)
{
    Value scalar;
    if (!call_arg(call, 0, &scalar, err)) {
        return false;
    }
    bool ok = plain_series(call, ret, err);
    if (ok) {
        memcpy(ret->vector.series[0].column.value, scalar.scalar, call->steps->count * sizeof(f64));
    }
    value_done(&scalar);
    return ok && settle(ret, err);
}

static bool call_timestamp(const Call *call, Value *ret, Err *err)
{
    bool start_time = call->node->function == FUNCTION_start_timestamp;
    const PlanNode *arg = call->node->args[0];
    if (start_time && (!call->query->start_timestamps || arg->kind != PLAN_SELECTOR)) {
        if (!call_arg(call, 0, ret, err)) {
            return false;
        }
        value_done(ret);
        value_init(ret, VALUE_VECTOR, call->query, call->steps->count);
        return true;
    }
    if (arg->kind == PLAN_SELECTOR) {
        return eval_selector_time(call->query, arg, call->steps, start_time, ret, err);
    }
    if (!call_arg(call, 0, ret, err)) {
        return false;
    }
    for (size_t i = 0; i < ret->vector.count; i++) {
        Column *column = &ret->vector.series[i].column;
        column->hist = NULL;
        for (size_t step = 0; step < call->steps->count; step++) {
            column->value[step] = (f64)steps_at(call->steps, step) / 1000;
        }
    }
    return finish_floats(call, ret, err);
}

/* 1 at the steps where no series of `from` has a value. */
static bool absent_from(const Call *call, const Vector *from, Value *ret, Err *err)
{
    if (!plain_series(call, ret, err)) {
        return false;
    }
    VectorSeries *series = &ret->vector.series[0];
    for (size_t i = 0; i < from->count; i++) {
        const u64 *present = from->series[i].column.present;
        for (size_t word = 0; word < BITMAP_WORDS(call->steps->count); word++) {
            series->column.present[word] &= ~present[word];
        }
    }
    for (size_t step = 0; step < call->steps->count; step++) {
        series->column.value[step] = 1;
    }
    if (!absent_labels(call->query, call->node->args[0], &series->labels, err)) {
        value_done(ret);
        return false;
    }
    return settle(ret, err);
}

static bool call_absent(const Call *call, Value *ret, Err *err)
{
    Value vector;
    bool ranges = call->node->function == FUNCTION_absent_over_time;
    bool ok = ranges ? eval_range_call(call->query, call->node, call->steps, &vector, err)
                     : call_arg(call, 0, &vector, err);
    if (!ok) {
        return false;
    }
    ok = absent_from(call, &vector.vector, ret, err);
    value_done(&vector);
    return ok;
}

typedef bool (*CallFunction)(const Call *call, Value *ret, Err *err);

static const CallFunction call_functions[FUNCTION_COUNT] = {
    [FUNCTION_absent] = call_absent,
    [FUNCTION_absent_over_time] = call_absent,
    [FUNCTION_clamp] = call_clamp,
    [FUNCTION_clamp_max] = call_clamp,
    [FUNCTION_clamp_min] = call_clamp,
    [FUNCTION_day_of_month] = call_date,
    [FUNCTION_day_of_week] = call_date,
    [FUNCTION_day_of_year] = call_date,
    [FUNCTION_days_in_month] = call_date,
    [FUNCTION_histogram_avg] = call_histogram_number,
    [FUNCTION_histogram_count] = call_histogram_number,
    [FUNCTION_histogram_fraction] = call_histogram_fraction,
    [FUNCTION_histogram_quantile] = call_histogram_quantile,
    [FUNCTION_histogram_quantiles] = call_histogram_quantiles,
    [FUNCTION_histogram_stddev] = call_histogram_number,
    [FUNCTION_histogram_stdvar] = call_histogram_number,
    [FUNCTION_histogram_sum] = call_histogram_number,
    [FUNCTION_hour] = call_date,
    [FUNCTION_info] = call_info,
    [FUNCTION_label_join] = call_label_join,
    [FUNCTION_label_replace] = call_label_replace,
    [FUNCTION_max_of] = call_two_scalars,
    [FUNCTION_min_of] = call_two_scalars,
    [FUNCTION_minute] = call_date,
    [FUNCTION_month] = call_date,
    [FUNCTION_round] = call_round,
    [FUNCTION_scalar] = call_scalar,
    [FUNCTION_sort] = call_sort,
    [FUNCTION_sort_by_label] = call_sort_by_label,
    [FUNCTION_sort_by_label_desc] = call_sort_by_label,
    [FUNCTION_sort_desc] = call_sort,
    [FUNCTION_start_timestamp] = call_timestamp,
    [FUNCTION_time] = call_time,
    [FUNCTION_timestamp] = call_timestamp,
    [FUNCTION_vector] = call_vector,
    [FUNCTION_year] = call_date,
};

bool eval_call(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    Call call = {.query = query, .node = node, .steps = steps};
    if (call_functions[node->function]) {
        return call_functions[node->function](&call, ret, err);
    }
    if (number_functions[node->function]) {
        return call_number(&call, ret, err);
    }
    if (range_function(node->function)) {
        return eval_range_call(query, node, steps, ret, err);
    }
    /* pi, start, end, step and range have become numbers in the plan. */
    return err_set(err, ERR_INTERNAL, "function without code: " STR_FMT,
                   STR_ARG(function_get(node->function)->name));
}

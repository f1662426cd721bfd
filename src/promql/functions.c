/* Functions: see functions.h. Layer: promql. Memory: static tables. Thread: any. */
#include "promql/functions.h"

#define SCALAR VALUE_SCALAR
#define VECTOR VALUE_VECTOR
#define MATRIX VALUE_MATRIX
#define STRING VALUE_STRING

#define COUNT_ARGS(...) (u8)(sizeof((ValueType[]){VALUE_NONE, __VA_ARGS__}) / sizeof(ValueType) - 1)

#define ENTRY(name_, returns_, variadic_, experimental_, ...)   \
    [FUNCTION_##name_] = {.id = FUNCTION_##name_,               \
                          .name = STR_INIT(#name_),             \
                          .returns = (returns_),                \
                          .args = {__VA_ARGS__},                \
                          .arg_count = COUNT_ARGS(__VA_ARGS__), \
                          .variadic = (variadic_),              \
                          .experimental = (experimental_)}

/* Vector in, vector out; and the shapes that many functions share. */
#define EACH(name_)         ENTRY(name_, VECTOR, 0, false, VECTOR)
#define OVER_TIME(name_)    ENTRY(name_, VECTOR, 0, false, MATRIX)
#define OVER_TIME_EX(name_) ENTRY(name_, VECTOR, 0, true, MATRIX)
#define DATE_PART(name_)    ENTRY(name_, VECTOR, 1, false, VECTOR)
#define OF_QUERY(name_)     ENTRY(name_, SCALAR, 0, true, )

static const Function functions[FUNCTION_COUNT] = {
    EACH(abs),
    EACH(absent),
    OVER_TIME(absent_over_time),
    EACH(acos),
    EACH(acosh),
    EACH(asin),
    EACH(asinh),
    EACH(atan),
    EACH(atanh),
    OVER_TIME(avg_over_time),
    EACH(ceil),
    OVER_TIME(changes),
    ENTRY(clamp, VECTOR, 0, false, VECTOR, SCALAR, SCALAR),
    ENTRY(clamp_max, VECTOR, 0, false, VECTOR, SCALAR),
    ENTRY(clamp_min, VECTOR, 0, false, VECTOR, SCALAR),
    EACH(cos),
    EACH(cosh),
    OVER_TIME(count_over_time),
    DATE_PART(day_of_month),
    DATE_PART(day_of_week),
    DATE_PART(day_of_year),
    DATE_PART(days_in_month),
    EACH(deg),
    OVER_TIME(delta),
    OVER_TIME(deriv),
    ENTRY(double_exponential_smoothing, VECTOR, 0, true, MATRIX, SCALAR, SCALAR),
    OF_QUERY(end),
    EACH(exp),
    OVER_TIME(first_over_time),
    EACH(floor),
    EACH(histogram_avg),
    EACH(histogram_count),
    ENTRY(histogram_fraction, VECTOR, 0, false, SCALAR, SCALAR, VECTOR),
    ENTRY(histogram_quantile, VECTOR, 0, false, SCALAR, VECTOR),
    ENTRY(histogram_quantiles, VECTOR, 9, true, VECTOR, STRING, SCALAR, SCALAR),
    EACH(histogram_stddev),
    EACH(histogram_stdvar),
    EACH(histogram_sum),
    DATE_PART(hour),
    OVER_TIME(idelta),
    OVER_TIME(increase),
    ENTRY(info, VECTOR, 1, true, VECTOR, VECTOR),
    OVER_TIME(irate),
    ENTRY(label_join, VECTOR, FUNCTION_VARIADIC_ANY, false, VECTOR, STRING, STRING, STRING),
    ENTRY(label_replace, VECTOR, 0, false, VECTOR, STRING, STRING, STRING, STRING),
    OVER_TIME(last_over_time),
    EACH(ln),
    EACH(log10),
    EACH(log2),
    OVER_TIME_EX(mad_over_time),
    ENTRY(max_of, SCALAR, 0, true, SCALAR, SCALAR),
    OVER_TIME(max_over_time),
    ENTRY(min_of, SCALAR, 0, true, SCALAR, SCALAR),
    OVER_TIME(min_over_time),
    DATE_PART(minute),
    DATE_PART(month),
    ENTRY(pi, SCALAR, 0, false, ),
    ENTRY(predict_linear, VECTOR, 0, false, MATRIX, SCALAR),
    OVER_TIME(present_over_time),
    ENTRY(quantile_over_time, VECTOR, 0, false, SCALAR, MATRIX),
    EACH(rad),
    OF_QUERY(range),
    OVER_TIME(rate),
    OVER_TIME(resets),
    ENTRY(round, VECTOR, 1, false, VECTOR, SCALAR),
    ENTRY(scalar, SCALAR, 0, false, VECTOR),
    EACH(sgn),
    EACH(sin),
    EACH(sinh),
    EACH(sort),
    ENTRY(sort_by_label, VECTOR, FUNCTION_VARIADIC_ANY, true, VECTOR, STRING),
    ENTRY(sort_by_label_desc, VECTOR, FUNCTION_VARIADIC_ANY, true, VECTOR, STRING),
    EACH(sort_desc),
    EACH(sqrt),
    OF_QUERY(start),
    ENTRY(start_timestamp, VECTOR, 0, true, VECTOR),
    OVER_TIME(stddev_over_time),
    OVER_TIME(stdvar_over_time),
    OF_QUERY(step),
    OVER_TIME(sum_over_time),
    EACH(tan),
    EACH(tanh),
    ENTRY(time, SCALAR, 0, false, ),
    EACH(timestamp),
    OVER_TIME_EX(ts_of_first_over_time),
    OVER_TIME_EX(ts_of_last_over_time),
    OVER_TIME_EX(ts_of_max_over_time),
    OVER_TIME_EX(ts_of_min_over_time),
    ENTRY(vector, VECTOR, 0, false, SCALAR),
    DATE_PART(year),
};

const Function *function_find(Str name)
{
    size_t low = 0;
    size_t high = FUNCTION_COUNT;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(name, functions[middle].name);
        if (order == 0) {
            return &functions[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

const Function *function_get(FunctionId id)
{
    ASSERT(id < FUNCTION_COUNT);
    return &functions[id];
}

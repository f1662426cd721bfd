/* Generate: see generate_fixture.h. Layer: promql, tests only. Thread: one Random, one thread. */
#include "promql/generate_fixture.h"

#include "promql/functions.h"

typedef struct Generator {
    Random *random;
    const GenerateOpts *opts;
    Buf *out;
} Generator;

static void scalar(Generator *generator, u32 depth);
static void vector(Generator *generator, u32 depth);
static void matrix(Generator *generator, u32 depth);

static bool chance(Generator *generator, u64 of_100)
{
    return random_below(generator->random, 100) < of_100;
}

static const char *pick(Generator *generator, const char *const *from, size_t count)
{
    return from[random_below(generator->random, count)];
}

#define PICK(generator, ...)                              \
    pick((generator), (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void put(Generator *generator, const char *text)
{
    buf_str(generator->out, str_from(text));
}

static bool version_3(const Generator *generator)
{
    return !generator->opts->version_2;
}

static bool experimental(const Generator *generator)
{
    return version_3(generator) && generator->opts->experimental;
}

static void number(Generator *generator)
{
    switch (random_below(generator->random, 8)) {
    case 0:
        put(generator, PICK(generator, "0", "1", "-1", "2", "0.5", "100", "1e3", "-2.5e-2"));
        return;
    case 1:
        put(generator, PICK(generator, "NaN", "Inf", "-Inf", "0x1f", "017", ".5", "2."));
        return;
    case 2:
        if (version_3(generator)) {
            put(generator, PICK(generator, "5m", "1h30m", "10ms", "1_000", "-1m"));
            return;
        }
        break;
    default:
        break;
    }
    buf_printf(generator->out, "%g", random_f64(generator->random) * 20 - 5);
}

static void string(Generator *generator)
{
    put(generator, PICK(generator, "\"\"", "\"x\"", "'it\\'s'", "`raw\\n`", "\"\\u00e9\\n\"",
                        "\"(.*)\"", "\"$1\""));
}

static const char *label(Generator *generator)
{
    return pick(generator, generator->opts->labels, generator->opts->label_count);
}

/* A run of labels that starts at a random place, so that none comes twice. */
static void label_list(Generator *generator, size_t first, size_t count)
{
    put(generator, "(");
    for (size_t i = 0; i < count; i++) {
        put(generator, i > 0 ? ", " : "");
        put(generator, generator->opts->labels[(first + i) % generator->opts->label_count]);
    }
    put(generator, ") ");
}

static void matchers(Generator *generator)
{
    u64 count = random_below(generator->random, 3);
    if (count == 0) {
        return;
    }
    put(generator, "{");
    for (u64 i = 0; i < count; i++) {
        const char *value = pick(generator, generator->opts->values, generator->opts->value_count);
        const char *other = pick(generator, generator->opts->values, generator->opts->value_count);
        put(generator, i > 0 ? "," : "");
        put(generator, label(generator));
        switch (random_below(generator->random, 6)) {
        case 0:
            buf_printf(generator->out, "=~\"%s|%s\"", value, other);
            break;
        case 1:
            buf_printf(generator->out, "!~\"%.1s.*\"", value);
            break;
        case 2:
            buf_printf(generator->out, "!=\"%s\"", value);
            break;
        case 3:
            put(generator, PICK(generator, "=~\".*\"", "=~\".+\"", "!=\"\"", "=\"\""));
            break;
        default:
            buf_printf(generator->out, "=\"%s\"", value);
            break;
        }
    }
    put(generator, "}");
}

static u64 seconds(Generator *generator)
{
    return 1 + random_below(generator->random, generator->opts->range_max_s);
}

static void duration(Generator *generator)
{
    if (version_3(generator) && chance(generator, 15)) {
        switch (random_below(generator->random, 4)) {
        case 0:
            buf_printf(generator->out, "%llu", (unsigned long long)seconds(generator));
            return;
        case 1:
            buf_printf(generator->out, "(%llus+1s)*2", (unsigned long long)seconds(generator));
            return;
        case 2:
            buf_printf(generator->out, "max_of(step(), %llus)",
                       (unsigned long long)seconds(generator));
            return;
        default:
            buf_printf(generator->out, "%llu.5", (unsigned long long)seconds(generator));
            return;
        }
    }
    buf_printf(generator->out, "%llus", (unsigned long long)seconds(generator));
}

static void offset(Generator *generator)
{
    put(generator, chance(generator, 25) ? " offset -" : " offset ");
    if (version_3(generator) && chance(generator, 15)) {
        put(generator, "(");
        duration(generator);
        put(generator, ")");
    } else {
        buf_printf(generator->out, "%llus", (unsigned long long)seconds(generator));
    }
}

static void modifiers(Generator *generator)
{
    if (chance(generator, 12)) {
        offset(generator);
    }
    if (generator->opts->at_s == 0 || !chance(generator, 8)) {
        return;
    }
    if (chance(generator, 50)) {
        put(generator, PICK(generator, " @ start()", " @ end()"));
    } else {
        buf_printf(generator->out, " @ %lld",
                   (long long)(generator->opts->at_s - (i64)seconds(generator)));
    }
}

static void selector(Generator *generator)
{
    put(generator, pick(generator, generator->opts->metrics, generator->opts->metric_count));
    matchers(generator);
}

static void operand(Generator *generator, u32 depth, bool is_vector)
{
    put(generator, "(");
    if (is_vector) {
        vector(generator, depth);
    } else {
        scalar(generator, depth);
    }
    put(generator, ")");
}

static void scalar_call(Generator *generator, u32 depth)
{
    switch (random_below(generator->random, experimental(generator) ? 6 : 4)) {
    case 0:
        put(generator, "time()");
        return;
    case 1:
        put(generator, "pi()");
        return;
    case 4:
        put(generator, PICK(generator, "start()", "end()", "step()", "range()"));
        return;
    case 5:
        put(generator, PICK(generator, "max_of(", "min_of("));
        scalar(generator, depth);
        put(generator, ", ");
        scalar(generator, depth);
        put(generator, ")");
        return;
    default:
        put(generator, "scalar(");
        vector(generator, depth);
        put(generator, ")");
    }
}

static void scalar(Generator *generator, u32 depth)
{
    if (depth == 0 || chance(generator, 40)) {
        number(generator);
        return;
    }
    switch (random_below(generator->random, 4)) {
    case 0:
        scalar_call(generator, depth - 1);
        return;
    case 1:
        put(generator, PICK(generator, "-", "+"));
        operand(generator, depth - 1, false);
        return;
    case 2:
        operand(generator, depth - 1, false);
        put(generator, PICK(generator, " == bool ", " > bool ", " <= bool ", " != bool "));
        operand(generator, depth - 1, false);
        return;
    default:
        operand(generator, depth - 1, false);
        put(generator, PICK(generator, " + ", " - ", " * ", " / ", " % ", " ^ ", " atan2 "));
        operand(generator, depth - 1, false);
    }
}

/* on (a) group_left (b) fill (0); the labels to take over are none of those matched by. */
static void matching(Generator *generator, bool set)
{
    const GenerateOpts *opts = generator->opts;
    size_t first = (size_t)random_below(generator->random, opts->label_count);
    size_t count = (size_t)random_below(generator->random, opts->label_count);
    if (chance(generator, 60)) {
        put(generator, PICK(generator, "on ", "ignoring "));
        label_list(generator, first, count);
        if (!set && chance(generator, 50)) {
            put(generator, PICK(generator, "group_left ", "group_right "));
            label_list(generator, first + count, chance(generator, 50) ? 0 : 1);
        }
    }
    if (!set && experimental(generator) && chance(generator, 25)) {
        put(generator, PICK(generator, "fill (0) ", "fill_left (-1) ", "fill_right (NaN) ",
                            "fill_left (1) fill_right (2) ", "fill (5m) "));
    }
}

static void vector_binary(Generator *generator, u32 depth)
{
    bool left = chance(generator, 70);
    bool right = !left || chance(generator, 60);
    bool both = left && right;
    bool set = both && chance(generator, 25);
    bool comparison = !set && chance(generator, 40);
    operand(generator, depth, left);
    if (set) {
        put(generator, PICK(generator, " and ", " or ", " unless "));
    } else if (comparison) {
        put(generator, PICK(generator, " == ", " != ", " > ", " < ", " >= ", " <= "));
        put(generator, chance(generator, 40) ? "bool " : "");
    } else if (version_3(generator) && chance(generator, 5)) {
        put(generator, PICK(generator, " </ ", " >/ "));
    } else {
        put(generator, PICK(generator, " + ", " - ", " * ", " / ", " % ", " ^ ", " atan2 "));
    }
    if (both) {
        matching(generator, set);
    }
    operand(generator, depth, right);
}

static const char *aggregate_name(Generator *generator)
{
    if (experimental(generator) && chance(generator, 10)) {
        return PICK(generator, "limitk", "limit_ratio");
    }
    return PICK(generator, "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk",
                "bottomk", "quantile", "count_values");
}

static void aggregation(Generator *generator, u32 depth)
{
    const GenerateOpts *opts = generator->opts;
    Str name = str_from(aggregate_name(generator));
    buf_str(generator->out, name);
    if (chance(generator, 60)) {
        put(generator, PICK(generator, " by ", " without "));
        label_list(generator, (size_t)random_below(generator->random, opts->label_count),
                   (size_t)random_below(generator->random, opts->label_count + 1));
    }
    put(generator, "(");
    if (str_eq(name, S("count_values"))) {
        put(generator, "\"value\", ");
    } else if (str_contains(name, S("k")) || str_contains(name, S("ratio"))) {
        put(generator, PICK(generator, "1, ", "3, ", "0, ", "-1, ", "0.5, ", "scalar(up), "));
    } else if (str_eq(name, S("quantile"))) {
        put(generator, PICK(generator, "0.5, ", "0.99, ", "0, ", "1, ", "2, ", "-1, ", "NaN, "));
    }
    vector(generator, depth);
    put(generator, ")");
}

/* A function of these that the version knows. */
static const Function *choose_function(Generator *generator, ValueType first)
{
    for (;;) {
        const Function *function =
            function_get((FunctionId)random_below(generator->random, FUNCTION_COUNT));
        bool new_stable =
            function->id == FUNCTION_first_over_time || function->id == FUNCTION_histogram_avg ||
            function->id == FUNCTION_histogram_stddev || function->id == FUNCTION_histogram_stdvar;
        if (function->returns == VALUE_VECTOR && function->args[0] == first &&
            function->id != FUNCTION_info && (experimental(generator) || !function->experimental) &&
            (version_3(generator) || !new_stable)) {
            return function;
        }
    }
}

static void function_arg(Generator *generator, ValueType type, u32 depth)
{
    switch (type) {
    case VALUE_SCALAR:
        scalar(generator, depth);
        return;
    case VALUE_VECTOR:
        vector(generator, depth);
        return;
    case VALUE_MATRIX:
        matrix(generator, depth);
        return;
    default:
        string(generator);
    }
}

static void call(Generator *generator, const Function *function, u32 depth)
{
    size_t count = function->arg_count;
    if (function->variadic != 0 && chance(generator, 50)) {
        count = count - 1 + (size_t)random_below(generator->random, 3);
        count = function->variadic > 0
                    ? MIN(count, (size_t)function->arg_count - 1 + (size_t)function->variadic)
                    : count;
    }
    buf_str(generator->out, function->name);
    put(generator, "(");
    for (size_t i = 0; i < count; i++) {
        put(generator, i > 0 ? ", " : "");
        ValueType type = function->args[MIN(i, (size_t)function->arg_count - 1)];
        if (type == VALUE_STRING && function->id != FUNCTION_label_replace) {
            buf_printf(generator->out, "\"%s\"", label(generator));
        } else {
            function_arg(generator, type, depth);
        }
    }
    put(generator, ")");
}

static void label_call(Generator *generator, u32 depth)
{
    if (chance(generator, 50)) {
        put(generator, "label_replace(");
        vector(generator, depth);
        buf_printf(generator->out, ", \"%s\", \"%s\", \"%s\", \"%s\")", label(generator),
                   PICK(generator, "$1", "x-${1}-y", "", "fixed"), label(generator),
                   PICK(generator, "(.*)", "(.).*", "nothing"));
        return;
    }
    put(generator, "label_join(");
    vector(generator, depth);
    buf_printf(generator->out, ", \"%s\", \"-\", \"%s\", \"%s\")", label(generator),
               label(generator), label(generator));
}

static void vector(Generator *generator, u32 depth)
{
    if (depth == 0 || chance(generator, 15)) {
        selector(generator);
        modifiers(generator);
        return;
    }
    switch (random_below(generator->random, 10)) {
    case 0:
    case 1:
    case 2:
        vector_binary(generator, depth - 1);
        return;
    case 3:
    case 4:
        aggregation(generator, depth - 1);
        return;
    case 5:
    case 6:
        call(generator, choose_function(generator, VALUE_MATRIX), depth - 1);
        return;
    case 7:
        call(generator, choose_function(generator, VALUE_VECTOR), depth - 1);
        return;
    case 8:
        call(generator, choose_function(generator, VALUE_SCALAR), depth - 1);
        return;
    default:
        if (chance(generator, 40)) {
            label_call(generator, depth - 1);
        } else {
            put(generator, "-");
            operand(generator, depth - 1, true);
        }
    }
}

static void matrix(Generator *generator, u32 depth)
{
    bool subquery = depth > 0 && chance(generator, 25);
    if (subquery) {
        operand(generator, depth - 1, true);
    } else {
        selector(generator);
    }
    put(generator, "[");
    duration(generator);
    if (subquery) {
        put(generator, ":");
        if (chance(generator, 60)) {
            duration(generator);
        }
    }
    put(generator, "]");
    if (!subquery && experimental(generator) && chance(generator, 10)) {
        put(generator, PICK(generator, " anchored", " smoothed"));
    }
    modifiers(generator);
}

void generate_expr(Random *random, const GenerateOpts *opts, ValueType type, Buf *out)
{
    Generator generator = {.random = random, .opts = opts, .out = out};
    switch (type) {
    case VALUE_SCALAR:
        scalar(&generator, opts->depth);
        return;
    case VALUE_MATRIX:
        matrix(&generator, opts->depth);
        return;
    case VALUE_STRING:
        string(&generator);
        return;
    default:
        vector(&generator, opts->depth);
    }
}

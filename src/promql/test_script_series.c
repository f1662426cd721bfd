/*
 * Test script: series in words: a metric and the sequence of its values. See test_script.h.
 *
 * Layer: promql. Memory: the arena given. Thread: one.
 */
#include "promql/test_script_parts.h"

#include "codec/number.h"
#include "promql/histogram_math.h"
#include "promql/parse.h"

#include <math.h>

enum {
    SEQUENCE_MAX = 1000 * 1000, /* values of one series */
    BUCKETS_MAX = 10000,        /* numbers in one list of a histogram */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static Str skip_spaces(Str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s = str_skip(s, 1);
    }
    return s;
}

static bool accept(Str *s, Str token)
{
    return str_skip_prefix(s, token);
}

/* The length of a braced part, quotes respected. */
static size_t braces_length(Str s)
{
    char quote = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (quote) {
            if (c == '\\' && quote != '`') {
                i++;
            } else if (c == quote) {
                quote = 0;
            }
        } else if (c == '"' || c == '\'' || c == '`') {
            quote = c;
        } else if (c == '}') {
            return i + 1;
        }
    }
    return s.len;
}

Str script_take_metric(Str *rest)
{
    Str s = *rest;
    size_t name = 0;
    while (name < s.len && s.ptr[name] != '{' && !is_space(s.ptr[name])) {
        name++;
    }
    size_t at = name;
    while (at < s.len && is_space(s.ptr[at])) {
        at++;
    }
    bool braces = at < s.len && s.ptr[at] == '{' && !str_starts_with(str_skip(s, at), S("{{"));
    size_t len = braces ? at + braces_length(str_skip(s, at)) : name;
    *rest = str_skip(s, len);
    return str_take(s, len);
}

bool script_metric_parse(Str text, Arena *arena, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    Str trimmed = str_trim(text);
    labels_builder_init(&builder, arena);
    if (!labels_builder_from(&builder, LABELS_EMPTY, err)) {
        return false;
    }
    if (str_eq(trimmed, S("{}"))) {
        *ret = LABELS_EMPTY;
        return true;
    }
    Expr expr = {0};
    bool ok = selector_parse(trimmed, arena, &expr, err);
    for (size_t i = 0; ok && i < expr.root->vector.matcher_count; i++) {
        const Matcher *matcher = &expr.root->vector.matchers[i];
        ok = matcher->kind == MATCH_EQUAL
                 ? labels_builder_set(&builder, matcher->name, matcher->value, err)
                 : err_set(err, ERR_INVALID, "a series needs equality on every label");
    }
    ok = ok && labels_builder_finish(&builder, ret, err);
    expr_done(&expr);
    return ok;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* digits . digits e±digits, without hexadecimal: its x would be read as "times". */
static size_t number_length(Str s)
{
    size_t i = 0;
    while (i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == '.')) {
        i++;
    }
    if (i > 0 && i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        size_t digits = i + 1;
        digits += digits < s.len && (s.ptr[digits] == '+' || s.ptr[digits] == '-');
        if (digits < s.len && is_digit(s.ptr[digits])) {
            while (digits < s.len && is_digit(s.ptr[digits])) {
                digits++;
            }
            return digits;
        }
    }
    return i;
}

static bool take_word_number(Str *s, f64 *ret)
{
    static const struct {
        Str word;
        f64 value;
    } words[] = {{STR_INIT("NaN"), NAN},
                 {STR_INIT("Inf"), INFINITY},
                 {STR_INIT("inf"), INFINITY},
                 {STR_INIT("nan"), NAN}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (accept(s, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

/* An optional sign and a number. */
static bool take_number(Str *s, f64 *ret)
{
    Str rest = *s;
    bool negative = accept(&rest, S("-"));
    if (!negative) {
        (void)accept(&rest, S("+"));
    }
    f64 value;
    size_t len = number_length(rest);
    if (len > 0 && f64_parse(str_take(rest, len), &value)) {
        rest = str_skip(rest, len);
    } else if (!take_word_number(&rest, &value)) {
        return false;
    }
    *ret = negative ? -value : value;
    *s = rest;
    return true;
}

static bool take_times(Str *s, u64 *ret)
{
    Str rest = *s;
    size_t len = 0;
    if (!accept(&rest, S("x"))) {
        return false;
    }
    while (len < rest.len && is_digit(rest.ptr[len])) {
        len++;
    }
    if (!str_to_u64(str_take(rest, len), ret)) {
        return false;
    }
    *s = str_skip(rest, len);
    return true;
}

/* Digits of a base, all of s. */
static bool digits_of_base(Str s, u64 base, f64 *ret)
{
    u64 number = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        char lower = (char)(c | 0x20);
        u64 digit = is_digit(c) ? (u64)(c - '0') : (u64)(lower - 'a' + 10);
        if (!(is_digit(c) || (lower >= 'a' && lower <= 'z')) || digit >= base) {
            return false;
        }
        number = number * base + digit;
    }
    *ret = (f64)number;
    return s.len > 0;
}

bool script_number(Str s, f64 *ret)
{
    Str digits = s;
    bool negative = accept(&digits, S("-"));
    if (!negative) {
        (void)accept(&digits, S("+"));
    }
    bool octal = digits.len > 1 && digits.ptr[0] == '0' && is_digit(digits.ptr[1]);
    bool hex = str_starts_with(digits, S("0x"));
    f64 number;
    if ((octal && digits_of_base(digits, 8, &number)) ||
        (hex && digits_of_base(str_skip(digits, 2), 16, &number))) {
        *ret = negative ? -number : number;
        return true;
    }
    return f64_parse(s, ret);
}

/* Growing output of a sequence. */
typedef struct Sequence {
    Arena *arena;
    ScriptValue *at;
    size_t count, capacity;
} Sequence;

static bool push(Sequence *sequence, ScriptValue value, Err *err)
{
    if (sequence->count == sequence->capacity) {
        size_t capacity = MAX(sequence->capacity * 2, (size_t)16);
        ScriptValue *grown = ARENA_NEW(sequence->arena, ScriptValue, capacity);
        if (!grown || capacity > SEQUENCE_MAX) {
            return err_set(err, ERR_LIMIT, "a series has more than %d values", SEQUENCE_MAX);
        }
        for (size_t i = 0; i < sequence->count; i++) {
            grown[i] = sequence->at[i];
        }
        sequence->at = grown;
        sequence->capacity = capacity;
    }
    sequence->at[sequence->count++] = value;
    return true;
}

typedef struct HistogramWords {
    Arena *arena;
    Histogram *histogram;
    i32 offset, negative_offset;
    f64 *buckets, *negative_buckets;
    size_t bucket_count, negative_count;
    bool hint_set;
} HistogramWords;

static bool take_list(Str *s, Arena *arena, f64 **ret, size_t *ret_count, Err *err)
{
    if (!accept(s, S("["))) {
        return err_set(err, ERR_INVALID, "a list of buckets begins with [");
    }
    f64 *numbers = ARENA_NEW(arena, f64, BUCKETS_MAX);
    size_t count = 0;
    if (!numbers) {
        return arena_full(arena, err);
    }
    for (*s = skip_spaces(*s); !accept(s, S("]")); *s = skip_spaces(*s)) {
        if (count == BUCKETS_MAX || !take_number(s, &numbers[count++])) {
            return err_set(err, ERR_INVALID, "bad number in a list of buckets");
        }
    }
    *ret = numbers;
    *ret_count = count;
    return true;
}

static bool take_hint(Str *s, HistogramWords *words)
{
    static const struct {
        Str word;
        ResetHint hint;
    } hints[] = {{STR_INIT("unknown"), RESET_UNKNOWN},
                 {STR_INIT("reset"), RESET_YES},
                 {STR_INIT("not_reset"), RESET_NO},
                 {STR_INIT("gauge"), RESET_GAUGE}};
    for (size_t i = 0; i < COUNT_OF(hints); i++) {
        if (accept(s, hints[i].word)) {
            words->histogram->reset = hints[i].hint;
            words->hint_set = true;
            return true;
        }
    }
    return false;
}

static bool take_field(Str *s, HistogramWords *words, Err *err)
{
    Histogram *histogram = words->histogram;
    f64 number;
    if (accept(s, S("custom_values:"))) {
        f64 *bounds;
        if (!take_list(s, words->arena, &bounds, &histogram->custom_count, err)) {
            return false;
        }
        histogram->custom_bounds = bounds;
        return true;
    }
    if (accept(s, S("n_buckets:"))) {
        return take_list(s, words->arena, &words->negative_buckets, &words->negative_count, err);
    }
    if (accept(s, S("buckets:"))) {
        return take_list(s, words->arena, &words->buckets, &words->bucket_count, err);
    }
    if (accept(s, S("counter_reset_hint:"))) {
        return take_hint(s, words) || err_set(err, ERR_INVALID, "bad counter_reset_hint");
    }
    size_t colon = str_find_byte(*s, ':');
    Str key = colon == STR_NOT_FOUND ? STR_EMPTY : str_take(*s, colon);
    *s = str_skip(*s, key.len + 1);
    if (key.len == 0 || !take_number(s, &number)) {
        return err_set(err, ERR_INVALID, "bad field of a histogram");
    }
    if (str_eq(key, S("schema"))) {
        histogram->schema = (i32)number;
    } else if (str_eq(key, S("sum"))) {
        histogram->sum = number;
    } else if (str_eq(key, S("count"))) {
        histogram->count = number;
    } else if (str_eq(key, S("z_bucket"))) {
        histogram->zero_count = number;
    } else if (str_eq(key, S("z_bucket_w"))) {
        histogram->zero_threshold = number;
    } else if (str_eq(key, S("offset"))) {
        words->offset = (i32)number;
    } else if (str_eq(key, S("n_offset"))) {
        words->negative_offset = (i32)number;
    } else {
        return err_set(err, ERR_INVALID, "unknown field of a histogram: " STR_FMT, STR_ARG(key));
    }
    return true;
}

static bool make_side(Arena *arena, i32 offset, const f64 *buckets, size_t count, BucketSide *ret)
{
    if (count == 0) {
        return true;
    }
    Span *span = ARENA_NEW(arena, Span, 1);
    if (!span) {
        return false;
    }
    *span = (Span){.offset = offset, .length = (u32)count};
    *ret = (BucketSide){.spans = span, .span_count = 1, .buckets = buckets, .bucket_count = count};
    return true;
}

/* {{schema:1 count:3 …}}; *s stands behind the opening braces. */
static bool take_histogram(Str *s, Arena *arena, ScriptValue *ret, Err *err)
{
    HistogramWords words = {.arena = arena, .histogram = ARENA_NEW(arena, Histogram, 1)};
    if (!words.histogram) {
        return arena_full(arena, err);
    }
    for (*s = skip_spaces(*s); !accept(s, S("}}")); *s = skip_spaces(*s)) {
        if (!take_field(s, &words, err)) {
            return false;
        }
    }
    Histogram *histogram = words.histogram;
    if (!make_side(arena, words.offset, words.buckets, words.bucket_count, &histogram->positive) ||
        !make_side(arena, words.negative_offset, words.negative_buckets, words.negative_count,
                   &histogram->negative)) {
        return arena_full(arena, err);
    }
    *ret = (ScriptValue){.hist = histogram, .hint_set = words.hint_set};
    return true;
}

static bool add_histogram(Arena *arena, const Histogram *base, const Histogram *step, bool subtract,
                          const Histogram **ret, Err *err)
{
    HistogramAcc acc;
    HistogramNotes notes = {0};
    if (!histogram_acc_init(&acc, arena, base) ||
        histogram_acc_add(&acc, step, subtract ? HISTOGRAM_SUBTRACT : HISTOGRAM_ADD, &notes) !=
            HISTOGRAM_DONE) {
        return err_set(err, ERR_INVALID, "histograms of a series that do not go together");
    }
    *ret = histogram_acc_finish(&acc);
    return *ret || arena_full(arena, err);
}

static bool take_histogram_item(Str *s, Sequence *sequence, Err *err)
{
    ScriptValue base;
    ScriptValue step = {0};
    if (!take_histogram(s, sequence->arena, &base, err)) {
        return false;
    }
    bool subtract = str_starts_with(*s, S("-{{"));
    if (accept(s, S("+{{")) || accept(s, S("-{{"))) {
        if (!take_histogram(s, sequence->arena, &step, err)) {
            return false;
        }
    }
    u64 times = 0;
    if (str_starts_with(*s, S("x")) && !take_times(s, &times)) {
        return err_set(err, ERR_INVALID, "bad repetition");
    }
    if (!push(sequence, base, err)) {
        return false;
    }
    for (u64 i = 0; i < times; i++) {
        if (step.hist &&
            !add_histogram(sequence->arena, base.hist, step.hist, subtract, &base.hist, err)) {
            return false;
        }
        if (!push(sequence, base, err)) {
            return false;
        }
    }
    return true;
}

static bool take_omitted(Str *s, Sequence *sequence, Err *err)
{
    u64 times = 1;
    if (str_starts_with(*s, S("x")) && !take_times(s, &times)) {
        return err_set(err, ERR_INVALID, "bad repetition");
    }
    for (u64 i = 0; i < times; i++) {
        if (!push(sequence, (ScriptValue){.omitted = true}, err)) {
            return false;
        }
    }
    return true;
}

static bool take_number_item(Str *s, Sequence *sequence, Err *err)
{
    f64 value;
    f64 step = 0;
    u64 times = 0;
    if (accept(s, S("stale"))) {
        return push(sequence, (ScriptValue){.value = f64_from_bits(STALE_NAN_BITS)}, err);
    }
    if (!take_number(s, &value)) {
        return err_set(err, ERR_INVALID, "bad value in a series: " STR_FMT, STR_ARG(*s));
    }
    if (s->len > 0 && (s->ptr[0] == '+' || s->ptr[0] == '-') && !take_number(s, &step)) {
        return err_set(err, ERR_INVALID, "bad step in a series");
    }
    if (str_starts_with(*s, S("x")) && !take_times(s, &times)) {
        return err_set(err, ERR_INVALID, "bad repetition");
    }
    for (u64 i = 0; i <= times; i++) {
        if (!push(sequence, (ScriptValue){.value = value}, err)) {
            return false;
        }
        value += step;
    }
    return true;
}

bool script_series_parse(Str line, Arena *arena, ScriptSeries *ret, Err *err)
{
    Sequence sequence = {.arena = arena};
    Str rest = line;
    Labels labels;
    if (!script_metric_parse(script_take_metric(&rest), arena, &labels, err)) {
        return false;
    }
    for (rest = skip_spaces(rest); rest.len > 0; rest = skip_spaces(rest)) {
        bool ok = accept(&rest, S("{{"))  ? take_histogram_item(&rest, &sequence, err)
                  : accept(&rest, S("_")) ? take_omitted(&rest, &sequence, err)
                                          : take_number_item(&rest, &sequence, err);
        if (!ok) {
            return false;
        }
        if (rest.len > 0 && !is_space(rest.ptr[0])) {
            return err_set(err, ERR_INVALID, "values need a space between them: " STR_FMT,
                           STR_ARG(rest));
        }
    }
    *ret = (ScriptSeries){.labels = labels, .values = sequence.at, .count = sequence.count};
    return true;
}

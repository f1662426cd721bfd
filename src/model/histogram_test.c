/* Tests of model/histogram.h. */
#include "model/histogram.h"

#include "base/test.h"
#include "model/sample.h"

#include <float.h>
#include <math.h>

enum { ARENA_MAX = 1024 * 1024 };

#define SIDE(spans_, buckets_)                                                    \
    {                                                                             \
        .spans = (spans_), .span_count = COUNT_OF(spans_), .buckets = (buckets_), \
        .bucket_count = COUNT_OF(buckets_),                                       \
    }

static const Span two_spans[] = {{0, 2}, {1, 2}};
static const Span shifted_span[] = {{-1, 4}};
static const f64 four[] = {1, 0, 2, 3};
static const f64 bounds[] = {-1, 0.5, 10};

static const Histogram exponential = {
    .schema = 0,
    .integer = true,
    .zero_threshold = 0.25,
    .zero_count = 4,
    .count = 16,
    .sum = 5.5,
    .positive = SIDE(two_spans, four),
    .negative = SIDE(shifted_span, four),
};

static const Histogram custom = {
    .schema = HISTOGRAM_CUSTOM_SCHEMA,
    .integer = true,
    .count = 6,
    .sum = 1e6,
    .positive = {.spans = (const Span[]){{0, 4}},
                 .span_count = 1,
                 .buckets = four,
                 .bucket_count = 4},
    .custom_bounds = bounds,
    .custom_count = 3,
};

TEST(histogram, text_form_runs_along_the_number_line)
{
    Buf out;
    buf_init(&out, 4096);
    histogram_format(&out, &exponential);
    CHECK_STR(buf_view(&out), S("{count:16, sum:5.5, [-4,-2):3, [-2,-1):2, [-0.5,-0.25):1, "
                                "[-0.25,0.25]:4, (0.5,1]:1, (4,8]:2, (8,16]:3}"));
    buf_clear(&out);
    histogram_format(&out, &custom);
    CHECK_STR(buf_view(&out), S("{count:6, sum:1e+06, [-Inf,-1]:1, (0.5,10]:2, (10,+Inf]:3}"));
    buf_clear(&out);
    histogram_format(&out, &(Histogram){.schema = 3});
    CHECK_STR(buf_view(&out), S("{count:0, sum:0}"));
    buf_done(&out);
}

TEST(histogram, a_copy_equals_but_shares_nothing)
{
    Arena arena, small;
    Histogram *copy = NULL;
    Err err;
    arena_init(&arena, ARENA_MAX);
    arena_init(&small, sizeof(Histogram) + 8);
    CHECK_OK(histogram_copy(&arena, &exponential, &copy, &err), &err);
    CHECK(histogram_eq(copy, &exponential));
    CHECK(copy->positive.buckets != exponential.positive.buckets);
    CHECK(copy->negative.spans != exponential.negative.spans);
    CHECK(copy->integer);
    CHECK_OK(histogram_copy(&arena, &custom, &copy, &err), &err);
    CHECK(histogram_eq(copy, &custom) && !histogram_eq(copy, &exponential));
    copy = NULL;
    CHECK(!histogram_copy(&small, &custom, &copy, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(copy == NULL);
    arena_done(&arena);
    arena_done(&small);
}

TEST(histogram, equality_is_by_bits_and_by_bucket_index_not_by_how_spans_are_cut)
{
    static const Span cut[] = {{0, 1}, {0, 1}, {1, 0}, {0, 2}};
    static const Span moved[] = {{0, 2}, {2, 2}};
    Histogram other = exponential;
    other.positive.spans = cut;
    other.positive.span_count = COUNT_OF(cut);
    CHECK(histogram_eq(&other, &exponential));
    other.positive.spans = moved;
    other.positive.span_count = COUNT_OF(moved);
    CHECK(!histogram_eq(&other, &exponential));
    other = exponential;
    other.sum = (f64)NAN;
    Histogram stale = other;
    stale.sum = f64_from_bits(STALE_NAN_BITS);
    CHECK(histogram_eq(&other, &other));
    CHECK(!histogram_eq(&other, &stale));
    other = exponential;
    other.schema = 1;
    CHECK(!histogram_eq(&other, &exponential));
    other = exponential;
    other.zero_count = 5;
    CHECK(!histogram_eq(&other, &exponential));
    other = exponential;
    other.reset = RESET_GAUGE;
    CHECK(histogram_eq(&other, &exponential));
}

static void expect_invalid(const Histogram *histogram, Str text)
{
    Err err;
    CHECK(!histogram_validate(histogram, &err));
    CHECK_I64(err.code, ERR_INVALID);
    CHECK(str_contains(str_from(err.message), text));
}

TEST(histogram, sound_ones_pass)
{
    Err err;
    Histogram floats = exponential;
    CHECK_OK(histogram_validate(&exponential, &err), &err);
    CHECK_OK(histogram_validate(&custom, &err), &err);
    CHECK_OK(histogram_validate(&(Histogram){.schema = -4}, &err), &err);
    floats.integer = false;
    floats.count = 17.5; /* float counts need not add up */
    CHECK_OK(histogram_validate(&floats, &err), &err);
    Histogram unobserved = exponential;
    unobserved.sum = (f64)NAN;
    unobserved.count = 18; /* two NaN observations */
    CHECK_OK(histogram_validate(&unobserved, &err), &err);
}

TEST(histogram, each_flaw_is_named)
{
    static const f64 negative[] = {1, -2, 2, 3};
    static const f64 unordered[] = {1, 1, 2};
    static const f64 not_a_number[] = {1, NAN, 2};
    static const f64 infinite[] = {1, 2, INFINITY};
    static const Span backward[] = {{0, 2}, {-1, 2}};
    static const Span below[] = {{-1, 4}};
    static const Span beyond[] = {{2, 4}};
    static const Span overflow[] = {{INT32_MAX, 2}, {0, 2}};
    Histogram bad;

    bad = exponential, bad.schema = 9;
    expect_invalid(&bad, S("has schema 9, which must be between -4 and 8"));
    bad = exponential, bad.schema = -52;
    expect_invalid(&bad, S("has schema -52"));
    bad = exponential, bad.positive.bucket_count = 3;
    expect_invalid(&bad, S("positive side: spans need 4 buckets, have 3 buckets"));
    bad = exponential, bad.negative.spans = backward, bad.negative.span_count = 2;
    expect_invalid(&bad, S("negative side: span number 2 with offset -1"));
    bad = exponential, bad.positive.spans = overflow, bad.positive.span_count = 2;
    expect_invalid(&bad, S("past the highest bucket index"));
    bad = exponential, bad.negative.buckets = negative;
    expect_invalid(&bad, S("negative side: bucket number 2 has observation count of -2"));
    bad = exponential, bad.zero_count = -1;
    expect_invalid(&bad, S("zero bucket"));
    bad = exponential, bad.custom_bounds = bounds, bad.custom_count = 3;
    expect_invalid(&bad, S("must not have custom bounds"));
    bad = exponential, bad.count = -1;
    expect_invalid(&bad, S("observation count is negative"));
    bad = exponential, bad.count = 15;
    expect_invalid(&bad, S("16 observations found in buckets, but the Count field is 15"));
    bad = exponential, bad.count = 15, bad.sum = (f64)NAN;
    expect_invalid(&bad, S("should be at least the number"));

    bad = custom, bad.custom_bounds = unordered;
    expect_invalid(&bad, S("strictly increasing"));
    bad = custom, bad.custom_bounds = not_a_number;
    expect_invalid(&bad, S("must not be NaN"));
    bad = custom, bad.custom_bounds = infinite;
    expect_invalid(&bad, S("must be finite"));
    bad = custom, bad.custom_count = 2;
    expect_invalid(&bad, S("custom bounds are too few"));
    bad = custom, bad.positive.spans = below;
    expect_invalid(&bad, S("custom buckets: span number 1 with offset -1"));
    bad = custom, bad.positive.spans = beyond;
    expect_invalid(&bad, S("total span length of 6"));
    bad = custom, bad.zero_count = 1;
    expect_invalid(&bad, S("zero count of 0"));
    bad = custom, bad.zero_threshold = 1;
    expect_invalid(&bad, S("zero threshold of 0"));
    bad = custom, bad.negative = exponential.negative;
    expect_invalid(&bad, S("negative spans"));
    bad = custom, bad.negative = exponential.negative, bad.negative.span_count = 0;
    expect_invalid(&bad, S("negative buckets"));
    bad = custom, bad.positive.buckets = negative;
    expect_invalid(&bad, S("positive side: bucket number 2"));
}

TEST(histogram, bucket_bounds_are_the_published_ones)
{
    static const struct {
        i32 schema, index;
        f64 want;
    } cases[] = {
        {0, 0, 1},
        {0, -1, 0.5},
        {0, 1024, DBL_MAX},
        {0, 1025, INFINITY},
        {-1, 1, 4},
        {-4, 1, 65536},
        {-4, -1, 0x1p-16},
        {-4, 64, DBL_MAX},
        {-4, 65, INFINITY},
        {1, -1, 0.7071067811865475},
        {1, 1, 1.414213562373095},
        {2, -1, 0.8408964152537144},
        {8, -1, 0.9972960560854698},
        {8, -37, 0.9046732696855155},
        {8, 256 * 1024, DBL_MAX},
        {8, 256 * 1024 + 1, INFINITY},
        {8, 256 * -1074, 0x1p-1074},
        {8, 256 * -1080, 0},
        {0, INT32_MIN, 0},
        {-4, INT32_MAX, INFINITY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Histogram histogram = {.schema = cases[i].schema};
        CHECK_F64(histogram_bound(&histogram, cases[i].index), cases[i].want);
    }
    CHECK_F64(histogram_bound(&custom, -1), -(f64)INFINITY);
    CHECK_F64(histogram_bound(&custom, 1), 0.5);
    CHECK_F64(histogram_bound(&custom, 3), (f64)INFINITY);
}

TEST(histogram, a_bucket_of_a_coarser_schema_ends_where_two_of_the_finer_do)
{
    for (i32 schema = HISTOGRAM_SCHEMA_MIN; schema < HISTOGRAM_SCHEMA_MAX; schema++) {
        Histogram coarse = {.schema = schema}, fine = {.schema = schema + 1};
        for (i32 index = -2000; index < 2000; index++) {
            CHECK_F64(histogram_bound(&coarse, index), histogram_bound(&fine, index * 2));
            f64 exact = exp2(ldexp(index, -schema));
            f64 got = histogram_bound(&coarse, index);
            CHECK(got == exact || got == DBL_MAX || fabs(got - exact) <= 5 * DBL_EPSILON * exact);
        }
    }
}

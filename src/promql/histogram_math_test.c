/* Tests of promql/histogram_math.h. */
#include "promql/histogram_math.h"

#include "base/random.h"
#include "base/test.h"

#include <math.h>

enum {
    BUCKETS_MAX = 12,
};

static BucketSide random_side(Random *random, Arena *arena, i32 lowest)
{
    Span *spans = ARENA_NEW(arena, Span, BUCKETS_MAX);
    f64 *buckets = ARENA_NEW(arena, f64, BUCKETS_MAX);
    size_t count = random_below(random, BUCKETS_MAX);
    CHECK(spans && buckets);
    for (size_t i = 0; i < count; i++) {
        i32 gap = (i32)random_below(random, 3);
        spans[i] = (Span){.offset = i == 0 ? lowest + gap : gap, .length = 1};
        buckets[i] = (f64)random_below(random, 6);
    }
    return (BucketSide){
        .spans = spans, .span_count = count, .buckets = buckets, .bucket_count = count};
}

static f64 total_of(const BucketSide *side)
{
    f64 total = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        total += side->buckets[i];
    }
    return total;
}

/* All buckets begin above 1/16, so every threshold up to there is valid. */
static Histogram *random_histogram(Random *random, Arena *arena, i32 schema, f64 threshold)
{
    i32 lowest = (schema >= 0 ? -4 * (1 << schema) : -4 >> -schema) + 1;
    Histogram *histogram = ARENA_NEW(arena, Histogram, 1);
    CHECK(histogram != NULL);
    *histogram = (Histogram){
        .schema = schema,
        .zero_threshold = threshold,
        .zero_count = (f64)random_below(random, 4),
        .sum = (f64)random_below(random, 100),
        .positive = random_side(random, arena, lowest),
        .negative = random_side(random, arena, lowest),
    };
    histogram->count =
        histogram->zero_count + total_of(&histogram->positive) + total_of(&histogram->negative);
    return histogram;
}

static Histogram *combined(Arena *arena, const Histogram *a, const Histogram *b, HistogramSum how)
{
    HistogramAcc acc;
    HistogramNotes notes = {0};
    CHECK(histogram_acc_init(&acc, arena, a));
    CHECK_I64(histogram_acc_add(&acc, b, how, &notes), HISTOGRAM_DONE);
    Histogram *sum = histogram_acc_finish(&acc);
    CHECK(sum != NULL);
    return sum;
}

TEST(histogram_math, adding_is_symmetric_and_subtracting_undoes_it)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 2000; round++) {
        Arena arena;
        arena_init(&arena, MIB);
        const Histogram *a =
            random_histogram(&random, &arena, (i32)random_below(&random, 3), 0.0625);
        const Histogram *b = random_histogram(&random, &arena, (i32)random_below(&random, 3),
                                              random_below(&random, 2) ? 0.001 : 0.0625);
        const Histogram *ab = combined(&arena, a, b, HISTOGRAM_ADD);
        CHECK(histogram_same(ab, combined(&arena, b, a, HISTOGRAM_ADD)));
        CHECK(histogram_same(ab, combined(&arena, a, b, HISTOGRAM_KAHAN)));
        CHECK_F64(ab->count, a->count + b->count);
        CHECK_F64(ab->zero_count + total_of(&ab->positive) + total_of(&ab->negative), ab->count);
        const Histogram *back = combined(&arena, ab, b, HISTOGRAM_SUBTRACT);
        CHECK_F64(back->count, a->count);
        /* Nothing was lost from a counter that only grew. */
        CHECK(a->schema > ab->schema || !histogram_has_reset(&arena, ab, a));
        CHECK(a->count == 0 || histogram_has_reset(&arena, b, ab));
        arena_done(&arena);
    }
}

TEST(histogram_math, times_and_divided_scale_every_number)
{
    Random random;
    Arena arena;
    random_seed(&random, test_seed());
    arena_init(&arena, MIB);
    const Histogram *histogram = random_histogram(&random, &arena, 1, 0.001);
    const Histogram *twice = histogram_times(&arena, histogram, 2);
    CHECK(histogram_same(twice, combined(&arena, histogram, histogram, HISTOGRAM_ADD)));
    CHECK(
        histogram_same(histogram_divided(&arena, twice, 2), histogram_times(&arena, histogram, 1)));
    CHECK_I64(histogram_times(&arena, histogram, -1)->reset, RESET_GAUGE);
    const Histogram *broken = histogram_divided(&arena, histogram, 0);
    CHECK_U64(broken->positive.bucket_count + broken->negative.bucket_count, 0);
    arena_done(&arena);
}

TEST(histogram_math, fraction_and_quantile_are_inverse_to_each_other)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 3000; round++) {
        Arena arena;
        arena_init(&arena, MIB);
        const Histogram *histogram =
            random_histogram(&random, &arena, (i32)random_below(&random, 4) - 1, 0.03);
        f64 wanted = 0.05 + random_f64(&random) * 0.9;
        f64 value;
        f64 fraction;
        HistogramNote note;
        bool nan_excluded;
        if (histogram->count > 0) {
            CHECK(histogram_quantile(&arena, histogram, wanted, &value, &note));
            CHECK(
                histogram_fraction(&arena, histogram, -INFINITY, value, &fraction, &nan_excluded));
            CHECK(fabs(fraction - wanted) < 1e-9);
        }
        arena_done(&arena);
    }
}

TEST(histogram_math, trimming_above_and_below_shares_the_observations)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 2000; round++) {
        Arena arena;
        arena_init(&arena, MIB);
        const Histogram *histogram = random_histogram(&random, &arena, 1, 0.001);
        f64 bound = random_f64(&random) * 8 - 3;
        const Histogram *below = histogram_trim(&arena, histogram, bound, true);
        const Histogram *above = histogram_trim(&arena, histogram, bound, false);
        CHECK(below && above);
        CHECK(fabs(below->count + above->count - histogram->count) < 1e-9);
        arena_done(&arena);
    }
}

TEST(histogram_math, exponential_and_custom_buckets_do_not_mix)
{
    static const f64 bounds[] = {1, 2};
    Arena arena;
    HistogramAcc acc;
    HistogramNotes notes = {0};
    const Histogram custom = {
        .schema = HISTOGRAM_CUSTOM_SCHEMA, .custom_bounds = bounds, .custom_count = 2};
    const Histogram exponential = {.schema = 2};
    arena_init(&arena, MIB);
    CHECK(histogram_acc_init(&acc, &arena, &custom));
    CHECK_I64(histogram_acc_add(&acc, &exponential, HISTOGRAM_ADD, &notes), HISTOGRAM_INCOMPATIBLE);
    CHECK(histogram_has_reset(&arena, &custom, &exponential));
    arena_done(&arena);
}

TEST(histogram_math, a_full_arena_is_reported_and_not_written_past)
{
    Random random;
    Arena big;
    Arena small;
    HistogramAcc acc;
    random_seed(&random, 3);
    arena_init(&big, MIB);
    const Histogram *histogram = random_histogram(&random, &big, 1, 0.001);
    arena_init(&small, 16);
    CHECK(!histogram_acc_init(&acc, &small, histogram));
    CHECK(histogram_times(&small, histogram, 2) == NULL);
    arena_done(&small);
    arena_done(&big);
}

TEST(histogram_math, classic_quantiles_follow_the_rules_at_the_ends)
{
    static const struct {
        f64 quantile;
        f64 want;
    } cases[] = {{-1, -INFINITY}, {2, INFINITY}, {NAN, NAN}, {0, 0}, {0.5, 1}, {0.75, 1.5}, {1, 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ClassicBucket buckets[] = {{(f64)INFINITY, 8}, {1, 4}, {2, 8}};
        ClassicRepair repair;
        CHECK_F64(classic_quantile(buckets, COUNT_OF(buckets), cases[i].quantile, &repair),
                  cases[i].want);
        CHECK(!repair.forced);
    }
    ClassicBucket open[] = {{1, 4}, {2, 8}};
    ClassicRepair repair;
    CHECK(isnan(classic_quantile(open, COUNT_OF(open), 0.5, &repair)));
}

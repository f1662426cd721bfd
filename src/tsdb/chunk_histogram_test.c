/* Tests of tsdb/chunk_histogram.h. */
#include "tsdb/chunk_histogram.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "model/sample.h"

#include <string.h>

enum {
    BUCKETS_MAX = 64,
    ARENA_MAX = 64 * 1024 * 1024,
};

/* A histogram that owns its arrays. */
typedef struct Made {
    Histogram hist;
    Span spans[2][4];
    f64 buckets[2][BUCKETS_MAX];
    f64 bounds[8];
} Made;

static void set_side(Made *made, size_t side, size_t span_count)
{
    size_t buckets = 0;
    for (size_t i = 0; i < span_count; i++) {
        buckets += made->spans[side][i].length;
    }
    *(side == 0 ? &made->hist.positive : &made->hist.negative) =
        (BucketSide){.spans = made->spans[side],
                     .span_count = span_count,
                     .buckets = made->buckets[side],
                     .bucket_count = buckets};
}

static void count_up(Made *made)
{
    made->hist.count = made->hist.zero_count;
    for (size_t s = 0; s < 2; s++) {
        const BucketSide *side = s == 0 ? &made->hist.positive : &made->hist.negative;
        for (size_t i = 0; i < side->bucket_count; i++) {
            made->hist.count += side->buckets[i];
        }
    }
}

/* One positive span at `offset` with the given counts. */
static Made simple(bool integer, i32 offset, size_t count, const f64 *counts)
{
    Made made = {.hist = {.schema = 1, .integer = integer, .zero_threshold = 0x1p-128, .sum = 3}};
    made.spans[0][0] = (Span){.offset = offset, .length = (u32)count};
    memcpy(made.buckets[0], counts, count * sizeof(f64));
    return made;
}

/* The arrays' addresses are set where the struct lies for good. */
static void settle(Made *made)
{
    set_side(made, 0, made->spans[0][0].length ? 1 : 0);
    set_side(made, 1, made->spans[1][0].length ? 1 : 0);
    count_up(made);
}

static void check_decodes(const HistogramChunk *chunk, bool integer, size_t count,
                          const Made *const *want, const i64 *t_ms)
{
    Arena arena;
    Err err;
    i64 times[8];
    f64 sums[8];
    const Histogram *got[8];
    arena_init(&arena, ARENA_MAX);
    CHECK_OK(histogram_chunk_decode(histogram_chunk_view(chunk), integer, count, &arena, times,
                                    sums, got, &err),
             &err);
    for (size_t i = 0; i < count; i++) {
        CHECK_I64(times[i], t_ms[i]);
        CHECK_U64(f64_bits(sums[i]), f64_bits(want[i]->hist.sum));
        CHECK_F64(got[i]->count, want[i]->hist.count);
        CHECK(got[i]->integer == integer);
    }
    arena_done(&arena);
}

TEST(chunk_histogram, the_first_sample_is_the_bits_that_the_format_names)
{
    /* header: one sample, unknown reset; zero threshold 2^-128: byte 116; schema 1: 10 001;
     * one positive span: 10 001, its length 2: 10 010, its offset 0: 0; no negative span: 0;
     * time 0: 0; count 3: 10 011; zero count 0: 0; sum 3.0: 0x4008000000000000;
     * buckets 1 and 2: steps 10 001, 10 001 */
    static const u8 want[] = {0x00, 0x01, 0x00, 0x74, 0x8c, 0x64, 0x26, 0x40, 0x08,
                              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x8c, 0x40};
    static const f64 counts[] = {1, 2};
    Made made = simple(true, 0, 2, counts);
    settle(&made);
    HistogramReset reset;
    HistogramChunk *chunk = histogram_chunk_new(true);
    CHECK(histogram_chunk_append(chunk, 0, &made.hist, &reset));
    CHECK_STR(histogram_chunk_view(chunk), ((Str){.ptr = (const char *)want, .len = sizeof(want)}));
    (void)histogram_chunk_free(chunk);
}

TEST(chunk_histogram, new_buckets_widen_the_chunk_and_lost_ones_end_it)
{
    static const f64 two[] = {1, 2};
    static const f64 four[] = {1, 1, 3, 1};
    static const f64 less[] = {1, 1};
    static const f64 zeros[] = {0, 5};
    for (int integer = 0; integer < 2; integer++) {
        Made narrow = simple(integer, 3, 2, two);   /* buckets 3, 4 */
        Made wide = simple(integer, 2, 4, four);    /* buckets 2 … 5 */
        Made fewer = simple(integer, 4, 2, less);   /* 3 is gone */
        Made first = simple(integer, 1, 2, zeros);  /* bucket 1 is zero */
        Made second = simple(integer, 2, 2, zeros); /* without bucket 1, which was zero */
        settle(&narrow);
        settle(&wide);
        settle(&fewer);
        settle(&first);
        settle(&second);
        second.buckets[0][0] = 5;
        second.buckets[0][1] = 9;
        count_up(&second);
        HistogramReset reset = HISTOGRAM_RESET_GAUGE;
        HistogramChunk *chunk = histogram_chunk_new(integer);
        CHECK(histogram_chunk_append(chunk, 10, &narrow.hist, &reset));
        CHECK(histogram_chunk_append(chunk, 20, &wide.hist, &reset));
        CHECK_U64(histogram_chunk_count(chunk), 2);
        CHECK(histogram_chunk_ends_with(chunk, &wide.hist));
        CHECK(!histogram_chunk_ends_with(chunk, &narrow.hist));
        const Made *const both[] = {&narrow, &wide};
        static const i64 times[] = {10, 20};
        check_decodes(chunk, integer, 2, both, times);
        CHECK(!histogram_chunk_append(chunk, 30, &fewer.hist, &reset));
        CHECK_I64(reset, HISTOGRAM_RESET_YES);
        (void)histogram_chunk_free(chunk);

        chunk = histogram_chunk_new(integer);
        CHECK(histogram_chunk_append(chunk, 10, &first.hist, &reset));
        CHECK(histogram_chunk_append(chunk, 20, &second.hist, &reset));
        (void)histogram_chunk_free(chunk);
    }
}

typedef struct Refusal {
    i32 schema;
    f64 zero_threshold;
    f64 zero_count;
    f64 first_bucket;
    ResetHint hint;
    bool stale;
    bool taken;
    HistogramReset reset;
} Refusal;

TEST(chunk_histogram, a_chunk_ends_for_the_reasons_of_the_original)
{
    static const Refusal cases[] = {
        {1, 0x1p-128, 2, 5, RESET_UNKNOWN, false, true, HISTOGRAM_RESET_NO},
        {1, 0x1p-128, 2, 4, RESET_UNKNOWN, false, false, HISTOGRAM_RESET_YES}, /* a bucket fell */
        {1, 0x1p-128, 1, 9, RESET_UNKNOWN, false, false, HISTOGRAM_RESET_YES}, /* so did zeros */
        {2, 0x1p-128, 2, 5, RESET_UNKNOWN, false, false, HISTOGRAM_RESET_UNKNOWN},
        {1, 0x1p-127, 2, 5, RESET_UNKNOWN, false, false, HISTOGRAM_RESET_UNKNOWN},
        {1, 0x1p-128, 2, 5, RESET_YES, false, false, HISTOGRAM_RESET_YES},
        {1, 0x1p-128, 2, 5, RESET_GAUGE, false, false, HISTOGRAM_RESET_GAUGE},
        {1, 0x1p-128, 2, 0, RESET_UNKNOWN, true, true, HISTOGRAM_RESET_NO},
    };
    static const f64 counts[] = {5, 5};
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        const Refusal *c = &cases[i / 2];
        bool integer = i % 2;
        Made before = simple(integer, 0, 2, counts);
        before.hist.zero_count = 2;
        settle(&before);
        Made after = simple(integer, 0, 2, counts);
        after.hist.schema = c->schema;
        after.hist.zero_threshold = c->zero_threshold;
        after.hist.zero_count = c->zero_count;
        after.hist.reset = c->hint;
        after.buckets[0][0] = c->first_bucket;
        after.buckets[0][1] = 20;
        settle(&after);
        if (c->stale) {
            after.hist.sum = f64_from_bits(STALE_NAN_BITS);
        }
        HistogramReset reset = HISTOGRAM_RESET_UNKNOWN;
        HistogramChunk *chunk = histogram_chunk_new(integer);
        CHECK(histogram_chunk_append(chunk, 0, &before.hist, &reset));
        CHECK(histogram_chunk_append(chunk, 15, &after.hist, &reset) == c->taken);
        CHECK_I64(reset, c->reset);
        if (c->stale) { /* only stale markers follow one */
            CHECK(histogram_chunk_append(chunk, 30, &after.hist, &reset));
            CHECK(!histogram_chunk_append(chunk, 45, &before.hist, &reset));
            CHECK_I64(reset, HISTOGRAM_RESET_UNKNOWN);
        }
        (void)histogram_chunk_free(chunk);
    }
}

static void random_histogram(Random *random, Made *made, bool integer, const Made *before)
{
    *made = *before;
    if (!before->hist.custom_bounds) { /* the first one decides */
        bool custom = random_below(random, 4) == 0;
        made->hist.schema = custom ? HISTOGRAM_CUSTOM_SCHEMA : (i32)random_below(random, 5);
        made->hist.zero_threshold = custom ? 0 : random_below(random, 2) ? 0.001 : 0x1p-20;
        for (size_t i = 0; custom && i < COUNT_OF(made->bounds); i++) {
            made->bounds[i] = (f64)i * (random_below(random, 2) ? 0.125 : 0.3) - 0.5;
        }
        made->hist.custom_count = custom ? COUNT_OF(made->bounds) : 0;
    }
    made->hist.custom_bounds = made->bounds;
    made->hist.integer = integer;
    made->hist.sum = random_f64(random) * 100;
    made->hist.zero_count += (f64)random_below(random, 3);
    for (size_t s = 0; s < 2; s++) { /* grows at its end */
        u32 length = made->spans[s][0].length;
        if (random_below(random, 6) == 0 && length < 20) {
            made->spans[s][0].length = length + 1;
            made->buckets[s][length] = 0;
        }
        for (u32 i = 0; i < made->spans[s][0].length; i++) {
            made->buckets[s][i] += (f64)random_below(random, random_below(random, 9) ? 4 : 1000000);
            made->buckets[s][i] += integer ? 0 : 0.1;
        }
        set_side(made, s, made->spans[s][0].length ? 1 : 0);
    }
    count_up(made);
}

/* Looks up a bucket by its index: layouts may be wider than what was put in. */
static f64 bucket_at(const BucketSide *side, i64 index)
{
    i64 at = 0;
    size_t bucket = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        at += side->spans[i].offset;
        for (u32 j = 0; j < side->spans[i].length; j++, at++, bucket++) {
            if (at == index) {
                return side->buckets[bucket];
            }
        }
    }
    return 0;
}

static void check_equal(const Histogram *got, const Histogram *want)
{
    CHECK_I64(got->schema, want->schema);
    CHECK_F64(got->zero_threshold, want->zero_threshold);
    CHECK_F64(got->zero_count, want->zero_count);
    CHECK_F64(got->count, want->count);
    CHECK_U64(f64_bits(got->sum), f64_bits(want->sum));
    CHECK_U64(got->custom_count, want->custom_count);
    for (size_t i = 0; i < want->custom_count; i++) {
        CHECK_F64(got->custom_bounds[i], want->custom_bounds[i]);
    }
    for (i64 index = -5; index < 30; index++) {
        CHECK_F64(bucket_at(&got->positive, index), bucket_at(&want->positive, index));
        CHECK_F64(bucket_at(&got->negative, index), bucket_at(&want->negative, index));
    }
}

TEST(chunk_histogram, random_counters_come_back_whatever_buckets_appear)
{
    enum { SAMPLES = 120 };
    Random random;
    Made *made = MEM_ARRAY(Made, SAMPLES + 1);
    i64 *times = MEM_ARRAY(i64, SAMPLES);
    f64 *sums = MEM_ARRAY(f64, SAMPLES);
    const Histogram **got = MEM_ARRAY(const Histogram *, SAMPLES);
    random_seed(&random, test_seed());
    for (int round = 0; round < 60; round++) {
        bool integer = round % 2;
        HistogramChunk *chunk = histogram_chunk_new(integer);
        made[0] = (Made){0};
        size_t count = 0;
        for (; count < SAMPLES; count++) {
            HistogramReset reset;
            Made *now = &made[count + 1];
            random_histogram(&random, now, integer, &made[count]);
            set_side(now, 0, now->spans[0][0].length ? 1 : 0);
            set_side(now, 1, now->spans[1][0].length ? 1 : 0);
            times[count] = 1000 * (i64)count + (i64)random_below(&random, 50);
            CHECK(histogram_chunk_append(chunk, times[count], &now->hist, &reset));
            CHECK(histogram_chunk_ends_with(chunk, &now->hist));
        }
        Arena arena;
        Err err;
        i64 *back = MEM_ARRAY(i64, SAMPLES);
        arena_init(&arena, ARENA_MAX);
        Str view = histogram_chunk_view(chunk);
        CHECK_OK(histogram_chunk_decode(view, integer, count, &arena, back, sums, got, &err), &err);
        for (size_t i = 0; i < count; i++) {
            CHECK_I64(back[i], times[i]);
            CHECK_I64(got[i]->reset, i ? RESET_NO : RESET_UNKNOWN);
            check_equal(got[i], &made[i + 1].hist);
        }
        for (size_t cut = 0; cut < view.len; cut += 1 + cut / 50) {
            arena_clear(&arena);
            CHECK(!histogram_chunk_decode(str_take(view, cut), integer, count, &arena, back, sums,
                                          got, &err));
            CHECK_I64(err.code, ERR_CORRUPT);
        }
        mem_free(back);
        arena_done(&arena);
        (void)histogram_chunk_free(chunk);
    }
    mem_free(made);
    mem_free(times);
    mem_free(sums);
    mem_free(got);
}

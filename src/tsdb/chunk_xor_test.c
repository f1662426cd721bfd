/* Tests of tsdb/chunk_xor.h, against a twin that knows only single bits. */
#include "tsdb/chunk_xor.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "model/sample.h"

#include <math.h>
#include <string.h>

enum {
    CHUNK_ROOM = 64 * 1024,
    SAMPLES_MAX = 2000,
};

/* The twin's writer: one byte a bit. */
typedef struct Bits {
    u8 bit[CHUNK_ROOM * 8];
    size_t count;
} Bits;

static void twin_put(Bits *bits, u64 value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        bits->bit[bits->count++] = (u8)(value >> i & 1);
    }
}

static void twin_put_varint(Bits *bits, u64 value)
{
    while (value > 127) {
        twin_put(bits, value % 128 + 128, 8);
        value /= 128;
    }
    twin_put(bits, value, 8);
}

static void twin_put_dod(Bits *bits, i64 dod)
{
    static const struct {
        i64 low, high;
        u64 prefix;
        int prefix_bits, bits;
    } classes[] = {{0, 0, 0, 1, 0},
                   {-8191, 8192, 2, 2, 14},
                   {-65535, 65536, 6, 3, 17},
                   {-524287, 524288, 14, 4, 20},
                   {INT64_MIN, INT64_MAX, 15, 4, 64}};
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (dod >= classes[i].low && dod <= classes[i].high) {
            twin_put(bits, classes[i].prefix, classes[i].prefix_bits);
            twin_put(bits, (u64)dod, classes[i].bits);
            return;
        }
    }
}

typedef struct Window {
    bool known;
    int leading, trailing;
} Window;

static int zeros_at(u64 x, bool from_top)
{
    int zeros = 0;
    while (zeros < 64 && (x >> (from_top ? 63 - zeros : zeros) & 1) == 0) {
        zeros++;
    }
    return zeros;
}

static void twin_put_value(Bits *bits, Window *window, u64 before, u64 now)
{
    u64 changed = before ^ now;
    if (changed == 0) {
        twin_put(bits, 0, 1);
        return;
    }
    int leading = MIN(zeros_at(changed, true), 31);
    int trailing = zeros_at(changed, false);
    if (window->known && leading >= window->leading && trailing >= window->trailing) {
        twin_put(bits, 2, 2);
    } else {
        *window = (Window){true, leading, trailing};
        twin_put(bits, 3, 2);
        twin_put(bits, (u64)leading, 5);
        twin_put(bits, (u64)(64 - leading - trailing) % 64, 6);
    }
    twin_put(bits, changed >> window->trailing, 64 - window->leading - window->trailing);
}

static size_t twin_encode(const i64 *t, const f64 *v, size_t count, u8 *out)
{
    static Bits bits;
    Window window = {0};
    bits.count = 0;
    twin_put(&bits, count, 16);
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            twin_put_varint(&bits, t[0] < 0 ? ~((u64)t[0] << 1) : (u64)t[0] << 1);
            twin_put(&bits, f64_bits(v[0]), 64);
            continue;
        }
        u64 delta = (u64)t[i] - (u64)t[i - 1];
        if (i == 1) {
            twin_put_varint(&bits, delta);
        } else {
            twin_put_dod(&bits, (i64)(delta - ((u64)t[i - 1] - (u64)t[i - 2])));
        }
        twin_put_value(&bits, &window, f64_bits(v[i - 1]), f64_bits(v[i]));
    }
    size_t size = (bits.count + 7) / 8;
    memset(out, 0, size);
    for (size_t i = 0; i < bits.count; i++) {
        out[i / 8] |= (u8)(bits.bit[i] << (7 - i % 8));
    }
    return size;
}

typedef struct Case {
    i64 t[SAMPLES_MAX];
    f64 v[SAMPLES_MAX];
    size_t count;
} Case;

static i64 random_step(Random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return (i64)random_below(random, 10000);
    case 1:
        return 15000 + (i64)random_below(random, 70000);
    case 2:
        return (i64)random_below(random, 1000000);
    case 3:
        return (i64)random_below(random, (u64)1 << 40);
    default:
        return 15000;
    }
}

static f64 random_value(Random *random, f64 before)
{
    switch (random_below(random, 9)) {
    case 0:
        return f64_from_bits(random_u64(random));
    case 1:
        return f64_from_bits(STALE_NAN_BITS);
    case 2:
        return -before;
    case 3:
        return random_f64(random);
    case 4:
    case 5:
        return before + (f64)random_below(random, 100);
    case 6:
        return f64_from_bits(f64_bits(before) ^ (u64)1 << random_below(random, 64));
    default:
        return before;
    }
}

static void random_case(Random *random, Case *ret)
{
    ret->count = 1 + random_below(random, random_below(random, 10) ? 130 : SAMPLES_MAX - 1);
    i64 t = (i64)(random_u64(random) >> random_below(random, 64)) / 4;
    f64 v = 0;
    for (size_t i = 0; i < ret->count; i++) {
        ret->t[i] = t;
        ret->v[i] = v;
        t += random_step(random);
        v = random_value(random, v);
    }
}

static size_t encode(const Case *c, u8 *chunk)
{
    XorAppender appender = {0};
    for (size_t i = 0; i < c->count; i++) {
        u32 before = xor_size(&appender);
        xor_append(&appender, chunk, c->t[i], c->v[i]);
        CHECK(xor_size(&appender) - before <= XOR_SAMPLE_BYTES_MAX + XOR_HEADER_SIZE);
    }
    return xor_size(&appender);
}

static void check_decodes(Str chunk, const Case *c, size_t count)
{
    static i64 t[SAMPLES_MAX];
    static f64 v[SAMPLES_MAX];
    Err err;
    CHECK_OK(xor_decode(chunk, count, t, v, &err), &err);
    CHECK(memcmp(t, c->t, count * sizeof(t[0])) == 0);
    CHECK(memcmp(v, c->v, count * sizeof(v[0])) == 0);
}

TEST(chunk_xor, random_samples_match_the_twin_bit_for_bit_and_come_back)
{
    Random random;
    random_seed(&random, test_seed());
    Case *c = MEM_NEW(Case);
    u8 *ours = mem_alloc(CHUNK_ROOM);
    u8 *twin = mem_alloc(CHUNK_ROOM);
    for (int round = 0; round < 2000; round++) {
        random_case(&random, c);
        size_t size = encode(c, ours);
        CHECK_U64(twin_encode(c->t, c->v, c->count, twin), size);
        CHECK(memcmp(ours, twin, size) == 0);
        u8 *exact = mem_alloc(size); /* so that a sanitizer sees a read behind the end */
        memcpy(exact, ours, size);
        Str chunk = {.ptr = (const char *)exact, .len = size};
        CHECK_U64(xor_count(chunk), c->count);
        check_decodes(chunk, c, c->count);
        check_decodes(chunk, c, random_below(&random, c->count + 1));
        mem_free(exact);
    }
    mem_free(c);
    mem_free(ours);
    mem_free(twin);
}

TEST(chunk_xor, a_resumed_appender_goes_on_where_the_first_one_stopped)
{
    Random random;
    random_seed(&random, test_seed() + 1);
    Case *c = MEM_NEW(Case);
    u8 *chunk = mem_alloc(CHUNK_ROOM);
    for (int round = 0; round < 500; round++) {
        random_case(&random, c);
        size_t first = random_below(&random, c->count + 1);
        XorAppender appender = {0};
        memset(chunk, 0, XOR_HEADER_SIZE);
        for (size_t i = 0; i < first; i++) {
            xor_append(&appender, chunk, c->t[i], c->v[i]);
        }
        Str view = {.ptr = (const char *)chunk, .len = MAX(xor_size(&appender), 2U)};
        Err err;
        CHECK_OK(xor_resume(view, &appender, &err), &err);
        for (size_t i = first; i < c->count; i++) {
            xor_append(&appender, chunk, c->t[i], c->v[i]);
        }
        check_decodes((Str){.ptr = (const char *)chunk, .len = xor_size(&appender)}, c, c->count);
    }
    mem_free(c);
    mem_free(chunk);
}

TEST(chunk_xor, the_edges_of_every_time_class_come_back)
{
    static const i64 dods[] = {
        0,      1,       -8191,     8192,      -8192,        8193,
        65536,  -65535,  65537,     -65536,    524288,       -524287,
        524289, -524288, INT32_MAX, INT32_MIN, (i64)1 << 50, -((i64)1 << 50)};
    Case *c = MEM_NEW(Case);
    u8 *chunk = mem_alloc(CHUNK_ROOM);
    for (size_t i = 0; i < COUNT_OF(dods); i++) {
        c->count = 3;
        c->t[0] = -5;
        c->t[1] = c->t[0] + ((i64)1 << 51);
        c->t[2] = c->t[1] + ((i64)1 << 51) + dods[i];
        size_t size = encode(c, chunk);
        check_decodes((Str){.ptr = (const char *)chunk, .len = size}, c, c->count);
    }
    mem_free(c);
    mem_free(chunk);
}

TEST(chunk_xor, every_shortened_chunk_is_corrupt_or_a_shorter_truth)
{
    Random random;
    random_seed(&random, test_seed() + 2);
    Case *c = MEM_NEW(Case);
    u8 *chunk = mem_alloc(CHUNK_ROOM);
    static i64 t[SAMPLES_MAX];
    static f64 v[SAMPLES_MAX];
    for (int round = 0; round < 20; round++) {
        random_case(&random, c);
        c->count = MIN(c->count, (size_t)130);
        size_t size = encode(c, chunk);
        for (size_t cut = 0; cut < size; cut++) {
            Err err = {0};
            Str view = {.ptr = (const char *)chunk, .len = cut};
            CHECK(!xor_decode(view, c->count, t, v, &err));
            CHECK_I64(err.code, ERR_CORRUPT);
        }
        CHECK(
            !xor_decode((Str){.ptr = (const char *)chunk, .len = size}, c->count + 1, t, v, NULL));
    }
    mem_free(c);
    mem_free(chunk);
}

TEST(chunk_xor, an_impossible_window_is_refused)
{
    /* Two samples; the second says 31 leading zeros and 63 significant bits. */
    u8 chunk[64] = {0, 2, 0};
    u32 at = (2 + 1 + 8) * 8;
    chunk[at / 8] = 1; /* time difference */
    chunk[at / 8 + 1] = 0xff;
    chunk[at / 8 + 2] = 0xff;
    i64 t[2];
    f64 v[2];
    Err err = {0};
    CHECK(!xor_decode((Str){.ptr = (const char *)chunk, .len = sizeof(chunk)}, 2, t, v, &err));
    CHECK_I64(err.code, ERR_CORRUPT);
}

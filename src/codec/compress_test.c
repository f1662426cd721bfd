/* Compression: tests. Layer: codec. */
#include "codec/compress.h"

#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

static bool gzip_pack_middle(Str in, Buf *out, Err *err)
{
    return gzip_pack(in, 6, out, err);
}

static bool zstd_pack_fast(Str in, Buf *out, Err *err)
{
    return zstd_pack(in, 1, out, err);
}

typedef struct Format {
    const char *name;
    bool (*pack)(Str in, Buf *out, Err *err);
    bool (*unpack)(Str in, size_t max, Buf *out, Err *err);
} Format;

static const Format formats[] = {
    {"gzip", gzip_pack_middle, gzip_unpack},
    {"zstd", zstd_pack_fast, zstd_unpack},
    {"snappy", snappy_pack, snappy_unpack},
};

/* Text that repeats itself, with some noise. */
static void fill(Buf *out, size_t size, Random *random)
{
    buf_clear(out);
    while (out->len < size) {
        u64 number = random_u64(random);
        buf_printf(out, "metric_%llu{job=\"x\"} %llu\n", (unsigned long long)(number % 7),
                   (unsigned long long)(number >> 50));
    }
    out->len = size;
}

TEST(compress, what_was_packed_unpacks_to_the_same)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 16385, 70000, 3000000};
    Random random;
    random_seed(&random, test_seed());
    Buf plain;
    Buf packed;
    Buf back;
    Err err;
    buf_init(&plain, 8 * MIB);
    buf_init(&packed, 8 * MIB);
    buf_init(&back, 8 * MIB);
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            fill(&plain, sizes[i], &random);
            buf_clear(&packed);
            buf_clear(&back);
            buf_lit(&back, "kept");
            CHECK_OK(formats[f].pack(buf_view(&plain), &packed, &err), &err);
            CHECK_OK(formats[f].unpack(buf_view(&packed), sizes[i], &back, &err), &err);
            CHECK_STR(str_take(buf_view(&back), 4), S("kept"));
            CHECK(str_eq(str_skip(buf_view(&back), 4), buf_view(&plain)));
            CHECK(sizes[i] < 16384 || packed.len < sizes[i] / 2);
        }
    }
    buf_done(&plain);
    buf_done(&packed);
    buf_done(&back);
}

TEST(compress, unpacking_stops_at_its_limit)
{
    Random random;
    random_seed(&random, test_seed());
    Buf plain;
    Buf packed;
    Err err;
    buf_init(&plain, MIB);
    buf_init(&packed, MIB);
    fill(&plain, 100000, &random);
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        buf_clear(&packed);
        CHECK_OK(formats[f].pack(buf_view(&plain), &packed, &err), &err);
        static const size_t limits[][2] = {{99999, MIB}, {0, MIB}, {MIB, 99999}, {SIZE_MAX, 10}};
        for (size_t i = 0; i < COUNT_OF(limits); i++) {
            Buf out;
            buf_init(&out, limits[i][1]);
            CHECK(!formats[f].unpack(buf_view(&packed), limits[i][0], &out, &err));
            CHECK_I64(err.code, ERR_LIMIT);
            CHECK_U64(out.len, 0);
            buf_done(&out);
        }
        Buf exact;
        buf_init(&exact, 100000);
        CHECK_OK(formats[f].unpack(buf_view(&packed), 100000, &exact, &err), &err);
        CHECK(str_eq(buf_view(&exact), buf_view(&plain)));
        buf_done(&exact);
        Buf small;
        buf_init(&small, 10);
        CHECK(!formats[f].pack(buf_view(&plain), &small, &err));
        CHECK_I64(err.code, ERR_LIMIT);
        buf_done(&small);
    }
    buf_done(&plain);
    buf_done(&packed);
}

TEST(compress, cut_or_broken_input_is_an_error)
{
    Random random;
    random_seed(&random, test_seed());
    Buf plain;
    Buf packed;
    Err err;
    buf_init(&plain, MIB);
    buf_init(&packed, MIB);
    fill(&plain, 20000, &random);
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        buf_clear(&packed);
        CHECK_OK(formats[f].pack(buf_view(&plain), &packed, &err), &err);
        Str whole = buf_view(&packed);
        for (size_t len = 0; len < whole.len; len += 1 + whole.len / 50) {
            Buf out;
            buf_init(&out, MIB);
            CHECK(!formats[f].unpack(str_take(whole, len), MIB, &out, &err));
            CHECK_I64(err.code, ERR_INVALID);
            CHECK_U64(out.len, 0);
            buf_done(&out);
        }
        Buf out;
        buf_init(&out, MIB);
        CHECK(!formats[f].unpack(S("not compressed at all"), MIB, &out, &err));
        buf_lit(&packed, "garbage");
        CHECK(!formats[f].unpack(buf_view(&packed), MIB, &out, &err));
        CHECK_U64(out.len, 0);
        buf_done(&out);
    }
    buf_done(&plain);
    buf_done(&packed);
}

TEST(compress, a_snappy_header_cannot_ask_for_more_than_its_input_can_hold)
{
    Buf out;
    Err err;
    buf_init(&out, GIB);
    /* says 512 MiB, holds two bytes */
    CHECK(!snappy_unpack(S("\x80\x80\x80\x80\x02\x04xx"), GIB, &out, &err));
    CHECK_I64(err.code, ERR_INVALID);
    CHECK_U64(out.capacity, 0);
    buf_done(&out);
}

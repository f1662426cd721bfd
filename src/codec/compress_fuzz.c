/*
 * Compression fuzzer. Oracle: packing and unpacking gives the input back; unpacking noise is an
 * error or stays within its limit, and an error leaves the output as it was.
 *
 * Layer: codec, tests only.
 */
#include "codec/compress.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { NOISE_MAX = 1 << 20 };

typedef bool (*Unpack)(Str in, size_t max, Buf *out, Err *err);

static void check_noise(Unpack unpack, Str in)
{
    Buf out;
    Err err = {0};
    buf_init(&out, NOISE_MAX + 4);
    buf_lit(&out, "kept");
    if (unpack(in, NOISE_MAX, &out, &err)) {
        ASSERT(out.len - 4 <= NOISE_MAX);
    } else {
        ASSERT(out.len == 4 && err.code != ERR_NONE);
    }
    ASSERT(str_starts_with(buf_view(&out), S("kept")));
    buf_done(&out);
}

static void check_round(Unpack unpack, Str in, Buf *packed)
{
    Buf out;
    Err err;
    buf_init(&out, in.len);
    ASSERT(unpack(buf_view(packed), in.len, &out, &err));
    ASSERT(str_eq(buf_view(&out), in));
    buf_done(&out);
    buf_clear(packed);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str in = {.ptr = (const char *)data, .len = size};
    Buf packed;
    Err err;
    buf_init(&packed, 2 * size + 4096);
    ASSERT(gzip_pack(in, 1, &packed, &err));
    check_round(gzip_unpack, in, &packed);
    ASSERT(zstd_pack(in, 1, &packed, &err));
    check_round(zstd_unpack, in, &packed);
    ASSERT(snappy_pack(in, &packed, &err));
    check_round(snappy_unpack, in, &packed);
    buf_done(&packed);
    check_noise(gzip_unpack, in);
    check_noise(zstd_unpack, in);
    check_noise(snappy_unpack, in);
    return 0;
}

/*
 * Fuzzes the XOR decoder. Oracle: what decodes is coded again and must decode to the same columns;
 * and decoding a prefix gives a prefix.
 */
#include "base/mem.h"
#include "tsdb/chunk_xor.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str chunk = {.ptr = (const char *)data, .len = size};
    size_t count = xor_count(chunk);
    i64 *t = MEM_ARRAY(i64, count + 1);
    f64 *v = MEM_ARRAY(f64, count + 1);
    Err err;
    XorAppender resumed;
    bool ok = xor_decode(chunk, count, t, v, &err);
    ASSERT(xor_resume(chunk, &resumed, &err) == ok);
    if (ok && count > 0) {
        ASSERT(resumed.t_ms == t[count - 1] && resumed.bits <= size * 8);
        u8 *again = mem_zero(XOR_HEADER_SIZE + count + 1, XOR_SAMPLE_BYTES_MAX);
        i64 *t2 = MEM_ARRAY(i64, count);
        f64 *v2 = MEM_ARRAY(f64, count);
        XorAppender appender = {0};
        for (size_t i = 0; i < count; i++) {
            xor_append(&appender, again, t[i], v[i]);
        }
        Str recoded = {.ptr = (const char *)again, .len = xor_size(&appender)};
        ASSERT(xor_decode(recoded, count, t2, v2, &err));
        ASSERT(memcmp(t, t2, count * sizeof(*t)) == 0 && memcmp(v, v2, count * sizeof(*v)) == 0);
        ASSERT(xor_decode(chunk, count / 2, t2, v2, &err));
        ASSERT(memcmp(t, t2, count / 2 * sizeof(*t)) == 0);
        mem_free(again);
        mem_free(t2);
        mem_free(v2);
    }
    mem_free(t);
    mem_free(v);
    return 0;
}

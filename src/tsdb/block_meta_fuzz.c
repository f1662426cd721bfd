/*
 * Fuzzes meta.json. Oracle: what parses is written, parsed and written again with the same text.
 * Layer: tsdb.
 */
#include "tsdb/block_meta.h"

enum { LIMIT = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Arena arena;
    Buf first;
    Buf second;
    BlockMeta meta;
    BlockMeta again;
    arena_init(&arena, LIMIT);
    buf_init(&first, LIMIT);
    buf_init(&second, LIMIT);
    if (block_meta_parse((Str){.ptr = (const char *)data, .len = size}, &arena, &meta, NULL)) {
        block_meta_format(&first, &meta);
        ASSERT(block_meta_parse(buf_view(&first), &arena, &again, NULL));
        ASSERT(again.mint_ms == meta.mint_ms && again.maxt_ms == meta.maxt_ms);
        ASSERT(again.source_count == meta.source_count && again.extra_count == meta.extra_count);
        block_meta_format(&second, &again);
        ASSERT(str_eq(buf_view(&first), buf_view(&second)));
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&arena);
    return 0;
}

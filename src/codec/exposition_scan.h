/*
 * Exposition scan: finds the end of a series text, sixteen to sixty-four bytes a step (SSE2, or
 * what SIMDe makes of it elsewhere).
 *
 * Layer: codec, private to exposition.c. Memory: reads up to EXPOSITION_SLACK bytes past the page.
 * Thread: any.
 */
#pragma once

#include "base/types.h"

#include <simde/x86/sse2.h>

/* One bit for each of 64 bytes. */
typedef struct LabelBlock {
    u64 quote;
    u64 close; /* closing brace */
    u64 care;  /* backslash or line end: not for this quick scan */
} LabelBlock;

static inline u64 byte_mask(simde__m128i matches, int part)
{
    return (u64)(u16)simde_mm_movemask_epi8(matches) << (16 * part);
}

static inline LabelBlock scan_label_block(const char *at)
{
    LabelBlock block = {0};
    for (int part = 0; part < 4; part++) {
        simde__m128i bytes = simde_mm_loadu_si128((const void *)(at + 16 * (ptrdiff_t)part));
        block.quote |= byte_mask(simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('"')), part);
        block.close |= byte_mask(simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('}')), part);
        block.care |=
            byte_mask(simde_mm_or_si128(simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('\\')),
                                        simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('\n'))),
                      part);
    }
    return block;
}

/* The first opening brace, blank or control, or a place at or behind `end`. */
static inline const char *skip_name(const char *at, const char *end)
{
    const simde__m128i space = simde_mm_set1_epi8(' ');
    for (; at < end; at += 16) {
        simde__m128i bytes = simde_mm_loadu_si128((const void *)at);
        simde__m128i low = simde_mm_cmpeq_epi8(simde_mm_min_epu8(bytes, space), bytes);
        simde__m128i open = simde_mm_cmpeq_epi8(bytes, simde_mm_set1_epi8('{'));
        unsigned mask = (unsigned)simde_mm_movemask_epi8(simde_mm_or_si128(low, open));
        if (mask) {
            return at + __builtin_ctz(mask);
        }
    }
    return end;
}

/* Behind the brace that closes the labels at `at`; NULL when this scan cannot tell. */
static inline const char *skip_labels(const char *at, const char *end)
{
    bool inside = false; /* a quoted value */
    for (; at < end; at += 64) {
        LabelBlock block = scan_label_block(at);
        for (u64 close = block.close; close; close &= close - 1) {
            u64 before = (close & -close) - 1;
            if (__builtin_parityll(block.quote & before) == inside) {
                const char *behind = at + __builtin_ctzll(close) + 1;
                return (block.care & before) || behind > end ? NULL : behind;
            }
        }
        if (block.care) {
            return NULL;
        }
        inside ^= __builtin_parityll(block.quote);
    }
    return NULL;
}

/* Behind the series text at `at`, where it is plainly written; NULL when this scan cannot tell. */
static inline const char *skip_series(const char *at, const char *end)
{
    const char *stop = skip_name(at, end);
    if (stop >= end) {
        return NULL;
    }
    return *stop == '{' ? skip_labels(stop + 1, end) : stop;
}

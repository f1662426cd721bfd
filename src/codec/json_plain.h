/*
 * JSON plain: finds how far a string needs no care, for json_*.c. Sixteen bytes a step (SSE2, or
 * what SIMDe makes of it elsewhere).
 *
 * Layer: codec, private to json_*.c. Memory: none. Thread: any.
 */
#pragma once

#include "base/types.h"

#include <simde/x86/sse2.h>

/* A byte that stands for itself inside a JSON string and is a code point alone. */
static inline bool json_is_plain(char c)
{
    return (i8)c >= 0x20 && c != '"' && c != '\\';
}

/* The first byte that is not plain, or end. */
static inline const char *json_skip_plain(const char *at, const char *end)
{
    const simde__m128i quote = simde_mm_set1_epi8('"');
    const simde__m128i backslash = simde_mm_set1_epi8('\\');
    const simde__m128i space = simde_mm_set1_epi8(' ');
    while (end - at >= (ptrdiff_t)sizeof(simde__m128i)) {
        simde__m128i bytes = simde_mm_loadu_si128((const void *)at);
        /* Signed: bytes from 0x80 up are below the space too. */
        simde__m128i stop =
            simde_mm_or_si128(simde_mm_cmplt_epi8(bytes, space),
                              simde_mm_or_si128(simde_mm_cmpeq_epi8(bytes, quote),
                                                simde_mm_cmpeq_epi8(bytes, backslash)));
        unsigned mask = (unsigned)simde_mm_movemask_epi8(stop);
        if (mask) {
            return at + __builtin_ctz(mask);
        }
        at += sizeof(simde__m128i);
    }
    while (at < end && json_is_plain(*at)) {
        at++;
    }
    return at;
}

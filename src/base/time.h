/*
 * Time: the two clocks, RFC 3339, and Prometheus durations. Instants are i64 Unix milliseconds
 * unless a name says otherwise; durations are i64 milliseconds.
 *
 * Layer: base. Memory: none. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

#define MS_PER_SECOND ((i64)1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * MS_PER_HOUR)
#define NS_PER_MS     ((i64)1000000)
#define NS_PER_SECOND ((i64)1000000000)

i64 time_now_ms(void);       /* wall clock, Unix milliseconds */
i64 time_now_ns(void);       /* wall clock, Unix nanoseconds */
i64 time_monotonic_ns(void); /* never goes back; for intervals and time limits */

/* A calendar date and time of day in UTC. */
typedef struct Civil {
    i32 year;
    u8 month;    /* 1 … 12 */
    u8 day;      /* 1 … 31 */
    u8 hour;     /* 0 … 23 */
    u8 minute;   /* 0 … 59 */
    u8 second;   /* 0 … 59 */
    u8 weekday;  /* 0 (Sunday) … 6 */
    u16 yearday; /* 1 … 366 */
} Civil;
Civil civil_from_unix(i64 unix_seconds);
i64 civil_to_unix(i32 year, i32 month, i32 day, i32 hour, i32 minute, i32 second); /* normalises */

enum {
    ZONE_NAME_MAX = 32, /* bytes with the final NUL */
};

/* The local time zone in force at that moment: its name ("CET") and seconds east of UTC. */
bool time_zone_local(i64 unix_seconds, char name[ZONE_NAME_MAX], i64 *ret_offset_seconds);

/* "2026-11-22T23:57:08.123Z" (always three decimals). */
void time_format_rfc3339_ms(Buf *out, i64 unix_ms);

/* Go's RFC3339Nano in UTC: trailing zeros of the fraction are dropped. */
void time_format_rfc3339_ns(Buf *out, i64 unix_ns);

/* RFC 3339 with any number of decimals and any offset, to nanoseconds. ERR_INVALID with pos. */
bool time_parse_rfc3339(Str s, i64 *ret_unix_ns, Err *err) MUST_USE;

/*
 * A Prometheus duration: "1h30m", units y w d h m s ms from large to small, each once; "0".
 * Errors  ERR_INVALID, worded as the original 3.14: `not a valid duration string: "…"`, `unknown
 *         unit "…" in duration "…"`, `duration out of range`.
 */
bool duration_parse(Str s, i64 *ret_ms, Err *err) MUST_USE;

/* The original's shortest form: "1h30m", "15s", "0s". */
void duration_format(Buf *out, i64 ms);

/* Go's time.Duration.String(): "1m0s", "1.5s", "15ms"; ns in. */
void duration_format_go(Buf *out, i64 ns);

/* Sizes as flags and configuration write them: "512MB" (powers of two; B KB MB GB TB PB EB, also
 * KiB …). */
bool size_parse(Str s, u64 *ret_bytes, Err *err) MUST_USE;

/* The originals' form of a size, every power of 1024 by itself: "1GiB512MiB", "0B". */
void size_format(Buf *out, u64 bytes);

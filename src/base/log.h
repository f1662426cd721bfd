/*
 * Log: events with typed fields, written as Prometheus 3 writes them, one line an event:
 *
 *     time=2026-11-22T23:57:08.123Z level=INFO source=wal.c:88 msg="WAL replay" component=tsdb
 *     {"time":"…","level":"INFO","source":"wal.c:88","msg":"WAL replay","component":"tsdb"}
 *
 * Only roles (and long-running services in their name) log. The message is fixed text; what varies
 * goes into fields. Secrets never go into either.
 *
 *     log_info("Scrape pool started", LOG_STR("job", job), LOG_I64("targets", n));
 *
 * Layer: base. Memory: fields are borrowed for the call. Thread: any; a line is one write.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } LogLevel;
typedef enum LogFormat { LOG_LOGFMT, LOG_JSON } LogFormat;

typedef enum LogFieldKind {
    LOG_FIELD_STR,
    LOG_FIELD_I64,
    LOG_FIELD_F64,
    LOG_FIELD_BOOL,
    LOG_FIELD_DURATION
} LogFieldKind;

typedef struct LogField {
    const char *key;
    LogFieldKind kind;
    Str str;
    i64 i64; /* also bool, and durations in nanoseconds */
    f64 f64;
} LogField;

#define LOG_STR(key_, str_) ((LogField){.key = (key_), .kind = LOG_FIELD_STR, .str = (str_)})
#define LOG_I64(key_, n_)   ((LogField){.key = (key_), .kind = LOG_FIELD_I64, .i64 = (i64)(n_)})
#define LOG_F64(key_, x_)   ((LogField){.key = (key_), .kind = LOG_FIELD_F64, .f64 = (x_)})
#define LOG_BOOL(key_, b_)  ((LogField){.key = (key_), .kind = LOG_FIELD_BOOL, .i64 = (b_)})
#define LOG_DURATION_NS(key_, ns_) \
    ((LogField){.key = (key_), .kind = LOG_FIELD_DURATION, .i64 = (ns_)})
#define LOG_ERR(err_) LOG_STR("err", str_from((err_)->message))

void log_set_level(LogLevel level);
void log_set_format(LogFormat format);
bool log_level_parse(Str s, LogLevel *ret);   /* debug info warn error */
bool log_format_parse(Str s, LogFormat *ret); /* logfmt json */
bool log_enabled(LogLevel level);

/* Where lines go instead of standard error, for tests; NULL restores it. */
void log_set_writer(void (*write)(void *self, Str line), void *self);

void log_write(LogLevel level, const char *file, int line, Str message, const LogField *fields,
               size_t count);

#define LOG_AT(level_, message_, ...)                                             \
    do {                                                                          \
        if (log_enabled(level_)) {                                                \
            const LogField log_fields_[] = {{0}, ##__VA_ARGS__};                  \
            log_write((level_), __FILE__, __LINE__, S(message_), log_fields_ + 1, \
                      COUNT_OF(log_fields_) - 1);                                 \
        }                                                                         \
    } while (0)
#define log_debug(message, ...) LOG_AT(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...)  LOG_AT(LOG_INFO, message, ##__VA_ARGS__)
#define log_warn(message, ...)  LOG_AT(LOG_WARN, message, ##__VA_ARGS__)
#define log_error(message, ...) LOG_AT(LOG_ERROR, message, ##__VA_ARGS__)

/* One field as logfmt or JSON would print it; other writers (query log) share the quoting. */
void log_put_logfmt_value(Buf *out, Str value);

/* Reply: see reply.h. Layer: role/prometheus. Memory: api_reply_end. Thread: the request's worker.
 */
#include "role/prometheus/reply.h"

#include "base/time.h"
#include "codec/number.h"
#include "model/histogram.h"
#include "promql/histogram_math.h"

#include <math.h>

void api_reply_begin(ApiReply *reply, HttpExchange *exchange)
{
    *reply = (ApiReply){.exchange = exchange};
    buf_init(&reply->buf, REPLY_PIECE_MAX);
    json_writer_init(&reply->json, &reply->buf);
    json_object(&reply->json);
    json_key_str(&reply->json, "status", S("success"));
    json_key(&reply->json, S("data"));
}

bool api_reply_flush(ApiReply *reply)
{
    if (reply->gone) {
        return false;
    }
    if (reply->buf.len < REPLY_CHUNK_BYTES) {
        return true;
    }
    if (!reply->streaming) {
        http_stream_begin(reply->exchange, 200, S("application/json"));
        reply->streaming = true;
    }
    reply->gone = reply->buf.overflowed || !http_write(reply->exchange, buf_view(&reply->buf));
    buf_clear(&reply->buf);
    return !reply->gone;
}

static void put_notes(JsonWriter *json, Str key, const Str *notes, size_t count)
{
    if (count == 0) {
        return;
    }
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < count; i++) {
        json_put_str(json, notes[i]);
    }
    json_array_end(json);
}

void api_reply_end(ApiReply *reply, const ApiNotes *notes)
{
    if (notes) {
        put_notes(&reply->json, S("warnings"), notes->warnings, notes->warning_count);
        put_notes(&reply->json, S("infos"), notes->infos, notes->info_count);
    }
    json_object_end(&reply->json);
    Err err = {0};
    if (reply->streaming) {
        if (!reply->gone) {
            (void)http_write(reply->exchange, buf_view(&reply->buf));
        }
        http_stream_end(reply->exchange);
    } else if (buf_ok(&reply->buf, &err)) {
        http_reply_buf(reply->exchange, 200, S("application/json"), &reply->buf);
    } else {
        api_error(reply->exchange, &err);
    }
    buf_done(&reply->buf);
}

void api_reply_empty(HttpExchange *exchange)
{
    http_reply(exchange, 200, S("application/json"), S("{\"status\":\"success\"}"));
}

typedef struct ErrorKind {
    u32 status;
    Str type;
} ErrorKind;

static ErrorKind error_kind(ErrCode code)
{
    switch (code) {
    case ERR_INVALID:
        return (ErrorKind){400, S("bad_data")};
    case ERR_NOT_FOUND:
        return (ErrorKind){404, S("not_found")};
    case ERR_LIMIT:
    case ERR_UNSUPPORTED:
        return (ErrorKind){422, S("execution")};
    case ERR_TIMEOUT:
        return (ErrorKind){503, S("timeout")};
    case ERR_CANCELED:
        return (ErrorKind){503, S("canceled")};
    case ERR_UNAVAILABLE:
        return (ErrorKind){503, S("unavailable")};
    case ERR_NONE:
    case ERR_EXISTS:
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_INTERNAL:
        break;
    }
    return (ErrorKind){500, S("internal")};
}

void api_error(HttpExchange *exchange, const Err *err)
{
    Buf out;
    JsonWriter json;
    ErrorKind kind = error_kind(err->code);
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_object(&json);
    json_key_str(&json, "status", S("error"));
    json_key_str(&json, "errorType", kind.type);
    json_key_str(&json, "error", str_from(err->message));
    json_object_end(&json);
    http_reply_buf(exchange, kind.status, S("application/json"), &out);
    buf_done(&out);
}

void api_bad_param(HttpExchange *exchange, const char *name, const char *why)
{
    Err err = {0};
    (void)err_set(&err, ERR_INVALID, "invalid parameter \"%s\": %s", name, why);
    api_error(exchange, &err);
}

void api_put_time(JsonWriter *json, i64 t_ms)
{
    char text[32];
    Buf out;
    buf_init(&out, sizeof(text));
    i64 seconds = t_ms / MS_PER_SECOND;
    i64 fraction = t_ms % MS_PER_SECOND;
    if (t_ms < 0) {
        buf_byte(&out, '-');
    }
    buf_u64(&out, (u64)(seconds < 0 ? -seconds : seconds));
    if (fraction != 0) {
        buf_printf(&out, ".%03lld", (long long)(fraction < 0 ? -fraction : fraction));
    }
    json_put_raw(json, buf_view(&out));
    buf_done(&out);
}

void api_put_value(JsonWriter *json, f64 value)
{
    char text[F64_TEXT_MAX];
    size_t len = f64_format_api(text, value);
    json_put_str(json, (Str){.ptr = text, .len = len});
}

void api_put_labels(JsonWriter *json, Labels labels)
{
    json_object(json);
    for (size_t i = 0; i < labels.count; i++) {
        json_key(json, labels.at[i].name);
        json_put_str(json, labels.at[i].value);
    }
    json_object_end(json);
}

/* 0: (lower, upper]; 1: [lower, upper); 2: neither bound belongs to the bucket; 3: both do. */
static i64 bucket_rule(const HistogramBucket *bucket)
{
    bool zero_width = bucket->lower == bucket->upper;
    bool lower_in = bucket->lower < 0 || zero_width;
    bool upper_in = bucket->upper > 0 || zero_width;
    return lower_in ? (upper_in ? 3 : 1) : (upper_in ? 0 : 2);
}

static void put_buckets(JsonWriter *json, const HistogramBucket *buckets, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (buckets[i].count == 0) {
            continue;
        }
        if (!any) {
            json_key(json, S("buckets"));
            json_array(json);
            any = true;
        }
        json_array(json);
        json_put_i64(json, bucket_rule(&buckets[i]));
        api_put_value(json, buckets[i].lower);
        api_put_value(json, buckets[i].upper);
        api_put_value(json, buckets[i].count);
        json_array_end(json);
    }
    if (any) {
        json_array_end(json);
    }
}

void api_put_histogram(JsonWriter *json, const Histogram *histogram)
{
    Arena arena;
    size_t count = 0;
    arena_init(&arena, HISTOGRAM_MEMORY_MAX);
    const HistogramBucket *buckets = histogram_buckets(&arena, histogram, &count);
    json_object(json);
    json_key(json, S("count"));
    api_put_value(json, histogram->count);
    json_key(json, S("sum"));
    api_put_value(json, histogram->sum);
    put_buckets(json, buckets, buckets ? count : 0);
    json_object_end(json);
    arena_done(&arena);
}

void api_put_rfc3339(JsonWriter *json, i64 t_ms)
{
    Buf out;
    buf_init(&out, 64);
    time_format_rfc3339_ns(&out, t_ms * NS_PER_MS);
    json_put_str(json, buf_view(&out));
    buf_done(&out);
}

bool api_parse_time(Str s, i64 *ret_ms, Err *err)
{
    f64 seconds;
    i64 ns;
    if (f64_parse(s, &seconds) && isfinite(seconds) && fabs(seconds) < 9.2e15) {
        *ret_ms = (i64)floor(seconds) * MS_PER_SECOND +
                  (i64)round((seconds - floor(seconds)) * (f64)MS_PER_SECOND);
        return true;
    }
    if (time_parse_rfc3339(s, &ns, NULL)) {
        *ret_ms = ns / NS_PER_MS;
        return true;
    }
    /* Go's earliest and latest time, which clients send as "no bound". */
    if (str_eq(s, S("-292273086-05-16T16:47:06Z"))) {
        *ret_ms = INT64_MIN / 1000;
        return true;
    }
    if (str_eq(s, S("292277025-08-18T07:12:54.999999999Z"))) {
        *ret_ms = INT64_MAX / 1000;
        return true;
    }
    return err_set(err, ERR_INVALID, "cannot parse \"" STR_FMT "\" to a valid timestamp",
                   STR_ARG(s));
}

bool api_parse_duration(Str s, i64 *ret_ms, Err *err)
{
    f64 seconds;
    if (f64_parse(s, &seconds)) {
        if (!(fabs(seconds) < 9.2e9)) {
            return err_set(err, ERR_INVALID,
                           "cannot parse \"" STR_FMT "\" to a valid duration. It overflows int64",
                           STR_ARG(s));
        }
        *ret_ms = (i64)(seconds * (f64)MS_PER_SECOND);
        return true;
    }
    if (duration_parse(s, ret_ms, NULL)) {
        return true;
    }
    return err_set(err, ERR_INVALID, "cannot parse \"" STR_FMT "\" to a valid duration",
                   STR_ARG(s));
}

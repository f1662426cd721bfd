/*
 * Reply: the JSON answers of /api/v1: the envelope, values as the original prints them, and
 * streaming, so that a large answer never exists as a whole.
 *
 *     ApiReply reply;
 *     api_reply_begin(&reply, exchange);
 *     json_put_str(&reply.json, …);                 the value of "data"
 *     api_reply_end(&reply, warnings, infos);
 *
 * Layer: role/prometheus. Memory: api_reply_end frees the buffer. Thread: the worker that handles
 * the request.
 */
#pragma once

#include "codec/json.h"
#include "model/labels.h"
#include "model/sample.h"
#include "net/http_server.h"

enum {
    REPLY_CHUNK_BYTES = 128 * 1024, /* a longer answer is streamed in pieces of about this size */
    REPLY_PIECE_MAX =
        64 * 1024 * 1024, /* bytes between two api_reply_flush: one series of a matrix */
    HISTOGRAM_MEMORY_MAX = 64 * 1024 * 1024, /* bytes to lay out the buckets of one histogram */
};

typedef struct ApiReply {
    HttpExchange *exchange;
    Buf buf;
    JsonWriter json;
    bool streaming;
    bool gone; /* the client does not listen any more: the rest is not written */
} ApiReply;

typedef struct ApiNotes {
    const Str *warnings;
    size_t warning_count;
    const Str *infos;
    size_t info_count;
} ApiNotes;

void api_reply_begin(ApiReply *reply, HttpExchange *exchange);
/* Between elements of a long array: sends what has gathered. False: stop, the client has gone. */
bool api_reply_flush(ApiReply *reply);
void api_reply_end(ApiReply *reply, const ApiNotes *notes); /* notes may be NULL */
void api_reply_empty(HttpExchange *exchange);               /* {"status":"success"} */

/* {"status":"error",…}; the status and the type follow from the code. */
void api_error(HttpExchange *exchange, const Err *err);
void api_bad_param(HttpExchange *exchange, const char *name,
                   const char *why); /* invalid parameter "x": … */

void api_put_time(JsonWriter *json, i64 t_ms);   /* 1435781430.781 */
void api_put_value(JsonWriter *json, f64 value); /* "0.5", "NaN", "+Inf" */
void api_put_labels(JsonWriter *json, Labels labels);
void api_put_histogram(JsonWriter *json, const Histogram *histogram);
void api_put_rfc3339(JsonWriter *json, i64 t_ms); /* "2015-07-01T20:10:51.781Z" */

/* Times and durations as the API takes them: Unix seconds with decimals or RFC 3339; seconds or
 * "5m". */
bool api_parse_time(Str s, i64 *ret_ms, Err *err) MUST_USE;
bool api_parse_duration(Str s, i64 *ret_ms, Err *err) MUST_USE;

/* Query routes: instant and range queries, and what is known of a query's text. Layer:
 * role/prometheus. */
#include "base/time.h"
#include "promql/parse.h"
#include "promql/print.h"
#include "role/prometheus/api.h"
#include "role/prometheus/reply.h"

enum {
    POINTS_MAX = 11000,                  /* of one series in a range query */
    PARSE_MEMORY_MAX = 64 * 1024 * 1024, /* bytes */
};

static void put_point(JsonWriter *json, const SampleColumns *samples, size_t i)
{
    json_array(json);
    api_put_time(json, samples->t_ms[i]);
    if (samples->hist && samples->hist[i]) {
        api_put_histogram(json, samples->hist[i]);
    } else {
        api_put_value(json, samples->value[i]);
    }
    json_array_end(json);
}

static bool is_histogram(const SampleColumns *samples, size_t i)
{
    return samples->hist && samples->hist[i];
}

static void put_vector(ApiReply *reply, const QueryResult *result)
{
    json_array(&reply->json);
    for (size_t i = 0; i < result->series_count && api_reply_flush(reply); i++) {
        const ResultSeries *series = &result->series[i];
        json_object(&reply->json);
        json_key(&reply->json, S("metric"));
        api_put_labels(&reply->json, series->labels);
        json_key(&reply->json, is_histogram(&series->samples, 0) ? S("histogram") : S("value"));
        put_point(&reply->json, &series->samples, 0);
        json_object_end(&reply->json);
    }
    json_array_end(&reply->json);
}

/* The samples of one kind, under one key, when there are any. */
static void put_points(JsonWriter *json, Str key, const SampleColumns *samples, bool histograms)
{
    bool any = false;
    for (size_t i = 0; i < samples->count; i++) {
        if (is_histogram(samples, i) != histograms) {
            continue;
        }
        if (!any) {
            json_key(json, key);
            json_array(json);
            any = true;
        }
        put_point(json, samples, i);
    }
    if (any) {
        json_array_end(json);
    }
}

static void put_matrix(ApiReply *reply, const QueryResult *result)
{
    json_array(&reply->json);
    for (size_t i = 0; i < result->series_count && api_reply_flush(reply); i++) {
        const ResultSeries *series = &result->series[i];
        json_object(&reply->json);
        json_key(&reply->json, S("metric"));
        api_put_labels(&reply->json, series->labels);
        put_points(&reply->json, S("values"), &series->samples, false);
        if (series->samples.hist) {
            put_points(&reply->json, S("histograms"), &series->samples, true);
        }
        json_object_end(&reply->json);
    }
    json_array_end(&reply->json);
}

static void put_scalar(JsonWriter *json, const QueryResult *result)
{
    json_array(json);
    api_put_time(json, result->t_ms);
    if (result->type == RESULT_STRING) {
        json_put_str(json, result->string);
    } else {
        api_put_value(json, result->scalar);
    }
    json_array_end(json);
}

static Str type_name(ResultType type)
{
    static const Str names[] = {
        [RESULT_SCALAR] = STR_INIT("scalar"),
        [RESULT_VECTOR] = STR_INIT("vector"),
        [RESULT_MATRIX] = STR_INIT("matrix"),
        [RESULT_STRING] = STR_INIT("string"),
    };
    return names[type];
}

static void put_seconds(JsonWriter *json, const char *key, i64 ns)
{
    json_key(json, str_from(key));
    json_put_f64(json, (f64)ns / (f64)NS_PER_SECOND);
}

static void put_stats(JsonWriter *json, const QueryResult *result, const QuerySpec *spec)
{
    const QueryStats *stats = &result->stats;
    json_key(json, S("stats"));
    json_object(json);
    json_key(json, S("timings"));
    json_object(json);
    put_seconds(json, "evalTotalTime", stats->timings.prepare_ns + stats->timings.eval_ns);
    put_seconds(json, "resultSortTime", 0);
    put_seconds(json, "queryPreparationTime", stats->timings.prepare_ns);
    put_seconds(json, "innerEvalTime", stats->timings.eval_ns);
    put_seconds(json, "execQueueTime", stats->timings.queue_ns);
    put_seconds(json, "execTotalTime", stats->timings.total_ns);
    json_object_end(json);
    json_key(json, S("samples"));
    json_object(json);
    if (stats->samples_per_step) {
        json_key(json, S("totalQueryableSamplesPerStep"));
        json_array(json);
        for (size_t i = 0; i < stats->step_count; i++) {
            json_array(json);
            api_put_time(json, spec->start_ms + (i64)i * spec->step_ms);
            json_put_u64(json, stats->samples_per_step[i]);
            json_array_end(json);
        }
        json_array_end(json);
    }
    json_key(json, S("totalQueryableSamples"));
    json_put_u64(json, stats->samples_total);
    json_key(json, S("peakSamples"));
    json_put_u64(json, stats->samples_peak);
    json_object_end(json);
    json_object_end(json);
}

static void reply_result(HttpExchange *exchange, const QueryResult *result, const QuerySpec *spec)
{
    ApiReply reply;
    api_reply_begin(&reply, exchange);
    json_object(&reply.json);
    json_key_str(&reply.json, "resultType", type_name(result->type));
    json_key(&reply.json, S("result"));
    switch (result->type) {
    case RESULT_VECTOR:
        put_vector(&reply, result);
        break;
    case RESULT_MATRIX:
        put_matrix(&reply, result);
        break;
    case RESULT_SCALAR:
    case RESULT_STRING:
        put_scalar(&reply.json, result);
        break;
    }
    if (http_has_param(exchange, S("stats")) && http_param(exchange, S("stats")).len > 0) {
        put_stats(&reply.json, result, spec);
    }
    json_object_end(&reply.json);
    const Str truncated[] = {S("results truncated due to limit")};
    ApiNotes notes = {result->warnings, result->warning_count, result->infos, result->info_count};
    if (result->truncated && notes.warning_count == 0) {
        notes.warnings = truncated;
        notes.warning_count = 1;
    }
    api_reply_end(&reply, &notes);
}

/* timeout, limit, lookback_delta, stats: what both kinds of query take. */
static bool common_params(HttpExchange *exchange, QuerySpec *spec)
{
    Err err = {0};
    Str timeout = http_param(exchange, S("timeout"));
    Str lookback = http_param(exchange, S("lookback_delta"));
    spec->expr = http_param(exchange, S("query"));
    spec->per_step_stats = str_eq(http_param(exchange, S("stats")), S("all"));
    if (timeout.len > 0 && !api_parse_duration(timeout, &spec->timeout_ms, &err)) {
        api_bad_param(exchange, "timeout", err.message);
        return false;
    }
    if (lookback.len > 0 && !api_parse_duration(lookback, &spec->lookback_ms, &err)) {
        (void)err_wrap(&err, "error parsing lookback delta duration");
        api_error(exchange, &err);
        return false;
    }
    return api_limit_param(exchange, &spec->limit);
}

static void run_query(PrometheusServer *server, HttpExchange *exchange, QuerySpec *spec)
{
    Err err = {0};
    QueryResult *result;
    Generation *generation = server_generation(server);
    spec->subquery_step_ms = generation->config->global.evaluation_interval_ms;
    generation_release(generation);
    if (query_run(server->engine, server->source, spec, &result, &err)) {
        reply_result(exchange, result, spec);
        query_result_free(result);
        return;
    }
    if (err.code == ERR_INVALID) {
        api_bad_param(exchange, "query", err.message);
    } else {
        api_error(exchange, &err);
    }
}

static void handle_query(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    QuerySpec spec = {0};
    if (!api_ready(server, exchange) ||
        !api_time_param(exchange, "time", time_now_ms(), &spec.start_ms) ||
        !common_params(exchange, &spec)) {
        return;
    }
    spec.end_ms = spec.start_ms;
    run_query(server, exchange, &spec);
}

static bool required_time(HttpExchange *exchange, const char *name, i64 *ret_ms)
{
    Err err = {0};
    if (api_parse_time(http_param(exchange, str_from(name)), ret_ms, &err)) {
        return true;
    }
    api_bad_param(exchange, name, err.message);
    return false;
}

static bool range_params(HttpExchange *exchange, QuerySpec *spec)
{
    Err err = {0};
    if (!required_time(exchange, "start", &spec->start_ms) ||
        !required_time(exchange, "end", &spec->end_ms)) {
        return false;
    }
    if (spec->end_ms < spec->start_ms) {
        api_bad_param(exchange, "end", "end timestamp must not be before start time");
        return false;
    }
    if (!api_parse_duration(http_param(exchange, S("step")), &spec->step_ms, &err)) {
        api_bad_param(exchange, "step", err.message);
        return false;
    }
    if (spec->step_ms <= 0) {
        api_bad_param(exchange, "step",
                      "zero or negative query resolution step widths are not accepted. Try a "
                      "positive integer");
        return false;
    }
    if ((spec->end_ms - spec->start_ms) / spec->step_ms > POINTS_MAX) {
        (void)err_set(&err, ERR_INVALID,
                      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                      "the query resolution (?step=XX)");
        api_error(exchange, &err);
        return false;
    }
    return true;
}

static void handle_query_range(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    QuerySpec spec = {0};
    if (api_ready(server, exchange) && range_params(exchange, &spec) &&
        common_params(exchange, &spec)) {
        run_query(server, exchange, &spec);
    }
}

static void handle_format_query(void *self, HttpExchange *exchange)
{
    const PrometheusServer *server = self;
    Arena arena;
    Expr expr;
    Err err = {0};
    Buf pretty;
    const ParseOpts opts = server_parse_opts(server);
    arena_init(&arena, PARSE_MEMORY_MAX);
    buf_init(&pretty, REPLY_PIECE_MAX);
    if (!expr_parse(http_param(exchange, S("query")), &opts, &arena, &expr, &err)) {
        api_bad_param(exchange, "query", err.message);
    } else {
        node_pretty(&pretty, expr.root);
        ApiReply reply;
        api_reply_begin(&reply, exchange);
        json_put_str(&reply.json, buf_view(&pretty));
        api_reply_end(&reply, NULL);
        expr_done(&expr);
    }
    buf_done(&pretty);
    arena_done(&arena);
}

static void handle_parse_query(void *self, HttpExchange *exchange)
{
    const PrometheusServer *server = self;
    Arena arena;
    Expr expr;
    Err err = {0};
    const ParseOpts opts = server_parse_opts(server);
    arena_init(&arena, PARSE_MEMORY_MAX);
    if (!expr_parse(http_param(exchange, S("query")), &opts, &arena, &expr, &err)) {
        api_bad_param(exchange, "query", err.message);
    } else {
        ApiReply reply;
        api_reply_begin(&reply, exchange);
        node_json(&reply.json, expr.root);
        api_reply_end(&reply, NULL);
        expr_done(&expr);
    }
    arena_done(&arena);
}

static const Route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/query", ROUTE_WORKER, handle_query},
    {HTTP_GET | HTTP_POST, "/api/v1/query_range", ROUTE_WORKER, handle_query_range},
    {HTTP_GET | HTTP_POST, "/api/v1/format_query", ROUTE_WORKER, handle_format_query},
    {HTTP_GET | HTTP_POST, "/api/v1/parse_query", ROUTE_WORKER, handle_parse_query},
};

RouteTable api_query_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}

/*
 * Target routes: what is scraped and how it goes, what pages say about their metrics; and the
 * answers of the parts that have nothing to tell yet (rules, alerts, Alertmanagers).
 *
 * Layer: role/prometheus. Memory: one arena a request. Thread: worker.
 */
#include "base/map.h"
#include "base/time.h"
#include "base/vec.h"
#include "promql/parse.h"
#include "role/prometheus/api.h"
#include "role/prometheus/reply.h"

enum {
    TARGETS_MEMORY_MAX = 512 * 1024 * 1024, /* bytes for one snapshot of all targets */
};

static void put_seconds(JsonWriter *json, const char *key, i64 ns)
{
    json_key(json, str_from(key));
    json_put_f64(json, (f64)ns / (f64)NS_PER_SECOND);
}

static void put_last_scrape(JsonWriter *json, const ScrapeStatus *status)
{
    json_key(json, S("lastScrape"));
    if (status->last_scrape_ms == 0) {
        json_put_str(json, S("0001-01-01T00:00:00Z")); /* Go's zero time: never */
    } else {
        api_put_rfc3339(json, status->last_scrape_ms);
    }
}

static void put_active(JsonWriter *json, const TargetStatus *target)
{
    json_object(json);
    json_key(json, S("discoveredLabels"));
    api_put_labels(json, target->discovered);
    json_key(json, S("labels"));
    api_put_labels(json, target->labels);
    json_key_str(json, "scrapePool", target->pool);
    json_key_str(json, "scrapeUrl", target->url);
    json_key_str(json, "globalUrl", target->url);
    json_key_str(json, "lastError", target->status.last_error);
    put_last_scrape(json, &target->status);
    put_seconds(json, "lastScrapeDuration", target->status.last_duration_ns);
    json_key_str(json, "health", str_from(target_health_name(target->status.health)));
    json_key_str(json, "scrapeInterval", target->interval);
    json_key_str(json, "scrapeTimeout", target->timeout);
    json_object_end(json);
}

static bool put_all_active(PrometheusServer *server, ApiReply *reply, Str pool, Arena *arena,
                           Err *err)
{
    TargetStatus *targets;
    size_t count;
    if (!scrape_manager_active(server->scrapes, pool, arena, &targets, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count && api_reply_flush(reply); i++) {
        put_active(&reply->json, &targets[i]);
    }
    return true;
}

static bool put_all_dropped(PrometheusServer *server, ApiReply *reply, Str pool, Arena *arena,
                            Err *err)
{
    DroppedTarget *targets;
    size_t count;
    if (!scrape_manager_dropped(server->scrapes, pool, arena, &targets, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count && api_reply_flush(reply); i++) {
        json_object(&reply->json);
        json_key(&reply->json, S("discoveredLabels"));
        api_put_labels(&reply->json, targets[i].discovered);
        json_key_str(&reply->json, "scrapePool", targets[i].pool);
        json_object_end(&reply->json);
    }
    return true;
}

/* {"job": 2, …} of the dropped targets a pool. */
static bool put_dropped_counts(PrometheusServer *server, JsonWriter *json, Arena *arena, Err *err)
{
    PoolStatus *pools;
    size_t count;
    if (!scrape_manager_pools(server->scrapes, arena, &pools, &count, err)) {
        return false;
    }
    json_object(json);
    for (size_t i = 0; i < count; i++) {
        json_key(json, pools[i].name);
        json_put_u64(json, pools[i].dropped);
    }
    json_object_end(json);
    return true;
}

static void handle_targets(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Arena arena;
    Err err = {0};
    if (!api_ready(server, exchange)) {
        return;
    }
    Str state = http_param(exchange, S("state"));
    Str pool = http_param(exchange, S("scrapePool"));
    bool active = !str_eq_ignore_case(state, S("dropped"));
    bool dropped = !str_eq_ignore_case(state, S("active"));
    ApiReply reply;
    arena_init(&arena, TARGETS_MEMORY_MAX);
    api_reply_begin(&reply, exchange);
    JsonWriter *json = &reply.json;
    json_object(json);
    json_key(json, S("activeTargets"));
    json_array(json);
    bool ok = !active || put_all_active(server, &reply, pool, &arena, &err);
    json_array_end(json);
    json_key(json, S("droppedTargets"));
    json_array(json);
    ok = ok && (!dropped || put_all_dropped(server, &reply, pool, &arena, &err));
    json_array_end(json);
    json_key(json, S("droppedTargetCounts"));
    if (!dropped) {
        json_put_null(json);
    } else if (!ok || !put_dropped_counts(server, json, &arena, &err)) {
        json_put_null(json);
        ok = false;
    }
    json_object_end(json);
    const Str warnings[] = {str_from(err.message)};
    api_reply_end(&reply, ok ? NULL : &(ApiNotes){.warnings = warnings, .warning_count = 1});
    arena_done(&arena);
}

static void handle_scrape_pools(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Arena arena;
    PoolStatus *pools;
    size_t count;
    Err err = {0};
    if (!api_ready(server, exchange)) {
        return;
    }
    arena_init(&arena, TARGETS_MEMORY_MAX);
    if (scrape_manager_pools(server->scrapes, &arena, &pools, &count, &err)) {
        ApiReply reply;
        api_reply_begin(&reply, exchange);
        json_object(&reply.json);
        json_key(&reply.json, S("scrapePools"));
        json_array(&reply.json);
        for (size_t i = 0; i < count; i++) {
            json_put_str(&reply.json, pools[i].name);
        }
        json_array_end(&reply.json);
        json_object_end(&reply.json);
        api_reply_end(&reply, NULL);
    } else {
        api_error(exchange, &err);
    }
    arena_done(&arena);
}

/* --- metadata --- */

/* One distinct description of a metric. */
typedef struct Description {
    MetricType type;
    Str unit, help;
    struct Description *next; /* of the same metric */
} Description;

typedef struct MetadataWalk {
    Arena arena;
    StrMap metrics;          /* name → first Description, as a pointer */
    VEC(Str) names;          /* in order of appearance */
    size_t limit;            /* metrics; 0: all */
    size_t limit_per_metric; /* descriptions of one; 0: all */
    bool full;               /* the arena had no room */
} MetadataWalk;

static bool same_description(const Description *description, const MetricMetadata *family)
{
    return description->type == family->type && str_eq(description->unit, family->unit) &&
           str_eq(description->help, family->help);
}

static bool add_description(MetadataWalk *walk, u64 *first, const MetricMetadata *family)
{
    Description **link = (Description **)(void *)first;
    size_t count = 0;
    for (; *link; link = &(*link)->next) {
        if (same_description(*link, family)) {
            return true;
        }
        count++;
    }
    if (walk->limit_per_metric > 0 && count >= walk->limit_per_metric) {
        return true;
    }
    Description *made = ARENA_NEW(&walk->arena, Description, 1);
    if (!made || !arena_str(&walk->arena, family->unit, &made->unit, NULL) ||
        !arena_str(&walk->arena, family->help, &made->help, NULL)) {
        walk->full = true;
        return false;
    }
    made->type = family->type;
    *link = made;
    return true;
}

static bool visit_metadata(void *self, Labels target_labels, const MetricMetadata *family)
{
    (void)target_labels;
    MetadataWalk *walk = self;
    u64 *known = strmap_find(&walk->metrics, family->name);
    if (!known) {
        Str name;
        if (walk->limit > 0 && walk->metrics.count >= walk->limit) {
            return true; /* others may still describe the metrics we have */
        }
        if (!arena_str(&walk->arena, family->name, &name, NULL)) {
            walk->full = true;
            return false;
        }
        known = strmap_put(&walk->metrics, name, NULL);
        *vec_push(&walk->names) = name;
    }
    return add_description(walk, known, family);
}

static void put_metadata(ApiReply *reply, const MetadataWalk *walk)
{
    json_object(&reply->json);
    for (size_t i = 0; i < walk->names.count && api_reply_flush(reply); i++) {
        u64 first = 0;
        (void)strmap_get(&walk->metrics, walk->names.at[i], &first);
        json_key(&reply->json, walk->names.at[i]);
        json_array(&reply->json);
        for (const Description *at = (const Description *)(uintptr_t)first; at; at = at->next) {
            json_object(&reply->json);
            json_key_str(&reply->json, "type", str_from(metric_type_name(at->type)));
            json_key_str(&reply->json, "unit", at->unit);
            json_key_str(&reply->json, "help", at->help);
            json_object_end(&reply->json);
        }
        json_array_end(&reply->json);
    }
    json_object_end(&reply->json);
}

static bool count_param(HttpExchange *exchange, const char *name, size_t *ret)
{
    Str text = http_param(exchange, str_from(name));
    i64 number;
    *ret = 0;
    if (text.len == 0) {
        return true;
    }
    if (!str_to_i64(text, &number)) {
        Err err = {0};
        (void)err_set(&err, ERR_INVALID, "%s must be a number", name);
        api_error(exchange, &err);
        return false;
    }
    *ret = number > 0 ? (size_t)number : 0;
    return true;
}

static void handle_metadata(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    MetadataWalk walk = {0};
    Err err = {0};
    if (!api_ready(server, exchange) || !count_param(exchange, "limit", &walk.limit) ||
        !count_param(exchange, "limit_per_metric", &walk.limit_per_metric)) {
        return;
    }
    arena_init(&walk.arena, TARGETS_MEMORY_MAX);
    scrape_manager_metadata(server->scrapes, http_param(exchange, S("metric")), visit_metadata,
                            &walk);
    if (walk.full) {
        (void)arena_full(&walk.arena, &err);
        api_error(exchange, &err);
    } else {
        ApiReply reply;
        api_reply_begin(&reply, exchange);
        put_metadata(&reply, &walk);
        api_reply_end(&reply, NULL);
    }
    vec_done(&walk.names);
    strmap_done(&walk.metrics);
    arena_done(&walk.arena);
}

typedef struct TargetMetadataWalk {
    ApiReply *reply;
    const Matcher *matchers;
    size_t matcher_count;
    bool name_is_fixed; /* the metric was named: its name is not repeated */
    size_t limit;
    size_t count;
} TargetMetadataWalk;

static bool visit_target_metadata(void *self, Labels target_labels, const MetricMetadata *family)
{
    TargetMetadataWalk *walk = self;
    if (!matchers_match(walk->matchers, walk->matcher_count, target_labels)) {
        return true;
    }
    JsonWriter *json = &walk->reply->json;
    json_object(json);
    json_key(json, S("target"));
    api_put_labels(json, target_labels);
    if (!walk->name_is_fixed) {
        json_key_str(json, "metric", family->name);
    }
    json_key_str(json, "type", str_from(metric_type_name(family->type)));
    json_key_str(json, "help", family->help);
    json_key_str(json, "unit", family->unit);
    json_object_end(json);
    walk->count++;
    return api_reply_flush(walk->reply) && (walk->limit == 0 || walk->count < walk->limit);
}

static void handle_target_metadata(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    TargetMetadataWalk walk = {0};
    Arena arena;
    Expr expr = {0};
    Err err = {0};
    Str selector = http_param(exchange, S("match_target"));
    Str metric = http_param(exchange, S("metric"));
    if (!api_ready(server, exchange) || !count_param(exchange, "limit", &walk.limit)) {
        return;
    }
    arena_init(&arena, TARGETS_MEMORY_MAX);
    if (selector.len > 0 && !selector_parse(selector, &arena, &expr, &err)) {
        api_bad_param(exchange, "match_target", err.message);
        arena_done(&arena);
        return;
    }
    if (expr.root) {
        walk.matchers = expr.root->vector.matchers;
        walk.matcher_count = expr.root->vector.matcher_count;
    }
    walk.name_is_fixed = metric.len > 0;
    ApiReply reply;
    api_reply_begin(&reply, exchange);
    walk.reply = &reply;
    json_array(&reply.json);
    scrape_manager_metadata(server->scrapes, metric, visit_target_metadata, &walk);
    json_array_end(&reply.json);
    api_reply_end(&reply, NULL);
    expr_done(&expr);
    arena_done(&arena);
}

/* --- what has nothing to tell yet --- */

static void reply_fixed(void *self, HttpExchange *exchange, Str data)
{
    ApiReply reply;
    if (!api_ready(self, exchange)) {
        return;
    }
    api_reply_begin(&reply, exchange);
    json_put_raw(&reply.json, data);
    api_reply_end(&reply, NULL);
}

static void handle_rules(void *self, HttpExchange *exchange)
{
    reply_fixed(self, exchange, S("{\"groups\":[]}"));
}

static void handle_alerts(void *self, HttpExchange *exchange)
{
    reply_fixed(self, exchange, S("{\"alerts\":[]}"));
}

static void handle_alertmanagers(void *self, HttpExchange *exchange)
{
    reply_fixed(self, exchange, S("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}"));
}

static const Route routes[] = {
    {HTTP_GET, "/api/v1/targets", ROUTE_WORKER, handle_targets},
    {HTTP_GET, "/api/v1/scrape_pools", ROUTE_WORKER, handle_scrape_pools},
    {HTTP_GET, "/api/v1/metadata", ROUTE_WORKER, handle_metadata},
    {HTTP_GET, "/api/v1/targets/metadata", ROUTE_WORKER, handle_target_metadata},
    {HTTP_GET, "/api/v1/rules", ROUTE_LOOP, handle_rules},
    {HTTP_GET, "/api/v1/alerts", ROUTE_LOOP, handle_alerts},
    {HTTP_GET, "/api/v1/alertmanagers", ROUTE_LOOP, handle_alertmanagers},
};

RouteTable api_target_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}

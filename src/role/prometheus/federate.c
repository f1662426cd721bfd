/*
 * Federation: the newest sample of every selected series, as an exposition page for another server
 * to scrape.
 *
 * Layer: role/prometheus. Memory: one arena a request, one a series. Thread: worker.
 */
#include "base/time.h"
#include "codec/number.h"
#include "promql/parse.h"
#include "role/prometheus/api.h"
#include "role/prometheus/reply.h"

#include <stdlib.h>

enum {
    SELECTORS_MAX = 64,                     /* match[] parameters */
    REQUEST_MEMORY_MAX = 512 * 1024 * 1024, /* bytes for series and their labels */
    SERIES_MEMORY_MAX = 64 * 1024 * 1024,   /* bytes for the samples of one series */
    FLUSH_BYTES = 128 * 1024,
};

typedef struct Federation {
    PrometheusServer *server;
    HttpExchange *exchange;
    Arena arena;   /* the request's */
    Arena scratch; /* one series' */
    Buf page;
    Labels external; /* labels that every sample gets when it has none of that name */
    Str last_name;   /* of the family whose TYPE line has been written */
    i64 now_ms;
    i64 lookback_ms;
    bool gone;
} Federation;

static void put_label(Buf *out, bool *first, Str name, Str value)
{
    buf_byte(out, *first ? '{' : ',');
    *first = false;
    buf_str(out, name);
    buf_lit(out, "=\"");
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"') {
            buf_byte(out, '\\');
            buf_byte(out, (u8)c);
        } else if (c == '\n') {
            buf_lit(out, "\\n");
        } else {
            buf_byte(out, (u8)c);
        }
    }
    buf_byte(out, '"');
}

/* The series' labels and those external ones that it lacks, by name; "instance" always, if only
 * empty. */
static bool put_labels(Federation *federation, Labels series)
{
    LabelsBuilder builder;
    Labels all;
    bool first = true;
    labels_builder_init(&builder, &federation->scratch);
    if (!labels_builder_from(&builder, series, NULL)) {
        return false;
    }
    for (size_t i = 0; i < federation->external.count; i++) {
        const Label *label = &federation->external.at[i];
        if (labels_builder_get(&builder, label->name).len == 0 &&
            !labels_builder_set(&builder, label->name, label->value, NULL)) {
            return false;
        }
    }
    if (!labels_builder_finish(&builder, &all, NULL)) {
        return false;
    }
    bool has_instance = labels_has(all, S("instance"));
    for (size_t i = 0; i < all.count; i++) {
        if (str_eq(all.at[i].name, LABEL_NAME)) {
            continue;
        }
        if (!has_instance && str_cmp(all.at[i].name, S("instance")) > 0) {
            put_label(&federation->page, &first, S("instance"), STR_EMPTY);
            has_instance = true;
        }
        put_label(&federation->page, &first, all.at[i].name, all.at[i].value);
    }
    if (!has_instance) {
        put_label(&federation->page, &first, S("instance"), STR_EMPTY);
    }
    buf_byte(&federation->page, '}');
    return true;
}

static void put_type_line(Federation *federation, Str name)
{
    if (!str_eq(name, federation->last_name)) {
        buf_lit(&federation->page, "# TYPE ");
        buf_str(&federation->page, name);
        buf_lit(&federation->page, " untyped\n");
        federation->last_name = name;
    }
}

/* The newest float sample of the series, unless it is stale. */
static bool put_series(Federation *federation, const SeriesSet *set, size_t index, Err *err)
{
    Source *source = federation->server->source;
    SampleColumns samples;
    arena_clear(&federation->scratch);
    if (!source->read(source, set, index, federation->now_ms - federation->lookback_ms + 1,
                      federation->now_ms, &federation->scratch, &samples, err)) {
        return false;
    }
    if (samples.count == 0) {
        return true;
    }
    size_t last = samples.count - 1;
    bool is_histogram = samples.hist && samples.hist[last];
    Str name = labels_get(set->labels[index], LABEL_NAME);
    if (is_histogram || is_stale_nan(samples.value[last]) || name.len == 0) {
        return true; /* the text format has no native histograms */
    }
    put_type_line(federation, name);
    buf_str(&federation->page, name);
    if (!put_labels(federation, set->labels[index])) {
        return arena_full(&federation->scratch, err);
    }
    buf_byte(&federation->page, ' ');
    buf_f64_g(&federation->page, samples.value[last]);
    buf_byte(&federation->page, ' ');
    buf_i64(&federation->page, samples.t_ms[last]);
    buf_byte(&federation->page, '\n');
    return true;
}

typedef struct SeriesPlace {
    const SeriesSet *set;
    size_t index;
} SeriesPlace;

static int by_labels(const void *a, const void *b)
{
    const SeriesPlace *left = a;
    const SeriesPlace *right = b;
    return labels_cmp(left->set->labels[left->index], right->set->labels[right->index]);
}

static bool same_series(const SeriesPlace *a, const SeriesPlace *b)
{
    return labels_eq(a->set->labels[a->index], b->set->labels[b->index]);
}

/* All selected series in one order, so that a family stands together whatever selector brought it.
 */
static bool put_all(Federation *federation, const SeriesSet *sets, size_t set_count, Err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < set_count; i++) {
        total += sets[i].count;
    }
    SeriesPlace *places = ARENA_NEW(&federation->arena, SeriesPlace, total + 1);
    if (!places) {
        return arena_full(&federation->arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < set_count; i++) {
        for (size_t s = 0; s < sets[i].count; s++) {
            places[count++] = (SeriesPlace){&sets[i], s};
        }
    }
    qsort(places, count, sizeof(*places), by_labels);
    for (size_t i = 0; i < count && !federation->gone; i++) {
        if (i > 0 && same_series(&places[i], &places[i - 1])) {
            continue;
        }
        if (!put_series(federation, places[i].set, places[i].index, err)) {
            return false;
        }
        if (federation->page.len > FLUSH_BYTES) {
            federation->gone = !http_write(federation->exchange, buf_view(&federation->page));
            buf_clear(&federation->page);
        }
    }
    return true;
}

static bool select_all(Federation *federation, SeriesSet *sets, size_t *ret_count, Err *err)
{
    const HttpParam *params;
    size_t param_count;
    Source *source = federation->server->source;
    if (!http_params(federation->exchange, &params, &param_count, err)) {
        return false;
    }
    for (size_t i = 0; i < param_count; i++) {
        Expr expr;
        if (!str_eq(params[i].name, S("match[]"))) {
            continue;
        }
        if (*ret_count == SELECTORS_MAX) {
            return err_set(err, ERR_INVALID, "more than %d match[] parameters", SELECTORS_MAX);
        }
        if (!selector_parse(params[i].value, &federation->arena, &expr, err)) {
            return false;
        }
        const Select select = {
            .mint_ms = federation->now_ms - federation->lookback_ms + 1,
            .maxt_ms = federation->now_ms,
            .matchers = expr.root->vector.matchers,
            .matcher_count = expr.root->vector.matcher_count,
        };
        bool ok = source->select(source, &select, &federation->arena, &sets[*ret_count], err);
        expr_done(&expr);
        if (!ok) {
            return false;
        }
        (*ret_count)++;
    }
    return true;
}

static void handle_federate(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    SeriesSet sets[SELECTORS_MAX] = {{0}};
    size_t count = 0;
    Err err = {0};
    if (!api_ready(server, exchange)) {
        return;
    }
    Generation *generation = server_generation(server);
    Federation federation = {
        .server = server,
        .exchange = exchange,
        .external = generation->config->external_labels,
        .now_ms = time_now_ms(),
        .lookback_ms = server->opts->lookback_ms,
    };
    arena_init(&federation.arena, REQUEST_MEMORY_MAX);
    arena_init(&federation.scratch, SERIES_MEMORY_MAX);
    buf_init(&federation.page, REPLY_PIECE_MAX);
    if (!select_all(&federation, sets, &count, &err)) {
        http_error(exchange, err.code == ERR_INVALID ? 400 : 500, "%s", err.message);
    } else {
        http_stream_begin(exchange, 200,
                          S("text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"));
        if (!put_all(&federation, sets, count, &err)) {
            /* A cut page must not look whole: no parser takes this line. */
            buf_printf(&federation.page, "\n!error %s\n", err.message);
        }
        if (!federation.gone) {
            (void)http_write(exchange, buf_view(&federation.page));
        }
        http_stream_end(exchange);
    }
    for (size_t i = 0; i < count; i++) {
        server->source->release(server->source, &sets[i]);
    }
    buf_done(&federation.page);
    arena_done(&federation.scratch);
    arena_done(&federation.arena);
    generation_release(generation);
}

static const Route routes[] = {
    {HTTP_GET, "/federate", ROUTE_WORKER, handle_federate},
};

RouteTable federate_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}

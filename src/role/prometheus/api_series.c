/* Series routes: which series, label names and label values exist. Layer: role/prometheus. */
#include "base/map.h"
#include "base/utf8.h"
#include "promql/parse.h"
#include "role/prometheus/api.h"
#include "role/prometheus/reply.h"

#include <stdlib.h>
#include <string.h>

enum {
    SELECTORS_MAX = 64,                     /* match[] parameters of one request */
    LOOKUP_MEMORY_MAX = 1024 * 1024 * 1024, /* bytes that one look-up may use */
};

/* The parsed match[] parameters of a request. */
typedef struct Selectors {
    Expr exprs[SELECTORS_MAX];
    size_t count;
} Selectors;

static void selectors_done(Selectors *selectors)
{
    for (size_t i = 0; i < selectors->count; i++) {
        expr_done(&selectors->exprs[i]);
    }
}

/* Does it ask for some label to be there? One that does not would select every series there is. */
static bool selects_something(const Expr *selector)
{
    const Node *node = selector->root;
    for (size_t i = 0; i < node->vector.matcher_count; i++) {
        if (!matcher_matches_empty(&node->vector.matchers[i])) {
            return true;
        }
    }
    return false;
}

/* Replies and returns false when one is wrong. */
static bool parse_selectors(HttpExchange *exchange, Arena *arena, Selectors *ret)
{
    const HttpParam *params;
    size_t count;
    Err err = {0};
    ret->count = 0;
    if (!http_params(exchange, &params, &count, &err)) {
        api_error(exchange, &err);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_eq(params[i].name, S("match[]"))) {
            continue;
        }
        if (ret->count == SELECTORS_MAX) {
            api_bad_param(exchange, "match[]", "more than 64 selectors");
            selectors_done(ret);
            return false;
        }
        if (!selector_parse(params[i].value, arena, &ret->exprs[ret->count], &err)) {
            api_bad_param(exchange, "match[]", err.message);
            selectors_done(ret);
            return false;
        }
        ret->count++;
        if (!selects_something(&ret->exprs[ret->count - 1])) {
            api_bad_param(exchange, "match[]",
                          "match[] must contain at least one non-empty matcher");
            selectors_done(ret);
            return false;
        }
    }
    return true;
}

/* One look-up: parameters, memory, and what has been found so far. */
typedef struct Lookup {
    PrometheusServer *server;
    HttpExchange *exchange;
    Arena arena;
    Selectors selectors;
    i64 start_ms, end_ms;
    size_t limit;
} Lookup;

static bool lookup_begin(Lookup *lookup, PrometheusServer *server, HttpExchange *exchange)
{
    *lookup = (Lookup){.server = server, .exchange = exchange};
    if (!api_ready(server, exchange) ||
        !api_time_param(exchange, "start", INT64_MIN / 1000, &lookup->start_ms) ||
        !api_time_param(exchange, "end", INT64_MAX / 1000, &lookup->end_ms) ||
        !api_limit_param(exchange, &lookup->limit)) {
        return false;
    }
    if (lookup->end_ms < lookup->start_ms) {
        api_bad_param(exchange, "end", "end timestamp must not be before start time");
        return false;
    }
    arena_init(&lookup->arena, LOOKUP_MEMORY_MAX);
    if (!parse_selectors(exchange, &lookup->arena, &lookup->selectors)) {
        arena_done(&lookup->arena);
        return false;
    }
    return true;
}

static void lookup_end(Lookup *lookup)
{
    selectors_done(&lookup->selectors);
    arena_done(&lookup->arena);
}

/* The i-th selector; with none given there is one without conditions. */
static Select lookup_select(const Lookup *lookup, size_t i)
{
    Select select = {.mint_ms = lookup->start_ms, .maxt_ms = lookup->end_ms};
    if (lookup->selectors.count > 0) {
        const Node *node = lookup->selectors.exprs[i].root;
        select.matchers = node->vector.matchers;
        select.matcher_count = node->vector.matcher_count;
    }
    return select;
}

static size_t lookup_rounds(const Lookup *lookup)
{
    return MAX(lookup->selectors.count, (size_t)1);
}

static void reply_strings(Lookup *lookup, const Str *strings, size_t count)
{
    ApiReply reply;
    static const Str truncated[] = {STR_INIT("results truncated due to limit")};
    bool cut = lookup->limit > 0 && count > lookup->limit;
    count = cut ? lookup->limit : count;
    api_reply_begin(&reply, lookup->exchange);
    json_array(&reply.json);
    for (size_t i = 0; i < count && api_reply_flush(&reply); i++) {
        json_put_str(&reply.json, strings[i]);
    }
    json_array_end(&reply.json);
    api_reply_end(&reply, cut ? &(ApiNotes){.warnings = truncated, .warning_count = 1} : NULL);
}

/* Adds to a set of strings; the bytes stay where they are. */
static void merge(StrMap *set, const Str *strings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)strmap_put(set, strings[i], NULL);
    }
}

/* The strings of a set, sorted, in the look-up's arena; NULL when that is full. */
static Str *sorted_strings(Lookup *lookup, const StrMap *set)
{
    Str *strings = ARENA_NEW(&lookup->arena, Str, set->count + 1);
    size_t at = 0;
    u64 value;
    for (size_t i = 0; strings && strmap_next(set, &at, &strings[i], &value); i++) {
    }
    if (strings && set->count > 1) {
        qsort(strings, set->count, sizeof(*strings), str_cmp_qsort);
    }
    return strings;
}

/* Names, or the values of `name` when it is not empty, over all selectors. */
static void reply_union(Lookup *lookup, Str name)
{
    StrMap set = {0};
    Err err = {0};
    bool ok = true;
    Source *source = lookup->server->source;
    Str *strings = NULL;
    size_t count = 0;
    for (size_t i = 0; i < lookup_rounds(lookup) && ok; i++) {
        Select select = lookup_select(lookup, i);
        ok = name.len > 0
                 ? source->label_values(source, name, &select, &lookup->arena, &strings, &count,
                                        &err)
                 : source->label_names(source, &select, &lookup->arena, &strings, &count, &err);
        if (ok && lookup_rounds(lookup) > 1) {
            merge(&set, strings, count);
        }
    }
    if (ok && lookup_rounds(lookup) > 1) {
        count = set.count;
        strings = sorted_strings(lookup, &set);
        ok = strings || arena_full(&lookup->arena, &err);
    }
    if (ok) {
        reply_strings(lookup, strings, count);
    } else {
        api_error(lookup->exchange, &err);
    }
    strmap_done(&set);
}

static void handle_labels(void *self, HttpExchange *exchange)
{
    Lookup lookup;
    if (lookup_begin(&lookup, self, exchange)) {
        reply_union(&lookup, STR_EMPTY);
        lookup_end(&lookup);
    }
}

/* "U__" names: "_" is "__", any other character "_HEX_". False when it is not such a form. */
static bool unescape_name(Str escaped, Arena *arena, Str *ret)
{
    char *out = arena_alloc(arena, escaped.len + 1, 1);
    size_t len = 0;
    Str rest = str_skip(escaped, 3);
    while (out && rest.len > 0) {
        if (rest.ptr[0] != '_') {
            out[len++] = rest.ptr[0];
            rest = str_skip(rest, 1);
            continue;
        }
        rest = str_skip(rest, 1);
        if (str_skip_prefix(&rest, S("_"))) {
            out[len++] = '_';
            continue;
        }
        u32 code = 0;
        size_t digits = 0;
        for (; digits < rest.len && digits <= 6 && rest.ptr[digits] != '_'; digits++) {
            char c = rest.ptr[digits];
            u32 digit = c <= '9' ? (u32)(c - '0') : (u32)(c | 0x20) - 'a' + 10;
            if (digit > 15) {
                return false;
            }
            code = code * 16 + digit;
        }
        if (digits == 0 || digits == rest.len || rest.ptr[digits] != '_') {
            return false;
        }
        len += utf8_encode(code, out + len);
        rest = str_skip(rest, digits + 1);
    }
    if (!out) {
        return false;
    }
    *ret = (Str){.ptr = out, .len = len};
    return true;
}

static void handle_label_values(void *self, HttpExchange *exchange)
{
    const HttpRequest *request = http_request(exchange);
    Str name = http_path_param(request, S("name"));
    Lookup lookup;
    Str unescaped;
    if (str_starts_with(name, S("U__")) && unescape_name(name, request->arena, &unescaped)) {
        name = unescaped;
    }
    if (!label_name_utf8_valid(name)) {
        Err err = {0};
        (void)err_set(&err, ERR_INVALID, "invalid label name: \"" STR_FMT "\"", STR_ARG(name));
        api_error(exchange, &err);
        return;
    }
    if (lookup_begin(&lookup, self, exchange)) {
        reply_union(&lookup, name);
        lookup_end(&lookup);
    }
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(*(const Labels *)a, *(const Labels *)b);
}

/* All series of all selectors, sorted, each once, in the arena. */
static bool collect_series(Lookup *lookup, SeriesSet *sets, Labels **ret, size_t *ret_count,
                           Err *err)
{
    size_t total = 0;
    Source *source = lookup->server->source;
    for (size_t i = 0; i < lookup->selectors.count; i++) {
        Select select = lookup_select(lookup, i);
        if (!source->select(source, &select, &lookup->arena, &sets[i], err)) {
            return false;
        }
        total += sets[i].count;
    }
    Labels *all = ARENA_NEW(&lookup->arena, Labels, total + 1);
    if (!all) {
        return arena_full(&lookup->arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < lookup->selectors.count; i++) {
        if (sets[i].count > 0) {
            memcpy(all + count, sets[i].labels, sets[i].count * sizeof(*all));
            count += sets[i].count;
        }
    }
    if (lookup->selectors.count > 1 && count > 1) {
        qsort(all, count, sizeof(*all), by_labels);
        size_t kept = 1;
        for (size_t i = 1; i < count; i++) {
            if (!labels_eq(all[i], all[kept - 1])) {
                all[kept++] = all[i];
            }
        }
        count = kept;
    }
    *ret = all;
    *ret_count = count;
    return true;
}

static void reply_series(Lookup *lookup, const Labels *series, size_t count)
{
    ApiReply reply;
    static const Str truncated[] = {STR_INIT("results truncated due to limit")};
    bool cut = lookup->limit > 0 && count > lookup->limit;
    count = cut ? lookup->limit : count;
    api_reply_begin(&reply, lookup->exchange);
    json_array(&reply.json);
    for (size_t i = 0; i < count && api_reply_flush(&reply); i++) {
        api_put_labels(&reply.json, series[i]);
    }
    json_array_end(&reply.json);
    api_reply_end(&reply, cut ? &(ApiNotes){.warnings = truncated, .warning_count = 1} : NULL);
}

static void handle_series(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Lookup lookup;
    SeriesSet sets[SELECTORS_MAX] = {{0}};
    Labels *series = NULL;
    size_t count = 0;
    Err err = {0};
    if (!lookup_begin(&lookup, server, exchange)) {
        return;
    }
    if (lookup.selectors.count == 0) {
        (void)err_set(&err, ERR_INVALID, "no match[] parameter provided");
        api_error(exchange, &err);
    } else if (collect_series(&lookup, sets, &series, &count, &err)) {
        reply_series(&lookup, series, count);
    } else {
        api_error(exchange, &err);
    }
    for (size_t i = 0; i < lookup.selectors.count; i++) {
        server->source->release(server->source, &sets[i]);
    }
    lookup_end(&lookup);
}

static void handle_delete_unsupported(void *self, HttpExchange *exchange)
{
    (void)self;
    Err err = {0};
    (void)err_set(&err, ERR_INTERNAL, "not implemented");
    api_error(exchange, &err);
}

static const Route routes[] = {
    {HTTP_GET | HTTP_POST, "/api/v1/labels", ROUTE_WORKER, handle_labels},
    {HTTP_GET, "/api/v1/label/:name/values", ROUTE_WORKER, handle_label_values},
    {HTTP_GET | HTTP_POST, "/api/v1/series", ROUTE_WORKER, handle_series},
    {HTTP_DELETE, "/api/v1/series", ROUTE_LOOP, handle_delete_unsupported},
};

RouteTable api_series_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}

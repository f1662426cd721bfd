/*
 * Engine: admission, the list of running queries, one query from text to result. See engine.h.
 *
 * Layer: promql. Memory: see engine.h. Thread: the lock covers the list and the slots.
 */
#include "promql/engine.h"

#include "base/mem.h"
#include "base/time.h"
#include "promql/eval.h"
#include "promql/parse.h"
#include "promql/range.h"
#include "promql/result_build.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    PLAN_MEMORY_MAX = 256 * 1024 * 1024,    /* bytes of tree and plan */
    LABELS_MEMORY_MAX = 1024 * 1024 * 1024, /* bytes of label sets that a query makes */
};

typedef struct ActiveEntry {
    u64 id;
    i64 start_ms;
    Str text; /* borrowed from the caller's spec */
    bool waiting;
    atomic_bool *killed;
    struct ActiveEntry *next;
} ActiveEntry;

struct Engine {
    EngineOpts opts;
    pthread_mutex_t lock;
    pthread_cond_t slot_free;
    size_t running;
    u64 last_id;
    ActiveEntry *active; /* oldest first */
};

static void fill_defaults(EngineOpts *opts)
{
    opts->lookback_ms = opts->lookback_ms ? opts->lookback_ms : 5 * MS_PER_MINUTE;
    opts->subquery_step_ms = opts->subquery_step_ms ? opts->subquery_step_ms : MS_PER_MINUTE;
    opts->timeout_ms = opts->timeout_ms ? opts->timeout_ms : 2 * MS_PER_MINUTE;
    opts->samples_max = opts->samples_max ? opts->samples_max : 50 * 1000 * 1000;
    opts->memory_max = opts->memory_max ? opts->memory_max : 2 * GIB;
    opts->concurrent_max = opts->concurrent_max ? opts->concurrent_max : 20;
}

Engine *engine_new(const EngineOpts *opts)
{
    Engine *engine = MEM_NEW(Engine);
    engine->opts = *opts;
    fill_defaults(&engine->opts);
    (void)pthread_mutex_init(&engine->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&engine->slot_free, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return engine;
}

Engine *engine_free(Engine *engine)
{
    if (engine) {
        ASSERT(!engine->active);
        (void)pthread_cond_destroy(&engine->slot_free);
        (void)pthread_mutex_destroy(&engine->lock);
        mem_free(engine);
    }
    return NULL;
}

const EngineOpts *engine_opts(const Engine *engine)
{
    return &engine->opts;
}

static void list_query(Engine *engine, ActiveEntry *entry)
{
    (void)pthread_mutex_lock(&engine->lock);
    entry->id = ++engine->last_id;
    ActiveEntry **end = &engine->active;
    while (*end) {
        end = &(*end)->next;
    }
    *end = entry;
    (void)pthread_mutex_unlock(&engine->lock);
}

static void unlist_query(Engine *engine, ActiveEntry *entry)
{
    (void)pthread_mutex_lock(&engine->lock);
    ActiveEntry **at = &engine->active;
    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    if (!entry->waiting) {
        engine->running--;
        (void)pthread_cond_signal(&engine->slot_free);
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

/* How long to sleep before looking at the caller's cancel flag again. */
static struct timespec next_look(i64 deadline_ns)
{
    static const i64 look_every_ns = 100 * NS_PER_MS;
    i64 until = MIN(deadline_ns, time_monotonic_ns() + look_every_ns);
    return (struct timespec){.tv_sec = until / NS_PER_SECOND, .tv_nsec = until % NS_PER_SECOND};
}

static bool is_cancelled(const Query *query)
{
    return atomic_load(&query->killed) || (query->cancel && atomic_load(query->cancel));
}

static bool wait_for_slot(Engine *engine, ActiveEntry *entry, const Query *query, Err *err)
{
    bool ok = true;
    (void)pthread_mutex_lock(&engine->lock);
    while (ok && engine->running >= engine->opts.concurrent_max) {
        if (is_cancelled(query)) {
            ok = err_set(err, ERR_CANCELED, "query was canceled in query queue");
        } else if (time_monotonic_ns() > query->deadline_ns) {
            ok = err_set(err, ERR_TIMEOUT, "query timed out in query queue");
        } else {
            struct timespec until = next_look(query->deadline_ns);
            (void)pthread_cond_timedwait(&engine->slot_free, &engine->lock, &until);
        }
    }
    if (ok) {
        engine->running++;
        entry->waiting = false;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return ok;
}

size_t engine_active(Engine *engine, ActiveQuery *to, size_t max)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&engine->lock);
    for (const ActiveEntry *entry = engine->active; entry && count < max; entry = entry->next) {
        ActiveQuery *query = &to[count++];
        *query = (ActiveQuery){.id = entry->id,
                               .start_ms = entry->start_ms,
                               .waiting = entry->waiting,
                               .killed = atomic_load(entry->killed),
                               .text_len = MIN(entry->text.len, sizeof(query->text))};
        memcpy(query->text, entry->text.ptr, query->text_len);
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return count;
}

bool engine_kill(Engine *engine, u64 id)
{
    bool found = false;
    (void)pthread_mutex_lock(&engine->lock);
    for (ActiveEntry *entry = engine->active; entry; entry = entry->next) {
        if (entry->id == id) {
            atomic_store(entry->killed, true);
            found = true;
        }
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return found;
}

static void query_init(Query *query, const Engine *engine, Source *source, const QuerySpec *spec)
{
    const EngineOpts *opts = &engine->opts;
    i64 timeout_ms =
        spec->timeout_ms > 0 ? MIN(spec->timeout_ms, opts->timeout_ms) : opts->timeout_ms;
    *query = (Query){
        .source = source,
        .opts = opts,
        .pool = opts->pool,
        .lookback_ms = spec->lookback_ms > 0 ? spec->lookback_ms : opts->lookback_ms,
        .subquery_step_ms =
            spec->subquery_step_ms > 0 ? spec->subquery_step_ms : opts->subquery_step_ms,
        .left_closed = opts->features & FEATURE_2X_RANGES,
        .delayed_names = opts->features & FEATURE_DELAYED_NAME_REMOVAL,
        .start_timestamps = opts->features & FEATURE_START_TIMESTAMPS,
        .type_unit_labels = opts->features & FEATURE_TYPE_AND_UNIT_LABELS,
        .cancel = spec->cancel,
        .deadline_ns = time_monotonic_ns() + timeout_ms * NS_PER_MS,
    };
    query->budget.memory_max = opts->memory_max;
    query->budget.samples_max = opts->samples_max;
    arena_init(&query->labels, MIN((size_t)LABELS_MEMORY_MAX, opts->memory_max));
    annotations_init(&query->annotations, &query->labels);
}

static void query_done(Query *query)
{
    while (query->selected) {
        Selected *selected = query->selected;
        query->selected = selected->next;
        query->source->release(query->source, &selected->set);
        mem_free(selected);
    }
    annotations_done(&query->annotations);
    arena_done(&query->labels);
}

static bool check_type(const Expr *expr, const QuerySpec *spec, Err *err)
{
    ValueType type = expr->root->type;
    if (spec->step_ms > 0 && type != VALUE_SCALAR && type != VALUE_VECTOR) {
        return err_set(err, ERR_INVALID,
                       "invalid expression type \"%s\" for range query, must be Scalar or instant "
                       "Vector",
                       value_type_title(type));
    }
    return true;
}

static Steps steps_of(const QuerySpec *spec)
{
    if (spec->step_ms <= 0) {
        return (Steps){.start_ms = spec->start_ms, .step_ms = 1, .count = 1};
    }
    bool any = spec->end_ms >= spec->start_ms;
    return (Steps){.start_ms = spec->start_ms,
                   .step_ms = spec->step_ms,
                   .count =
                       any ? (size_t)((spec->end_ms - spec->start_ms) / spec->step_ms) + 1 : 0};
}

/* Names that were only marked go now; what becomes equal by that is one series or an error. */
static bool drop_marked_names(Query *query, Vector *vector, Err *err)
{
    if (!query->delayed_names) {
        return true;
    }
    for (size_t i = 0; i < vector->count; i++) {
        VectorSeries *series = &vector->series[i];
        if (series->drop_name &&
            !labels_drop_metadata(query, series->labels, &series->labels, err)) {
            return false;
        }
        series->drop_name = false;
    }
    return vector_merge_same(vector, err);
}

static bool eval_value(Query *query, const PlanNode *root, const QuerySpec *spec,
                       QueryResult *result, Err *err)
{
    Steps steps = steps_of(spec);
    Value value;
    if (!eval_node(query, root, &steps, &value, err)) {
        return false;
    }
    bool ok = drop_marked_names(query, &value.vector, err) &&
              result_from_value(result, &value, &steps, spec, err);
    value_done(&value);
    return ok;
}

static bool eval_root(Query *query, const PlanNode *root, const QuerySpec *spec,
                      QueryResult *result, Err *err)
{
    if (root->kind == PLAN_RANGE) {
        return result_from_range(query, root, spec, result, err);
    }
    if (root->kind != PLAN_SUBQUERY) {
        return eval_value(query, root, spec, result, err);
    }
    Steps at = steps_of(spec);
    Steps inner;
    subquery_steps(query, root, &at, &inner);
    QuerySpec range = *spec;
    range.start_ms = inner.start_ms;
    range.step_ms = inner.step_ms;
    range.end_ms = inner.count > 0 ? steps_last(&inner) : inner.start_ms - 1;
    return eval_value(query, root->args[0], &range, result, err);
}

/* Time of planning and evaluation; parsing has been measured before. */
static bool evaluate(Query *query, const Expr *expr, Arena *arena, const QuerySpec *spec,
                     QueryResult *result, Err *err)
{
    PlanTimes times = {.start_ms = spec->start_ms,
                       .end_ms = spec->step_ms > 0 ? spec->end_ms : spec->start_ms,
                       .step_ms = spec->step_ms > 0 ? spec->step_ms : 0};
    i64 begin_ns = time_monotonic_ns();
    PlanNode *root;
    if (!plan_build(expr, &times, arena, &root, err)) {
        return false;
    }
    i64 planned_ns = time_monotonic_ns() - begin_ns;
    if (!eval_root(query, root, spec, result, err) ||
        !annotations_texts(&query->annotations, ANNOTATION_WARNING, spec->expr, &result->arena,
                           (Str **)&result->warnings, &result->warning_count, err) ||
        !annotations_texts(&query->annotations, ANNOTATION_INFO, spec->expr, &result->arena,
                           (Str **)&result->infos, &result->info_count, err)) {
        return false;
    }
    result->stats.timings.prepare_ns = planned_ns + query->prepare_ns;
    result->stats.timings.eval_ns =
        time_monotonic_ns() - begin_ns - result->stats.timings.prepare_ns;
    return true;
}

static void fill_stats(const Query *query, QueryResult *result)
{
    result->stats.samples_total = atomic_load(&query->samples_total);
    result->stats.samples_peak = atomic_load(&query->budget.samples_peak);
    result->stats.memory_peak_bytes = atomic_load(&query->budget.memory_peak) + query->labels.used;
    result->stats.series_selected = atomic_load(&query->series_selected);
}

static bool count_per_step(Query *query, const QuerySpec *spec, QueryResult *result, Err *err)
{
    if (!spec->per_step_stats || !(query->opts->features & FEATURE_PER_STEP_STATS)) {
        return true;
    }
    Steps steps = steps_of(spec);
    query->samples_per_step = ARENA_NEW(&result->arena, _Atomic u64, steps.count + 1);
    query->per_step_start_ms = steps.start_ms;
    query->per_step_step_ms = steps.step_ms;
    query->per_step_count = steps.count;
    result->stats.samples_per_step = (const u64 *)query->samples_per_step;
    result->stats.step_count = steps.count;
    return query->samples_per_step || arena_full(&result->arena, err);
}

static bool run_parsed(Engine *engine, Query *query, const Expr *expr, Arena *arena,
                       const QuerySpec *spec, QueryResult *result, Err *err)
{
    i64 queued_ns = time_monotonic_ns();
    ActiveEntry entry = {
        .start_ms = time_now_ms(), .text = spec->expr, .waiting = true, .killed = &query->killed};
    list_query(engine, &entry);
    bool ok = wait_for_slot(engine, &entry, query, err);
    result->stats.timings.queue_ns = time_monotonic_ns() - queued_ns;
    ok = ok && count_per_step(query, spec, result, err) &&
         evaluate(query, expr, arena, spec, result, err);
    unlist_query(engine, &entry);
    fill_stats(query, result);
    return ok;
}

ParseOpts engine_parse_opts(const Engine *engine)
{
    u32 features = engine->opts.features;
    return (ParseOpts){
        .experimental_functions = features & FEATURE_EXPERIMENTAL_FUNCTIONS,
        .extended_selectors = features & FEATURE_EXTENDED_SELECTORS,
        .fill_modifiers = features & FEATURE_FILL_MODIFIERS,
        .holt_winters = features & FEATURE_2X_RANGES,
    };
}

bool query_run(Engine *engine, Source *source, const QuerySpec *spec, QueryResult **ret, Err *err)
{
    i64 begin_ns = time_monotonic_ns();
    ParseOpts opts = engine_parse_opts(engine);
    Arena arena;
    Expr expr = {0};
    arena_init(&arena, PLAN_MEMORY_MAX);
    if (!expr_parse(spec->expr, &opts, &arena, &expr, err) || !check_type(&expr, spec, err)) {
        expr_done(&expr);
        arena_done(&arena);
        return false;
    }
    QueryResult *result = MEM_NEW(QueryResult);
    arena_init(&result->arena, engine->opts.memory_max);
    result->stats.timings.parse_ns = time_monotonic_ns() - begin_ns;
    Query query;
    query_init(&query, engine, source, spec);
    bool ok = run_parsed(engine, &query, &expr, &arena, spec, result, err);
    query_done(&query);
    expr_done(&expr);
    arena_done(&arena);
    result->stats.timings.total_ns = time_monotonic_ns() - begin_ns;
    if (!ok) {
        query_result_free(result);
        return false;
    }
    *ret = result;
    return true;
}

/* Server: see server.h. Layer: role/prometheus. Memory: server_close. Thread: see server.h. */
#include "role/prometheus/server.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/assets.h"
#include "role/prometheus/api.h"
#include "role/prometheus/build_info.h"

#include <sys/stat.h>
#include <time.h>

enum {
    MAINTAIN_INTERVAL_MS = 60 * 1000, /* between two rounds of housekeeping */
    CLOSE_GRACE_MS = 5000,            /* for requests that run when the server stops */
};

/* --- configuration --- */

static void generation_retain(Generation *generation)
{
    atomic_fetch_add(&generation->users, 1);
}

void generation_release(Generation *generation)
{
    if (generation && atomic_fetch_sub(&generation->users, 1) == 1) {
        (void)config_free(generation->config);
        mem_free(generation);
    }
}

Generation *server_generation(PrometheusServer *server)
{
    (void)pthread_mutex_lock(&server->generation_lock);
    Generation *generation = server->generation;
    generation_retain(generation);
    (void)pthread_mutex_unlock(&server->generation_lock);
    return generation;
}

static void retain_owner(void *self)
{
    generation_retain(self);
}

static void release_owner(void *self)
{
    generation_release(self);
}

/* Names what the file asks for that this version does not do, in one line a kind. */
static void warn_unserved(const Config *config)
{
    if (config->rule_file_count > 0 || config->alerting.alertmanager_count > 0) {
        log_warn("Rules and alerting are accepted, but not evaluated yet",
                 LOG_I64("rule_files", config->rule_file_count),
                 LOG_I64("alertmanagers", config->alerting.alertmanager_count));
    }
    if (config->remote_write_count > 0 || config->remote_read_count > 0) {
        log_warn("Remote write and read are accepted, but not served yet",
                 LOG_I64("remote_write", config->remote_write_count),
                 LOG_I64("remote_read", config->remote_read_count));
    }
    for (size_t i = 0; i < config->warning_count; i++) {
        log_warn("Odd but accepted", LOG_STR("what", config->warnings[i]));
    }
}

static bool load_config(const PrometheusOpts *opts, Config **ret, Err *err)
{
    return opts->config_text.len > 0 ? config_parse(opts->config_text, STR_EMPTY, ret, err)
                                     : config_load(opts->config_file.ptr, ret, err);
}

/* Puts a configuration in force: scraping first, so that a failure leaves everything as it was. */
static bool apply_config(PrometheusServer *server, Config *config, Err *err)
{
    Generation *generation = MEM_NEW(Generation);
    generation->config = config;
    atomic_init(&generation->users, 1);
    const ConfigOwner owner = {generation, retain_owner, release_owner};
    if (!scrape_manager_apply(server->scrapes, config->scrapes, config->scrape_count,
                              config->external_labels, owner, err)) {
        generation_release(generation);
        return false;
    }
    (void)pthread_mutex_lock(&server->generation_lock);
    Generation *old = server->generation;
    server->generation = generation;
    (void)pthread_mutex_unlock(&server->generation_lock);
    generation_release(old);
    warn_unserved(config);
    return true;
}

bool server_reload(PrometheusServer *server, Err *err)
{
    Config *config;
    i64 begin_ns = time_monotonic_ns();
    log_info("Loading configuration file", LOG_STR("filename", server->opts->config_file));
    (void)pthread_mutex_lock(&server->reload_lock);
    bool ok = load_config(server->opts, &config, err);
    if (!ok) {
        (void)err_wrap(err, "couldn't load configuration (--config.file=\"" STR_FMT "\")",
                       STR_ARG(server->opts->config_file));
    }
    ok = ok && apply_config(server, config, err);
    atomic_store(&server->reload_ok, ok);
    if (ok) {
        atomic_store(&server->reload_ms, time_now_ms());
    }
    (void)pthread_mutex_unlock(&server->reload_lock);
    if (ok) {
        log_info("Completed loading of configuration file",
                 LOG_STR("filename", server->opts->config_file),
                 LOG_DURATION_NS("totalDuration", time_monotonic_ns() - begin_ns));
    }
    return ok;
}

/* --- housekeeping --- */

static void run_maintain(void *self)
{
    PrometheusServer *server = self;
    Err err = {0};
    if (!tsdb_maintain(server->tsdb, &err)) {
        log_error("Housekeeping of the store failed", LOG_ERR(&err));
    }
    atomic_store(&server->maintaining, false);
}

static void fire_maintain(void *self)
{
    PrometheusServer *server = self;
    if (!atomic_exchange(&server->maintaining, true) &&
        !pool_submit(server->runtime.pool, run_maintain, server)) {
        atomic_store(&server->maintaining, false); /* busy: next time */
    }
    loop_timer_arm_ns(server->maintain_timer, MAINTAIN_INTERVAL_MS * NS_PER_MS);
}

static i64 file_mtime_ns(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_mtim.tv_sec * NS_PER_SECOND + status.st_mtim.tv_nsec
                                    : 0;
}

static void run_watch(void *self)
{
    PrometheusServer *server = self;
    i64 mtime_ns = file_mtime_ns(server->opts->config_file.ptr);
    Err err = {0};
    if (mtime_ns != 0 && mtime_ns != server->config_mtime_ns) {
        server->config_mtime_ns = mtime_ns;
        if (!server_reload(server, &err)) {
            log_error("Error reloading config", LOG_ERR(&err));
        }
    }
    atomic_store(&server->watching, false);
}

static void fire_watch(void *self)
{
    PrometheusServer *server = self;
    if (!atomic_exchange(&server->watching, true) &&
        !pool_submit(server->runtime.pool, run_watch, server)) {
        atomic_store(&server->watching, false);
    }
    loop_timer_arm_ns(server->watch_timer, server->opts->auto_reload_interval_ms * NS_PER_MS);
}

static void start_timers(void *self)
{
    PrometheusServer *server = self;
    Loop *loop = loops_get(server->runtime.loops, 0);
    server->maintain_timer = loop_timer_new(loop, fire_maintain, server);
    loop_timer_arm_ns(server->maintain_timer, MAINTAIN_INTERVAL_MS * NS_PER_MS);
    if (server->opts->auto_reload && server->opts->config_text.len == 0) {
        server->config_mtime_ns = file_mtime_ns(server->opts->config_file.ptr);
        server->watch_timer = loop_timer_new(loop, fire_watch, server);
        loop_timer_arm_ns(server->watch_timer, server->opts->auto_reload_interval_ms * NS_PER_MS);
    }
}

static void stop_timers(void *self)
{
    PrometheusServer *server = self;
    if (server->maintain_timer) {
        loop_timer_free(server->maintain_timer);
    }
    if (server->watch_timer) {
        loop_timer_free(server->watch_timer);
    }
}

/* --- parts --- */

static void report_tsdb(void *self, TsdbEvent event, const char *text)
{
    (void)self;
    switch (event) {
    case TSDB_REPAIRED:
        log_warn("The store had damage and was repaired", LOG_STR("what", str_from(text)));
        break;
    case TSDB_BLOCKS_UNREAD:
        log_warn("There are blocks, which are kept, but not read yet",
                 LOG_STR("what", str_from(text)));
        break;
    case TSDB_OUT_OF_ORDER_UNREAD:
        log_warn("There is an out-of-order log, which is kept, but not read yet",
                 LOG_STR("what", str_from(text)));
        break;
    }
}

static bool parse_retention(PrometheusServer *server, Err *err)
{
    const PrometheusOpts *opts = server->opts;
    server->retention_ms = TSDB_RETENTION_MS_DEFAULT;
    if (opts->retention_size.len > 0) {
        log_warn("--storage.tsdb.retention.size is accepted, but has no effect yet");
    }
    return opts->retention_time.len == 0 ||
           duration_parse(opts->retention_time, &server->retention_ms, err) ||
           err_wrap(err, "--storage.tsdb.retention.time");
}

static bool open_store(PrometheusServer *server, Err *err)
{
    const PrometheusOpts *opts = server->opts;
    WalCompression compression =
        str_eq(opts->wal_compression_type, S("zstd")) ? WAL_ZSTD : WAL_SNAPPY;
    const TsdbOpts store = {
        .dir = opts->tsdb_path.ptr,
        .retention_ms = server->retention_ms,
        .span_ms = opts->min_block_ms,
        .wal_segment_size = opts->wal_segment_bytes,
        .wal_compression = opts->wal_compression ? compression : WAL_UNCOMPRESSED,
        .no_lock_file = opts->no_lockfile,
        .exemplars_max = feature_enabled(opts, S("exemplar-storage")) ? 100000 : 0,
        .log_metadata = feature_enabled(opts, S("metadata-wal-records")),
        .report = report_tsdb,
        .self = server,
        .progress = &server->replay,
    };
    i64 begin_ns = time_monotonic_ns();
    if (!tsdb_open(&store, &server->tsdb, err)) {
        return err_wrap(err, "opening storage failed");
    }
    TsdbStats stats;
    tsdb_stats(server->tsdb, &stats);
    server->source = tsdb_source(server->tsdb);
    log_info("TSDB started", LOG_I64("series", stats.head.series),
             LOG_I64("samples_replayed", stats.replay.samples_applied),
             LOG_DURATION_NS("duration", time_monotonic_ns() - begin_ns));
    return true;
}

static void open_engine(PrometheusServer *server)
{
    static const struct {
        Str name;
        EngineFeature bit;
    } features[] = {
        {STR_INIT("promql-2x-ranges"), FEATURE_2X_RANGES},
        {STR_INIT("promql-experimental-functions"), FEATURE_EXPERIMENTAL_FUNCTIONS},
        {STR_INIT("promql-delayed-name-removal"), FEATURE_DELAYED_NAME_REMOVAL},
        {STR_INIT("promql-extended-range-selectors"), FEATURE_EXTENDED_SELECTORS},
        {STR_INIT("promql-binop-fill-modifiers"), FEATURE_FILL_MODIFIERS},
        {STR_INIT("use-start-timestamps"), FEATURE_START_TIMESTAMPS},
        {STR_INIT("type-and-unit-labels"), FEATURE_TYPE_AND_UNIT_LABELS},
        {STR_INIT("promql-per-step-stats"), FEATURE_PER_STEP_STATS},
    };
    EngineOpts opts = {
        .lookback_ms = server->opts->lookback_ms,
        .timeout_ms = server->opts->query_timeout_ms,
        .samples_max = (u64)server->opts->query_max_samples,
        .concurrent_max = (size_t)server->opts->query_concurrency,
        .pool = server->runtime.pool,
    };
    for (size_t i = 0; i < COUNT_OF(features); i++) {
        if (feature_enabled(server->opts, features[i].name)) {
            opts.features |= features[i].bit;
        }
    }
    server->engine = engine_new(&opts);
}

ParseOpts server_parse_opts(const PrometheusServer *server)
{
    u32 features = engine_opts(server->engine)->features;
    return (ParseOpts){
        .experimental_functions = features & FEATURE_EXPERIMENTAL_FUNCTIONS,
        .extended_selectors = features & FEATURE_EXTENDED_SELECTORS,
        .fill_modifiers = features & FEATURE_FILL_MODIFIERS,
    };
}

/* "/prometheus" of --web.route-prefix, or of the path of --web.external-url; "" for the root. */
static Str route_prefix(const PrometheusOpts *opts)
{
    Str prefix = opts->route_prefix;
    if (prefix.len == 0) {
        size_t scheme = str_find(opts->external_url, S("://"));
        Str rest = scheme == STR_NOT_FOUND ? STR_EMPTY : str_skip(opts->external_url, scheme + 3);
        size_t slash = str_find_byte(rest, '/');
        prefix = slash == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, slash);
    }
    while (str_ends_with(prefix, S("/"))) {
        prefix.len--;
    }
    return prefix;
}

bool server_external_url(const PrometheusServer *server, Arena *arena, Str *ret, Err *err)
{
    if (server->opts->external_url.len > 0) {
        return arena_str(arena, server->opts->external_url, ret, err);
    }
    Str host = server->opts->listen.at[0];
    size_t colon = str_find_last_byte(host, ':');
    Str name = str_take(host, colon == STR_NOT_FOUND ? host.len : colon);
    if (name.len == 0 || str_eq(name, S("0.0.0.0")) || str_eq(name, S("[::]"))) {
        name = S("localhost");
    }
    return arena_printf(arena, ret, err, "http://" STR_FMT ":%u" STR_FMT, STR_ARG(name),
                        http_server_port(server->http), STR_ARG(route_prefix(server->opts)));
}

static bool open_http(PrometheusServer *server, Err *err)
{
    const PrometheusOpts *opts = server->opts;
    const RouteTable tables[] = {
        api_query_routes(),     api_series_routes(), api_target_routes(), api_status_routes(),
        api_preflight_routes(), federate_routes(),   management_routes(), metrics_routes(),
    };
    server->router = router_new();
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        router_add(server->router, tables[i].routes, tables[i].count, server);
    }
    assets_routes(server->router, "api/v1");
    Str prefix = route_prefix(opts);
    if (prefix.len > 0) {
        router_set_prefix(server->router, prefix);
    }
    server->http_counters = http_counters_new();
    router_set_observer(server->router, http_counters_observe, server->http_counters);
    const HttpServerOpts http = {
        .role = "prometheus",
        .listen = opts->listen.at,
        .listen_count = opts->listen.count,
        .listen_option = server->runtime.listen_option,
        .web_config = opts->web_config.len > 0 ? opts->web_config.ptr : NULL,
        .read_timeout_ms = opts->web_read_timeout_ms,
        .connections_max = (size_t)opts->web_max_connections,
        .pool = server->runtime.pool,
    };
    return http_server_open(server->runtime.loops, &http, server->router, &server->http, err);
}

static void open_scraping(PrometheusServer *server)
{
    const ScrapeManagerOpts opts = {
        .loops = server->runtime.loops,
        .pool = server->runtime.pool,
        .client = server->runtime.client,
        .sink = tsdb_sink(server->tsdb),
        .user_agent = S("Prometheus/" PROMETHEUS_VERSION),
        .switches =
            {
                .exemplars = feature_enabled(server->opts, S("exemplar-storage")),
                .extra_metrics = feature_enabled(server->opts, S("extra-scrape-metrics")),
            },
    };
    server->scrapes = scrape_manager_open(&opts);
}

/* The web side answers 503 while the log is replayed; so it comes first. */
static bool open_parts(PrometheusServer *server, Config **config, Err *err)
{
    if (!parse_retention(server, err) ||
        !regex_new(server->opts->cors_origin, REGEX_ANCHORED, &server->cors_origin, err)) {
        return false;
    }
    open_engine(server);
    if (!open_http(server, err) || !open_store(server, err)) {
        return false;
    }
    open_scraping(server);
    Config *moved = *config;
    *config = NULL;
    return apply_config(server, moved, err);
}

bool server_open(const Runtime *runtime, const PrometheusOpts *opts, PrometheusServer **ret,
                 Err *err)
{
    Config *config;
    if (!load_config(opts, &config, err)) {
        return err_wrap(err, "Error loading config (--config.file=" STR_FMT ")",
                        STR_ARG(opts->config_file));
    }
    PrometheusServer *server = MEM_NEW(PrometheusServer);
    server->opts = opts;
    server->runtime = *runtime;
    server->start_ms = time_now_ms();
    (void)pthread_mutex_init(&server->reload_lock, NULL);
    (void)pthread_mutex_init(&server->generation_lock, NULL);
    if (!open_parts(server, &config, err)) {
        (void)config_free(config);
        server_close(server);
        return false;
    }
    loop_call_wait(loops_get(runtime->loops, 0), start_timers, server);
    atomic_store(&server->reload_ms, time_now_ms());
    atomic_store(&server->reload_ok, true);
    atomic_store(&server->ready, true);
    log_info("Server is ready to receive web requests.");
    *ret = server;
    return true;
}

void server_close(PrometheusServer *server)
{
    Err err = {0};
    atomic_store(&server->stopping, true);
    loop_call_wait(loops_get(server->runtime.loops, 0), stop_timers, server);
    while (atomic_load(&server->maintaining) || atomic_load(&server->watching)) {
        struct timespec moment = {.tv_nsec = NS_PER_MS};
        (void)nanosleep(&moment, NULL);
    }
    server->scrapes = scrape_manager_close(server->scrapes);
    if (server->http) {
        server->http = http_server_close(server->http, CLOSE_GRACE_MS);
    }
    if (server->router) {
        router_free(server->router);
    }
    (void)engine_free(server->engine);
    if (!tsdb_close(server->tsdb, &err)) {
        log_error("Closing the store failed", LOG_ERR(&err));
    }
    generation_release(server->generation);
    http_counters_free(server->http_counters);
    regex_free(server->cors_origin);
    (void)pthread_mutex_destroy(&server->reload_lock);
    (void)pthread_mutex_destroy(&server->generation_lock);
    mem_free(server);
}

/*
 * Server: what the prometheus role consists of while it runs: store, engine, scraping,
 * configuration.
 *
 * Layer: role/prometheus. Memory: server_open/server_close; a configuration generation is freed
 * when its last user lets go. Thread: open and close from main; reload from main or a worker
 * (serialised inside); the getters from any.
 */
#pragma once

#include "base/err.h"
#include "codec/regex.h"
#include "net/http_server.h"
#include "promql/engine.h"
#include "promql/parse.h"
#include "role/prometheus/config.h"
#include "role/prometheus/http_counters.h"
#include "role/prometheus/options.h"
#include "role/role.h"
#include "scrape/manager.h"
#include "tsdb/tsdb.h"

#include <pthread.h>
#include <stdatomic.h>

/* One loaded configuration; immutable. */
typedef struct Generation {
    atomic_int users;
    Config *config; /* owned */
} Generation;

typedef struct PrometheusServer {
    const PrometheusOpts *opts; /* borrowed */
    Runtime runtime;
    i64 retention_ms;
    Tsdb *tsdb;
    Source *source; /* of the store */
    Engine *engine;
    ScrapeManager *scrapes;
    Router *router;
    HttpServer *http;
    Regex *cors_origin;
    HttpCounters *http_counters;
    ReplayProgress replay;

    pthread_mutex_t reload_lock;     /* one reload at a time; lock order 1 */
    pthread_mutex_t generation_lock; /* leaf: guards the pointer below */
    Generation *generation;

    i64 start_ms;
    atomic_llong reload_ms; /* when a configuration was last loaded with success */
    atomic_bool reload_ok;  /* did the last load succeed? */
    atomic_bool ready;      /* the log has been replayed */
    atomic_bool stopping;
    atomic_bool quit; /* /-/quit was asked */

    LoopTimer *maintain_timer; /* on the first loop; its job runs on a worker */
    atomic_bool maintaining;
    i64 config_mtime_ns;    /* of the file, for --config.auto-reload; maintain job only */
    LoopTimer *watch_timer; /* likewise on the first loop; NULL without auto-reload */
    atomic_bool watching;
} PrometheusServer;

bool server_open(const Runtime *runtime, const PrometheusOpts *opts, PrometheusServer **ret,
                 Err *err) MUST_USE;
void server_close(PrometheusServer *server);

/* The running configuration; give it back with generation_release. */
Generation *server_generation(PrometheusServer *server);
void generation_release(Generation *generation);

/* Loads the configuration again. On failure the running one stays. Not from a loop. */
bool server_reload(PrometheusServer *server, Err *err) MUST_USE;

/* The base of links that lead back here: --web.external-url, else "http://HOST:PORT/". */
bool server_external_url(const PrometheusServer *server, Arena *arena, Str *ret, Err *err) MUST_USE;

/* What --enable-feature allows in queries. */
ParseOpts server_parse_opts(const PrometheusServer *server);

/*
 * Role: one of the programs that Vigie takes the place of: its name, its command line, and how it
 * is opened, reloaded and closed. main.c holds the table of them; nothing else knows two roles.
 *
 * A role gets what it shares with the others through Runtime (loops, workers, HTTP client) and
 * meets them only through Wiring: interfaces of lower layers that one role offers and another uses
 * when both live in this process.
 *
 * Layer: role. Memory: a role owns what its `open` made until `close`. Thread: open, reload and
 * close are called by main, one at a time.
 */
#pragma once

#include "base/err.h"
#include "base/opts.h"
#include "base/types.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "os/pool.h"

typedef struct Runtime {
    LoopSet *loops;
    Pool *pool;                /* for handlers and queries; bounded */
    HttpClient *client;        /* outgoing requests */
    const char *listen_option; /* what the user changes when a port is taken, for error texts; NULL:
                                  the role's own --web.listen-address */
} Runtime;

/* A handler that one role lends to another: takes over the whole exchange. `path` is what is left
 * of the path behind the mount point and lives as long as the exchange. */
typedef struct HttpMount {
    void (*handle)(void *self, HttpExchange *exchange, Str path);
    void *self;
} HttpMount;

/* What roles in one process offer each other; zero where nobody does. Written in `open` and `wire`.
 */
typedef struct Wiring {
    HttpMount prometheus_api; /* "/api/v1/…" of the prometheus role */
} Wiring;

/* What `vigie up` tells each role. */
typedef struct UpContext {
    Str config_root; /* laid out as /etc */
    Str data_dir;
    Str listen;   /* host part of every listen address */
    Arena *arena; /* for strings that the role's options keep; lives as long as the process */
} UpContext;

typedef struct Role {
    const char *name;               /* `vigie NAME` and the name of a symlink */
    const char *const *other_names; /* more symlink names; ends in NULL; may be NULL */
    const char *summary;            /* one line for `vigie --help` */
    const char *compatible_version; /* of the original whose interface this is */
    const OptTable *options;
    size_t opts_size; /* bytes of the struct that `options` fills */
    int usage_exit;   /* exit status for a wrong command line or configuration, as the original's */
    bool started_by_up; /* part of `vigie up` */

    /* Sets log level and format from the options. */
    bool (*prepare)(const void *opts, Err *err);

    /* Fills the options as `vigie up` wants them: paths below the root, built-in defaults for what
     * is missing. */
    bool (*up)(const UpContext *context, void *opts, Err *err);

    /*
     * Starts the role.
     * opts    the filled struct; lives until close
     * wiring  shared by all roles of the process
     */
    bool (*open)(const Runtime *runtime, const void *opts, Wiring *wiring, void **ret_self,
                 Err *err);

    bool (*reload)(void *self, Err *err); /* SIGHUP; NULL: nothing to reload */
    bool (*wants_exit)(void *self);       /* asked to stop from outside (/-/quit); NULL: never */
    void (*close)(void *self);

    /* The addresses to tell the user, one a line: "http://127.0.0.1:9090/  metrics, queries". */
    void (*describe)(void *self, Buf *out);
} Role;

extern const Role role_prometheus;
extern const Role role_node_exporter;
extern const Role role_grafana;

/*
 * Router: see http_server.h. A tree of path segments; at each step a literal wins over ":name",
 * which wins over "*rest", and the search goes back when the better branch has no route for the
 * method.
 *
 * Layer: net. Memory: router_free; routes are borrowed. Thread: built by one thread, then only
 * read.
 */
#include "base/mem.h"
#include "base/time.h"
#include "base/vec.h"
#include "net/http_internal.h"
#include "net/url.h"

#include <string.h>

enum {
    ROUTE_PARAMS_MAX = 8, /* ":name" and "*rest" parts of one route */
};

typedef struct RouteEntry {
    const Route *route;
    void *self;
} RouteEntry;

typedef VEC(RouteEntry) RouteEntries;

typedef struct RouteNode {
    Str segment; /* literal; borrows the route's path */
    VEC(struct RouteNode *) children;
    struct RouteNode *param; /* ":name" */
    RouteEntries here;       /* routes that end with this segment */
    RouteEntries rest;       /* routes that end in "*rest" below it */
} RouteNode;

struct Router {
    RouteNode root;
    char *prefix; /* "/prometheus" or ""; owned */
    size_t prefix_len;
    void (*not_found)(void *self, HttpExchange *exchange);
    void *not_found_self;
    void (*observe)(void *self, const HttpRequest *request, const char *route, u32 status,
                    u64 bytes, i64 elapsed_ns);
    void *observe_self;
};

Router *router_new(void)
{
    return MEM_NEW(Router);
}

static void node_done(RouteNode *node) // NOLINT(misc-no-recursion): depth of a route's path
{
    for (size_t i = 0; i < node->children.count; i++) {
        node_done(node->children.at[i]);
        mem_free(node->children.at[i]);
    }
    if (node->param) {
        node_done(node->param);
        mem_free(node->param);
    }
    vec_done(&node->children);
    vec_done(&node->here);
    vec_done(&node->rest);
}

void router_free(Router *router)
{
    if (router) {
        node_done(&router->root);
        mem_free(router->prefix);
        mem_free(router);
    }
}

static RouteNode *child_find(const RouteNode *node, Str segment)
{
    for (size_t i = 0; i < node->children.count; i++) {
        if (str_eq(node->children.at[i]->segment, segment)) {
            return node->children.at[i];
        }
    }
    return NULL;
}

static RouteNode *child_put(RouteNode *node, Str segment)
{
    if (str_starts_with(segment, S(":"))) {
        if (!node->param) {
            node->param = MEM_NEW(RouteNode);
        }
        return node->param;
    }
    RouteNode *child = child_find(node, segment);
    if (!child) {
        child = MEM_NEW(RouteNode);
        child->segment = segment;
        *vec_push(&node->children) = child;
    }
    return child;
}

static void add_one(Router *router, const Route *route, void *self)
{
    ASSERT(route->path[0] == '/');
    Str rest = str_skip(str_from(route->path), 1);
    Str segment;
    RouteNode *node = &router->root;
    RouteEntries *entries = NULL;
    size_t params = 0;
    while (str_split_next(&rest, '/', &segment)) {
        ASSERT(!entries || entries == &node->here); /* "*rest" comes last */
        params += str_starts_with(segment, S(":")) || str_starts_with(segment, S("*"));
        if (str_starts_with(segment, S("*"))) {
            entries = &node->rest;
        } else {
            node = child_put(node, segment);
            entries = &node->here;
        }
    }
    ASSERT(entries && params <= ROUTE_PARAMS_MAX);
    *vec_push(entries) = (RouteEntry){.route = route, .self = self};
}

void router_add(Router *router, const Route *routes, size_t count, void *self)
{
    for (size_t i = 0; i < count; i++) {
        add_one(router, &routes[i], self);
    }
}

void router_set_prefix(Router *router, Str prefix)
{
    while (str_ends_with(prefix, S("/"))) {
        prefix.len--;
    }
    mem_free(router->prefix);
    router->prefix = mem_alloc(prefix.len + 1);
    memcpy(router->prefix, prefix.ptr, prefix.len);
    router->prefix[prefix.len] = '\0';
    router->prefix_len = prefix.len;
}

void router_set_not_found(Router *router, void (*handle)(void *self, HttpExchange *exchange),
                          void *self)
{
    router->not_found = handle;
    router->not_found_self = self;
}

void router_set_observer(Router *router,
                         void (*done)(void *self, const HttpRequest *request, const char *route,
                                      u32 status, u64 bytes, i64 elapsed_ns),
                         void *self)
{
    router->observe = done;
    router->observe_self = self;
}

/* A path cut into decoded segments. */
typedef struct Path {
    Str raw; /* without its first '/' */
    Str *segments;
    size_t count;
    size_t *offsets; /* of each segment in `raw` */
} Path;

typedef struct Search {
    const Path *path;
    HttpMethod method;
    u32 allowed;
    const RouteEntry *found;
    Str values[ROUTE_PARAMS_MAX]; /* decoded; a final "*rest" still raw */
    bool ends_in_rest;
    size_t value_count;
} Search;

static bool pick(Search *search, const RouteEntries *entries)
{
    u32 wanted = search->method == HTTP_HEAD ? HTTP_HEAD | HTTP_GET : (u32)search->method;
    for (size_t i = 0; i < entries->count; i++) {
        u32 methods = entries->at[i].route->methods;
        /* OPTIONS says nothing about the path: one route may take it for a whole tree. */
        search->allowed |= (methods & ~(u32)HTTP_OPTIONS) | (methods & HTTP_GET ? HTTP_HEAD : 0);
        if (methods & wanted) {
            search->found = &entries->at[i];
            return true;
        }
    }
    return false;
}

// NOLINTNEXTLINE(misc-no-recursion): depth of a route's path
static bool search_from(Search *search, const RouteNode *node, size_t index)
{
    const Path *path = search->path;
    if (index == path->count) {
        return pick(search, &node->here);
    }
    size_t value_count = search->value_count;
    Str segment = path->segments[index];
    const RouteNode *child = child_find(node, segment);
    if (child && search_from(search, child, index + 1)) {
        return true;
    }
    search->value_count = value_count;
    if (node->param && segment.len > 0) {
        search->values[search->value_count++] = segment;
        if (search_from(search, node->param, index + 1)) {
            return true;
        }
        search->value_count = value_count;
    }
    if (!pick(search, &node->rest)) {
        return false;
    }
    search->values[search->value_count++] = str_skip(path->raw, path->offsets[index]);
    search->ends_in_rest = true;
    return true;
}

/* Segments are cut before they are decoded, so that "%2F" stays inside one. */
static bool path_cut(Str raw, Arena *arena, Path *ret, Err *err)
{
    Path path = {.raw = str_skip(raw, 1)};
    size_t count = 1;
    for (size_t i = 0; i < path.raw.len; i++) {
        count += path.raw.ptr[i] == '/';
    }
    path.segments = ARENA_NEW(arena, Str, count);
    path.offsets = ARENA_NEW(arena, size_t, count);
    if (!path.segments || !path.offsets) {
        return arena_full(arena, err);
    }
    Str rest = path.raw;
    Str segment;
    while (str_split_next(&rest, '/', &segment)) {
        path.offsets[path.count] = (size_t)(segment.ptr - path.raw.ptr);
        if (!url_decode(segment, false, arena, &path.segments[path.count++], err)) {
            return false;
        }
    }
    *ret = path;
    return true;
}

/* "." and ".." reach no handler: a file route could leave its folder with them. */
static bool path_climbs(const Path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        if (str_eq(path->segments[i], S(".")) || str_eq(path->segments[i], S(".."))) {
            return true;
        }
    }
    return false;
}

static bool name_params(const Search *search, Arena *arena, RouteMatch *match, Err *err)
{
    HttpParam *params = ARENA_NEW(arena, HttpParam, search->value_count + 1);
    if (!params) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    Str rest = str_skip(str_from(match->route->path), 1);
    Str segment;
    while (str_split_next(&rest, '/', &segment)) {
        if (!str_starts_with(segment, S(":")) && !str_starts_with(segment, S("*"))) {
            continue;
        }
        params[count].name = str_skip(segment, 1);
        params[count].value = search->values[count];
        count++;
    }
    if (search->ends_in_rest &&
        !url_decode(params[count - 1].value, false, arena, &params[count - 1].value, err)) {
        return false;
    }
    match->params = params;
    match->param_count = count;
    return true;
}

static bool search_path(const Router *router, HttpMethod method, Str raw, Arena *arena,
                        RouteMatch *ret, Err *err)
{
    Path path;
    if (!path_cut(raw, arena, &path, err)) {
        return false;
    }
    Search search = {.path = &path, .method = method};
    RouteMatch match = {.redirect = STR_EMPTY};
    if (!path_climbs(&path) && search_from(&search, &router->root, 0)) {
        match.route = search.found->route;
        match.self = search.found->self;
        if (!name_params(&search, arena, &match, err)) {
            return false;
        }
    }
    match.allowed = search.allowed;
    *ret = match;
    return true;
}

/* Where the path has several slashes in a row, with one: "http://host/" + "/api" is often joined.
 */
static bool squeeze_slashes(Str raw, Arena *arena, Str *ret, Err *err)
{
    char *out = ARENA_NEW(arena, char, raw.len);
    size_t len = 0;
    if (!out) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != '/' || len == 0 || out[len - 1] != '/') {
            out[len++] = raw.ptr[i];
        }
    }
    *ret = (Str){.ptr = out, .len = len};
    return true;
}

/* The path with its final slash added, or taken away, in the form a Location header wants. */
static bool toggle_slash(Str raw, Arena *arena, Str *ret, Err *err)
{
    if (str_ends_with(raw, S("/"))) {
        *ret = str_take(raw, raw.len - 1);
        return true;
    }
    return arena_printf(arena, ret, err, STR_FMT "/", STR_ARG(raw));
}

/* *ret: a path one slash away that has a route of its own, or empty. */
static bool find_moved(const Router *router, HttpMethod method, Str path, Arena *arena, Str *ret,
                       Err *err)
{
    Str squeezed;
    Str toggled;
    if (!squeeze_slashes(path, arena, &squeezed, err) ||
        !toggle_slash(squeezed, arena, &toggled, err)) {
        return false;
    }
    const Str others[] = {squeezed, toggled};
    for (size_t i = str_eq(squeezed, path) ? 1 : 0; i < COUNT_OF(others); i++) {
        RouteMatch moved;
        if (!search_path(router, method, others[i], arena, &moved, err)) {
            return false;
        }
        if (moved.route && !strchr(moved.route->path, '*')) {
            *ret = others[i];
            return true;
        }
    }
    *ret = STR_EMPTY;
    return true;
}

bool router_match(const Router *router, HttpMethod method, Str raw_path, Arena *arena,
                  RouteMatch *ret, Err *err)
{
    Str prefix = {.ptr = router->prefix, .len = router->prefix_len};
    Str path = raw_path;
    if (prefix.len > 0) {
        if (str_eq(path, S("/")) || str_eq(path, prefix)) {
            *ret = (RouteMatch){0};
            return arena_printf(arena, &ret->redirect, err, STR_FMT "/", STR_ARG(prefix));
        }
        if (!str_skip_prefix(&path, prefix) || !str_starts_with(path, S("/"))) {
            *ret = (RouteMatch){.redirect = STR_EMPTY};
            return true;
        }
    }
    RouteMatch match;
    if (!search_path(router, method, path, arena, &match, err)) {
        return false;
    }
    if (!match.route && match.allowed == 0 && path.len > 1) {
        Str other;
        if (!find_moved(router, method, path, arena, &other, err) ||
            (other.len > 0 && !arena_printf(arena, &match.redirect, err, STR_FMT STR_FMT,
                                            STR_ARG(prefix), STR_ARG(other)))) {
            return false;
        }
    }
    *ret = match;
    return true;
}

void router_observe(const Router *router, const HttpExchange *exchange)
{
    if (router->observe) {
        router->observe(router->observe_self, &exchange->request,
                        exchange->match.route ? exchange->match.route->path : NULL,
                        exchange->status, exchange->reply_bytes,
                        time_monotonic_ns() - exchange->start_ns);
    }
}

bool router_not_found(const Router *router, HttpExchange *exchange)
{
    if (router->not_found) {
        router->not_found(router->not_found_self, exchange);
    }
    return router->not_found != NULL;
}

void router_forward(const Router *router, HttpExchange *exchange, Str path)
{
    RouteMatch match = {0};
    Err err = {0};
    if (!search_path(router, exchange->request.method, path, &exchange->arena, &match, &err)) {
        http_error(exchange, 400, "%s", err.message);
    } else if (match.route) {
        exchange->request.path_params = match.params;
        exchange->request.path_param_count = match.param_count;
        match.route->handle(match.self, exchange);
    } else if (match.allowed) {
        http_error(exchange, 405, "Method Not Allowed");
    } else {
        http_error(exchange, 404, "404 page not found");
    }
}

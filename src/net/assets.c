/*
 * Assets: see assets.h. Files have their content's hash in their name and never change; index.html
 * keeps its name, so that a browser asks each time whether it is still the same.
 *
 * Layer: net. Memory: constants; the request's arena for a changed index.html. Thread: loop.
 */
#include "net/assets.h"

#include "base/arena.h"
#include "base/hash.h"

#define META_BEFORE "<meta name=\"vigie-api\" content=\""

static const Asset *find_asset(Str name)
{
    for (size_t i = 0; i < web_asset_count; i++) {
        if (str_eq(web_assets[i].name, name)) {
            return &web_assets[i];
        }
    }
    return NULL;
}

/* Does the client hold this very content? If-None-Match is a list, each perhaps marked weak. */
static bool client_has(HttpExchange *exchange, Str etag)
{
    Str rest = http_request_header(http_request(exchange), S("If-None-Match"));
    Str part;
    while (rest.len > 0 && str_split_next(&rest, ',', &part)) {
        part = str_trim(part);
        (void)str_skip_prefix(&part, S("W/"));
        if (str_eq(part, etag) || str_eq(part, S("*"))) {
            return true;
        }
    }
    return false;
}

static void reply_asset(HttpExchange *exchange, const Asset *asset)
{
    const HttpRequest *request = http_request(exchange);
    http_set_header(exchange, S("ETag"), asset->etag);
    http_set_header(exchange, S("Vary"), S("Accept-Encoding"));
    http_set_header(exchange, S("X-Content-Type-Options"), S("nosniff"));
    if (client_has(exchange, asset->etag)) {
        http_reply(exchange, 304, STR_EMPTY, STR_EMPTY);
    } else if (asset->brotli.len > 0 && http_accepts_encoding(request, S("br"))) {
        http_reply_static(exchange, 200, asset->content_type, S("br"), asset->brotli);
    } else if (asset->gzip.len > 0 && http_accepts_encoding(request, S("gzip"))) {
        http_reply_static(exchange, 200, asset->content_type, S("gzip"), asset->gzip);
    } else {
        http_reply_static(exchange, 200, asset->content_type, STR_EMPTY, asset->plain);
    }
}

static void handle_file(void *self, HttpExchange *exchange)
{
    (void)self;
    const Asset *asset = find_asset(http_path_param(http_request(exchange), S("name")));
    if (!asset) {
        http_error(exchange, 404, "404 page not found");
        return;
    }
    http_set_header(exchange, S("Cache-Control"), S("public, max-age=31536000, immutable"));
    reply_asset(exchange, asset);
}

/* The page with another API base; packed by the server when the client takes that. */
static void reply_rebased(HttpExchange *exchange, const Asset *page, Str api_base)
{
    Arena *arena = http_request(exchange)->arena;
    Err err = {0};
    Str before = S(META_BEFORE ASSETS_API_BASE);
    size_t at = str_find(page->plain, before);
    Str etag;
    Str body;
    if (at == STR_NOT_FOUND) { /* the page that tells of a missing interface */
        reply_asset(exchange, page);
        return;
    }
    if (!arena_printf(arena, &etag, &err, "\"%016llx\"",
                      (unsigned long long)hash_combine(hash_str(page->etag), hash_str(api_base))) ||
        !arena_printf(arena, &body, &err, STR_FMT META_BEFORE STR_FMT STR_FMT,
                      STR_ARG(str_take(page->plain, at)), STR_ARG(api_base),
                      STR_ARG(str_skip(page->plain, at + before.len)))) {
        http_error(exchange, 500, "%s", err.message);
        return;
    }
    http_set_header(exchange, S("ETag"), etag);
    http_set_header(exchange, S("X-Content-Type-Options"), S("nosniff"));
    if (client_has(exchange, etag)) {
        http_reply(exchange, 304, STR_EMPTY, STR_EMPTY);
    } else {
        http_reply(exchange, 200, page->content_type, body);
    }
}

static void handle_page(void *self, HttpExchange *exchange)
{
    Str api_base = str_from(self);
    const Asset *page = find_asset(S("index.html"));
    ASSERT(page);
    http_set_header(exchange, S("Cache-Control"), S("no-cache"));
    if (str_eq(api_base, S(ASSETS_API_BASE))) {
        reply_asset(exchange, page);
    } else {
        reply_rebased(exchange, page, api_base);
    }
}

static const Route routes[] = {
    {HTTP_GET, "/", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/query", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/graph", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/targets", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/status", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/tsdb-status", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/flags", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/config", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/service-discovery", ROUTE_LOOP, handle_page},
    {HTTP_GET, "/assets/:name", ROUTE_LOOP, handle_file},
};

void assets_routes(Router *router, const char *api_base)
{
    router_add(router, routes, COUNT_OF(routes), (void *)api_base);
}

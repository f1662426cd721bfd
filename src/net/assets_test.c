/* Tests of net/assets.h over a table of their own. */
#include "net/assets.h"

#include "base/test.h"
#include "net/http_fixture.h"

#include <stdio.h>

#define PAGE "<head><meta name=\"vigie-api\" content=\"api/v1\"></head>"

const Asset web_assets[] = {
    {
        .name = STR_INIT("index.html"),
        .content_type = STR_INIT("text/html; charset=utf-8"),
        .etag = STR_INIT("\"page\""),
        .plain = STR_INIT(PAGE),
    },
    {
        .name = STR_INIT("main-1.js"),
        .content_type = STR_INIT("text/javascript; charset=utf-8"),
        .etag = STR_INIT("\"main\""),
        .plain = STR_INIT("plain"),
        .gzip = STR_INIT("gz"),
        .brotli = STR_INIT("b"),
    },
};
const size_t web_asset_count = 2;

typedef struct Case {
    const char *request;
    u32 status;
    const char *body;
    const char *encoding;
    const char *cache;
} Case;

static void serve(Fixture *fixture, const char *api_base)
{
    static const Str listen = STR_INIT("127.0.0.1:0");
    Err err = {0};
    CHECK_OK(loops_open(1, &fixture->loops, &err), &err);
    CHECK_OK(pool_open(1, 8, "test", &fixture->pool, &err), &err);
    fixture->router = router_new();
    assets_routes(fixture->router, api_base);
    HttpServerOpts opts = {
        .role = "test", .listen = &listen, .listen_count = 1, .pool = fixture->pool};
    CHECK_OK(http_server_open(fixture->loops, &opts, fixture->router, &fixture->server, &err),
             &err);
}

/* Asks a server of its own for each case. */
static void check(const char *api_base, const Case *cases, size_t count)
{
    Fixture fixture;
    serve(&fixture, api_base);
    for (size_t i = 0; i < count; i++) {
        char request[512];
        (void)snprintf(request, sizeof(request), "%s\r\nConnection: close\r\n\r\n",
                       cases[i].request);
        Reply reply = fixture_get(&fixture, request);
        CHECK_U64(reply.status, cases[i].status);
        CHECK_STR(reply.body, str_from(cases[i].body));
        CHECK_STR(reply_header(&reply, S("Content-Encoding")), str_from(cases[i].encoding));
        CHECK_STR(reply_header(&reply, S("Cache-Control")), str_from(cases[i].cache));
    }
    fixture_close(&fixture);
}

#define GET(path)   "GET " path " HTTP/1.1\r\nHost: a"
#define IMMUTABLE   "public, max-age=31536000, immutable"
#define FILE_ACCEPT GET("/assets/main-1.js") "\r\nAccept-Encoding: "

TEST(assets, every_page_of_the_interface_is_the_same_file)
{
    static const Case cases[] = {
        {GET("/"), 200, PAGE, "", "no-cache"},
        {GET("/query?g0.expr=up"), 200, PAGE, "", "no-cache"},
        {GET("/graph"), 200, PAGE, "", "no-cache"},
        {GET("/targets"), 200, PAGE, "", "no-cache"},
        {GET("/service-discovery"), 200, PAGE, "", "no-cache"},
    };
    check(ASSETS_API_BASE, cases, COUNT_OF(cases));
}

TEST(assets, a_file_goes_out_in_the_best_encoding_the_client_takes)
{
    static const Case cases[] = {
        {GET("/assets/main-1.js"), 200, "plain", "", IMMUTABLE},
        {FILE_ACCEPT "gzip, deflate, br", 200, "b", "br", IMMUTABLE},
        {FILE_ACCEPT "gzip", 200, "gz", "gzip", IMMUTABLE},
        {FILE_ACCEPT "br;q=0, gzip", 200, "gz", "gzip", IMMUTABLE},
        {FILE_ACCEPT "zstd", 200, "plain", "", IMMUTABLE},
    };
    check(ASSETS_API_BASE, cases, COUNT_OF(cases));
}

TEST(assets, what_the_client_holds_is_not_sent_again)
{
    static const Case cases[] = {
        {GET("/") "\r\nIf-None-Match: \"page\"", 304, "", "", "no-cache"},
        {GET("/") "\r\nIf-None-Match: \"other\", W/\"page\"", 304, "", "", "no-cache"},
        {GET("/") "\r\nIf-None-Match: *", 304, "", "", "no-cache"},
        {GET("/") "\r\nIf-None-Match: \"main\"", 200, PAGE, "", "no-cache"},
        {GET("/") "\r\nIf-None-Match: page", 200, PAGE, "", "no-cache"},
    };
    check(ASSETS_API_BASE, cases, COUNT_OF(cases));
}

TEST(assets, an_unknown_file_is_not_found)
{
    static const Case cases[] = {
        {GET("/assets/main-2.js"), 404, "404 page not found\n", "", ""},
        {GET("/assets/main-1.js/x"), 404, "404 page not found\n", "", ""},
        {GET("/assets/..%2fmain-1.js"), 404, "404 page not found\n", "", ""},
        {GET("/no-such-page"), 404, "404 page not found\n", "", ""},
    };
    check(ASSETS_API_BASE, cases, COUNT_OF(cases));
}

TEST(assets, the_page_carries_the_place_of_the_api)
{
    static const Case cases[] = {
        {GET("/"), 200, "<head><meta name=\"vigie-api\" content=\"proxy/api/v1\"></head>", "",
         "no-cache"},
        {GET("/") "\r\nIf-None-Match: \"page\"", 200,
         "<head><meta name=\"vigie-api\" content=\"proxy/api/v1\"></head>", "", "no-cache"},
    };
    check("proxy/api/v1", cases, COUNT_OF(cases));
}

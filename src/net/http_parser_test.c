/* Tests of net/http_parser.h. */
#include "net/http_parser.h"

#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

enum { HEADER_MAX = 1024, BODY_MAX = 4096 };

typedef struct Parsed {
    Arena arena;
    HttpParser parser;
    HttpParse outcome;
    size_t used;
} Parsed;

/* Feeds `in` in pieces of `step` bytes. */
static void parse(Parsed *parsed, Str in, size_t step)
{
    arena_init(&parsed->arena, MIB);
    http_parser_init(&parsed->parser, HEADER_MAX, BODY_MAX, &parsed->arena);
    parsed->outcome = HTTP_PARSE_MORE;
    parsed->used = 0;
    bool done = false;
    while (!done) {
        size_t used;
        Str piece = str_take(str_skip(in, parsed->used), step);
        parsed->outcome = http_parser_feed(&parsed->parser, piece, &used);
        parsed->used += used;
        done = parsed->outcome == HTTP_PARSE_BAD || parsed->outcome == HTTP_PARSE_DONE ||
               (parsed->outcome == HTTP_PARSE_MORE && parsed->used == in.len);
    }
}

static void parsed_done(Parsed *parsed)
{
    http_parser_done(&parsed->parser);
    arena_done(&parsed->arena);
}

TEST(http_parser, a_request_falls_into_its_parts_however_it_is_cut)
{
    Str in = S("POST /a/b?c=d HTTP/1.1\r\nHost: example.org:9090\r\nX-Empty:\r\n"
               "Accept: \t a, b \t \r\nContent-Length: 5\r\n\r\nhello"
               "GET /next");
    for (size_t step = 1; step <= in.len; step++) {
        Parsed got;
        parse(&got, in, step);
        CHECK_I64(got.outcome, HTTP_PARSE_DONE);
        CHECK_U64(got.used, in.len - 9);
        CHECK_I64(got.parser.method, HTTP_POST);
        CHECK_STR(got.parser.target, S("/a/b?c=d"));
        CHECK_STR(got.parser.host, S("example.org:9090"));
        CHECK_U64(got.parser.header_count, 4);
        CHECK_STR(got.parser.headers[1].name, S("X-Empty"));
        CHECK_STR(got.parser.headers[1].value, S(""));
        CHECK_STR(got.parser.headers[2].value, S("a, b"));
        CHECK_STR(buf_view(&got.parser.body), S("hello"));
        CHECK(got.parser.keep_alive);
        parsed_done(&got);
    }
}

TEST(http_parser, chunks_become_one_body_however_they_are_cut)
{
    Str in = S("\r\nPUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
               "5\r\nhello\r\n0006;name=\"value\"\r\n world\r\n0;last\r\nX-Trailer: 1\r\n\r\n");
    for (size_t step = 1; step <= in.len; step++) {
        Parsed got;
        parse(&got, in, step);
        CHECK_I64(got.outcome, HTTP_PARSE_DONE);
        CHECK_U64(got.used, in.len);
        CHECK_STR(buf_view(&got.parser.body), S("hello world"));
        CHECK_U64(got.parser.header_count, 2);
        parsed_done(&got);
    }
}

TEST(http_parser, the_connection_lives_on_as_version_and_header_say)
{
    static const struct {
        Str in;
        bool keep_alive;
    } cases[] = {
        {STR_INIT("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true},
        {STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, Close\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.0\r\n\r\n"), false},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {STR_INIT("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Parsed got;
        parse(&got, cases[i].in, SIZE_MAX);
        CHECK_I64(got.outcome, HTTP_PARSE_DONE);
        CHECK(got.parser.keep_alive == cases[i].keep_alive);
        parsed_done(&got);
    }
}

#define GET     "GET / HTTP/1.1\r\n"
#define POST    "POST / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define TEN     "0123456789"
#define LONG                                                                                    \
    TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN \
        TEN TEN TEN

TEST(http_parser, what_two_readers_could_read_differently_is_refused)
{
    static const struct {
        Str in;
        u32 status;
    } cases[] = {
        /* the request line */
        {STR_INIT("GET\r\n\r\n"), 400},
        {STR_INIT("GET /\r\n\r\n"), 400},
        {STR_INIT("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"), 400},
        {STR_INIT(" GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET /#f HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET x HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET / http/1.1\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET / HTTP/1.1x\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505},
        {STR_INIT("\x16\x03\x01\x02\x05\n"), 400},
        {STR_INIT("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n"), 400},
        /* line ends */
        {STR_INIT("GET / HTTP/1.1\nHost: x\n\n"), 400},
        {STR_INIT(GET "Host: x\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\n\n"), 400},
        {STR_INIT(GET "Host: x\ry\r\n\r\n"), 400},
        /* header lines */
        {STR_INIT(GET "\r\n"), 400},
        {STR_INIT(GET "Host: x\r\nHost: x\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\nNoColon\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\n: empty\r\n\r\n"), 400},
        {STR_INIT(GET "Host : x\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\n folded\r\n\r\n"), 400},
        {STR_INIT(GET " Host: x\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\nA: b\x01\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\nA: \0\r\n\r\n"), 400},
        {STR_INIT(GET "Host: x\r\nExpect: wonders\r\n\r\n"), 417},
        /* where the body ends */
        {STR_INIT(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length: 1, 1\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length: +1\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length: -1\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length: 0x1\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length:\r\n\r\na"), 400},
        {STR_INIT(POST "Content-Length: 99999999999999999999\r\n\r\n"), 400},
        {STR_INIT(POST "Content-Length: 4097\r\n\r\n"), 413},
        {STR_INIT(POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
        {STR_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"), 400},
        {STR_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400},
        {STR_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
        {STR_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 400},
        {STR_INIT(POST "Transfer-Encoding: identity\r\n\r\n"), 400},
        {STR_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
        /* chunks */
        {STR_INIT(CHUNKED "\r\n"), 400},
        {STR_INIT(CHUNKED "x\r\n"), 400},
        {STR_INIT(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"), 400},
        {STR_INIT(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), 400},
        {STR_INIT(CHUNKED "5\nhello\r\n0\r\n\r\n"), 400},
        {STR_INIT(CHUNKED "5\r\nhellox\r\n"), 400},
        {STR_INIT(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400},
        {STR_INIT(CHUNKED "1001\r\n"), 413},
        {STR_INIT(CHUNKED "fffffffffffffffff\r\n"), 400},
        {STR_INIT(CHUNKED "5;" LONG "\r\n"), 400},
        {STR_INIT(CHUNKED "5;a\x01\r\n"), 400},
        {STR_INIT(CHUNKED "0\r\n folded: 1\r\n\r\n"), 400},
        {STR_INIT(CHUNKED "0\r\nX: 1\n\r\n"), 400},
        /* sizes */
        {STR_INIT(GET "A: " LONG LONG LONG LONG "\r\n"), 431},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t step = 1; step <= cases[i].in.len; step += step < 20 ? 1 : 37) {
            Parsed got;
            parse(&got, cases[i].in, step);
            if (got.outcome != HTTP_PARSE_BAD || got.parser.bad_status != cases[i].status) {
                (void)fprintf(stderr, "case %zu in pieces of %zu: outcome %d, status %u\n", i, step,
                              got.outcome, got.parser.bad_status);
            }
            CHECK_I64(got.outcome, HTTP_PARSE_BAD);
            CHECK_U64(got.parser.bad_status, cases[i].status);
            CHECK(strlen(got.parser.bad_reason) > 0);
            parsed_done(&got);
        }
    }
}

TEST(http_parser, a_cut_request_only_asks_for_more)
{
    Str in = S(CHUNKED "5;x=y\r\nhello\r\n0\r\nX: 1\r\n\r\n");
    for (size_t cut = 0; cut < in.len; cut++) {
        Parsed got;
        parse(&got, str_take(in, cut), SIZE_MAX);
        CHECK_I64(got.outcome, HTTP_PARSE_MORE);
        CHECK(http_parser_started(&got.parser) == (cut > 0));
        parsed_done(&got);
    }
}

TEST(http_parser, header_lines_have_a_number_limit_of_their_own)
{
    char text[8192];
    for (int extra = 0; extra < 2; extra++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: x\r\n");
        for (int i = 1; i < HTTP_HEADERS_MAX + extra; i++) {
            len += (size_t)snprintf(text + len, sizeof(text) - len, "a:\r\n");
        }
        len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\n");
        Arena arena;
        HttpParser parser;
        size_t used;
        arena_init(&arena, MIB);
        http_parser_init(&parser, sizeof(text), BODY_MAX, &arena);
        HttpParse got = http_parser_feed(&parser, (Str){.ptr = text, .len = len}, &used);
        CHECK_I64(got, extra ? HTTP_PARSE_BAD : HTTP_PARSE_HEAD);
        CHECK(!extra || parser.bad_status == 431);
        http_parser_done(&parser);
        arena_done(&arena);
    }
}

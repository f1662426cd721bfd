/*
 * Fuzzes net/http_parser.h with two oracles: the result must not depend on how the bytes were cut,
 * and an accepted request, written in canonical form, must be read as the same request.
 *
 * Layer: net, tests only. Thread: main.
 */
#include "base/hash.h"
#include "base/random.h"
#include "net/http_parser.h"

#include <stdio.h>

enum { HEADER_MAX = 2048, BODY_MAX = 4096, CANONICAL_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

typedef struct Parsed {
    Arena arena;
    HttpParser parser;
    HttpParse outcome;
    size_t used;
} Parsed;

/* cuts: NULL feeds everything at once. */
static void parse(Parsed *parsed, Str in, Random *cuts)
{
    arena_init(&parsed->arena, MIB);
    http_parser_init(&parsed->parser, HEADER_MAX, BODY_MAX, &parsed->arena);
    parsed->used = 0;
    for (;;) {
        size_t used = 0;
        Str rest = str_skip(in, parsed->used);
        Str piece = cuts ? str_take(rest, 1 + random_below(cuts, 40)) : rest;
        parsed->outcome = http_parser_feed(&parsed->parser, piece, &used);
        ASSERT(used <= piece.len);
        ASSERT(parsed->outcome != HTTP_PARSE_MORE || used == piece.len);
        parsed->used += used;
        if (parsed->outcome == HTTP_PARSE_BAD || parsed->outcome == HTTP_PARSE_DONE ||
            (parsed->outcome == HTTP_PARSE_MORE && parsed->used == in.len)) {
            return;
        }
    }
}

static void parsed_done(Parsed *parsed)
{
    http_parser_done(&parsed->parser);
    arena_done(&parsed->arena);
}

static void assert_same_request(const HttpParser *a, const HttpParser *b)
{
    ASSERT(a->method == b->method && a->minor_version == b->minor_version);
    ASSERT(str_eq(a->method_name, b->method_name) && str_eq(a->target, b->target));
    ASSERT(str_eq(a->host, b->host) && a->keep_alive == b->keep_alive);
    ASSERT(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        ASSERT(str_eq(a->headers[i].name, b->headers[i].name));
        ASSERT(str_eq(a->headers[i].value, b->headers[i].value));
    }
    ASSERT(str_eq(buf_view(&a->body), buf_view(&b->body)));
}

static void check_cuts(const Parsed *whole, Str in)
{
    Random cuts;
    Parsed pieces;
    random_seed(&cuts, hash_str(in));
    parse(&pieces, in, &cuts);
    ASSERT(pieces.outcome == whole->outcome);
    if (whole->outcome == HTTP_PARSE_BAD) {
        ASSERT(pieces.parser.bad_status == whole->parser.bad_status);
        ASSERT(pieces.parser.bad_reason == whole->parser.bad_reason);
    }
    if (whole->outcome == HTTP_PARSE_DONE) {
        ASSERT(pieces.used == whole->used);
        assert_same_request(&whole->parser, &pieces.parser);
    }
    parsed_done(&pieces);
}

static void write_canonical(const HttpParser *parser, Buf *out)
{
    buf_printf(out, STR_FMT " " STR_FMT " HTTP/1.%u\r\n", STR_ARG(parser->method_name),
               STR_ARG(parser->target), parser->minor_version);
    for (size_t i = 0; i < parser->header_count; i++) {
        buf_str(out, parser->headers[i].name);
        buf_byte(out, ':');
        buf_str(out, parser->headers[i].value);
        buf_lit(out, "\r\n");
    }
    buf_lit(out, "\r\n");
    if (parser->chunked) {
        if (parser->body.len > 0) {
            buf_printf(out, "%zx\r\n", parser->body.len);
            buf_str(out, buf_view(&parser->body));
            buf_lit(out, "\r\n");
        }
        buf_lit(out, "0\r\n\r\n");
    } else {
        buf_str(out, buf_view(&parser->body));
    }
}

static void check_canonical(const Parsed *first)
{
    Buf out;
    Parsed again;
    buf_init(&out, CANONICAL_MAX);
    write_canonical(&first->parser, &out);
    ASSERT(!out.overflowed);
    parse(&again, buf_view(&out), NULL);
    ASSERT(again.outcome == HTTP_PARSE_DONE && again.used == out.len);
    assert_same_request(&first->parser, &again.parser);
    parsed_done(&again);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str in = {.ptr = (const char *)data, .len = size};
    Parsed whole;
    parse(&whole, in, NULL);
    check_cuts(&whole, in);
    if (whole.outcome == HTTP_PARSE_DONE) {
        ASSERT(buf_ok(&whole.parser.body, NULL));
        check_canonical(&whole);
    }
    parsed_done(&whole);
    return 0;
}

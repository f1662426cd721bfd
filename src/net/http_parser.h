/*
 * HTTP parser: the bytes of one HTTP/1.x request, fed in pieces of any size, into its head and
 * body. Strict, because what two parsers read differently is how requests are smuggled: no bare LF,
 * no folded header lines, one Content-Length at most and never beside Transfer-Encoding, no
 * spaces where none belong, targets in origin form only. RFC 9112.
 *
 * The result never depends on how the bytes were cut; the fuzzer proves it.
 *
 * Layer: net, inside the HTTP server. Memory: the parser owns its buffers; strings of the head
 * point into the first. Thread: one at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"
#include "net/http_server.h"

enum {
    HTTP_HEADERS_MAX = 256,    /* header lines of a request; over it: 431 */
    HTTP_CHUNK_LINE_MAX = 256, /* bytes of a chunk's size and extensions; over it: 400 */
    HTTP_EMPTY_LINES_MAX = 8,  /* before a request line, as some old clients send; over: 400 */
    HTTP_BODY_RESERVE_MAX = 64 * 1024, /* bytes taken on trust in a Content-Length */
};

typedef enum HttpParse {
    HTTP_PARSE_MORE, /* all bytes used; feed the next ones */
    HTTP_PARSE_HEAD, /* the head is complete (said once); feed the rest of the bytes */
    HTTP_PARSE_DONE, /* the request is complete; unused bytes belong to the next one */
    HTTP_PARSE_BAD,  /* bad_status and bad_reason say why; feed no more */
} HttpParse;

typedef enum HttpParseState {
    HTTP_STATE_HEAD,
    HTTP_STATE_FIXED,      /* body of known length */
    HTTP_STATE_CHUNK_SIZE, /* in the hexadecimal digits */
    HTTP_STATE_CHUNK_EXTENSION,
    HTTP_STATE_CHUNK_SIZE_LF,
    HTTP_STATE_CHUNK_DATA,
    HTTP_STATE_CHUNK_DATA_CR,
    HTTP_STATE_CHUNK_DATA_LF,
    HTTP_STATE_TRAILER,
    HTTP_STATE_DONE,
    HTTP_STATE_BAD,
} HttpParseState;

typedef struct HttpParser {
    HttpParseState state;
    Arena *arena;    /* for the header array */
    Buf head;        /* request line and headers; never changes once complete */
    Buf body;        /* without chunk framing */
    Buf trailer;     /* lines behind the last chunk */
    size_t line_len; /* bytes of the unfinished line, without its end */
    u64 left;        /* bytes that the body or chunk still needs */
    u32 chunk_line;  /* bytes read of a chunk's first line */
    u32 empty_lines; /* skipped before the request line */

    u32 bad_status;
    const char *bad_reason;

    /* The head. */
    HttpMethod method; /* 0: none of those we know */
    Str method_name;
    Str target;
    u32 minor_version; /* 0 or 1 */
    HttpHeader *headers;
    size_t header_count;
    Str host;
    Str content_encoding;
    bool has_length;
    bool chunked;
    bool keep_alive;
    bool expects_continue;
} HttpParser;

/* The body's limit is checked against Content-Length before a byte of it is taken. */
void http_parser_init(HttpParser *parser, size_t header_max, size_t body_max, Arena *arena);
void http_parser_done(HttpParser *parser);

/* ret_used: how many of the bytes were taken. */
HttpParse http_parser_feed(HttpParser *parser, Str bytes, size_t *ret_used);

bool http_parser_started(const HttpParser *parser); /* a byte of a request has come */

HttpMethod http_method_parse(Str name); /* 0 when unknown */
Str http_method_name(HttpMethod method);

/* HTTP parser: see http_parser.h. Layer: net. Memory: the parser's buffers and the caller's arena.
 * Thread: one at a time. */
#include "net/http_parser.h"

#include <string.h>

static const struct {
    HttpMethod method;
    Str name;
} methods[] = {
    {HTTP_GET, STR_INIT("GET")},       {HTTP_HEAD, STR_INIT("HEAD")},
    {HTTP_POST, STR_INIT("POST")},     {HTTP_PUT, STR_INIT("PUT")},
    {HTTP_DELETE, STR_INIT("DELETE")}, {HTTP_OPTIONS, STR_INIT("OPTIONS")},
    {HTTP_PATCH, STR_INIT("PATCH")},
};

HttpMethod http_method_parse(Str name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (str_eq(name, methods[i].name)) {
            return methods[i].method;
        }
    }
    return 0;
}

Str http_method_name(HttpMethod method)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (method == methods[i].method) {
            return methods[i].name;
        }
    }
    return STR_EMPTY;
}

void http_parser_init(HttpParser *parser, size_t header_max, size_t body_max, Arena *arena)
{
    *parser = (HttpParser){.arena = arena};
    buf_init(&parser->head, header_max);
    buf_init(&parser->body, body_max);
    buf_init(&parser->trailer, header_max);
}

void http_parser_done(HttpParser *parser)
{
    buf_done(&parser->head);
    buf_done(&parser->body);
    buf_done(&parser->trailer);
}

bool http_parser_started(const HttpParser *parser)
{
    return parser->head.len > 0 || parser->empty_lines > 0;
}

static bool bad(HttpParser *parser, u32 status, const char *reason)
{
    parser->state = HTTP_STATE_BAD;
    parser->bad_status = status;
    parser->bad_reason = reason;
    return false;
}

/* RFC 9110 section 5.6.2: what names and methods are made of. */
static bool is_token_byte(u8 c)
{
    static const u8 table[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
        ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
        ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
    };
    return table[c];
}

static bool is_token(Str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_byte((u8)s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_value(Str s)
{
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_target(Str s)
{
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == '#') {
            return false;
        }
    }
    return s.len > 0 && s.ptr[0] == '/';
}

static Str trim_blanks(Str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = str_skip(s, 1);
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

static bool parse_version(HttpParser *parser, Str version)
{
    if (str_eq(version, S("HTTP/1.1"))) {
        parser->minor_version = 1;
        return true;
    }
    if (str_eq(version, S("HTTP/1.0"))) {
        return true;
    }
    bool other = str_starts_with(version, S("HTTP/")) && version.len == 8;
    return other ? bad(parser, 505, "HTTP version not supported")
                 : bad(parser, 400, "malformed HTTP version");
}

static bool parse_request_line(HttpParser *parser, Str line)
{
    size_t first = str_find_byte(line, ' ');
    size_t last = str_find_last_byte(line, ' ');
    if (first == STR_NOT_FOUND || first == last) {
        return bad(parser, 400, "malformed request line");
    }
    parser->method_name = str_take(line, first);
    parser->target = str_slice(line, first + 1, last);
    if (!is_token(parser->method_name)) {
        return bad(parser, 400, "invalid method");
    }
    if (!parse_version(parser, str_skip(line, last + 1))) {
        return false;
    }
    if (!is_target(parser->target)) {
        return bad(parser, 400, "invalid request target");
    }
    parser->method = http_method_parse(parser->method_name);
    return true;
}

static bool parse_length(HttpParser *parser, Str value)
{
    u64 length;
    if (parser->has_length) {
        return bad(parser, 400, "more than one Content-Length");
    }
    /* str_to_u64 takes digits only, so "+1", "1,1" and "" fail here. */
    if (!str_to_u64(value, &length)) {
        return bad(parser, 400, "invalid Content-Length");
    }
    parser->has_length = true;
    parser->left = length;
    return true;
}

static bool parse_connection(HttpParser *parser, Str value)
{
    Str part;
    Str rest = value.len > 0 ? value : STR_EMPTY;
    while (str_split_next(&rest, ',', &part)) {
        part = trim_blanks(part);
        if (str_eq_ignore_case(part, S("close"))) {
            parser->keep_alive = false;
        } else if (parser->minor_version == 0 && str_eq_ignore_case(part, S("keep-alive"))) {
            parser->keep_alive = true;
        }
    }
    return true;
}

/* The headers that decide where the request ends and what becomes of the connection. */
static bool note_header(HttpParser *parser, Str name, Str value)
{
    switch (name.len) {
    case 4:
        if (str_eq_ignore_case(name, S("Host"))) {
            if (parser->host.ptr) {
                return bad(parser, 400, "more than one Host");
            }
            parser->host = value;
        }
        break;
    case 6:
        if (str_eq_ignore_case(name, S("Expect"))) {
            if (!str_eq_ignore_case(value, S("100-continue"))) {
                return bad(parser, 417, "unknown expectation");
            }
            parser->expects_continue = parser->minor_version == 1;
        }
        break;
    case 10:
        return !str_eq_ignore_case(name, S("Connection")) || parse_connection(parser, value);
    case 14:
        return !str_eq_ignore_case(name, S("Content-Length")) || parse_length(parser, value);
    case 16:
        if (str_eq_ignore_case(name, S("Content-Encoding"))) {
            parser->content_encoding = value;
        }
        break;
    case 17:
        if (str_eq_ignore_case(name, S("Transfer-Encoding"))) {
            if (parser->chunked || !str_eq_ignore_case(value, S("chunked"))) {
                return bad(parser, 400, "unsupported Transfer-Encoding");
            }
            parser->chunked = true;
        }
        break;
    default:
        break;
    }
    return true;
}

static bool parse_header_line(HttpParser *parser, Str line, HttpHeader *ret)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
        return bad(parser, 400, "folded header line");
    }
    size_t colon = str_find_byte(line, ':');
    if (colon == STR_NOT_FOUND || !is_token(str_take(line, colon))) {
        return bad(parser, 400, "malformed header line");
    }
    Str value = trim_blanks(str_skip(line, colon + 1));
    if (!is_value(value)) {
        return bad(parser, 400, "invalid byte in a header value");
    }
    *ret = (HttpHeader){.name = str_take(line, colon), .value = value};
    return true;
}

/* Takes the next line of a complete head; its CRLF was checked while it came in. */
static bool next_line(Str *rest, Str *ret)
{
    size_t end = str_find_byte(*rest, '\n');
    if (end == STR_NOT_FOUND || end == 1) {
        return false;
    }
    *ret = str_take(*rest, end - 1);
    *rest = str_skip(*rest, end + 1);
    return true;
}

static size_t count_lines(Str lines)
{
    size_t count = 0;
    Str line;
    while (next_line(&lines, &line)) {
        count++;
    }
    return count;
}

static bool parse_headers(HttpParser *parser, Str lines)
{
    size_t count = count_lines(lines);
    if (count > HTTP_HEADERS_MAX) {
        return bad(parser, 431, "too many header lines");
    }
    parser->headers = ARENA_NEW(parser->arena, HttpHeader, MAX(count, (size_t)1));
    if (!parser->headers) {
        return bad(parser, 431, "headers do not fit into the request's memory");
    }
    Str line;
    while (next_line(&lines, &line)) {
        HttpHeader *header = &parser->headers[parser->header_count];
        if (!parse_header_line(parser, line, header) ||
            !note_header(parser, header->name, header->value)) {
            return false;
        }
        parser->header_count++;
    }
    return true;
}

/* What the header lines mean together. */
static bool judge_head(HttpParser *parser)
{
    if (parser->chunked && (parser->has_length || parser->minor_version == 0)) {
        return bad(parser, 400, "Transfer-Encoding where the length must be one way only");
    }
    if (parser->minor_version == 1 && !parser->host.ptr) {
        return bad(parser, 400, "missing required Host header");
    }
    if (!parser->host.ptr) {
        parser->host = STR_EMPTY;
    }
    if (parser->has_length && parser->left > parser->body.max) {
        return bad(parser, 413, "http: request body too large");
    }
    return true;
}

static bool parse_head(HttpParser *parser)
{
    Str rest = buf_view(&parser->head);
    Str line;
    if (!next_line(&rest, &line)) {
        return bad(parser, 400, "malformed request line");
    }
    if (!parse_request_line(parser, line)) {
        return false;
    }
    parser->keep_alive = parser->minor_version == 1;
    if (!parse_headers(parser, rest) || !judge_head(parser)) {
        return false;
    }
    if (parser->chunked) {
        parser->state = HTTP_STATE_CHUNK_SIZE;
        parser->left = 0;
    } else if (parser->left > 0) {
        parser->state = HTTP_STATE_FIXED;
        (void)buf_reserve(&parser->body, MIN(parser->left, (u64)HTTP_BODY_RESERVE_MAX));
    } else {
        parser->state = HTTP_STATE_DONE;
    }
    return true;
}

typedef enum Lines { LINES_MORE, LINES_END, LINES_BAD } Lines;

/*
 * Moves bytes into `to` up to and with the empty line that ends a block of lines.
 * Every line must end in CRLF.
 */
static Lines take_lines(HttpParser *parser, Buf *to, Str bytes, size_t *ret_used)
{
    size_t at = 0;
    Lines outcome = LINES_MORE;
    while (at < bytes.len && outcome == LINES_MORE) {
        const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);
        size_t end = lf ? (size_t)(lf - bytes.ptr) : bytes.len;
        size_t line_len = parser->line_len + (end - at);
        char before = end > at               ? bytes.ptr[end - 1]
                      : parser->line_len > 0 ? (char)to->data[to->len - 1]
                                             : '\0';
        buf_put(to, bytes.ptr + at, end - at + (lf ? 1 : 0));
        parser->line_len = lf ? 0 : line_len;
        at = lf ? end + 1 : end;
        if (to->overflowed) {
            (void)bad(parser, 431, "request header fields too large");
            outcome = LINES_BAD;
        } else if (lf && before != '\r') {
            (void)bad(parser, 400, "a line that does not end in CRLF");
            outcome = LINES_BAD;
        } else if (lf && line_len == 1) {
            outcome = LINES_END;
        }
    }
    *ret_used = at;
    return outcome;
}

static HttpParse feed_head(HttpParser *parser, Str bytes, size_t *ret_used)
{
    size_t total = 0;
    Lines outcome;
    do {
        size_t used = 0;
        outcome = take_lines(parser, &parser->head, str_skip(bytes, total), &used);
        total += used;
        if (outcome != LINES_END || parser->head.len > 2) {
            break;
        }
        buf_clear(&parser->head); /* an empty line before the request line */
        if (++parser->empty_lines > HTTP_EMPTY_LINES_MAX) {
            (void)bad(parser, 400, "malformed request line");
            outcome = LINES_BAD;
        }
    } while (outcome == LINES_END && total < bytes.len);
    *ret_used = total;
    if (outcome == LINES_BAD) {
        return HTTP_PARSE_BAD;
    }
    if (outcome == LINES_MORE || parser->head.len == 0) {
        return HTTP_PARSE_MORE;
    }
    return parse_head(parser) ? HTTP_PARSE_HEAD : HTTP_PARSE_BAD;
}

static int hex_value(u8 c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    u8 lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Ends the line "1a;x=y\r\n" once its CR has come. */
static void chunk_line_end(HttpParser *parser)
{
    parser->state = HTTP_STATE_CHUNK_SIZE_LF;
}

static void chunk_size_byte(HttpParser *parser, u8 c)
{
    int digit = hex_value(c);
    parser->chunk_line++;
    if (digit >= 0) {
        if (parser->left > (UINT64_MAX >> 4)) {
            (void)bad(parser, 400, "chunk size overflows");
            return;
        }
        parser->left = parser->left << 4 | (u64)digit;
        if (parser->chunk_line > HTTP_CHUNK_LINE_MAX) {
            (void)bad(parser, 400, "chunk size line too long");
        }
    } else if (parser->chunk_line == 1) {
        (void)bad(parser, 400, "malformed chunk size");
    } else if (c == '\r') {
        chunk_line_end(parser);
    } else if (c == ';') {
        parser->state = HTTP_STATE_CHUNK_EXTENSION;
    } else {
        (void)bad(parser, 400, "malformed chunk size");
    }
}

static void chunk_extension_byte(HttpParser *parser, u8 c)
{
    if (c == '\r') {
        chunk_line_end(parser);
    } else if (++parser->chunk_line > HTTP_CHUNK_LINE_MAX) {
        (void)bad(parser, 400, "chunk extension too long");
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
        (void)bad(parser, 400, "invalid byte in a chunk extension");
    }
}

static void chunk_size_lf(HttpParser *parser, u8 c)
{
    if (c != '\n') {
        (void)bad(parser, 400, "a chunk size that does not end in CRLF");
    } else if (parser->left == 0) {
        parser->state = HTTP_STATE_TRAILER;
        parser->line_len = 0;
    } else if (parser->left > parser->body.max - parser->body.len) {
        (void)bad(parser, 413, "http: request body too large");
    } else {
        parser->state = HTTP_STATE_CHUNK_DATA;
    }
}

static void chunk_control_byte(HttpParser *parser, u8 c)
{
    switch (parser->state) {
    case HTTP_STATE_CHUNK_SIZE:
        chunk_size_byte(parser, c);
        break;
    case HTTP_STATE_CHUNK_EXTENSION:
        chunk_extension_byte(parser, c);
        break;
    case HTTP_STATE_CHUNK_SIZE_LF:
        chunk_size_lf(parser, c);
        break;
    case HTTP_STATE_CHUNK_DATA_CR:
        parser->state = HTTP_STATE_CHUNK_DATA_LF;
        if (c != '\r') {
            (void)bad(parser, 400, "chunk data longer than its size");
        }
        break;
    default: /* HTTP_STATE_CHUNK_DATA_LF */
        parser->state = HTTP_STATE_CHUNK_SIZE;
        parser->chunk_line = 0;
        if (c != '\n') {
            (void)bad(parser, 400, "chunk data longer than its size");
        }
        break;
    }
}

static size_t take_body(HttpParser *parser, Str bytes)
{
    size_t size = (size_t)MIN((u64)bytes.len, parser->left);
    buf_put(&parser->body, bytes.ptr, size);
    parser->left -= size;
    if (parser->left == 0) {
        parser->state =
            parser->state == HTTP_STATE_FIXED ? HTTP_STATE_DONE : HTTP_STATE_CHUNK_DATA_CR;
    }
    return size;
}

/* Trailers are checked like headers and then forgotten: no handler may rely on them. */
static size_t take_trailer(HttpParser *parser, Str bytes)
{
    size_t used = 0;
    if (take_lines(parser, &parser->trailer, bytes, &used) != LINES_END) {
        return used;
    }
    Str lines = buf_view(&parser->trailer);
    Str line;
    HttpHeader ignored;
    parser->state = HTTP_STATE_DONE;
    while (next_line(&lines, &line) && parse_header_line(parser, line, &ignored)) {
    }
    return used;
}

static HttpParse feed_body(HttpParser *parser, Str bytes, size_t *ret_used)
{
    size_t at = 0;
    while (at < bytes.len && parser->state < HTTP_STATE_DONE) {
        if (parser->state == HTTP_STATE_FIXED || parser->state == HTTP_STATE_CHUNK_DATA) {
            at += take_body(parser, str_skip(bytes, at));
        } else if (parser->state == HTTP_STATE_TRAILER) {
            at += take_trailer(parser, str_skip(bytes, at));
        } else {
            chunk_control_byte(parser, (u8)bytes.ptr[at++]);
        }
    }
    *ret_used = at;
    if (parser->state == HTTP_STATE_BAD) {
        return HTTP_PARSE_BAD;
    }
    return parser->state == HTTP_STATE_DONE ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}

HttpParse http_parser_feed(HttpParser *parser, Str bytes, size_t *ret_used)
{
    *ret_used = 0;
    ASSERT(parser->state != HTTP_STATE_BAD);
    if (parser->state == HTTP_STATE_HEAD) {
        return feed_head(parser, bytes, ret_used);
    }
    return feed_body(parser, bytes, ret_used);
}

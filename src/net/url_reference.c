/* URL references: see url_reference.h. Layer: net. Memory: none. Thread: any. */
#include "net/url_reference.h"

#include "base/quote.h"

#include <stdio.h>
#include <string.h>

static bool refuse(Str in, Err *err, const char *why, Str part)
{
    char quoted[QUOTE_TEXT_MAX];
    char quoted_part[QUOTE_TEXT_MAX];
    return err_set(err, ERR_INVALID, "parse %s: %s%s", quote_text(quoted, in), why,
                   part.ptr ? quote_text(quoted_part, part) : "");
}

static bool refuse_whole(Str in, Err *err, const char *why)
{
    return refuse(in, err, why, (Str){0});
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of the scheme at the front, 0 when there is none. */
static size_t scheme_len(Str in)
{
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        bool inner = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (c == ':') {
            return i;
        }
        if (!is_letter(c) && !(inner && i > 0)) {
            return 0;
        }
    }
    return 0;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool check_bytes(Str in, Err *err)
{
    for (size_t i = 0; i < in.len; i++) {
        if ((u8)in.ptr[i] < ' ' || in.ptr[i] == 0x7F) {
            return refuse_whole(in, err, "net/url: invalid control character in URL");
        }
        if (in.ptr[i] == '%' &&
            (in.len - i < 3 || !is_hex(in.ptr[i + 1]) || !is_hex(in.ptr[i + 2]))) {
            return refuse(in, err, "invalid URL escape ", str_slice(in, i, i + 3));
        }
    }
    return true;
}

/* "host", "host:port", "[v6]:port". */
static bool check_host(Str in, Str host, Err *err)
{
    Str port = STR_EMPTY;
    if (host.len > 0 && host.ptr[0] == '[') {
        size_t close = str_find_last_byte(host, ']');
        if (close == STR_NOT_FOUND) {
            return refuse_whole(in, err, "missing ']' in host");
        }
        port = str_skip(host, close + 1);
    } else {
        size_t colon = str_find_last_byte(host, ':');
        port = colon == STR_NOT_FOUND ? STR_EMPTY : str_skip(host, colon);
    }
    for (size_t i = 0; i < port.len; i++) {
        if (i == 0 ? port.ptr[i] != ':' : port.ptr[i] < '0' || port.ptr[i] > '9') {
            char quoted[QUOTE_TEXT_MAX];
            char why[QUOTE_TEXT_MAX + 32];
            (void)snprintf(why, sizeof(why), "invalid port %s after host",
                           quote_text(quoted, port));
            return refuse_whole(in, err, why);
        }
    }
    return str_find_byte(host, ' ') == STR_NOT_FOUND ||
           refuse(in, err, "invalid character in host name: ", host);
}

static Str take_authority(Str *rest)
{
    size_t len = 0;
    while (len < rest->len && !strchr("/?#", rest->ptr[len])) {
        len++;
    }
    Str authority = str_take(*rest, len);
    *rest = str_skip(*rest, len);
    return authority;
}

bool url_reference_parse(Str in, UrlReference *ret, Err *err)
{
    UrlReference url = {.scheme = STR_EMPTY, .user_info = STR_EMPTY, .host = STR_EMPTY};
    if (!check_bytes(in, err)) {
        return false;
    }
    if (str_starts_with(in, S(":"))) {
        return refuse_whole(in, err, "missing protocol scheme");
    }
    size_t scheme = scheme_len(in);
    url.scheme = str_take(in, scheme);
    url.rest = scheme > 0 ? str_skip(in, scheme + 1) : in;
    if (str_skip_prefix(&url.rest, S("//"))) {
        url.host = take_authority(&url.rest);
        size_t at = str_find_last_byte(url.host, '@');
        if (at != STR_NOT_FOUND) {
            url.user_info = str_take(url.host, at);
            url.host = str_skip(url.host, at + 1);
        }
        if (!check_host(in, url.host, err)) {
            return false;
        }
    } else if (scheme == 0) {
        size_t colon = str_find_byte(in, ':');
        if (colon < str_find_byte(in, '/')) {
            return refuse_whole(in, err, "first path segment in URL cannot contain colon");
        }
    }
    *ret = url;
    return true;
}

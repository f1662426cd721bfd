/* URL: see url.h. Layer: net. Memory: none of its own. Thread: any. */
#include "net/url.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool decode_into(Str in, bool plus_is_space, char *out, size_t *ret_len, Err *err)
{
    size_t len = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_value(in.ptr[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_value(in.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                Str escape = str_take(str_skip(in, i), 3);
                return err_set_pos(err, ERR_INVALID, i, "invalid URL escape \"" STR_FMT "\"",
                                   STR_ARG(escape));
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret_len = len;
    return true;
}

bool url_decode(Str in, bool plus_is_space, Arena *arena, Str *ret, Err *err)
{
    if (str_find_byte(in, '%') == STR_NOT_FOUND &&
        !(plus_is_space && str_find_byte(in, '+') != STR_NOT_FOUND)) {
        *ret = in;
        return true;
    }
    char *out = arena_alloc(arena, in.len, 1);
    size_t len = 0;
    if (!out) {
        return arena_full(arena, err);
    }
    if (!decode_into(in, plus_is_space, out, &len, err)) {
        return false;
    }
    *ret = (Str){.ptr = out, .len = len};
    return true;
}

static bool is_unreserved(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

void url_encode(Buf *out, Str in)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < in.len; i++) {
        u8 c = (u8)in.ptr[i];
        if (is_unreserved((char)c)) {
            buf_byte(out, c);
        } else {
            buf_byte(out, '%');
            buf_byte(out, (u8)digits[c >> 4]);
            buf_byte(out, (u8)digits[c & 15]);
        }
    }
}

/* Takes what stands behind the first `mark` off *s. */
static Str cut_behind(Str *s, char mark)
{
    size_t at = str_find_byte(*s, mark);
    if (at == STR_NOT_FOUND) {
        return STR_EMPTY;
    }
    Str behind = str_skip(*s, at + 1);
    *s = str_take(*s, at);
    return behind;
}

static bool is_scheme(Str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        char lower = (char)(c | 0x20);
        bool letter = lower >= 'a' && lower <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !other)) {
            return false;
        }
    }
    return s.len > 0;
}

/* "host", "host:80", "[::1]:80" */
static bool parse_authority(Str authority, Str whole, Url *url, Err *err)
{
    size_t pos = (size_t)(authority.ptr - whole.ptr);
    Str rest = authority;
    if (str_skip_prefix(&rest, S("["))) {
        size_t end = str_find_byte(rest, ']');
        if (end == STR_NOT_FOUND) {
            return err_set_pos(err, ERR_INVALID, pos, "missing ']' in host");
        }
        url->host = str_take(rest, end);
        rest = str_skip(rest, end + 1);
    } else {
        size_t colon = str_find_byte(rest, ':');
        url->host = str_take(rest, colon == STR_NOT_FOUND ? rest.len : colon);
        rest = str_skip(rest, url->host.len);
    }
    if (url->host.len == 0) {
        return err_set_pos(err, ERR_INVALID, pos, "no host in URL");
    }
    if (rest.len == 0) {
        return true;
    }
    u64 port;
    url->port = str_skip(rest, 1);
    if (rest.ptr[0] != ':' || !str_to_u64(url->port, &port) || port > 65535) {
        return err_set_pos(err, ERR_INVALID, (size_t)(rest.ptr - whole.ptr),
                           "invalid port \"" STR_FMT "\" after host", STR_ARG(rest));
    }
    return true;
}

bool url_parse(Str in, Url *ret, Err *err)
{
    Url url = {.user_info = STR_EMPTY, .port = STR_EMPTY};
    for (size_t i = 0; i < in.len; i++) {
        u8 c = (u8)in.ptr[i];
        if (c <= 0x20 || c == 0x7f) {
            return err_set_pos(err, ERR_INVALID, i, "invalid character in URL");
        }
    }
    size_t colon = str_find(in, S("://"));
    if (colon == STR_NOT_FOUND || !is_scheme(str_take(in, colon))) {
        return err_set_pos(err, ERR_INVALID, 0, "not an absolute URL: \"" STR_FMT "\"",
                           STR_ARG(in));
    }
    url.scheme = str_take(in, colon);
    Str rest = str_skip(in, colon + 3);
    url.fragment = cut_behind(&rest, '#');
    url.query = cut_behind(&rest, '?');
    size_t slash = str_find_byte(rest, '/');
    Str authority = str_take(rest, slash == STR_NOT_FOUND ? rest.len : slash);
    url.path = str_skip(rest, authority.len);
    size_t at = str_find_last_byte(authority, '@');
    if (at != STR_NOT_FOUND) {
        url.user_info = str_take(authority, at);
        authority = str_skip(authority, at + 1);
    }
    if (!parse_authority(authority, in, &url, err)) {
        return false;
    }
    *ret = url;
    return true;
}

/* What a token address answers: see oauth2_reply.h. Layer: net. */
#include "net/oauth2_reply.h"

#include "base/buf.h"
#include "codec/json.h"
#include "net/url.h"

enum {
    SHOWN_MAX = 200,               /* bytes of a server's text in an error */
    LIFE_MAX_S = 10 * 365 * 86400, /* seconds; a longer life is as good as this */
};

typedef struct Fields {
    Str token;
    Str type;
    Str life; /* digits */
    Str error;
    Str description;
} Fields;

static Str *field_of(Fields *fields, Str name)
{
    const struct {
        Str name;
        Str *field;
    } known[] = {{S("access_token"), &fields->token},
                 {S("token_type"), &fields->type},
                 {S("expires_in"), &fields->life},
                 {S("error"), &fields->error},
                 {S("error_description"), &fields->description}};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_eq(name, known[i].name)) {
            return known[i].field;
        }
    }
    return NULL;
}

static bool read_json(Str body, Arena *arena, Fields *ret, Err *err)
{
    JsonReader reader;
    Str key;
    json_init(&reader, body, arena);
    if (json_begin_object(&reader)) {
        while (json_next_key(&reader, &key)) {
            Str *field = field_of(ret, key);
            JsonKind kind = json_peek(&reader);
            if (field == &ret->life && kind == JSON_NUMBER) { /* a string is met as well */
                (void)json_number_text(&reader, field);
            } else if (field && kind != JSON_NULL) {
                (void)json_str(&reader, field);
            } else {
                (void)json_skip(&reader);
            }
        }
    }
    return json_finish(&reader, err);
}

static bool read_form(Str body, Arena *arena, Fields *ret, Err *err)
{
    Str rest = body;
    Str pair;
    while (str_split_next(&rest, '&', &pair)) {
        size_t equals = MIN(str_find_byte(pair, '='), pair.len);
        Str name;
        Str value;
        if (!url_decode(str_take(pair, equals), true, arena, &name, err) ||
            !url_decode(str_skip(pair, equals + 1), true, arena, &value, err)) {
            return false;
        }
        Str *field = field_of(ret, name);
        if (field) {
            *field = value;
        }
    }
    return true;
}

static bool is_form(Str content_type)
{
    Str type =
        str_trim(str_take(content_type, MIN(str_find_byte(content_type, ';'), content_type.len)));
    return str_eq_ignore_case(type, S("application/x-www-form-urlencoded")) ||
           str_eq_ignore_case(type, S("text/plain"));
}

/* The server's words in an error of ours: short, printable, and without the secret. */
static void show(Buf *out, Str text, Str secret)
{
    if (text.len == 0 || (secret.len > 0 && str_contains(text, secret))) {
        return;
    }
    buf_lit(out, ": ");
    for (size_t i = 0; i < MIN(text.len, (size_t)SHOWN_MAX); i++) {
        char c = text.ptr[i];
        buf_byte(out, c >= ' ' && c < 127 ? (u8)c : '?');
    }
}

static bool refuse(u32 status, const Fields *fields, Str secret, Err *err)
{
    Buf words;
    buf_init(&words, 4 * SHOWN_MAX);
    show(&words, fields->error, secret);
    show(&words, fields->description, secret);
    (void)err_set(err, ERR_UNAVAILABLE, "the token address answered %u" STR_FMT, status,
                  STR_ARG(buf_view(&words)));
    buf_done(&words);
    return false;
}

/* "Bearer" however it is written, as servers are known to compare it. */
static Str canonical_type(Str type)
{
    return type.len == 0 || str_eq_ignore_case(type, S("bearer")) ? S("Bearer") : type;
}

bool token_reply_parse(u32 status, Str content_type, Str body, Str secret, Arena *arena,
                       TokenReply *ret, Err *err)
{
    Fields fields = {S(""), S(""), S(""), S(""), S("")};
    Err why;
    u64 life_s = 0;
    bool read = is_form(content_type) ? read_form(body, arena, &fields, &why)
                                      : read_json(body, arena, &fields, &why);
    if (status < 200 || status > 299 || (read && fields.error.len > 0)) {
        return refuse(status, &fields, secret, err);
    }
    if (!read) {
        return err_set(err, ERR_INVALID, "the token address's answer cannot be read: %s",
                       why.message);
    }
    if (fields.token.len == 0) {
        return err_set(err, ERR_INVALID, "the token address's answer has no access_token");
    }
    if (fields.life.len > 0 && !str_to_u64(fields.life, &life_s)) {
        return err_set(err, ERR_INVALID, "the token address's answer has a bad expires_in");
    }
    *ret = (TokenReply){.token = fields.token,
                        .type = canonical_type(fields.type),
                        .expires_in_s = (i64)MIN(life_s, (u64)LIFE_MAX_S)};
    return true;
}

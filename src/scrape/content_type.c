/* Content type: see content_type.h. Layer: scrape. Memory: none. Thread: any. */
#include "scrape/content_type.h"

#include "base/buf.h"
#include "base/quote.h"

#include <string.h>

enum {
    WEIGHT_FIRST = 6, /* q=0.6 for the most wanted; one less for each that follows */
    ACCEPT_MAX = 1024,
};

static bool is_token_byte(char c)
{
    return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static Str take_token(Str *s)
{
    size_t size = 0;
    while (size < s->len && is_token_byte(s->ptr[size])) {
        size++;
    }
    Str token = str_take(*s, size);
    *s = str_skip(*s, size);
    return token;
}

static bool take_value(Str *s)
{
    if (s->len == 0 || s->ptr[0] != '"') {
        return take_token(s).len > 0;
    }
    for (size_t i = 1; i < s->len; i++) {
        if (s->ptr[i] == '\\') {
            i++;
        } else if (s->ptr[i] == '"') {
            *s = str_skip(*s, i + 1);
            return true;
        }
    }
    return false;
}

/* `; name=value` any number of times; a semicolon may end it. */
static bool params_valid(Str s)
{
    s = str_trim(s);
    while (s.len > 0) {
        if (!str_skip_prefix(&s, S(";"))) {
            return false;
        }
        s = str_trim(s);
        if (s.len == 0) {
            return true;
        }
        if (take_token(&s).len == 0) {
            return false;
        }
        s = str_trim(s);
        if (!str_skip_prefix(&s, S("="))) {
            return false;
        }
        s = str_trim(s);
        if (!take_value(&s)) {
            return false;
        }
        s = str_trim(s);
    }
    return true;
}

/* The media type in front of the parameters; false when the whole is malformed. */
static bool media_type(Str content_type, Str *ret)
{
    size_t end = str_find_byte(content_type, ';');
    Str base = str_trim(str_take(content_type, end));
    Str rest = base;
    bool valid = take_token(&rest).len > 0;
    if (valid && rest.len > 0) {
        valid = str_skip_prefix(&rest, S("/")) && take_token(&rest).len > 0 && rest.len == 0;
    }
    *ret = base;
    return valid && (end == STR_NOT_FOUND || params_valid(str_skip(content_type, end)));
}

static bool unsupported(Err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "the protobuf exposition format is not supported");
}

static bool fall_back(ScrapeProtocol fallback, ExpositionFormat *ret, Err *err)
{
    switch (fallback) {
    case SCRAPE_OPENMETRICS_1_0_0:
    case SCRAPE_OPENMETRICS_0_0_1:
        *ret = EXPOSITION_OPENMETRICS;
        return true;
    case SCRAPE_TEXT_1_0_0:
    case SCRAPE_TEXT_0_0_4:
        *ret = EXPOSITION_TEXT;
        return true;
    default:
        return unsupported(err);
    }
}

bool page_format(Str content_type, ScrapeProtocol fallback, ExpositionFormat *ret, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    Str type = STR_EMPTY;
    bool valid = content_type.len > 0 && media_type(content_type, &type);
    if (valid && str_eq_ignore_case(type, S("text/plain"))) {
        *ret = EXPOSITION_TEXT;
        return true;
    }
    if (valid && str_eq_ignore_case(type, S("application/openmetrics-text"))) {
        *ret = EXPOSITION_OPENMETRICS;
        return true;
    }
    if (valid && str_eq_ignore_case(type, S("application/vnd.google.protobuf"))) {
        return unsupported(err);
    }
    if (fallback != SCRAPE_PROTOCOL_NONE) {
        return fall_back(fallback, ret, err);
    }
    if (content_type.len == 0) {
        return err_set(err, ERR_INVALID,
                       "non-compliant scrape target sending blank Content-Type and no "
                       "fallback_scrape_protocol specified for target");
    }
    if (!valid) {
        return err_set(err, ERR_INVALID,
                       "cannot parse Content-Type %s and no fallback_scrape_protocol for target",
                       quote_text(quoted, content_type));
    }
    return err_set(err, ERR_INVALID,
                   "received unsupported Content-Type %s and no fallback_scrape_protocol "
                   "specified for target",
                   quote_text(quoted, content_type));
}

bool accept_header(const ScrapeConfig *config, Arena *arena, Str *ret, Err *err)
{
    static const char *const types[SCRAPE_PROTOCOL_COUNT] = {
        [SCRAPE_OPENMETRICS_1_0_0] = "application/openmetrics-text;version=1.0.0",
        [SCRAPE_OPENMETRICS_0_0_1] = "application/openmetrics-text;version=0.0.1",
        [SCRAPE_TEXT_1_0_0] = "text/plain;version=1.0.0",
        [SCRAPE_TEXT_0_0_4] = "text/plain;version=0.0.4",
    };
    int weight = WEIGHT_FIRST;
    Buf out;
    buf_init(&out, ACCEPT_MAX);
    for (size_t i = 0; i < config->protocol_count; i++) {
        ScrapeProtocol protocol = config->protocols[i];
        if (!types[protocol]) {
            continue;
        }
        buf_str(&out, str_from(types[protocol]));
        if (protocol == SCRAPE_OPENMETRICS_1_0_0 || protocol == SCRAPE_TEXT_1_0_0) {
            buf_printf(&out, ";escaping=%s", name_escaping_name(config->name_escaping));
        }
        buf_printf(&out, ";q=0.%d,", weight--);
    }
    buf_printf(&out, "*/*;q=0.%d", weight);
    bool ok = buf_ok(&out, err) && arena_str(arena, buf_view(&out), ret, err);
    buf_done(&out);
    return ok;
}

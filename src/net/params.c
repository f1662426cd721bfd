/*
 * Parameters of a request: query string and form body, percent-decoded.
 *
 * Layer: net. Memory: in the exchange's arena. Thread: whoever handles the exchange.
 */
#include "net/http_internal.h"
#include "net/url.h"

#include <string.h>

static bool is_form(const HttpRequest *request)
{
    if (!(request->method & (HTTP_POST | HTTP_PUT | HTTP_PATCH))) {
        return false;
    }
    Str type = http_request_header(request, S("Content-Type"));
    type = str_trim(str_take(type, MIN(str_find_byte(type, ';'), type.len)));
    return str_eq_ignore_case(type, S("application/x-www-form-urlencoded"));
}

static size_t count_pairs(Str form)
{
    size_t count = form.len > 0;
    for (size_t i = 0; i < form.len; i++) {
        count += form.ptr[i] == '&';
    }
    return count;
}

/* Appends to params[*count…], which has room for count_pairs(form) more. */
static bool parse_form(Str form, Arena *arena, HttpParam *params, size_t *count, Err *err)
{
    Str pair;
    Str rest = form;
    if (form.len == 0) {
        return true;
    }
    while (str_split_next(&rest, '&', &pair)) {
        if (pair.len == 0) {
            continue;
        }
        if (str_find_byte(pair, ';') != STR_NOT_FOUND) {
            return err_set(err, ERR_INVALID, "invalid semicolon separator in query");
        }
        size_t equals = MIN(str_find_byte(pair, '='), pair.len);
        HttpParam *param = &params[*count];
        if (!url_decode(str_take(pair, equals), true, arena, &param->name, err) ||
            !url_decode(str_skip(pair, equals + 1), true, arena, &param->value, err)) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static bool parse_params(HttpExchange *exchange, Err *err)
{
    Str body = is_form(&exchange->request) ? exchange->request.body : STR_EMPTY;
    Str query = exchange->request.query;
    size_t room = count_pairs(body) + count_pairs(query);
    exchange->params = ARENA_NEW(&exchange->arena, HttpParam, room + 1);
    if (!exchange->params) {
        return arena_full(&exchange->arena, err);
    }
    size_t *count = &exchange->param_count;
    return parse_form(body, &exchange->arena, exchange->params, count, err) &&
           parse_form(query, &exchange->arena, exchange->params, count, err);
}

/* Parses once; what was decoded before an error stays, as in the original. */
static void ensure_params(HttpExchange *exchange)
{
    Err err = {0};
    if (exchange->params_parsed) {
        return;
    }
    exchange->params_parsed = true;
    if (!parse_params(exchange, &err)) {
        static const Err no_memory = {.code = ERR_LIMIT,
                                      .message = "request parameters need too much memory"};
        Err *kept = ARENA_NEW(&exchange->arena, Err, 1);
        if (kept) {
            *kept = err;
        }
        exchange->params_err = kept ? kept : &no_memory;
    }
}

bool http_params(HttpExchange *exchange, const HttpParam **ret, size_t *ret_count, Err *err)
{
    ensure_params(exchange);
    if (exchange->params_err) {
        if (err) {
            *err = *exchange->params_err;
        }
        return false;
    }
    *ret = exchange->params;
    *ret_count = exchange->param_count;
    return true;
}

static const HttpParam *param_find(HttpExchange *exchange, Str name)
{
    ensure_params(exchange);
    for (size_t i = 0; i < exchange->param_count; i++) {
        if (str_eq(exchange->params[i].name, name)) {
            return &exchange->params[i];
        }
    }
    return NULL;
}

Str http_param(HttpExchange *exchange, Str name)
{
    const HttpParam *param = param_find(exchange, name);
    return param ? param->value : STR_EMPTY;
}

bool http_has_param(HttpExchange *exchange, Str name)
{
    return param_find(exchange, name) != NULL;
}

/*
 * What a token address answers: an access token with its life, or an error.
 *
 * Layer: net, inside the HTTP client. Memory: results borrow the body or live in the arena. Thread:
 * any. Source: RFC 6749 sections 5.1 and 5.2.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct TokenReply {
    Str token;
    Str type;         /* "Bearer" when the answer has none */
    i64 expires_in_s; /* 0: it does not say, so never */
} TokenReply;

/*
 * body    JSON, or a form when content_type says so
 * secret  the client's; an error text of the server that repeats it is left out
 * Errors  ERR_UNAVAILABLE with status and the server's error; ERR_INVALID for an answer that is
 * none
 */
bool token_reply_parse(u32 status, Str content_type, Str body, Str secret, Arena *arena,
                       TokenReply *ret, Err *err) MUST_USE;

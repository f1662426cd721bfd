/*
 * OAuth 2.0 configuration as a value: a key that is equal where all that matters for a token is
 * equal, and a copy that outlives the configuration file it was read from.
 *
 * Layer: net, inside the HTTP client. Memory: the caller's buffer or arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/client_config.h"

void oauth2_config_key(const OAuth2Config *config, Buf *out); /* holds secrets */
bool oauth2_config_copy(const OAuth2Config *config, Arena *arena, OAuth2Config *ret,
                        Err *err) MUST_USE; /* claims: as claims_json alone */

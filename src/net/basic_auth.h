/*
 * Basic authentication: users with bcrypt hashes. A bcrypt costs tens of milliseconds on purpose,
 * so right answers are remembered (as a salted digest) and only new ones cost one; an unknown user
 * costs as much as a wrong password.
 *
 * Layer: net (libxcrypt). Memory: basic_auth_free. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct BasicUser {
    Str name;
    Str hash; /* bcrypt: "$2y$10$…" */
} BasicUser;

typedef struct BasicAuth BasicAuth;

bool bcrypt_hash_valid(Str hash);

/* Copies the users; their hashes are valid. */
BasicAuth *basic_auth_new(const BasicUser *users, size_t count);
void basic_auth_free(BasicAuth *auth);

typedef enum BasicVerdict {
    BASIC_DENIED,  /* no credentials that could be right */
    BASIC_UNKNOWN, /* only basic_auth_check can tell */
    BASIC_ALLOWED, /* seen before */
} BasicVerdict;

typedef struct BasicCredentials {
    Str user;
    Str password;
} BasicCredentials;

/* What an Authorization header says at no cost. `ret` lives in the arena; untouched when denied. */
BasicVerdict basic_auth_look(BasicAuth *auth, Str header, Arena *arena, BasicCredentials *ret);

/* Computes one bcrypt, whatever the credentials: workers only. */
bool basic_auth_check(BasicAuth *auth, const BasicCredentials *credentials);

/*
 * OAuth 2.0 tokens of outgoing requests (the client credentials and JWT bearer grants): fetched
 * from the token address, kept until they expire, and shared by all requests whose configuration
 * says the same. Of each configuration at most one token request is on its way; who comes meanwhile
 * waits for it.
 *
 * Layer: net, inside the HTTP client. Memory: token_store_free; a TokenWait belongs to who waits.
 * Thread: the store has a lock, its functions run on any loop; a TokenWait belongs to one loop.
 * Source: RFC 6749 sections 2.3.1, 4.4 and 5; RFC 7523 section 2.1.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"
#include "net/client_config.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/secret_files.h"

typedef struct TokenStore TokenStore; /* one an HttpClient */

TokenStore *token_store_new(HttpClient *client); /* borrowed: fetches the tokens */
TokenStore *token_store_free(TokenStore *store); /* when nobody waits and nothing runs; NULL */

/* Who needs a token. Set loop, ready and self, the rest zero. */
typedef struct TokenWait {
    Loop *loop;
    void (*ready)(void *self); /* on the loop, once, after TOKEN_LATER */
    void *self;
    struct TokenWait *next;
    struct TokenWait **link; /* NULL: not in line */
    Err err;                 /* code ERR_NONE: the token is there */
    Buf value;               /* "Bearer 2YotnFZF…", for the Authorization header */
    u64 generation;          /* which of the tokens fetched so far it is */
} TokenWait;

void token_wait_done(TokenWait *wait); /* not in line any more */

typedef enum TokenAnswer {
    TOKEN_READY,  /* wait->value */
    TOKEN_LATER,  /* wait->ready will be called */
    TOKEN_FAILED, /* wait->err */
} TokenAnswer;

/* config is copied where it is kept. files: of the calling loop. Errors never hold a secret. */
TokenAnswer token_get(TokenStore *store, SecretFiles *files, const OAuth2Config *config,
                      TokenWait *wait);

/* Steps out of the line. When false, ready has been posted and runs before anything posted now. */
bool token_leave(TokenStore *store, TokenWait *wait);

/* A server refused that token: it is not given out again. */
void token_refuse(TokenStore *store, const OAuth2Config *config, u64 generation);

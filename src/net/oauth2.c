/*
 * OAuth 2.0 tokens: see oauth2.h. An entry a configuration; its token request runs on the loop of
 * who asked first.
 *
 * Layer: net. Memory: entries live in the store until they have not been used for longest and room
 * is needed. Thread: everything of an entry under the store's lock, but what a running request owns
 * (marked), which only its loop touches.
 */
#include "net/oauth2.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/base64.h"
#include "net/jwt.h"
#include "net/oauth2_copy.h"
#include "net/oauth2_reply.h"
#include "net/url.h"

#include <pthread.h>
#include <string.h>

enum {
    TOKENS_MAX = 256,                   /* configurations whose tokens are kept */
    TOKEN_TIMEOUT_MS = 30 * 1000,       /* for one token request */
    TOKEN_REPLY_MAX = 1024 * 1024,      /* bytes of its answer */
    TOKEN_CONFIG_MAX = 8 * 1024 * 1024, /* bytes of a configuration, PEM texts included */
    TOKEN_SECRET_MAX = 1024 * 1024,     /* bytes of a client's secret */
    TOKEN_MARGIN_S = 10, /* seconds before its end at which a token is not used more */
};

/* Where the client shows who it is. Servers do not agree, so the header is tried first and what
 * worked is remembered. */
typedef enum TokenStyle {
    STYLE_UNKNOWN,
    STYLE_HEADER,
    STYLE_BODY,
    STYLE_NONE, /* JWT: the assertion says it */
} TokenStyle;

typedef struct TokenEntry {
    TokenStore *store;
    Buf key;
    Arena arena; /* of config */
    OAuth2Config config;
    HttpClientConfig http; /* of the token request */
    Buf value;             /* "Bearer …"; empty: none */
    i64 expires_ns;        /* monotonic; 0: never */
    i64 used_ns;           /* monotonic */
    u64 generation;
    TokenStyle style;
    bool fetching;
    TokenWait *waiting;
    /* The client's secret, or with JWT its key, that value was or will be fetched with. The
     * request's while fetching, as the next two. */
    Buf secret;
    Loop *loop;
    TokenStyle tried;
} TokenEntry;

struct TokenStore {
    HttpClient *client;
    pthread_mutex_t lock;
    StrMap entries; /* by key: a TokenEntry, owned */
};

static void request_send(TokenEntry *entry);

TokenStore *token_store_new(HttpClient *client)
{
    TokenStore *store = MEM_NEW(TokenStore);
    store->client = client;
    (void)pthread_mutex_init(&store->lock, NULL);
    return store;
}

static void entry_free(TokenEntry *entry)
{
    buf_done(&entry->key);
    buf_done(&entry->value);
    buf_done(&entry->secret);
    arena_done(&entry->arena);
    mem_free(entry);
}

TokenStore *token_store_free(TokenStore *store)
{
    Str key;
    u64 value;
    for (size_t i = 0; strmap_next(&store->entries, &i, &key, &value);) {
        TokenEntry *entry = (TokenEntry *)(uintptr_t)value;
        ASSERT(!entry->fetching);
        entry_free(entry);
    }
    strmap_done(&store->entries);
    (void)pthread_mutex_destroy(&store->lock);
    mem_free(store);
    return NULL;
}

void token_wait_done(TokenWait *wait)
{
    ASSERT(!wait->link);
    buf_done(&wait->value);
}

/* ---- entries; under the lock ---- */

static bool make_room(TokenStore *store, Err *err)
{
    TokenEntry *oldest = NULL;
    Str key;
    u64 value;
    if (store->entries.count < TOKENS_MAX) {
        return true;
    }
    for (size_t i = 0; strmap_next(&store->entries, &i, &key, &value);) {
        TokenEntry *entry = (TokenEntry *)(uintptr_t)value;
        if (!entry->fetching && (!oldest || entry->used_ns < oldest->used_ns)) {
            oldest = entry;
        }
    }
    if (!oldest) {
        return err_set(err, ERR_LIMIT, "more than %d OAuth2 tokens are being fetched", TOKENS_MAX);
    }
    (void)strmap_del(&store->entries, buf_view(&oldest->key));
    entry_free(oldest);
    return true;
}

static TokenEntry *entry_add(TokenStore *store, const OAuth2Config *config, Buf *key, Err *err)
{
    if (!make_room(store, err)) {
        return NULL;
    }
    TokenEntry *entry = MEM_NEW(TokenEntry);
    entry->store = store;
    arena_init(&entry->arena, TOKEN_CONFIG_MAX);
    buf_init(&entry->value, TOKEN_REPLY_MAX * 2);
    buf_init(&entry->secret, TOKEN_SECRET_MAX);
    if (!oauth2_config_copy(config, &entry->arena, &entry->config, err)) {
        entry_free(entry);
        return NULL;
    }
    http_client_config_defaults(&entry->http);
    entry->http.tls = entry->config.tls;
    entry->http.proxy = entry->config.proxy;
    entry->key = *key;
    *key = (Buf){0};
    *strmap_put(&store->entries, buf_view(&entry->key), NULL) = (u64)(uintptr_t)entry;
    return entry;
}

/* NULL: err, or (without err) there is none. */
static TokenEntry *entry_find(TokenStore *store, const OAuth2Config *config, bool add, Err *err)
{
    CLEANUP(buf_done) Buf key;
    u64 found;
    buf_init(&key, TOKEN_CONFIG_MAX);
    oauth2_config_key(config, &key);
    if (!buf_ok(&key, err)) {
        return NULL;
    }
    if (strmap_get(&store->entries, buf_view(&key), &found)) {
        return (TokenEntry *)(uintptr_t)found;
    }
    return add ? entry_add(store, config, &key, err) : NULL;
}

static bool fresh(const TokenEntry *entry, Str secret, i64 now_ns)
{
    return entry->value.len > 0 && str_eq(buf_view(&entry->secret), secret) &&
           (entry->expires_ns == 0 || now_ns < entry->expires_ns - TOKEN_MARGIN_S * NS_PER_SECOND);
}

static void hand_over(const TokenEntry *entry, TokenWait *wait)
{
    buf_done(&wait->value); /* of an earlier wait */
    buf_init(&wait->value, entry->value.max);
    buf_str(&wait->value, buf_view(&entry->value));
    wait->generation = entry->generation;
    wait->err.code = ERR_NONE;
}

static void wait_link(TokenEntry *entry, TokenWait *wait)
{
    wait->next = entry->waiting;
    wait->link = &entry->waiting;
    if (entry->waiting) {
        entry->waiting->link = &wait->next;
    }
    entry->waiting = wait;
}

static void wait_unlink(TokenWait *wait)
{
    *wait->link = wait->next;
    if (wait->next) {
        wait->next->link = wait->link;
    }
    wait->link = NULL;
}

/* ---- the token request; on its loop ---- */

static void put_pair(Buf *body, const char *name, Str value)
{
    buf_printf(body, "&%s=", name);
    url_encode(body, value);
}

static bool uses_jwt(const OAuth2Config *config)
{
    return str_eq(config->grant_type, S(OAUTH2_JWT_BEARER));
}

static bool put_assertion(const TokenEntry *entry, Buf *body, Err *err)
{
    CLEANUP(buf_done) Buf scope;
    CLEANUP(buf_done) Buf assertion;
    const OAuth2Config *config = &entry->config;
    buf_init(&scope, TOKEN_CONFIG_MAX);
    buf_init(&assertion, TOKEN_CONFIG_MAX);
    for (size_t i = 0; i < config->scope_count; i++) {
        buf_str(&scope, i > 0 ? S(" ") : STR_EMPTY);
        buf_str(&scope, config->scopes[i]);
    }
    const JwtOpts opts = {
        .key = buf_view(&entry->secret),
        .key_id = config->client_certificate_key_id,
        .algorithm = config->signature_algorithm,
        .issuer = config->iss.len > 0 ? config->iss : config->client_id,
        .subject = config->client_id,
        .audience = config->audience.len > 0 ? config->audience : config->token_url,
        .scope = buf_view(&scope),
        .claims = config->claims_json,
        .now_s = time_now_ms() / MS_PER_SECOND,
    };
    if (!jwt_sign(&opts, &assertion, err)) {
        return false;
    }
    put_pair(body, "assertion", buf_view(&assertion));
    return true;
}

static bool body_make(const TokenEntry *entry, Buf *body, Err *err)
{
    const OAuth2Config *config = &entry->config;
    Str grant = uses_jwt(config) ? S(OAUTH2_JWT_BEARER) : S("client_credentials");
    for (size_t i = 0; i < config->endpoint_param_count; i++) {
        const NamedText *param = &config->endpoint_params[i];
        if (str_eq(param->name, S("grant_type"))) {
            grant = param->value;
        } else if (str_eq(param->name, S("scope")) && config->scope_count > 0) {
            return err_set(err, ERR_INVALID, "endpoint_params cannot set \"" STR_FMT "\" again",
                           STR_ARG(param->name));
        }
    }
    buf_lit(body, "grant_type=");
    url_encode(body, grant);
    for (size_t i = 0; i < config->scope_count; i++) {
        buf_str(body, i == 0 ? S("&scope=") : S("%20"));
        url_encode(body, config->scopes[i]);
    }
    for (size_t i = 0; i < config->endpoint_param_count; i++) {
        if (!str_eq(config->endpoint_params[i].name, S("grant_type"))) {
            buf_byte(body, '&');
            url_encode(body, config->endpoint_params[i].name);
            buf_byte(body, '=');
            url_encode(body, config->endpoint_params[i].value);
        }
    }
    if (uses_jwt(config)) {
        return put_assertion(entry, body, err) && buf_ok(body, err);
    }
    if (entry->tried == STYLE_BODY) {
        put_pair(body, "client_id", config->client_id);
        if (entry->secret.len > 0) {
            put_pair(body, "client_secret", buf_view(&entry->secret));
        }
    }
    return buf_ok(body, err);
}

static void basic_make(const TokenEntry *entry, Buf *out)
{
    CLEANUP(buf_done) Buf pair;
    buf_init(&pair, out->max);
    url_encode(&pair, entry->config.client_id);
    buf_byte(&pair, ':');
    url_encode(&pair, buf_view(&entry->secret));
    buf_lit(out, "Basic ");
    base64_encode(out, buf_view(&pair));
}

/* Tells everybody in line, and is ready for the next request. */
static void request_end(TokenEntry *entry, const TokenReply *reply, const Err *err)
{
    TokenStore *store = entry->store;
    (void)pthread_mutex_lock(&store->lock);
    buf_clear(&entry->value);
    if (!err) {
        buf_printf(&entry->value, STR_FMT " " STR_FMT, STR_ARG(reply->type), STR_ARG(reply->token));
        i64 life_ns = reply->expires_in_s * NS_PER_SECOND;
        entry->expires_ns = life_ns > 0 ? time_monotonic_ns() + life_ns : 0;
        entry->generation++;
        entry->style = entry->tried;
    }
    while (entry->waiting) {
        TokenWait *wait = entry->waiting;
        wait_unlink(wait);
        if (err) {
            wait->err = *err;
        } else {
            hand_over(entry, wait);
        }
        /* Posted under the lock: see token_leave. */
        loop_call(wait->loop, wait->ready, wait->self);
    }
    entry->fetching = false;
    (void)pthread_mutex_unlock(&store->lock);
}

static void request_fail(TokenEntry *entry, Err *err)
{
    (void)err_wrap(err, "unable to get an OAuth2 token");
    request_end(entry, NULL, err);
}

static void on_reply(void *self, const HttpFetchResult *result)
{
    TokenEntry *entry = self;
    TokenReply reply;
    Arena arena;
    Err err = {0};
    if (result->err) {
        err = *result->err;
        request_fail(entry, &err);
        return;
    }
    arena_init(&arena, 2 * TOKEN_REPLY_MAX);
    if (token_reply_parse(result->status, result->content_type, result->body,
                          buf_view(&entry->secret), &arena, &reply, &err)) {
        request_end(entry, &reply, NULL);
    } else if (entry->tried == STYLE_HEADER && entry->style == STYLE_UNKNOWN) {
        entry->tried = STYLE_BODY;
        request_send(entry);
    } else {
        request_fail(entry, &err);
    }
    arena_done(&arena);
}

static void request_send(TokenEntry *entry)
{
    CLEANUP(buf_done) Buf body;
    CLEANUP(buf_done) Buf basic;
    Err err = {0};
    HttpHeader headers[2] = {
        {S("Content-Type"), S("application/x-www-form-urlencoded")},
    };
    buf_init(&body, TOKEN_CONFIG_MAX);
    buf_init(&basic, TOKEN_CONFIG_MAX);
    if (!body_make(entry, &body, &err)) {
        request_fail(entry, &err);
        return;
    }
    bool header = entry->tried == STYLE_HEADER;
    if (header) {
        basic_make(entry, &basic);
        headers[1] = (HttpHeader){S("Authorization"), buf_view(&basic)};
    }
    HttpFetch fetch = {
        .method = HTTP_POST,
        .url = entry->config.token_url,
        .headers = headers,
        .header_count = header ? 2 : 1,
        .body = buf_view(&body),
        .timeout_ms = TOKEN_TIMEOUT_MS,
        .body_max = TOKEN_REPLY_MAX,
        .config = &entry->http,
        .done = on_reply,
        .self = entry,
    };
    (void)http_fetch(entry->store->client, entry->loop, &fetch);
}

/* ---- the door ---- */

static bool secret_now(SecretFiles *files, const OAuth2Config *config, Str *ret, Err *err)
{
    bool jwt = uses_jwt(config);
    Str file = jwt ? config->client_certificate_key_file : config->client_secret_file;
    if (file.len == 0) {
        *ret = jwt ? config->client_certificate_key : config->client_secret;
        return true;
    }
    return secret_file_get(files, file, time_monotonic_ns(), ret, err) ||
           err_wrap(err, "unable to read the OAuth2 client %s file",
                    jwt ? "certificate key" : "secret");
}

TokenAnswer token_get(TokenStore *store, SecretFiles *files, const OAuth2Config *config,
                      TokenWait *wait)
{
    TokenAnswer answer = TOKEN_FAILED;
    bool send = false;
    Str secret;
    i64 now_ns = time_monotonic_ns();
    ASSERT(loop_is_current(wait->loop));
    if (!secret_now(files, config, &secret, &wait->err)) {
        return TOKEN_FAILED;
    }
    (void)pthread_mutex_lock(&store->lock);
    TokenEntry *entry = entry_find(store, config, true, &wait->err);
    if (entry && !entry->fetching && fresh(entry, secret, now_ns)) {
        hand_over(entry, wait);
        answer = TOKEN_READY;
    } else if (entry) {
        wait_link(entry, wait);
        send = !entry->fetching;
        answer = TOKEN_LATER;
    }
    if (send) {
        buf_clear(&entry->secret);
        buf_str(&entry->secret, secret);
        entry->fetching = true;
        entry->loop = wait->loop;
        entry->tried = uses_jwt(config)                ? STYLE_NONE
                       : entry->style == STYLE_UNKNOWN ? STYLE_HEADER
                                                       : entry->style;
    }
    if (entry) {
        entry->used_ns = now_ns;
    }
    (void)pthread_mutex_unlock(&store->lock);
    if (send) {
        request_send(entry); /* it cannot go while fetching is set */
    }
    return answer;
}

bool token_leave(TokenStore *store, TokenWait *wait)
{
    (void)pthread_mutex_lock(&store->lock);
    bool waiting = wait->link != NULL;
    if (waiting) {
        wait_unlink(wait);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return waiting;
}

void token_refuse(TokenStore *store, const OAuth2Config *config, u64 generation)
{
    (void)pthread_mutex_lock(&store->lock);
    TokenEntry *entry = entry_find(store, config, false, NULL);
    if (entry && entry->generation == generation) {
        buf_clear(&entry->value);
    }
    (void)pthread_mutex_unlock(&store->lock);
}

/* Tests of net/oauth2.h through net/http_client.h, against a token address that can misbehave. */
#include "base/mem.h"
#include "base/test.h"
#include "codec/base64.h"
#include "net/client_config.h"
#include "net/http_client.h"
#include "net/http_fixture.h"
#include "net/tls_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The token address and the address that wants tokens. */
typedef struct Server {
    atomic_uint tokens;   /* requests to /token */
    atomic_uint targets;  /* requests to /target */
    atomic_uint oldest;   /* tokens below this number are refused by /target */
    u32 life_s;           /* of tokens; 0: not said */
    u32 delay_ms;         /* before a token is given */
    bool body_only;       /* refuses clients that show themselves in the header */
    const char *answer;   /* with status 400 in place of a token; NULL: a token */
    pthread_mutex_t lock; /* of what follows */
    char authorization[256];
    char body[2048];
} Server;

typedef struct Answer {
    pthread_mutex_t lock;
    pthread_cond_t told;
    u32 done;
    ErrCode code;
    char message[ERR_MESSAGE_MAX];
    u32 status;
    char body[512];
} Answer;

typedef struct World {
    Server server;
    Fixture plain;
    HttpClient *client;
    Answer answer;
    Arena arena;
} World;

static void handle_token(void *self, HttpExchange *exchange)
{
    Server *server = self;
    const HttpRequest *request = http_request(exchange);
    Str authorization = http_request_header(request, S("Authorization"));
    char reply[128];
    (void)pthread_mutex_lock(&server->lock);
    (void)snprintf(server->authorization, sizeof(server->authorization), STR_FMT,
                   STR_ARG(authorization));
    (void)snprintf(server->body, sizeof(server->body), STR_FMT, STR_ARG(request->body));
    (void)pthread_mutex_unlock(&server->lock);
    u32 number = atomic_fetch_add(&server->tokens, 1) + 1;
    usleep(server->delay_ms * 1000);
    if (server->answer || (server->body_only && authorization.len > 0)) {
        const char *answer = server->answer ? server->answer : "{\"error\":\"invalid_client\"}";
        http_reply(exchange, 400, S("application/json"), str_from(answer));
        return;
    }
    (void)snprintf(reply, sizeof(reply),
                   "{\"access_token\":\"t%u\",\"token_type\":\"bearer\",\"expires_in\":%u}", number,
                   server->life_s);
    http_reply(exchange, 200, S("application/json"), str_from(reply));
}

/* Says which token was shown. */
static void handle_target(void *self, HttpExchange *exchange)
{
    Server *server = self;
    Str shown = http_request_header(http_request(exchange), S("Authorization"));
    u64 number = 0;
    atomic_fetch_add(&server->targets, 1);
    if (str_skip_prefix(&shown, S("Bearer t")) && str_to_u64(shown, &number) &&
        number < atomic_load(&server->oldest)) {
        http_error(exchange, 401, "expired");
        return;
    }
    http_reply(exchange, 200, S("text/plain"),
               http_request_header(http_request(exchange), S("Authorization")));
}

static void handle_redirect(void *self, HttpExchange *exchange)
{
    (void)self;
    http_redirect(exchange, 302, http_param(exchange, S("to")));
}

static const Route routes[] = {
    {HTTP_POST, "/token", ROUTE_WORKER, handle_token},
    {HTTP_GET, "/target", ROUTE_LOOP, handle_target},
    {HTTP_GET, "/redirect", ROUTE_LOOP, handle_redirect},
};

static void world_open(World *world)
{
    Err err;
    memset(world, 0, sizeof(*world));
    world->server.life_s = 3600;
    arena_init(&world->arena, 8 * MIB);
    (void)pthread_mutex_init(&world->server.lock, NULL);
    (void)pthread_mutex_init(&world->answer.lock, NULL);
    (void)pthread_cond_init(&world->answer.told, NULL);
    fixture_open(&world->plain, routes, COUNT_OF(routes), &world->server, NULL);
    CHECK_OK(http_client_open(world->plain.loops, &world->client, &err), &err);
}

static void world_close(World *world)
{
    world->client = http_client_close(world->client);
    fixture_close(&world->plain);
    arena_done(&world->arena);
}

/* The client keys of a job; an oauth2 block gets `more` behind its address and client_id. */
static const HttpClientConfig *config_of(World *world, const char *more)
{
    Str yaml;
    Err err = {0};
    YamlNode *root;
    YamlMap map;
    HttpClientConfig *config = ARENA_NEW(&world->arena, HttpClientConfig, 1);
    CHECK_OK(arena_printf(&world->arena, &yaml, &err,
                          "oauth2:\n  client_id: a:b\n  token_url: http://127.0.0.1:%u/token\n%s\n",
                          http_server_port(world->plain.server), more),
             &err);
    http_client_config_defaults(config);
    CHECK_OK(yaml_parse(yaml, &world->arena, &root, &err), &err);
    CHECK_OK(yaml_map(root, "test", &world->arena, &map, &err), &err);
    CHECK_OK(http_client_config_read(&map, S("/tmp"), &world->arena, config, &err), &err);
    CHECK_OK(yaml_map_finish(&map, &err), &err);
    return config;
}

static void on_done(void *self, const HttpFetchResult *result)
{
    Answer *answer = self;
    (void)pthread_mutex_lock(&answer->lock);
    answer->done++;
    answer->code = result->err ? result->err->code : ERR_NONE;
    answer->status = result->status;
    (void)snprintf(answer->message, sizeof(answer->message), "%s",
                   result->err ? result->err->message : "");
    (void)snprintf(answer->body, sizeof(answer->body), STR_FMT, STR_ARG(result->body));
    (void)pthread_cond_signal(&answer->told);
    (void)pthread_mutex_unlock(&answer->lock);
}

static void begin(World *world, const HttpClientConfig *config, const char *path, i64 timeout_ms,
                  Loop *loop)
{
    char url[512];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(world->plain.server),
                   path);
    HttpFetch request = {.method = HTTP_GET,
                         .url = str_from(url),
                         .timeout_ms = timeout_ms,
                         .body_max = MIB,
                         .config = config,
                         .done = on_done,
                         .self = &world->answer};
    (void)http_fetch(world->client, loop, &request);
}

static void await(World *world, u32 count)
{
    (void)pthread_mutex_lock(&world->answer.lock);
    while (world->answer.done < count) {
        (void)pthread_cond_wait(&world->answer.told, &world->answer.lock);
    }
    (void)pthread_mutex_unlock(&world->answer.lock);
}

static Str fetch(World *world, const HttpClientConfig *config, const char *path)
{
    world->answer.done = 0;
    begin(world, config, path, 5000, loops_get(world->plain.loops, 0));
    await(world, 1);
    return str_from(world->answer.code ? world->answer.message : world->answer.body);
}

TEST(oauth2, a_token_is_fetched_as_configured_and_used_until_it_expires)
{
    World world;
    world_open(&world);
    const HttpClientConfig *config =
        config_of(&world, "  client_secret: 's/&'\n  scopes: [read, 'a b']\n"
                          "  endpoint_params: {audience: 'x=y', resource: r}\n");
    for (int i = 0; i < 10; i++) {
        CHECK_STR(fetch(&world, config, "/target"), S("Bearer t1"));
    }
    CHECK_U64(atomic_load(&world.server.tokens), 1);
    CHECK_STR(str_from(world.server.authorization), S("Basic YSUzQWI6cyUyRiUyNg==")); /* escaped */
    CHECK_STR(str_from(world.server.body), S("grant_type=client_credentials&scope=read%20a%20b&"
                                             "audience=x%3Dy&resource=r"));
    /* The same configuration read again, as after a reload, keeps its token. */
    config = config_of(&world, "  client_secret: 's/&'\n  scopes: [read, 'a b']\n"
                               "  endpoint_params: {audience: 'x=y', resource: r}\n");
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t1"));
    config = config_of(&world, "  client_secret: other\n");
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t2"));
    world.server.life_s = 9; /* below the margin: good for who waits, not for the next */
    config = config_of(&world, "  client_secret: brief\n");
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t3"));
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t4"));
    world_close(&world);
}

TEST(oauth2, a_server_that_wants_the_client_in_the_body_gets_it_there)
{
    World world;
    world_open(&world);
    world.server.body_only = true;
    world.server.life_s = 1;
    const HttpClientConfig *config = config_of(&world, "  client_secret: s&s\n");
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t2")); /* the first try was refused */
    CHECK_STR(str_from(world.server.authorization), S(""));
    CHECK_STR(str_from(world.server.body),
              S("grant_type=client_credentials&client_id=a%3Ab&client_secret=s%26s"));
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t3")); /* remembered */
    world_close(&world);
}

TEST(oauth2, who_comes_while_a_token_is_fetched_waits_for_it)
{
    enum { FETCHES = 60 };
    World world;
    world_open(&world);
    world.server.delay_ms = 60;
    const HttpClientConfig *config = config_of(&world, "  client_secret: s\n");
    for (u32 i = 0; i < FETCHES; i++) {
        begin(&world, config, "/target", 5000, loops_next(world.plain.loops));
    }
    await(&world, FETCHES);
    CHECK_U64(atomic_load(&world.server.tokens), 1);
    CHECK_U64(atomic_load(&world.server.targets), FETCHES);
    CHECK_STR(str_from(world.answer.body), S("Bearer t1"));
    world_close(&world);
}

TEST(oauth2, with_jwt_a_signed_assertion_takes_the_place_of_the_secret)
{
    char path[] = "/tmp/vigie-oauth2-XXXXXX";
    char more[512];
    World world;
    int fd = mkstemp(path);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);
    CHECK(fd >= 0 && key && bio);
    CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    world_open(&world);
    (void)snprintf(more, sizeof(more),
                   "  grant_type: urn:ietf:params:oauth:grant-type:jwt-bearer\n  claims: {x: 5}\n"
                   "  scopes: [s]\n  client_certificate_key_file: %s\n",
                   path);
    CHECK_STR(fetch(&world, config_of(&world, more), "/target"), S("Bearer t1"));
    CHECK_STR(str_from(world.server.authorization), S(""));
    Str body = str_from(world.server.body);
    Str head = S("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&scope=s&"
                 "assertion=");
    CHECK(str_skip_prefix(&body, head));
    Str part;
    CLEANUP(buf_done) Buf claims;
    Err err;
    buf_init(&claims, MIB);
    CHECK(str_split_next(&body, '.', &part) && str_split_next(&body, '.', &part));
    CHECK_OK(base64url_decode(part, &claims, &err), &err);
    CHECK(
        str_starts_with(buf_view(&claims),
                        S("{\"x\":5,\"iss\":\"a:b\",\"sub\":\"a:b\",\"aud\":\"http://127.0.0.1:")));
    CHECK(ftruncate(fd, 10) == 0);
    usleep(1100 * 1000); /* files are looked at once a second */
    Str message = fetch(&world, config_of(&world, more), "/target");
    CHECK(str_contains(message, S("no RSA key in PEM")));
    world_close(&world);
    (void)BIO_free(bio);
    EVP_PKEY_free(key);
    CHECK(close(fd) == 0 && unlink(path) == 0);
}

TEST(oauth2, a_refused_token_is_renewed_once)
{
    World world;
    world_open(&world);
    const HttpClientConfig *config = config_of(&world, "  client_secret: s\n");
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t1"));
    atomic_store(&world.server.oldest, 2);
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t2"));
    CHECK_U64(atomic_load(&world.server.targets), 3);
    atomic_store(&world.server.oldest, 1000);
    CHECK_STR(fetch(&world, config, "/target"), S("expired\n"));
    CHECK_U64(world.answer.status, 401);
    CHECK_U64(atomic_load(&world.server.targets), 5);
    CHECK_U64(atomic_load(&world.server.tokens), 3);
    world_close(&world);
}

TEST(oauth2, failures_are_clear_and_hold_no_secret)
{
    World world;
    world_open(&world);
    const HttpClientConfig *config = config_of(&world, "  client_secret: hunter2\n");
    world.server.answer = "{\"error\":\"invalid_scope\",\"error_description\":\"hunter2 may not\"}";
    Str message = fetch(&world, config, "/target");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    CHECK(str_contains(message, S("/target\": unable to get an OAuth2 token: the token address "
                                  "answered 400: invalid_scope")));
    CHECK(!str_contains(message, S("hunter2")));
    CHECK_U64(atomic_load(&world.server.targets), 0);
    world.server.answer = NULL; /* nothing of it is kept */
    CHECK(str_starts_with(fetch(&world, config, "/target"), S("Bearer t")));

    config = config_of(&world, "  client_secret: hunter2\n  proxy_url: http://127.0.0.1:1\n");
    message = fetch(&world, config, "/target");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    CHECK(str_contains(message, S("unable to get an OAuth2 token: POST \"http://127.0.0.1:")));

    config = config_of(&world, "  client_secret_file: vigie-gone/secret\n");
    message = fetch(&world, config, "/target");
    CHECK_I64(world.answer.code, ERR_NOT_FOUND);
    CHECK(str_contains(message, S("OAuth2 client secret file")));

    config = config_of(&world, "  scopes: [a]\n  endpoint_params: {scope: b}\n");
    message = fetch(&world, config, "/target");
    CHECK(str_contains(message, S("endpoint_params cannot set \"scope\" again")));
    world_close(&world);
}

TEST(oauth2, a_changed_secret_file_brings_a_new_token)
{
    char path[] = "/tmp/vigie-oauth2-XXXXXX";
    char more[128];
    World world;
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, "one\n", 4) == 4);
    world_open(&world);
    (void)snprintf(more, sizeof(more), "  client_secret_file: %s\n", path);
    const HttpClientConfig *config = config_of(&world, more);
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t1"));
    CHECK_STR(str_from(world.server.authorization), S("Basic YSUzQWI6b25l"));
    CHECK(pwrite(fd, "two\n", 4, 0) == 4);
    usleep(1100 * 1000); /* files are looked at once a second */
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t2"));
    CHECK_STR(str_from(world.server.authorization), S("Basic YSUzQWI6dHdv"));
    CHECK_STR(fetch(&world, config, "/target"), S("Bearer t2"));
    world_close(&world);
    CHECK(close(fd) == 0 && unlink(path) == 0);
}

TEST(oauth2, a_strange_host_gets_no_token)
{
    World world;
    char path[128];
    world_open(&world);
    const HttpClientConfig *config = config_of(&world, "  client_secret: s\n");
    (void)snprintf(path, sizeof(path), "/redirect?to=http://localhost:%u/target",
                   http_server_port(world.plain.server));
    CHECK_STR(fetch(&world, config, path), S(""));
    CHECK_U64(world.answer.status, 200);
    CHECK_STR(fetch(&world, config, "/redirect?to=/target"), S("Bearer t1"));
    world_close(&world);
}

TEST(oauth2, waiting_ends_with_the_time_limit_and_with_the_client)
{
    enum { FETCHES = 30 };
    World world;
    world_open(&world);
    world.server.delay_ms = 1000; /* far behind all that follows */
    const HttpClientConfig *config = config_of(&world, "  client_secret: s\n");
    begin(&world, config, "/target", 50, loops_get(world.plain.loops, 0));
    await(&world, 1);
    CHECK_I64(world.answer.code, ERR_TIMEOUT);
    CHECK(str_contains(str_from(world.answer.message), S("before an OAuth2 token came")));
    for (u32 i = 0; i < FETCHES; i++) {
        begin(&world, config, "/target", 5000, loops_next(world.plain.loops));
    }
    usleep(20000);
    world.client = http_client_close(world.client);
    CHECK_U64(world.answer.done, FETCHES + 1);
    CHECK_I64(world.answer.code, ERR_CANCELED);
    CHECK_U64(atomic_load(&world.server.targets), 0);
    world_close(&world);
}

TEST(oauth2, the_token_address_has_its_own_tls_settings)
{
    char folder[] = "/tmp/vigie-oauth2-XXXXXX";
    static const char *const names[] = {"cert.pem", "key.pem", "web.yml"};
    char path[3][64];
    TestCertificate certificate;
    World world;
    Fixture tls;
    Server server = {.life_s = 60};
    CHECK(mkdtemp(folder) != NULL);
    certificate_make(&certificate, "tokens", "DNS:tokens.example", NULL);
    const char *const texts[] = {certificate.cert, certificate.key,
                                 "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(path[i], sizeof(path[i]), "%s/%s", folder, names[i]);
        FILE *file = fopen(path[i], "w");
        CHECK(file && fputs(texts[i], file) >= 0 && fclose(file) == 0);
    }
    world_open(&world);
    (void)pthread_mutex_init(&server.lock, NULL);
    HttpServerOpts opts = {.web_config = path[2]};
    fixture_open(&tls, routes, COUNT_OF(routes), &server, &opts);
    HttpClientConfig config = *config_of(&world, "");
    OAuth2Config oauth2 = *config.oauth2;
    Err err;
    CHECK_OK(arena_printf(&world.arena, &oauth2.token_url, &err, "https://127.0.0.1:%u/token",
                          http_server_port(tls.server)),
             &err);
    config.oauth2 = &oauth2;
    config.tls.insecure_skip_verify = true; /* of the target alone */
    (void)fetch(&world, &config, "/target");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    oauth2.tls.ca_file = str_from(path[0]);
    oauth2.tls.server_name = S("tokens.example");
    CHECK_STR(fetch(&world, &config, "/target"), S("Bearer t1"));
    world_close(&world);
    fixture_close(&tls);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CHECK(unlink(path[i]) == 0);
    }
    CHECK(rmdir(folder) == 0);
}

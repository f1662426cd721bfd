/* Tests of net/client_setup.h through net/http_client.h: credentials, TLS, headers, redirects. */
#include "base/test.h"
#include "base/time.h"
#include "net/client_config.h"
#include "net/http_client.h"
#include "net/http_fixture.h"
#include "net/tls_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Answer {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool done;
    ErrCode code;
    char message[ERR_MESSAGE_MAX];
    u32 status;
    char body[2048];
} Answer;

typedef struct World {
    char folder[64];
    Fixture plain;
    Fixture tls;
    HttpClient *client;
    TestCertificate ca;
    TestCertificate server;
    TestCertificate client_certificate;
    Answer answer;
} World;

static void file_put(const World *world, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", world->folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* The request as the body of the reply. */
static void handle_mirror(void *self, HttpExchange *exchange)
{
    (void)self;
    const HttpRequest *request = http_request(exchange);
    Buf out;
    buf_init(&out, MIB);
    for (size_t i = 0; i < request->header_count; i++) {
        buf_printf(&out, STR_FMT ": " STR_FMT "\n", STR_ARG(request->headers[i].name),
                   STR_ARG(request->headers[i].value));
    }
    buf_printf(&out, "path=" STR_FMT " tls=%d", STR_ARG(request->path), request->tls);
    http_reply_buf(exchange, 200, S("text/plain"), &out);
}

static void handle_redirect(void *self, HttpExchange *exchange)
{
    (void)self;
    http_redirect(exchange, 302, http_param(exchange, S("to")));
}

static const Route routes[] = {
    {HTTP_GET | HTTP_POST, "/mirror", ROUTE_LOOP, handle_mirror},
    {HTTP_GET, "/redirect", ROUTE_LOOP, handle_redirect},
};

static void world_open(World *world)
{
    char config[256];
    Err err;
    memset(world, 0, sizeof(*world));
    (void)snprintf(world->folder, sizeof(world->folder), "/tmp/vigie-client-XXXXXX");
    CHECK(mkdtemp(world->folder) != NULL);
    certificate_make(&world->ca, "test authority", NULL, NULL);
    certificate_make(&world->server, "monitor", "DNS:monitor.example", &world->ca);
    certificate_make(&world->client_certificate, "client", NULL, &world->ca);
    file_put(world, "ca.pem", world->ca.cert);
    file_put(world, "cert.pem", world->server.cert);
    file_put(world, "key.pem", world->server.key);
    file_put(world, "client.pem", world->client_certificate.cert);
    file_put(world, "client.key", world->client_certificate.key);
    file_put(world, "web.yml",
             "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
             "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n");
    (void)snprintf(config, sizeof(config), "%s/web.yml", world->folder);
    HttpServerOpts opts = {.web_config = config};
    fixture_open(&world->tls, routes, COUNT_OF(routes), NULL, &opts);
    fixture_open(&world->plain, routes, COUNT_OF(routes), NULL, NULL);
    CHECK_OK(http_client_open(world->plain.loops, &world->client, &err), &err);
    (void)pthread_mutex_init(&world->answer.lock, NULL);
    (void)pthread_cond_init(&world->answer.told, NULL);
}

static void world_close(World *world)
{
    static const char *const names[] = {"ca.pem",     "cert.pem",   "key.pem", "client.pem",
                                        "client.key", "secret.txt", "web.yml"};
    world->client = http_client_close(world->client);
    fixture_close(&world->plain);
    fixture_close(&world->tls);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", world->folder, names[i]);
        (void)unlink(path);
    }
    CHECK(rmdir(world->folder) == 0);
}

static void on_done(void *self, const HttpFetchResult *result)
{
    Answer *answer = self;
    (void)pthread_mutex_lock(&answer->lock);
    answer->done = true;
    answer->code = result->err ? result->err->code : ERR_NONE;
    answer->status = result->status;
    (void)snprintf(answer->message, sizeof(answer->message), "%s",
                   result->err ? result->err->message : "");
    (void)snprintf(answer->body, sizeof(answer->body), STR_FMT, STR_ARG(result->body));
    (void)pthread_cond_signal(&answer->told);
    (void)pthread_mutex_unlock(&answer->lock);
}

/* Fetches with the configuration that stands in `yaml` as in a scrape job. */
static Str fetch(World *world, const char *url, const char *yaml)
{
    Arena arena;
    Err err = {0};
    YamlNode *root;
    YamlMap map;
    HttpClientConfig config;
    arena_init(&arena, MIB);
    http_client_config_defaults(&config);
    CHECK_OK(yaml_parse(str_from(yaml), &arena, &root, &err), &err);
    CHECK_OK(yaml_map(root, "test", &arena, &map, &err), &err);
    CHECK_OK(http_client_config_read(&map, str_from(world->folder), &arena, &config, &err), &err);
    CHECK_OK(yaml_map_finish(&map, &err), &err);
    Answer *answer = &world->answer;
    answer->done = false;
    HttpFetch request = {.method = HTTP_GET,
                         .url = str_from(url),
                         .timeout_ms = 60000,
                         .body_max = MIB,
                         .config = &config,
                         .done = on_done,
                         .self = answer};
    (void)http_fetch(world->client, loops_get(world->plain.loops, 0), &request);
    (void)pthread_mutex_lock(&answer->lock);
    while (!answer->done) {
        (void)pthread_cond_wait(&answer->told, &answer->lock);
    }
    (void)pthread_mutex_unlock(&answer->lock);
    arena_done(&arena);
    return str_from(answer->code ? answer->message : answer->body);
}

static const char *url_of(const Fixture *fixture, const char *scheme, const char *rest)
{
    static char url[4][512];
    static int turn;
    char *to = url[turn++ % 4];
    (void)snprintf(to, sizeof(url[0]), "%s://127.0.0.1:%u%s", scheme,
                   http_server_port(fixture->server), rest);
    return to;
}

TEST(client_setup, credentials_are_sent_as_configured_and_read_anew_when_changed)
{
    World world;
    world_open(&world);
    const char *url = url_of(&world.plain, "http", "/mirror");
    CHECK(str_contains(fetch(&world, url, "basic_auth: {username: ann, password: secret}"),
                       S("Authorization: Basic YW5uOnNlY3JldA==\n")));
    CHECK(str_contains(fetch(&world, url, "authorization: {credentials: token}"),
                       S("Authorization: Bearer token\n")));
    CHECK(str_contains(fetch(&world, url, "authorization: {type: Custom, credentials: a b}"),
                       S("Authorization: Custom a b\n")));
    CHECK(!str_contains(fetch(&world, url, "{}"), S("Authorization")));

    file_put(&world, "secret.txt", "first\n");
    const char *by_file = "authorization: {credentials_file: secret.txt}";
    CHECK(str_contains(fetch(&world, url, by_file), S("Bearer first\n")));
    file_put(&world, "secret.txt", "second\n");
    usleep(1100 * 1000); /* files are looked at once a second */
    CHECK(str_contains(fetch(&world, url, by_file), S("Bearer second\n")));
    by_file = "basic_auth: {username: ann, password_file: secret.txt}";
    CHECK(str_contains(fetch(&world, url, by_file), S("Basic YW5uOnNlY29uZA==\n")));
    CHECK(str_contains(fetch(&world, url, "authorization: {credentials_file: gone.txt}"),
                       S("unable to read authorization credentials file")));
    CHECK_I64(world.answer.code, ERR_NOT_FOUND);
    world_close(&world);
}

TEST(client_setup, headers_come_from_values_secrets_and_files)
{
    World world;
    world_open(&world);
    file_put(&world, "secret.txt", " from file \n");
    Str body = fetch(&world, url_of(&world.plain, "http", "/mirror"),
                     "http_headers:\n  X-One: {values: [a, b]}\n  X-Two: {secrets: [c]}\n"
                     "  X-Three: {files: [secret.txt]}\n  X-Four: {values: ['']}\n");
    CHECK(str_contains(body, S("X-One: a\n")));
    CHECK(str_contains(body, S("X-One: b\n")));
    CHECK(str_contains(body, S("X-Two: c\n")));
    CHECK(str_contains(body, S("X-Three: from file\n")));
    CHECK(str_contains(body, S("X-Four: \n")));
    world_close(&world);
}

TEST(client_setup, redirects_are_followed_when_wanted_and_strangers_get_no_secret)
{
    World world;
    char target[256];
    const char *secrets = "basic_auth: {username: ann, password: secret}\n"
                          "http_headers: {X-Key: {secrets: [k]}}\n";
    world_open(&world);
    Str body = fetch(&world, url_of(&world.plain, "http", "/redirect?to=/mirror"), secrets);
    CHECK(str_contains(body, S("Authorization: Basic")) && str_contains(body, S("X-Key: k")));
    (void)snprintf(target, sizeof(target), "/redirect?to=http://localhost:%u/mirror",
                   http_server_port(world.plain.server));
    body = fetch(&world, url_of(&world.plain, "http", target), secrets);
    CHECK(str_contains(body, S("path=/mirror")));
    CHECK(!str_contains(body, S("Authorization")) && !str_contains(body, S("X-Key")));
    (void)fetch(&world, url_of(&world.plain, "http", "/redirect?to=/mirror"),
                "follow_redirects: false");
    CHECK_U64(world.answer.status, 302);
    world_close(&world);
}

TEST(client_setup, servers_are_believed_only_with_the_right_authority_and_name)
{
    World world;
    world_open(&world);
    const char *url = url_of(&world.tls, "https", "/mirror?a=b");
    (void)fetch(&world, url, "{}");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    (void)fetch(&world, url, "tls_config: {ca_file: ca.pem}"); /* the address is not its name */
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    Str body = fetch(&world, url, "tls_config: {ca_file: ca.pem, server_name: monitor.example}");
    char host[64];
    (void)snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\n", http_server_port(world.tls.server));
    CHECK(str_contains(body, S("path=/mirror tls=1")));
    CHECK(str_contains(body, str_from(host)));
    body = fetch(&world, url_of(&world.tls, "https", "/redirect?to=/mirror"),
                 "tls_config: {ca_file: ca.pem, server_name: monitor.example}");
    CHECK(str_contains(body, S("path=/mirror tls=1")));
    (void)fetch(&world, url, "tls_config: {ca_file: ca.pem, server_name: other.example}");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    body = fetch(&world, url, "tls_config: {insecure_skip_verify: true}");
    CHECK(str_contains(body, S("tls=1")));
    world_close(&world);
}

TEST(client_setup, client_certificates_and_versions_are_used)
{
    World world;
    world_open(&world);
    const char *url = url_of(&world.tls, "https", "/mirror");
    (void)fetch(&world, url,
                "tls_config: {insecure_skip_verify: true, min_version: TLS10, max_version: TLS11}");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    /* The server's own key does not fit the client's certificate. */
    (void)fetch(
        &world, url,
        "tls_config: {insecure_skip_verify: true, cert_file: client.pem, key_file: key.pem}");
    CHECK_I64(world.answer.code, ERR_UNAVAILABLE);
    Str body = fetch(&world, url,
                     "tls_config:\n  insecure_skip_verify: true\n  cert_file: client.pem\n"
                     "  key_file: client.key\n");
    CHECK(str_contains(body, S("tls=1")));
    world_close(&world);
}

TEST(client_setup, a_proxy_gets_the_request_unless_the_host_is_excepted)
{
    World world;
    char yaml[256];
    world_open(&world);
    (void)snprintf(yaml, sizeof(yaml), "proxy_url: http://127.0.0.1:%u",
                   http_server_port(world.plain.server));
    /* Our server is no proxy: it refuses the absolute form, so a 400 proves who was asked. */
    (void)fetch(&world, "http://nowhere.example/mirror", yaml);
    CHECK_U64(world.answer.status, 400);
    (void)snprintf(yaml, sizeof(yaml), "proxy_url: http://127.0.0.1:1\nno_proxy: 127.0.0.1");
    (void)fetch(&world, url_of(&world.plain, "http", "/mirror"), yaml);
    CHECK_U64(world.answer.status, 200);
    world_close(&world);
}

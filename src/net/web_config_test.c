/* Tests of net/web_config.h, net/tls_server.h and net/basic_auth.h, alone and in a server. */
#include "net/web_config.h"

#include "base/mem.h"
#include "base/test.h"
#include "base/time.h"
#include "codec/base64.h"
#include "net/http_fixture.h"
#include "net/tls_fixture.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* bcrypt of "secret", cost 4 */
#define HASH_SECRET "$2y$04$DsCzGPKvMMvH4BbEOC.wA.OYR9alN4qqTbcMdZWBYo9892kABf9UO"

typedef struct Folder {
    char path[64];
    char config[128];
} Folder;

static void file_put(const Folder *folder, const char *name, const char *text)
{
    static int times;
    char path[256];
    char temporary[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    (void)snprintf(temporary, sizeof(temporary), "%s/new-%d", folder->path, times++);
    FILE *file = fopen(temporary, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(rename(temporary, path) == 0);
}

static void folder_open(Folder *folder)
{
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/vigie-web-XXXXXX");
    CHECK(mkdtemp(folder->path) != NULL);
    (void)snprintf(folder->config, sizeof(folder->config), "%s/web.yml", folder->path);
}

static void folder_close(const Folder *folder)
{
    static const char *const names[] = {"web.yml", "cert.pem", "key.pem", "ca.pem", "other.pem"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
        (void)unlink(path);
    }
    CHECK(rmdir(folder->path) == 0);
}

TEST(web_config, what_is_wrong_is_named_with_its_line)
{
    static const struct {
        const char *text;
        u32 line;
        const char *part;
    } cases[] = {
        {"unknown: 1\n", 1, "unknown"},
        {"tls_server_config:\n  cert_fle: a\n", 2, "cert_fle"},
        {"tls_server_config:\n  cert_file: cert.pem\n", 2, "missing one of key or key_file"},
        {"tls_server_config:\n  key_file: key.pem\n", 2, "missing one of cert or cert_file"},
        {"tls_server_config:\n  cert_file: absent.pem\n  key_file: key.pem\n", 2, "absent.pem"},
        {"tls_server_config:\n  cert_file: cert.pem\n  cert: x\n  key_file: key.pem\n", 2,
         "both set"},
        {"tls_server_config:\n  cert: nonsense\n  key_file: key.pem\n", 2, "certificate"},
        {"tls_server_config:\n  cert_file: cert.pem\n  key_file: other.pem\n", 2, "key"},
        {"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
         "  client_ca_file: ca.pem\n",
         2, "without a Client Auth Policy"},
        {"tls_server_config:\n  client_auth_type: Sometimes\n", 2, "Sometimes"},
        {"tls_server_config:\n  min_version: TLS14\n", 2, "unknown TLS version: TLS14"},
        {"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
         "  min_version: TLS13\n  max_version: TLS12\n",
         2, "min_version"},
        {"tls_server_config:\n  cipher_suites:\n  - TLS_MADE_UP\n", 3, "TLS_MADE_UP"},
        {"tls_server_config:\n  curve_preferences: [P999]\n", 2, "P999"},
        {"http_server_config:\n  headers:\n    X-Mine: a\n", 3, "can not be configured"},
        {"http_server_config:\n  headers:\n    X-Frame-Options: maybe\n", 3, "maybe"},
        {"basic_auth_users:\n  ann: plain\n", 2, "\"ann\" is no bcrypt hash"},
        {"basic_auth_users:\n  ann: $2y$99$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
         2, "bcrypt"},
        {"rate_limit:\n  burst: -1\n", 2, "burst"},
        {"basic_auth_users: [\n", 2, ""},
    };
    Folder folder;
    TestCertificate certificate;
    TestCertificate other;
    folder_open(&folder);
    certificate_make(&certificate, "a", NULL, NULL);
    certificate_make(&other, "b", NULL, NULL);
    file_put(&folder, "cert.pem", certificate.cert);
    file_put(&folder, "key.pem", certificate.key);
    file_put(&folder, "other.pem", other.key);
    file_put(&folder, "ca.pem", other.cert);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Err err = {0};
        file_put(&folder, "web.yml", cases[i].text);
        CHECK(!web_config_check(folder.config, &err));
        if (!str_contains(str_from(err.message), str_from(cases[i].part)) ||
            err.line != cases[i].line) {
            (void)fprintf(stderr, "case %zu: line %u: %s\n", i, err.line, err.message);
        }
        CHECK(str_starts_with(str_from(err.message), str_from(folder.config)));
        CHECK(str_contains(str_from(err.message), str_from(cases[i].part)));
        CHECK_U64(err.line, cases[i].line);
    }
    Err err = {0};
    CHECK(!web_config_check("/nonexistent/web.yml", &err));
    CHECK(str_contains(str_from(err.message), S("/nonexistent/web.yml")));
    folder_close(&folder);
}

TEST(web_config, every_key_of_the_original_is_read)
{
    Folder folder;
    TestCertificate certificate;
    Err err = {0};
    folder_open(&folder);
    certificate_make(&certificate, "a", NULL, NULL);
    file_put(&folder, "cert.pem", certificate.cert);
    file_put(&folder, "key.pem", certificate.key);
    file_put(&folder, "web.yml",
             "tls_server_config:\n"
             "  cert_file: cert.pem\n"
             "  key_file: key.pem\n"
             "  client_auth_type: RequireAndVerifyClientCert\n"
             "  client_ca_file: cert.pem\n"
             "  client_allowed_sans: [a, b]\n"
             "  min_version: TLS12\n"
             "  max_version: TLS13\n"
             "  prefer_server_cipher_suites: true\n"
             "  cipher_suites:\n"
             "  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n"
             "  - TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305\n"
             "  - TLS_AES_128_GCM_SHA256\n"
             "  curve_preferences: [CurveP256, X25519, X25519MLKEM768]\n"
             "http_server_config:\n"
             "  http2: false\n"
             "  headers:\n"
             "    Strict-Transport-Security: max-age=3600\n"
             "    X-Content-Type-Options: nosniff\n"
             "    X-Frame-Options: ''\n"
             "basic_auth_users:\n"
             "  ann: " HASH_SECRET "\n"
             "rate_limit:\n"
             "  interval: 1s\n"
             "  burst: 20\n");
    CHECK_OK(web_config_check(folder.config, &err), &err);
    file_put(&folder, "web.yml", "");
    CHECK_OK(web_config_check(folder.config, &err), &err);
    folder_close(&folder);
}

static void handle_user(void *self, HttpExchange *exchange)
{
    (void)self;
    const HttpRequest *request = http_request(exchange);
    Buf out;
    buf_init(&out, KIB);
    buf_printf(&out, "user=" STR_FMT " tls=%d", STR_ARG(request->user), request->tls);
    http_reply_buf(exchange, 200, S("text/plain"), &out);
}

static void handle_large(void *self, HttpExchange *exchange)
{
    (void)self;
    http_stream_begin(exchange, 200, S("application/octet-stream"));
    static char block[10000];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 500; i++) {
        (void)http_write(exchange, (Str){.ptr = block, .len = sizeof(block)});
    }
    http_stream_end(exchange);
}

static const Route routes[] = {
    {HTTP_GET | HTTP_POST, "/loop", ROUTE_LOOP, handle_user},
    {HTTP_GET | HTTP_POST, "/worker", ROUTE_WORKER, handle_user},
    {HTTP_GET, "/large", ROUTE_WORKER, handle_large},
};

typedef struct Reports {
    atomic_uint count;
    char last[ERR_MESSAGE_MAX];
} Reports;

static void note_report(void *self, const Err *err)
{
    Reports *reports = self;
    (void)snprintf(reports->last, sizeof(reports->last), "%s", err->message);
    atomic_fetch_add(&reports->count, 1);
}

static void serve(Fixture *fixture, const Folder *folder, Reports *reports)
{
    HttpServerOpts opts = {
        .web_config = folder->config, .report = note_report, .report_self = reports};
    memset(reports, 0, sizeof(*reports));
    fixture_open(fixture, routes, COUNT_OF(routes), NULL, &opts);
}

static Reply get_as(const Fixture *fixture, const char *path, const char *credentials)
{
    char request[1024];
    Buf encoded;
    buf_init(&encoded, 512);
    base64_encode(&encoded, str_from(credentials));
    (void)snprintf(request, sizeof(request),
                   "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " STR_FMT "\r\n\r\n", path,
                   STR_ARG(buf_view(&encoded)));
    buf_done(&encoded);
    return fixture_get(fixture, request);
}

TEST(basic_auth, only_right_passwords_get_in_by_any_route)
{
    static const struct {
        const char *path;
        const char *credentials;
        u32 status;
        const char *body;
    } cases[] = {
        {"/loop", "ann:secret", 200, "user=ann tls=0"},
        {"/worker", "ann:secret", 200, "user=ann tls=0"},
        {"/loop", "ann:secret", 200, "user=ann tls=0"},
        {"/nothing", "ann:secret", 404, "404 page not found\n"},
        {"/loop", "ann:wrong", 401, "Unauthorized\n"},
        {"/worker", "ann:", 401, "Unauthorized\n"},
        {"/loop", "bob:secret", 401, "Unauthorized\n"},
        {"/nothing", "bob:secret", 401, "Unauthorized\n"},
        {"/loop", "ann", 401, "Unauthorized\n"},
        {"/loop", "", 401, "Unauthorized\n"},
    };
    Folder folder;
    Fixture fixture;
    Reports reports;
    folder_open(&folder);
    file_put(&folder, "web.yml", "basic_auth_users:\n  ann: " HASH_SECRET "\n");
    serve(&fixture, &folder, &reports);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Reply reply = get_as(&fixture, cases[i].path, cases[i].credentials);
        CHECK_U64(reply.status, cases[i].status);
        CHECK_STR(reply.body, str_from(cases[i].body));
        CHECK_STR(reply_header(&reply, S("WWW-Authenticate")),
                  reply.status == 401 ? S("Basic") : S(""));
    }
    static const char *const strange[] = {
        "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /loop HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer YW5uOnNlY3JldA==\r\n\r\n",
        "GET /loop HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ###\r\n\r\n",
        /* "ann:secret\0x": crypt would stop at the NUL */
        "GET /loop HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnNlY3JldAB4\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        CHECK_U64(fixture_get(&fixture, strange[i]).status, 401);
    }
    /* The body of a stranger is not read. */
    Reply reply = fixture_get(&fixture, "POST /loop HTTP/1.1\r\nHost: x\r\n"
                                        "Content-Length: 1000000\r\n\r\n");
    CHECK_U64(reply.status, 401);
    CHECK_STR(reply_header(&reply, S("Connection")), S("close"));
    fixture_close(&fixture);
    folder_close(&folder);
}

TEST(basic_auth, a_right_password_costs_its_bcrypt_only_once)
{
    static const char costly[] = /* cost 10, of some other password */
        "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    BasicUser user = {.name = S("ann"), .hash = str_from(costly)};
    BasicUser cheap = {.name = S("bob"), .hash = S(HASH_SECRET)};
    Arena arena;
    BasicCredentials credentials;
    BasicAuth *auth = basic_auth_new(&cheap, 1);
    arena_init(&arena, KIB);
    Str header = S("Basic Ym9iOnNlY3JldA==");
    CHECK_I64(basic_auth_look(auth, header, &arena, &credentials), BASIC_UNKNOWN);
    CHECK(basic_auth_check(auth, &credentials));
    CHECK_I64(basic_auth_look(auth, header, &arena, &credentials), BASIC_ALLOWED);
    CHECK_I64(basic_auth_look(auth, S("Basic Ym9iOndyb25n"), &arena, &credentials), BASIC_UNKNOWN);
    CHECK(!basic_auth_check(auth, &credentials));
    CHECK_I64(basic_auth_look(auth, S("Basic Ym9iOndyb25n"), &arena, &credentials), BASIC_UNKNOWN);
    basic_auth_free(auth);

    /* An unknown user costs about what a known one costs. */
    auth = basic_auth_new(&user, 1);
    i64 start_ns = time_monotonic_ns();
    CHECK(!basic_auth_check(auth, &(BasicCredentials){.user = S("ann"), .password = S("x")}));
    i64 known_ns = time_monotonic_ns() - start_ns;
    start_ns = time_monotonic_ns();
    CHECK(!basic_auth_check(auth, &(BasicCredentials){.user = S("eve"), .password = S("x")}));
    i64 unknown_ns = time_monotonic_ns() - start_ns;
    CHECK(unknown_ns > known_ns / 4 && known_ns > unknown_ns / 4);
    basic_auth_free(auth);
    arena_done(&arena);
}

TEST(web_config, headers_stand_in_every_reply_and_the_rate_has_a_limit)
{
    Folder folder;
    Fixture fixture;
    Reports reports;
    folder_open(&folder);
    file_put(&folder, "web.yml",
             "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
             "rate_limit:\n  interval: 1h\n  burst: 2\n");
    serve(&fixture, &folder, &reports);
    Reply reply = fixture_get(&fixture, "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STR(reply_header(&reply, S("X-Frame-Options")), S("deny"));
    CHECK_U64(reply.status, 200);
    reply = fixture_get(&fixture, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_STR(reply_header(&reply, S("X-Frame-Options")), S("deny"));
    CHECK_U64(reply.status, 404);
    reply = fixture_get(&fixture, "GET /loop HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_U64(reply.status, 429);
    fixture_close(&fixture);
    folder_close(&folder);
}

TEST(web_config, a_changed_file_is_in_force_at_once_and_a_wrong_one_is_reported_once)
{
    Folder folder;
    Fixture fixture;
    Reports reports;
    folder_open(&folder);
    file_put(&folder, "web.yml", "basic_auth_users:\n  ann: " HASH_SECRET "\n");
    serve(&fixture, &folder, &reports);
    CHECK_U64(get_as(&fixture, "/loop", "ann:secret").status, 200);
    CHECK_U64(get_as(&fixture, "/loop", "bob:secret").status, 401);
    file_put(&folder, "web.yml", "basic_auth_users:\n  bob: " HASH_SECRET "\n");
    CHECK_U64(get_as(&fixture, "/loop", "ann:secret").status, 401);
    CHECK_U64(get_as(&fixture, "/loop", "bob:secret").status, 200);
    file_put(&folder, "web.yml", "basic_auth_users:\n  bob: broken\n");
    CHECK_U64(get_as(&fixture, "/loop", "bob:secret").status, 200);
    CHECK_U64(get_as(&fixture, "/loop", "bob:secret").status, 200);
    CHECK_U64(atomic_load(&reports.count), 1);
    CHECK(str_contains(str_from(reports.last), S("web.yml:2:")));
    (void)unlink(folder.config);
    CHECK_U64(get_as(&fixture, "/loop", "bob:secret").status, 200);
    CHECK_U64(atomic_load(&reports.count), 2);
    file_put(&folder, "web.yml", "basic_auth_users:\n  cyd: " HASH_SECRET "\n");
    CHECK_U64(get_as(&fixture, "/loop", "cyd:secret").status, 200);
    fixture_close(&fixture);
    folder_close(&folder);
}

#define GET_LOOP  "GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#define TLS_START "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"

typedef struct TlsWorld {
    Folder folder;
    Fixture fixture;
    Reports reports;
    TestCertificate ca;
    TestCertificate server;
    TestCertificate client;
    TestCertificate stranger;
    Buf reply;
} TlsWorld;

static void tls_world_open(TlsWorld *world, const char *more)
{
    char text[1024];
    folder_open(&world->folder);
    certificate_make(&world->ca, "test authority", NULL, NULL);
    certificate_make(&world->server, "localhost", "DNS:localhost,IP:127.0.0.1", &world->ca);
    certificate_make(&world->client, "client", "DNS:good.example,email:a@b.example,IP:10.0.0.1",
                     &world->ca);
    certificate_make(&world->stranger, "stranger", "DNS:good.example", NULL);
    file_put(&world->folder, "cert.pem", world->server.cert);
    file_put(&world->folder, "key.pem", world->server.key);
    file_put(&world->folder, "ca.pem", world->ca.cert);
    (void)snprintf(text, sizeof(text), TLS_START "%s", more);
    file_put(&world->folder, "web.yml", text);
    buf_init(&world->reply, 16 * MIB);
    serve(&world->fixture, &world->folder, &world->reports);
}

static void tls_world_close(TlsWorld *world)
{
    fixture_close(&world->fixture);
    folder_close(&world->folder);
    buf_done(&world->reply);
}

static bool tls_get(TlsWorld *world, TlsCall call)
{
    call.port = http_server_port(world->fixture.server);
    call.ca = call.ca ? call.ca : world->ca.cert;
    call.request = call.request.len ? call.request : S(GET_LOOP);
    return tls_call(&call, &world->reply);
}

TEST(tls_server, requests_and_large_replies_pass_and_the_handler_knows)
{
    TlsWorld world;
    tls_world_open(&world, "");
    CHECK(tls_get(&world, (TlsCall){0}));
    CHECK(str_ends_with(buf_view(&world.reply), S("user= tls=1")));
    CHECK(tls_get(&world, (TlsCall){.request = S("GET /large HTTP/1.0\r\n\r\n")}));
    CHECK(world.reply.len > 5000000);
    CHECK(tls_get(&world,
                  (TlsCall){.request = S("GET /worker HTTP/1.1\r\nHost: x\r\n\r\n" GET_LOOP)}));
    CHECK(str_ends_with(buf_view(&world.reply), S("user= tls=1")));
    tls_world_close(&world);
}

TEST(tls_server, a_client_without_tls_is_told_what_is_wrong)
{
    TlsWorld world;
    Client client;
    tls_world_open(&world, "");
    client_open(&client, &world.fixture);
    client_printf(&client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client_ended(&client, 2000));
    CHECK(str_contains(buf_view(&client.in), S("Client sent an HTTP request to an HTTPS server.")));
    client_close(&client);
    tls_world_close(&world);
}

TEST(tls_server, versions_and_ciphers_are_those_allowed)
{
    TlsWorld world;
    tls_world_open(&world, "");
    CHECK(tls_get(&world, (TlsCall){.version = TLS1_2_VERSION}));
    CHECK(tls_get(&world, (TlsCall){.version = TLS1_3_VERSION}));
    CHECK(!tls_get(&world, (TlsCall){.version = TLS1_1_VERSION}));
    tls_world_close(&world);
    tls_world_open(&world, "  min_version: TLS13\n");
    CHECK(!tls_get(&world, (TlsCall){.version = TLS1_2_VERSION}));
    CHECK(tls_get(&world, (TlsCall){.version = TLS1_3_VERSION}));
    tls_world_close(&world);
    tls_world_open(&world, "  min_version: TLS10\n  max_version: TLS12\n");
    CHECK(tls_get(&world, (TlsCall){.version = TLS1_1_VERSION}));
    CHECK(!tls_get(&world, (TlsCall){.version = TLS1_3_VERSION}));
    tls_world_close(&world);
    tls_world_open(&world, "  max_version: TLS12\n"
                           "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n");
    CHECK(tls_get(&world, (TlsCall){.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"}));
    CHECK(!tls_get(&world, (TlsCall){.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"}));
    tls_world_close(&world);
}

TEST(tls_server, client_certificates_are_asked_for_and_checked_as_configured)
{
    enum { NOBODY = 1, KNOWN = 2, STRANGER = 4 };
    static const struct {
        const char *more;
        int welcome; /* who gets in */
    } cases[] = {
        {"", NOBODY | KNOWN | STRANGER},
        {"  client_auth_type: RequestClientCert\n", NOBODY | KNOWN | STRANGER},
        {"  client_auth_type: RequireAnyClientCert\n", KNOWN | STRANGER},
        {"  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.pem\n", NOBODY | KNOWN},
        {"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n", KNOWN},
        {"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
         "  client_allowed_sans: [other.example, good.example]\n",
         KNOWN},
        {"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
         "  client_allowed_sans: [10.0.0.1]\n",
         KNOWN},
        {"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
         "  client_allowed_sans: [a@b.example]\n",
         KNOWN},
        {"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
         "  client_allowed_sans: [other.example]\n",
         0},
        {"  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [other.example]\n", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        TlsWorld world;
        tls_world_open(&world, cases[i].more);
        bool nobody = tls_get(&world, (TlsCall){0});
        bool known = tls_get(&world, (TlsCall){.certificate = &world.client});
        bool stranger = tls_get(&world, (TlsCall){.certificate = &world.stranger});
        int got = (nobody ? NOBODY : 0) | (known ? KNOWN : 0) | (stranger ? STRANGER : 0);
        if (got != cases[i].welcome) {
            (void)fprintf(stderr, "case %zu\n", i);
        }
        CHECK_I64(got, cases[i].welcome);
        tls_world_close(&world);
    }
}

TEST(tls_server, a_new_certificate_is_used_for_the_next_connection)
{
    TlsWorld world;
    TestCertificate other_ca;
    TestCertificate other;
    tls_world_open(&world, "");
    certificate_make(&other_ca, "other authority", NULL, NULL);
    certificate_make(&other, "localhost", "DNS:localhost", &other_ca);
    CHECK(tls_get(&world, (TlsCall){0}));
    CHECK(!tls_get(&world, (TlsCall){.ca = other_ca.cert}));
    file_put(&world.folder, "key.pem", other.key); /* for a moment the pair does not fit */
    CHECK(tls_get(&world, (TlsCall){0}));
    CHECK_U64(atomic_load(&world.reports.count), 1);
    file_put(&world.folder, "cert.pem", other.cert);
    CHECK(tls_get(&world, (TlsCall){.ca = other_ca.cert}));
    CHECK(!tls_get(&world, (TlsCall){0}));
    file_put(&world.folder, "web.yml", "{}");
    CHECK(tls_get(&world, (TlsCall){.ca = other_ca.cert}));
    CHECK(str_contains(str_from(world.reports.last), S("by a restart")));
    tls_world_close(&world);
}

/* Web configuration: see web_config.h. Layer: net. Memory: generations are counted. Thread: any;
 * WebConfigFile has a lock. */
#include "net/web_config.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/yaml.h"
#include "os/file.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILE_MAX = 1024 * 1024,              /* bytes of the file and of each it names */
    CONFIG_ARENA_MAX = 16 * 1024 * 1024, /* bytes a generation may need */
};

/* The files that make a generation; when one changes, so does the generation. */
typedef enum WebFile { FILE_CONFIG, FILE_CERT, FILE_KEY, FILE_CA, FILE_COUNT } WebFile;

typedef struct FileStamp {
    ino_t inode;
    off_t size;
    struct timespec modified;
} FileStamp;

struct WebConfig {
    atomic_uint refs;
    Arena arena;
    const char *paths[FILE_COUNT]; /* NULL: not used */
    FileStamp stamps[FILE_COUNT];  /* taken before reading */
    TlsServer *tls;
    BasicAuth *users;
    HttpHeader *headers;
    size_t header_count;

    /* Rate limit: a bucket that holds `burst` requests and gains one each interval. */
    i64 rate_interval_ns; /* 0: no limit */
    i64 rate_burst;
    pthread_mutex_t rate_lock; /* guards the next */
    i64 rate_full_ns;          /* when the bucket will be full again */
};

struct WebConfigFile {
    void (*report)(void *self, const Err *err);
    void *report_self;
    char *path;                   /* owned */
    pthread_mutex_t lock;         /* guards the next two */
    WebConfig *current;           /* one ref is ours */
    FileStamp failed[FILE_COUNT]; /* what could not be used: tried again when it changes */
    bool has_failed;
};

/* ---- reading ---- */

typedef struct Reader {
    WebConfig *config;
    Arena *arena;
    Str dir; /* what relative names are relative to */
    TlsServerConfig tls;
    bool has_tls;
    const YamlNode *tls_node;
    BasicUser *users;
    size_t user_count;
} Reader;

static FileStamp stamp_of(const char *path)
{
    struct stat status;
    FileStamp stamp = {0};
    if (path && stat(path, &status) == 0) {
        stamp =
            (FileStamp){.inode = status.st_ino, .size = status.st_size, .modified = status.st_mtim};
    }
    return stamp;
}

static bool stamp_eq(const FileStamp *a, const FileStamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec;
}

/* A PEM text that stands in the file itself or in another one. */
static bool read_pem(Reader *reader, YamlMap *map, const char *key, const char *file_key,
                     WebFile which, Str *ret, Err *err)
{
    Str inline_text = STR_EMPTY;
    Str file = STR_EMPTY;
    const YamlNode *node = yaml_find(map->node, str_from(file_key));
    if (!yaml_get_str(map, key, &inline_text, err) || !yaml_get_str(map, file_key, &file, err)) {
        return false;
    }
    if (inline_text.len > 0 && file.len > 0) {
        return yaml_error(node, err, "%s and %s are both set: choose one", key, file_key);
    }
    if (file.len == 0) {
        *ret = inline_text;
        return true;
    }
    Str path;
    Err cause;
    if (!config_join_dir(reader->arena, reader->dir, file, &path, err) ||
        !arena_str(reader->arena, path, &path, err)) { /* with a NUL behind it */
        return false;
    }
    reader->config->paths[which] = path.ptr;
    reader->config->stamps[which] = stamp_of(path.ptr);
    if (!file_read(path.ptr, FILE_MAX, reader->arena, ret, &cause)) {
        return yaml_error(node, err, "%s: %s", file_key, cause.message);
    }
    return true;
}

static bool read_client_auth(YamlMap *map, TlsClientAuth *ret, Err *err)
{
    static const struct {
        Str name;
        TlsClientAuth auth;
    } names[] = {
        {STR_INIT(""), TLS_CLIENT_NONE},
        {STR_INIT("NoClientCert"), TLS_CLIENT_NONE},
        {STR_INIT("RequestClientCert"), TLS_CLIENT_REQUEST},
        {STR_INIT("RequireAnyClientCert"), TLS_CLIENT_REQUIRE_ANY},
        {STR_INIT("RequireClientCert"), TLS_CLIENT_REQUIRE_ANY},
        {STR_INIT("VerifyClientCertIfGiven"), TLS_CLIENT_VERIFY_IF_GIVEN},
        {STR_INIT("RequireAndVerifyClientCert"), TLS_CLIENT_REQUIRE_VERIFIED},
    };
    Str name = STR_EMPTY;
    if (!yaml_get_str(map, "client_auth_type", &name, err)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(name, names[i].name)) {
            *ret = names[i].auth;
            return true;
        }
    }
    return yaml_error(yaml_find(map->node, S("client_auth_type")), err,
                      "invalid client_auth_type: \"" STR_FMT "\"", STR_ARG(name));
}

static bool read_version(YamlMap *map, const char *key, TlsVersion *ret, Err *err)
{
    static const struct {
        Str name;
        TlsVersion version;
    } names[] = {
        {STR_INIT(""), TLS_VERSION_ANY},      {STR_INIT("TLS10"), TLS_VERSION_1_0},
        {STR_INIT("TLS11"), TLS_VERSION_1_1}, {STR_INIT("TLS12"), TLS_VERSION_1_2},
        {STR_INIT("TLS13"), TLS_VERSION_1_3},
    };
    Str name = STR_EMPTY;
    if (!yaml_get_str(map, key, &name, err)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(name, names[i].name)) {
            *ret = names[i].version;
            return true;
        }
    }
    return yaml_error(yaml_find(map->node, str_from(key)), err, "unknown TLS version: " STR_FMT,
                      STR_ARG(name));
}

/* A list whose items must be known names. */
static bool read_names(Reader *reader, YamlMap *map, const char *key, bool (*known)(Str name),
                       const Str **ret, size_t *ret_count, Err *err)
{
    Str *names = NULL;
    size_t count = 0;
    if (!yaml_get_str_list(map, key, reader->arena, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count && known; i++) {
        if (!known(names[i])) {
            return yaml_error(yaml_find(map->node, str_from(key))->items[i], err,
                              "%s: unknown name \"" STR_FMT "\"", key, STR_ARG(names[i]));
        }
    }
    *ret = names;
    *ret_count = count;
    return true;
}

/* What the TLS keys mean together, as the original judges them. */
static bool judge_tls(Reader *reader, const YamlNode *node, Err *err)
{
    const TlsServerConfig *tls = &reader->tls;
    bool any = tls->cert.len > 0 || tls->key.len > 0 || tls->client_ca.len > 0 ||
               tls->client_auth != TLS_CLIENT_NONE;
    reader->has_tls = any;
    if (!any) {
        return true;
    }
    if (tls->cert.len == 0) {
        return yaml_error(node, err, "missing one of cert or cert_file");
    }
    if (tls->key.len == 0) {
        return yaml_error(node, err, "missing one of key or key_file");
    }
    if (tls->client_ca.len > 0 && tls->client_auth == TLS_CLIENT_NONE) {
        return yaml_error(node, err,
                          "client CA's have been configured without a Client Auth Policy");
    }
    if (tls->max_version && tls->min_version > tls->max_version) {
        return yaml_error(node, err, "min_version is newer than max_version");
    }
    return true;
}

static bool read_tls(Reader *reader, const YamlNode *node, Err *err)
{
    YamlMap map;
    TlsServerConfig *tls = &reader->tls;
    bool prefer_server = true; /* has had no effect in Go since 1.17, and servers here always do */
    reader->tls_node = node;
    return yaml_map(node, "web.TLSConfig", reader->arena, &map, err) &&
           read_pem(reader, &map, "cert", "cert_file", FILE_CERT, &tls->cert, err) &&
           read_pem(reader, &map, "key", "key_file", FILE_KEY, &tls->key, err) &&
           read_pem(reader, &map, "client_ca", "client_ca_file", FILE_CA, &tls->client_ca, err) &&
           read_client_auth(&map, &tls->client_auth, err) &&
           read_version(&map, "min_version", &tls->min_version, err) &&
           read_version(&map, "max_version", &tls->max_version, err) &&
           read_names(reader, &map, "client_allowed_sans", NULL, &tls->allowed_sans,
                      &tls->allowed_san_count, err) &&
           read_names(reader, &map, "cipher_suites", tls_cipher_known, &tls->ciphers,
                      &tls->cipher_count, err) &&
           read_names(reader, &map, "curve_preferences", tls_curve_known, &tls->curves,
                      &tls->curve_count, err) &&
           yaml_get_bool(&map, "prefer_server_cipher_suites", &prefer_server, err) &&
           yaml_map_finish(&map, err) && judge_tls(reader, node, err);
}

/* The headers that may be set, and the values of those that have a fixed choice. */
static const struct {
    Str name;
    Str values[3];
    size_t value_count; /* 0: any */
} allowed_headers[] = {
    {STR_INIT("Strict-Transport-Security"), {{0}}, 0},
    {STR_INIT("X-Content-Type-Options"), {STR_INIT(""), STR_INIT("nosniff")}, 2},
    {STR_INIT("X-Frame-Options"), {STR_INIT(""), STR_INIT("deny"), STR_INIT("sameorigin")}, 3},
    {STR_INIT("X-XSS-Protection"), {{0}}, 0},
    {STR_INIT("Content-Security-Policy"), {{0}}, 0},
};

static bool judge_header(const YamlPair *pair, const HttpHeader *header, Err *err)
{
    for (size_t i = 0; i < COUNT_OF(allowed_headers); i++) {
        if (!str_eq(header->name, allowed_headers[i].name)) {
            continue;
        }
        for (size_t j = 0; j < allowed_headers[i].value_count; j++) {
            if (str_eq(header->value, allowed_headers[i].values[j])) {
                return true;
            }
        }
        return allowed_headers[i].value_count == 0 ||
               yaml_error(pair->value, err, "invalid value for " STR_FMT ": \"" STR_FMT "\"",
                          STR_ARG(header->name), STR_ARG(header->value));
    }
    return yaml_error(pair->key, err, "HTTP header \"" STR_FMT "\" can not be configured",
                      STR_ARG(header->name));
}

static bool read_headers(Reader *reader, const YamlNode *node, Err *err)
{
    if (!yaml_mapping(node, "map[string]string", err)) {
        return false;
    }
    size_t count = yaml_count(node);
    HttpHeader *headers = ARENA_NEW(reader->arena, HttpHeader, count + 1);
    size_t used = 0;
    if (!headers) {
        return arena_full(reader->arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        HttpHeader *header = &headers[used];
        header->name = node->pairs[i].key->scalar;
        if (!yaml_str(node->pairs[i].value, &header->value, err) ||
            !judge_header(&node->pairs[i], header, err)) {
            return false;
        }
        used += header->value.len > 0; /* an empty one is as good as absent */
    }
    reader->config->headers = headers;
    reader->config->header_count = used;
    return true;
}

static bool read_http(Reader *reader, const YamlNode *node, Err *err)
{
    YamlMap map;
    bool http2 = true; /* accepted; this server speaks HTTP/1.1 */
    return yaml_map(node, "web.HTTPConfig", reader->arena, &map, err) &&
           yaml_get_bool(&map, "http2", &http2, err) &&
           read_headers(reader, yaml_get(&map, "headers"), err) && yaml_map_finish(&map, err);
}

static bool read_users(Reader *reader, const YamlNode *node, Err *err)
{
    if (!yaml_mapping(node, "map[string]config.Secret", err)) {
        return false;
    }
    reader->user_count = yaml_count(node);
    reader->users = ARENA_NEW(reader->arena, BasicUser, reader->user_count + 1);
    if (!reader->users) {
        return arena_full(reader->arena, err);
    }
    for (size_t i = 0; i < reader->user_count; i++) {
        BasicUser *user = &reader->users[i];
        user->name = node->pairs[i].key->scalar;
        if (!yaml_str(node->pairs[i].value, &user->hash, err)) {
            return false;
        }
        if (!bcrypt_hash_valid(user->hash)) {
            return yaml_error(node->pairs[i].value, err,
                              "basic_auth_users: the password of \"" STR_FMT
                              "\" is no bcrypt hash (as from htpasswd -nB)",
                              STR_ARG(user->name));
        }
    }
    return true;
}

static bool read_rate(Reader *reader, const YamlNode *node, Err *err)
{
    YamlMap map;
    i64 interval_ms = 0;
    i64 burst = 0;
    if (!yaml_map(node, "web.RateLimiterConfig", reader->arena, &map, err) ||
        !yaml_get_duration(&map, "interval", &interval_ms, err) ||
        !yaml_get_i64(&map, "burst", &burst, err) || !yaml_map_finish(&map, err)) {
        return false;
    }
    if (burst < 0 || burst > INT_MAX) {
        return yaml_error(node, err, "rate_limit: burst must be between 0 and %d", INT_MAX);
    }
    reader->config->rate_interval_ns = interval_ms * NS_PER_MS;
    reader->config->rate_burst = burst;
    return true;
}

static bool read_root(Reader *reader, const YamlNode *root, Err *err)
{
    YamlMap map;
    return yaml_map(root, "web.Config", reader->arena, &map, err) &&
           read_tls(reader, yaml_get(&map, "tls_server_config"), err) &&
           read_http(reader, yaml_get(&map, "http_server_config"), err) &&
           read_users(reader, yaml_get(&map, "basic_auth_users"), err) &&
           read_rate(reader, yaml_get(&map, "rate_limit"), err) && yaml_map_finish(&map, err);
}

static Str dir_of(Str path)
{
    size_t slash = str_find_last_byte(path, '/');
    return slash == STR_NOT_FOUND ? S(".") : str_take(path, MAX(slash, (size_t)1));
}

/* Builds what the reader found. */
static bool build(Reader *reader, Err *err)
{
    if (reader->has_tls && !tls_server_new(&reader->tls, &reader->config->tls, err)) {
        err->line = reader->tls_node->line;
        err->column = reader->tls_node->column;
        return err_wrap(err, "tls_server_config");
    }
    if (reader->user_count > 0) {
        reader->config->users = basic_auth_new(reader->users, reader->user_count);
    }
    return true;
}

static bool load(WebConfig *config, const char *path, Err *err)
{
    Reader reader = {.config = config, .arena = &config->arena, .dir = dir_of(str_from(path))};
    reader.tls = (TlsServerConfig){.cert = STR_EMPTY, .key = STR_EMPTY, .client_ca = STR_EMPTY};
    Str text;
    YamlNode *root;
    Str kept;
    if (!arena_str(&config->arena, str_from(path), &kept, err)) {
        return false;
    }
    config->paths[FILE_CONFIG] = kept.ptr;
    config->stamps[FILE_CONFIG] = stamp_of(path);
    return file_read(path, FILE_MAX, &config->arena, &text, err) &&
           yaml_parse(text, &config->arena, &root, err) && read_root(&reader, root, err) &&
           build(&reader, err);
}

static void generation_free(WebConfig *config)
{
    tls_server_free(config->tls);
    basic_auth_free(config->users);
    arena_done(&config->arena);
    (void)pthread_mutex_destroy(&config->rate_lock);
    mem_free(config);
}

/* On failure `stamps` says what the failing files looked like. */
static bool generation_new(const char *path, FileStamp stamps[FILE_COUNT], WebConfig **ret,
                           Err *err)
{
    WebConfig *config = MEM_NEW(WebConfig);
    Err cause = {0};
    atomic_init(&config->refs, 1);
    arena_init(&config->arena, CONFIG_ARENA_MAX);
    (void)pthread_mutex_init(&config->rate_lock, NULL);
    bool ok = load(config, path, &cause);
    memcpy(stamps, config->stamps, sizeof(config->stamps));
    if (!ok) {
        generation_free(config);
        if (cause.line > 0) {
            (void)err_set_line(err, cause.code, cause.line, cause.column, "%s:%u:%u: %s", path,
                               cause.line, cause.column, cause.message);
        } else if (err) {
            *err = cause;
            (void)err_wrap(err, "web configuration %s", path);
        }
        return false;
    }
    *ret = config;
    return true;
}

/* ---- the file ---- */

bool web_config_check(const char *path, Err *err)
{
    FileStamp stamps[FILE_COUNT];
    WebConfig *config;
    if (!generation_new(path, stamps, &config, err)) {
        return false;
    }
    generation_free(config);
    return true;
}

bool web_config_open(const char *path, void (*report)(void *self, const Err *err), void *self,
                     WebConfigFile **ret, Err *err)
{
    FileStamp stamps[FILE_COUNT];
    WebConfig *config;
    if (!generation_new(path, stamps, &config, err)) {
        return false;
    }
    WebConfigFile *file = MEM_NEW(WebConfigFile);
    size_t size = strlen(path) + 1;
    file->report = report;
    file->report_self = self;
    file->path = memcpy(mem_alloc(size), path, size);
    file->current = config;
    (void)pthread_mutex_init(&file->lock, NULL);
    *ret = file;
    return true;
}

WebConfigFile *web_config_close(WebConfigFile *file)
{
    if (file) {
        web_config_release(file->current);
        (void)pthread_mutex_destroy(&file->lock);
        mem_free(file->path);
        mem_free(file);
    }
    return NULL;
}

static bool changed(const WebConfig *config, const FileStamp *known)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        FileStamp now = stamp_of(config->paths[i]);
        if (!stamp_eq(&now, &known[i])) {
            return true;
        }
    }
    return false;
}

/* TLS cannot come or go with a file: clients of the port know one or the other. */
static bool judge_change(const WebConfig *old, WebConfig *fresh, const char *path, Err *err)
{
    return (old->tls != NULL) == (fresh->tls != NULL) ||
           err_set(err, ERR_INVALID,
                   "web configuration %s: TLS can be switched on or off only by a restart", path);
}

static void reload(WebConfigFile *file)
{
    WebConfig *fresh;
    Err err = {0};
    bool loaded = generation_new(file->path, file->failed, &fresh, &err);
    if (loaded && judge_change(file->current, fresh, file->path, &err)) {
        web_config_release(file->current);
        file->current = fresh;
        file->has_failed = false;
        return;
    }
    if (loaded) {
        generation_free(fresh);
    }
    file->has_failed = true;
    /* Files that reading did not come to are known as they are now. */
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (file->failed[i].inode == 0) {
            file->failed[i] = stamp_of(file->current->paths[i]);
        }
    }
    if (file->report) {
        file->report(file->report_self, &err);
    }
}

const WebConfig *web_config_get(WebConfigFile *file)
{
    (void)pthread_mutex_lock(&file->lock);
    const WebConfig *current = file->current;
    if (changed(current, current->stamps) &&
        (!file->has_failed || changed(current, file->failed))) {
        reload(file);
    }
    WebConfig *config = file->current;
    atomic_fetch_add(&config->refs, 1);
    (void)pthread_mutex_unlock(&file->lock);
    return config;
}

void web_config_release(const WebConfig *config)
{
    WebConfig *counted = (WebConfig *)(uintptr_t)config; /* immutable but for its count */
    if (counted && atomic_fetch_sub(&counted->refs, 1) == 1) {
        generation_free(counted);
    }
}

const TlsServer *web_config_tls(const WebConfig *config)
{
    return config->tls;
}

BasicAuth *web_config_users(const WebConfig *config)
{
    return config->users;
}

const HttpHeader *web_config_headers(const WebConfig *config, size_t *ret_count)
{
    *ret_count = config->header_count;
    return config->headers;
}

bool web_config_allows_rate(const WebConfig *config)
{
    WebConfig *bucket = (WebConfig *)(uintptr_t)config; /* immutable but for the rate */
    if (config->rate_interval_ns == 0) {
        return true;
    }
    i64 now_ns = time_monotonic_ns();
    (void)pthread_mutex_lock(&bucket->rate_lock);
    i64 full_ns = MAX(config->rate_full_ns, now_ns) + config->rate_interval_ns;
    bool allowed = full_ns - now_ns <= config->rate_burst * config->rate_interval_ns;
    if (allowed) {
        bucket->rate_full_ns = full_ns;
    }
    (void)pthread_mutex_unlock(&bucket->rate_lock);
    return allowed;
}

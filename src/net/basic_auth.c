/* Basic authentication: see basic_auth.h. Layer: net (libxcrypt). Memory: basic_auth_free. Thread:
 * any; the cache has a lock. */
#include "net/basic_auth.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "os/process.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

enum {
    CACHE_SLOTS = 128,      /* right answers remembered; a new one may push out an old one */
    HASH_SIZE = 60,         /* bytes of a bcrypt hash */
    SETTING_SIZE = 29,      /* "$2y$10$" and 22 characters of salt */
    CREDENTIALS_MAX = 4096, /* bytes of user and password, decoded */
    SALT_SIZE = 32,
};

struct BasicAuth {
    BasicUser *users; /* owned, with their texts */
    size_t count;
    char setting[SETTING_SIZE + 1]; /* for unknown users: of the costliest hash */
    u8 salt[SALT_SIZE]; /* of this process: the cache's digests mean nothing elsewhere */

    pthread_mutex_t lock; /* guards the cache */
    u8 cache[CACHE_SLOTS][SHA256_SIZE];
    bool cached[CACHE_SLOTS];
};

static bool is_bcrypt_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '/';
}

bool bcrypt_hash_valid(Str hash)
{
    u64 cost;
    if (hash.len != HASH_SIZE || memcmp(hash.ptr, "$2", 2) != 0 || !strchr("aby", hash.ptr[2]) ||
        hash.ptr[3] != '$' || hash.ptr[6] != '$' || !str_to_u64(str_slice(hash, 4, 6), &cost) ||
        cost < 4 || cost > 31) {
        return false;
    }
    for (size_t i = 7; i < hash.len; i++) {
        if (!is_bcrypt_digit(hash.ptr[i])) {
            return false;
        }
    }
    return true;
}

static Str copy_text(Str from)
{
    char *copy = mem_alloc(from.len + 1);
    memcpy(copy, from.ptr, from.len);
    copy[from.len] = '\0';
    return (Str){.ptr = copy, .len = from.len};
}

BasicAuth *basic_auth_new(const BasicUser *users, size_t count)
{
    BasicAuth *auth = MEM_NEW(BasicAuth);
    Str costliest = STR_EMPTY;
    auth->users = MEM_ARRAY(BasicUser, count + 1);
    auth->count = count;
    for (size_t i = 0; i < count; i++) {
        auth->users[i].name = copy_text(users[i].name);
        auth->users[i].hash = copy_text(users[i].hash);
        if (costliest.len == 0 || memcmp(users[i].hash.ptr + 4, costliest.ptr + 4, 2) > 0) {
            costliest = auth->users[i].hash;
        }
    }
    memcpy(auth->setting, costliest.ptr, MIN(costliest.len, (size_t)SETTING_SIZE));
    entropy_fill(auth->salt, sizeof(auth->salt));
    (void)pthread_mutex_init(&auth->lock, NULL);
    return auth;
}

void basic_auth_free(BasicAuth *auth)
{
    if (!auth) {
        return;
    }
    for (size_t i = 0; i < auth->count; i++) {
        mem_free((void *)(uintptr_t)auth->users[i].name.ptr);
        mem_free((void *)(uintptr_t)auth->users[i].hash.ptr);
    }
    (void)pthread_mutex_destroy(&auth->lock);
    mem_free(auth->users);
    mem_free(auth);
}

static const BasicUser *user_find(const BasicAuth *auth, Str name)
{
    for (size_t i = 0; i < auth->count; i++) {
        if (str_eq(auth->users[i].name, name)) {
            return &auth->users[i];
        }
    }
    return NULL;
}

/* "Basic dXNlcjpwYXNz" */
static bool parse_header(Str header, Arena *arena, BasicCredentials *ret)
{
    Str scheme = str_take(header, 6);
    Buf plain;
    buf_init(&plain, CREDENTIALS_MAX);
    bool ok = str_eq_ignore_case(scheme, S("Basic ")) &&
              base64_decode(str_trim(str_skip(header, 6)), &plain, NULL);
    size_t colon = ok ? str_find_byte(buf_view(&plain), ':') : STR_NOT_FOUND;
    Str text;
    ok = colon != STR_NOT_FOUND && arena_str(arena, buf_view(&plain), &text, NULL);
    if (ok) {
        ret->user = str_take(text, colon);
        ret->password = str_skip(text, colon + 1);
    }
    OPENSSL_cleanse(plain.data, plain.len);
    buf_done(&plain);
    /* crypt reads a C string: what stands behind a NUL would not be checked. */
    return ok && str_find_byte(ret->password, '\0') == STR_NOT_FOUND;
}

static void digest(const BasicAuth *auth, const BasicUser *user, Str password, u8 ret[SHA256_SIZE])
{
    Buf text;
    buf_init(&text, SALT_SIZE + user->name.len + user->hash.len + password.len + 2);
    buf_put(&text, auth->salt, SALT_SIZE);
    buf_str(&text, user->name);
    buf_byte(&text, '\0');
    buf_str(&text, user->hash);
    buf_byte(&text, '\0');
    buf_str(&text, password);
    sha256(buf_view(&text), ret);
    OPENSSL_cleanse(text.data, text.len);
    buf_done(&text);
}

static bool cache_has(BasicAuth *auth, const u8 key[SHA256_SIZE])
{
    size_t slot = key[0] % CACHE_SLOTS;
    (void)pthread_mutex_lock(&auth->lock);
    bool has = auth->cached[slot] && CRYPTO_memcmp(auth->cache[slot], key, SHA256_SIZE) == 0;
    (void)pthread_mutex_unlock(&auth->lock);
    return has;
}

static void cache_put(BasicAuth *auth, const u8 key[SHA256_SIZE])
{
    size_t slot = key[0] % CACHE_SLOTS;
    (void)pthread_mutex_lock(&auth->lock);
    memcpy(auth->cache[slot], key, SHA256_SIZE);
    auth->cached[slot] = true;
    (void)pthread_mutex_unlock(&auth->lock);
}

BasicVerdict basic_auth_look(BasicAuth *auth, Str header, Arena *arena, BasicCredentials *ret)
{
    BasicCredentials credentials;
    if (!parse_header(header, arena, &credentials)) {
        return BASIC_DENIED;
    }
    *ret = credentials;
    const BasicUser *user = user_find(auth, credentials.user);
    if (!user) {
        return BASIC_UNKNOWN;
    }
    u8 key[SHA256_SIZE];
    digest(auth, user, credentials.password, key);
    return cache_has(auth, key) ? BASIC_ALLOWED : BASIC_UNKNOWN;
}

bool basic_auth_check(BasicAuth *auth, const BasicCredentials *credentials)
{
    const BasicUser *user = user_find(auth, credentials->user);
    struct crypt_data *work = MEM_NEW(struct crypt_data); /* 32 KB: too much for a stack */
    Str password = copy_text(credentials->password);
    const char *setting = user ? user->hash.ptr : auth->setting;
    const char *made = crypt_rn(password.ptr, setting, work, sizeof(*work));
    bool right = made && user && strlen(made) == HASH_SIZE &&
                 CRYPTO_memcmp(made, user->hash.ptr, HASH_SIZE) == 0;
    if (right) {
        u8 key[SHA256_SIZE];
        digest(auth, user, credentials->password, key);
        cache_put(auth, key);
    }
    OPENSSL_cleanse((void *)(uintptr_t)password.ptr, password.len);
    OPENSSL_cleanse(work, sizeof(*work));
    mem_free((void *)(uintptr_t)password.ptr);
    mem_free(work);
    return right;
}

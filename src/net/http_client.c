/*
 * HTTP client: see http_client.h. One curl multi handle a loop, driven by the loop's own events;
 * easy handles and body buffers are used again and again.
 *
 * Redirects are followed here and not by curl, because a redirect to another host must lose every
 * credential, those in plain headers too.
 *
 * Layer: net (libcurl). Memory: a fetch is freed after its done. Thread: a ClientLoop and its
 * fetches belong to one loop.
 */
#include "net/http_client.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/vec.h"
#include "net/client_setup.h"
#include "net/http_parser.h"
#include "net/oauth2.h"
#include "net/secret_files.h"
#include "net/url.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HANDLES_KEPT = 64,                 /* idle easy handles a loop keeps; about 6 KB each */
    BUFFERS_KEPT = 16,                 /* body buffers a loop keeps */
    BUFFER_KEPT_MAX = 4 * 1024 * 1024, /* bytes; larger ones go back at once */
    CONNECTIONS_KEPT = 4096,  /* idle connections a loop keeps; curl closes them after 118 s */
    RECEIVE_SIZE = 64 * 1024, /* bytes curl takes from a socket at a time */
    RESERVE_MAX = 16 * 1024 * 1024, /* bytes taken on trust in a Content-Length */
};

typedef struct ClientLoop ClientLoop;

/* A socket that curl wants to hear about. */
typedef struct Watch {
    struct event event;
    ClientLoop *at;
} Watch;

struct ClientLoop {
    HttpClient *client;
    Loop *loop;
    CURLM *multi;           /* NULL until the first fetch */
    LoopTimer *timer;       /* curl's */
    HttpFetchHandle *first; /* running */
    bool closed;
    U64Map watches; /* by descriptor: a Watch, owned */
    SecretFiles secrets;
    VEC(CURL *) handles; /* idle */
    VEC(Buf) buffers;    /* idle */
};

struct HttpClient {
    LoopSet *loops;
    TokenStore *tokens;        /* owned */
    atomic_size_t outstanding; /* fetches whose done has not been called */
    ClientLoop at[];
};

typedef enum FetchState {
    FETCH_QUEUED,  /* fetch_start is on its way to the loop */
    FETCH_WAITING, /* for a token */
    FETCH_RUNNING, /* curl has it */
    FETCH_ENDED,   /* nobody but the call of done */
} FetchState;

/* What a fetch with OAuth2 has besides. */
typedef struct FetchToken {
    TokenWait wait;
    LoopTimer *late; /* ends the wait at the fetch's time limit */
    bool renewed;    /* a server refused one already */
} FetchToken;

struct HttpFetchHandle {
    ClientLoop *at;
    FetchState state;
    HttpFetchHandle *next;
    HttpFetchHandle **link;
    HttpFetch fetch;   /* strings point behind this struct */
    FetchToken *token; /* owned; NULL unless the configuration wants one */
    HttpHeader *headers;
    CURL *easy;
    ClientSetup setup;
    Buf body;
    HttpMethod method;
    Str url;
    char *redirect_url; /* curl's copy of the address redirected to; owned */
    u32 redirects;
    bool cross_host; /* redirected away from the host that credentials are for */
    bool canceled;
    bool body_too_large;
    i64 start_ns;
    i64 elapsed_ns;
    Err err;
    char curl_error[CURL_ERROR_SIZE];
};

static void fetch_run(HttpFetchHandle *fetch);
static void fetch_end(HttpFetchHandle *fetch);
static void fetch_unlink(HttpFetchHandle *fetch);
static void fetch_tell(void *self);

static void fetch_fail(HttpFetchHandle *fetch, ErrCode code, const char *why)
{
    Str method = http_method_name(fetch->method);
    Url url;
    Str secret = STR_EMPTY; /* user and password in the URL */
    if (url_parse(fetch->url, &url, NULL)) {
        secret = url.user_info;
    }
    Str before = secret.len > 0 ? str_range(fetch->url.ptr, secret.ptr) : STR_EMPTY;
    Str after = str_skip(fetch->url, before.len + secret.len);
    (void)err_set(&fetch->err, code, STR_FMT " \"" STR_FMT "%s" STR_FMT "\": %s", STR_ARG(method),
                  STR_ARG(before), secret.len > 0 ? "***" : "", STR_ARG(after), why);
}

/* ---- a loop's curl ---- */

static void take_finished(ClientLoop *at);

static void on_socket_ready(evutil_socket_t fd, short what, void *self)
{
    ClientLoop *at = ((Watch *)self)->at; /* the watch may be gone after the call */
    int running;
    int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(at->multi, fd, flags, &running);
    take_finished(at);
}

static void watch_end(ClientLoop *at, curl_socket_t fd)
{
    u64 *found = u64map_find(&at->watches, (u64)fd);
    if (found) {
        Watch *watch = (Watch *)(uintptr_t)*found;
        (void)event_del(&watch->event);
        mem_free(watch);
        (void)u64map_del(&at->watches, (u64)fd);
    }
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int action, void *self, void *socket_self)
{
    (void)easy;
    (void)socket_self;
    ClientLoop *at = self;
    watch_end(at, fd);
    if (action == CURL_POLL_REMOVE) {
        return 0;
    }
    Watch *watch = MEM_NEW(Watch);
    watch->at = at;
    *u64map_put(&at->watches, (u64)fd, NULL) = (u64)(uintptr_t)watch;
    short what = (short)((action & CURL_POLL_IN ? EV_READ : 0) |
                         (action & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);
    (void)event_assign(&watch->event, loop_base(at->loop), fd, what, on_socket_ready, watch);
    return event_add(&watch->event, NULL);
}

/*
 * curl closes a socket that never got connected before it says that it is no longer watched. The
 * next socket may get the same number, and curl, which believes it watched already, says nothing:
 * so a number that still has a watch is registered anew here, with the kernel's new file behind it.
 */
static curl_socket_t on_curl_open(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    ClientLoop *at = self;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    u64 *found = fd >= 0 ? u64map_find(&at->watches, (u64)fd) : NULL;
    if (found) {
        Watch *watch = (Watch *)(uintptr_t)*found;
        (void)event_del(&watch->event);
        (void)event_add(&watch->event, NULL);
    }
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    ClientLoop *at = self;
    if (timeout_ms < 0) {
        loop_timer_stop(at->timer);
    } else {
        loop_timer_arm_ns(at->timer, timeout_ms * NS_PER_MS);
    }
    return 0;
}

static void on_timer(void *self)
{
    ClientLoop *at = self;
    int running;
    (void)curl_multi_socket_action(at->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(at);
}

static void client_loop_start(ClientLoop *at)
{
    at->multi = curl_multi_init();
    ASSERT(at->multi); /* fails only for want of a few bytes */
    at->timer = loop_timer_new(at->loop, on_timer, at);
    (void)curl_multi_setopt(at->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(at->multi, CURLMOPT_SOCKETDATA, at);
    (void)curl_multi_setopt(at->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(at->multi, CURLMOPT_TIMERDATA, at);
    (void)curl_multi_setopt(at->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
}

/* ---- what is used again ---- */

static CURL *handle_take(ClientLoop *at)
{
    if (at->handles.count > 0) {
        return at->handles.at[--at->handles.count];
    }
    CURL *easy = curl_easy_init();
    ASSERT(easy); /* fails only for want of a few bytes */
    return easy;
}

static void handle_put(ClientLoop *at, CURL *easy)
{
    if (at->handles.count < HANDLES_KEPT && !at->closed) {
        curl_easy_reset(easy);
        *vec_push(&at->handles) = easy;
    } else {
        curl_easy_cleanup(easy);
    }
}

static Buf buffer_take(ClientLoop *at, size_t max)
{
    Buf buf;
    if (at->buffers.count > 0) {
        buf = at->buffers.at[--at->buffers.count];
        buf_clear(&buf);
        buf.max = MAX(max, buf.capacity);
    } else {
        buf_init(&buf, max);
    }
    return buf;
}

static void buffer_put(ClientLoop *at, Buf *buf)
{
    if (buf->data && buf->capacity <= BUFFER_KEPT_MAX && at->buffers.count < BUFFERS_KEPT &&
        !at->closed) {
        *vec_push(&at->buffers) = *buf;
        *buf = (Buf){0};
    } else {
        buf_done(buf);
    }
}

/* ---- one fetch ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *self)
{
    HttpFetchHandle *fetch = self;
    size *= count;
    if (size > fetch->fetch.body_max - MIN(fetch->body.len, fetch->fetch.body_max)) {
        fetch->body_too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (fetch->body.len == 0) {
        curl_off_t length = -1;
        (void)curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        size_t expected = MAX(fetch->fetch.body_hint, length > 0 ? (size_t)length : 0);
        expected = MIN(expected, (size_t)RESERVE_MAX);
        expected = MIN(expected, fetch->fetch.body_max);
        (void)buf_reserve(&fetch->body, MAX(expected, size) + HTTP_BODY_SPARE);
    }
    buf_put(&fetch->body, bytes, size);
    return size;
}

static void set_headers(HttpFetchHandle *fetch)
{
    bool has_agent = false;
    for (size_t i = 0; i < fetch->fetch.header_count; i++) {
        const HttpHeader *header = &fetch->headers[i];
        bool secret = str_eq_ignore_case(header->name, S("Authorization")) ||
                      str_eq_ignore_case(header->name, S("Cookie"));
        has_agent = has_agent || str_eq_ignore_case(header->name, S("User-Agent"));
        if (!secret || !fetch->cross_host) {
            client_setup_header(&fetch->setup, header->name, header->value);
        }
    }
    if (!has_agent) {
        client_setup_header(&fetch->setup, S("User-Agent"), S("Vigie/" VIGIE_VERSION));
    }
    if (fetch->fetch.body.len > 0) {
        fetch->setup.headers = curl_slist_append(fetch->setup.headers, "Expect:");
    }
}

static void set_method(HttpFetchHandle *fetch)
{
    CURL *easy = fetch->easy;
    bool keeps_body = fetch->method & (HTTP_POST | HTTP_PUT | HTTP_PATCH);
    if (fetch->method == HTTP_HEAD) {
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (keeps_body) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)fetch->fetch.body.len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->fetch.body.ptr);
    }
    if (fetch->method != HTTP_GET && fetch->method != HTTP_HEAD && fetch->method != HTTP_POST) {
        /* names of methods are literals, so NUL-terminated */
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, http_method_name(fetch->method).ptr);
    }
}

static i64 left_ms(const HttpFetchHandle *fetch)
{
    i64 spent_ms = (time_monotonic_ns() - fetch->start_ns) / NS_PER_MS;
    return fetch->fetch.timeout_ms - spent_ms;
}

static bool set_up(HttpFetchHandle *fetch)
{
    CURL *easy = fetch->easy;
    i64 timeout_ms = left_ms(fetch);
    if (timeout_ms <= 0) {
        fetch_fail(fetch, ERR_TIMEOUT, "the time limit has passed");
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch->at);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->curl_error);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_SIZE);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    if (curl_easy_setopt(easy, CURLOPT_URL, fetch->url.ptr) != CURLE_OK) {
        fetch_fail(fetch, ERR_INVALID, "the URL is too long");
        return false;
    }
    if (fetch->fetch.accept_gzip) {
        (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
    if (fetch->fetch.unix_socket.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, fetch->fetch.unix_socket.ptr);
    }
    set_method(fetch);
    set_headers(fetch);
    Err err;
    fetch->setup.files = &fetch->at->secrets;
    if (fetch->token) {
        fetch->setup.authorization = buf_view(&fetch->token->wait.value);
    }
    if (!client_setup_config(&fetch->setup, easy, fetch->fetch.config, fetch->url,
                             fetch->cross_host, &err)) {
        fetch_fail(fetch, err.code, err.message);
        return false;
    }
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->setup.headers);
    return true;
}

static void release_curl(HttpFetchHandle *fetch)
{
    if (fetch->easy) {
        handle_put(fetch->at, fetch->easy);
        fetch->easy = NULL;
    }
    client_setup_done(&fetch->setup);
}

static void fetch_send(HttpFetchHandle *fetch)
{
    ClientLoop *at = fetch->at;
    fetch->easy = handle_take(at);
    fetch->curl_error[0] = '\0';
    if (!set_up(fetch)) {
        fetch_end(fetch);
        return;
    }
    CURLMcode code = curl_multi_add_handle(at->multi, fetch->easy);
    if (code != CURLM_OK) {
        fetch_fail(fetch, ERR_INTERNAL, curl_multi_strerror(code));
        fetch_end(fetch);
    }
}

/* ---- waiting for a token ---- */

static void token_late_stop(FetchToken *token)
{
    loop_timer_free(token->late);
    token->late = NULL;
}

/* The end of a fetch that waits. A call of on_token may be on its way: it runs before fetch_tell
 * and finds that the fetch has ended. */
static void fetch_stop_waiting(HttpFetchHandle *fetch, ErrCode code, const char *why)
{
    (void)token_leave(fetch->at->client->tokens, &fetch->token->wait);
    token_late_stop(fetch->token);
    fetch_fail(fetch, code, why);
    fetch_unlink(fetch);
    loop_call(fetch->at->loop, fetch_tell, fetch);
}

static void on_token_late(void *self)
{
    fetch_stop_waiting(self, ERR_TIMEOUT, "the time limit has passed before an OAuth2 token came");
}

static void on_token(void *self)
{
    HttpFetchHandle *fetch = self;
    if (fetch->state != FETCH_WAITING) {
        return;
    }
    const Err *err = &fetch->token->wait.err;
    token_late_stop(fetch->token);
    fetch->state = FETCH_RUNNING;
    if (err->code != ERR_NONE) {
        fetch_fail(fetch, err->code, err->message);
        fetch_end(fetch);
        return;
    }
    fetch_send(fetch);
}

static void fetch_run(HttpFetchHandle *fetch)
{
    ClientLoop *at = fetch->at;
    const HttpClientConfig *config = fetch->fetch.config;
    if (!config || !config->oauth2 || fetch->cross_host) {
        fetch_send(fetch);
        return;
    }
    if (!fetch->token) {
        fetch->token = MEM_NEW(FetchToken);
        fetch->token->wait = (TokenWait){.loop = at->loop, .ready = on_token, .self = fetch};
    }
    TokenWait *wait = &fetch->token->wait;
    switch (token_get(at->client->tokens, &at->secrets, config->oauth2, wait)) {
    case TOKEN_READY:
        fetch_send(fetch);
        break;
    case TOKEN_LATER:
        fetch->state = FETCH_WAITING;
        fetch->token->late = loop_timer_new(at->loop, on_token_late, fetch);
        loop_timer_arm_ns(fetch->token->late, MAX(left_ms(fetch), (i64)0) * NS_PER_MS);
        break;
    case TOKEN_FAILED:
        fetch_fail(fetch, wait->err.code, wait->err.message);
        fetch_end(fetch);
        break;
    }
}

/* True: the server refused the token, and the fetch goes on with a new one; once. */
static bool renew_token(HttpFetchHandle *fetch, long status)
{
    FetchToken *token = fetch->token;
    if (status != 401 || !token || token->renewed || fetch->cross_host) {
        return false;
    }
    token->renewed = true;
    token_refuse(fetch->at->client->tokens, fetch->fetch.config->oauth2, token->wait.generation);
    buf_clear(&fetch->body);
    release_curl(fetch);
    fetch_run(fetch);
    return true;
}

/* The address that a reply redirects to, as a string of curl's; NULL when it does not, or when the
 * address is none. Resolved against our URL: curl's may carry another host (client_setup.c). */
static char *redirect_target(HttpFetchHandle *fetch, long status)
{
    struct curl_header *location;
    char *target = NULL;
    bool redirects =
        status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
    if (!redirects || (fetch->fetch.config && !fetch->fetch.config->follow_redirects) ||
        curl_easy_header(fetch->easy, "Location", 0, CURLH_HEADER, -1, &location) != CURLHE_OK) {
        return NULL;
    }
    CURLU *url = curl_url();
    if (url && curl_url_set(url, CURLUPART_URL, fetch->url.ptr, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_URL, location->value, CURLU_URLENCODE) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &target, 0) != CURLUE_OK) {
        target = NULL;
    }
    curl_url_cleanup(url);
    return target;
}

/* Whether credentials may follow from one address to the other: the same host and port, or the
 * same host once it asks for TLS. */
static bool same_host(Str from, Str to)
{
    Url left;
    Url right;
    return url_parse(from, &left, NULL) && url_parse(to, &right, NULL) &&
           str_eq_ignore_case(left.host, right.host) &&
           (str_eq_ignore_case(left.scheme, right.scheme)
                ? str_eq(left.port, right.port)
                : str_eq_ignore_case(right.scheme, S("https")));
}

/* 303, and 301 and 302 of a POST, go on with GET, as every browser does. */
static HttpMethod redirect_method(HttpMethod method, long status)
{
    bool changes = (status == 303 && method != HTTP_HEAD) ||
                   ((status == 301 || status == 302) && method == HTTP_POST);
    return changes ? HTTP_GET : method;
}

/* True: the fetch goes on elsewhere. */
static bool follow(HttpFetchHandle *fetch, long status)
{
    char *target = redirect_target(fetch, status);
    if (!target) {
        return false;
    }
    if (fetch->redirects == HTTP_REDIRECTS_MAX) {
        curl_free(target);
        fetch_fail(fetch, ERR_UNAVAILABLE, "stopped after 10 redirects");
        return false;
    }
    Str url = str_from(target);
    fetch->redirects++;
    fetch->cross_host = fetch->cross_host || !same_host(fetch->url, url);
    fetch->method = redirect_method(fetch->method, status);
    curl_free(fetch->redirect_url);
    fetch->redirect_url = target;
    fetch->url = url;
    buf_clear(&fetch->body);
    release_curl(fetch);
    fetch_run(fetch);
    return true;
}

static void explain(HttpFetchHandle *fetch, CURLcode code)
{
    const char *why = fetch->curl_error[0] ? fetch->curl_error : curl_easy_strerror(code);
    if (fetch->body_too_large) {
        char text[64];
        (void)snprintf(text, sizeof(text), "body exceeds its limit of %zu bytes",
                       fetch->fetch.body_max);
        fetch_fail(fetch, ERR_LIMIT, text);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        fetch_fail(fetch, ERR_TIMEOUT, why);
    } else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        fetch_fail(fetch, ERR_INVALID, why);
    } else {
        fetch_fail(fetch, ERR_UNAVAILABLE, why);
    }
}

static void fetch_finished(HttpFetchHandle *fetch, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        explain(fetch, code);
    } else if (renew_token(fetch, status) || follow(fetch, status)) {
        return;
    }
    fetch_end(fetch);
}

static void take_finished(ClientLoop *at)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(at->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        HttpFetchHandle *fetch = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &fetch);
        (void)curl_multi_remove_handle(at->multi, easy);
        fetch_finished(fetch, code);
    }
}

static HttpFetchResult result_of(HttpFetchHandle *fetch)
{
    long status = 0;
    char *type = NULL;
    curl_off_t size = 0;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_SIZE_DOWNLOAD_T, &size);
    u8 *spare = buf_reserve(&fetch->body, HTTP_BODY_SPARE);
    memset(spare, 0, HTTP_BODY_SPARE);
    return (HttpFetchResult){.status = (u32)status,
                             .body = buf_view(&fetch->body),
                             .content_type = str_from(type),
                             .final_url = fetch->url,
                             .elapsed_ns = fetch->elapsed_ns,
                             .wire_bytes = (u64)size};
}

static void fetch_free(HttpFetchHandle *fetch)
{
    HttpClient *client = fetch->at->client;
    release_curl(fetch);
    buffer_put(fetch->at, &fetch->body);
    curl_free(fetch->redirect_url);
    if (fetch->token) {
        token_wait_done(&fetch->token->wait);
        mem_free(fetch->token);
    }
    mem_free(fetch);
    atomic_fetch_sub(&client->outstanding, 1);
}

static void fetch_unlink(HttpFetchHandle *fetch)
{
    fetch->state = FETCH_ENDED;
    fetch->elapsed_ns = time_monotonic_ns() - fetch->start_ns;
    *fetch->link = fetch->next;
    if (fetch->next) {
        fetch->next->link = fetch->link;
    }
}

static void fetch_tell(void *self)
{
    HttpFetchHandle *fetch = self;
    HttpFetchResult result = {.err = &fetch->err,
                              .body = STR_EMPTY,
                              .content_type = STR_EMPTY,
                              .final_url = fetch->url,
                              .elapsed_ns = fetch->elapsed_ns};
    if (fetch->err.code == ERR_NONE) {
        result = result_of(fetch);
    }
    fetch->fetch.done(fetch->fetch.self, &result);
    fetch_free(fetch);
}

/* Never on the stack of http_fetch, so nobody hears of the end before he has the handle. */
static void fetch_end(HttpFetchHandle *fetch)
{
    fetch_unlink(fetch);
    fetch_tell(fetch);
}

static void fetch_start(void *self)
{
    HttpFetchHandle *fetch = self;
    ClientLoop *at = fetch->at;
    fetch->state = FETCH_RUNNING;
    fetch->next = at->first;
    fetch->link = &at->first;
    if (at->first) {
        at->first->link = &fetch->next;
    }
    at->first = fetch;
    if (fetch->canceled || at->closed) {
        fetch_fail(fetch, ERR_CANCELED, "canceled");
        fetch_end(fetch);
        return;
    }
    if (!at->multi) {
        client_loop_start(at);
    }
    fetch->body = buffer_take(at, fetch->fetch.body_max + HTTP_BODY_SPARE);
    fetch_run(fetch);
}

/* ---- the door ---- */

/* Copies with a final NUL, for curl; *to moves behind. */
static Str copy_text(char **to, Str from)
{
    Str copy = {.ptr = *to, .len = from.len};
    if (from.len > 0) {
        memcpy(*to, from.ptr, from.len);
    }
    (*to)[from.len] = '\0';
    *to += from.len + 1;
    return copy;
}

/* One allocation: the handle, its header array, then all texts. */
static HttpFetchHandle *fetch_new(const HttpFetch *given)
{
    size_t headers_size = given->header_count * sizeof(HttpHeader);
    size_t size = given->url.len + given->body.len + given->unix_socket.len + 3;
    for (size_t i = 0; i < given->header_count; i++) {
        size += given->headers[i].name.len + given->headers[i].value.len + 2;
    }
    HttpFetchHandle *fetch = mem_zero(1, sizeof(*fetch) + headers_size + size);
    char *to = (char *)(fetch + 1) + headers_size;
    fetch->headers = (HttpHeader *)(fetch + 1);
    fetch->fetch = *given;
    fetch->fetch.headers = fetch->headers;
    fetch->fetch.body_max = MIN(given->body_max, SIZE_MAX / 2);
    fetch->fetch.url = copy_text(&to, given->url);
    fetch->fetch.body = copy_text(&to, given->body);
    fetch->fetch.unix_socket = copy_text(&to, given->unix_socket);
    for (size_t i = 0; i < given->header_count; i++) {
        fetch->headers[i].name = copy_text(&to, given->headers[i].name);
        fetch->headers[i].value = copy_text(&to, given->headers[i].value);
    }
    fetch->url = fetch->fetch.url;
    fetch->method = given->method;
    fetch->start_ns = time_monotonic_ns();
    return fetch;
}

HttpFetchHandle *http_fetch(HttpClient *client, Loop *loop, const HttpFetch *given)
{
    ASSERT(given->timeout_ms > 0);
    HttpFetchHandle *fetch = fetch_new(given);
    for (size_t i = 0; i < loops_count(client->loops); i++) {
        if (client->at[i].loop == loop) {
            fetch->at = &client->at[i];
        }
    }
    ASSERT(fetch->at); /* a loop of the client's set */
    atomic_fetch_add(&client->outstanding, 1);
    loop_call(loop, fetch_start, fetch);
    return fetch;
}

void http_fetch_cancel(HttpFetchHandle *fetch)
{
    ASSERT(loop_is_current(fetch->at->loop));
    fetch->canceled = true;
    if (fetch->state == FETCH_RUNNING) {
        (void)curl_multi_remove_handle(fetch->at->multi, fetch->easy);
        fetch_fail(fetch, ERR_CANCELED, "canceled");
        fetch_unlink(fetch);
        loop_call(fetch->at->loop, fetch_tell, fetch);
    } else if (fetch->state == FETCH_WAITING) {
        fetch_stop_waiting(fetch, ERR_CANCELED, "canceled");
    }
}

bool http_client_open(LoopSet *loops, HttpClient **ret, Err *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        return err_set(err, ERR_UNAVAILABLE, "HTTP client: %s", curl_easy_strerror(code));
    }
    size_t count = loops_count(loops);
    HttpClient *client = mem_zero(1, sizeof(*client) + count * sizeof(ClientLoop));
    client->loops = loops;
    client->tokens = token_store_new(client);
    for (size_t i = 0; i < count; i++) {
        client->at[i] = (ClientLoop){.client = client, .loop = loops_get(loops, i)};
    }
    *ret = client;
    return true;
}

static void client_loop_cancel(void *self)
{
    ClientLoop *at = self;
    at->closed = true;
    while (at->first) {
        HttpFetchHandle *fetch = at->first;
        if (fetch->state == FETCH_WAITING) {
            fetch_stop_waiting(fetch, ERR_CANCELED, "canceled");
            continue;
        }
        (void)curl_multi_remove_handle(at->multi, fetch->easy);
        fetch_fail(fetch, ERR_CANCELED, "canceled");
        fetch_end(fetch);
    }
}

static void client_loop_stop(void *self)
{
    ClientLoop *at = self;
    for (size_t i = 0; i < at->handles.count; i++) {
        curl_easy_cleanup(at->handles.at[i]);
    }
    for (size_t i = 0; i < at->buffers.count; i++) {
        buf_done(&at->buffers.at[i]);
    }
    vec_done(&at->handles);
    vec_done(&at->buffers);
    secret_files_done(&at->secrets);
    if (at->multi) {
        (void)curl_multi_cleanup(at->multi);
        loop_timer_free(at->timer);
        u64map_done(&at->watches);
    }
}

HttpClient *http_client_close(HttpClient *client)
{
    if (!client) {
        return NULL;
    }
    size_t count = loops_count(client->loops);
    do { /* again for what a done has started */
        for (size_t i = 0; i < count; i++) {
            loop_call_wait(client->at[i].loop, client_loop_cancel, &client->at[i]);
        }
    } while (atomic_load(&client->outstanding) > 0);
    for (size_t i = 0; i < count; i++) {
        loop_call_wait(client->at[i].loop, client_loop_stop, &client->at[i]);
    }
    client->tokens = token_store_free(client->tokens);
    mem_free(client);
    curl_global_cleanup();
    return NULL;
}

/*
 * HTTP client: requests that go out (scrapes, notifications, remote peers), with libcurl's multi
 * interface on the loops. Connections are kept and shared per loop.
 *
 * Layer: net. Memory: see HttpFetch. Thread: http_fetch on the given loop (or any thread: it hops);
 * `done` runs on that loop.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "net/http_server.h"
#include "net/loop.h"

typedef struct HttpClientConfig HttpClientConfig; /* net/client_config.h: credentials, TLS, proxy */

enum {
    HTTP_BODY_SPARE = 64,    /* zero bytes that may be read behind a reply's body */
    HTTP_REDIRECTS_MAX = 10, /* as Go's client */
};

typedef struct HttpClient HttpClient; /* one a loop set */

bool http_client_open(LoopSet *loops, HttpClient **ret, Err *err) MUST_USE;
HttpClient *http_client_close(
    HttpClient *client); /* cancels what runs (their done is called with ERR_CANCELED); NULL */

typedef struct HttpFetchResult {
    const Err *err; /* NULL: a reply came (of any status) */
    u32 status;
    Str body; /* unpacked; borrowed for the call; HTTP_BODY_SPARE zero bytes follow */
    Str content_type;
    Str final_url; /* after redirects */
    i64 elapsed_ns;
    u64 wire_bytes; /* body bytes before unpacking */
} HttpFetchResult;

typedef struct HttpFetch {
    HttpMethod method;
    Str url;
    const HttpHeader *headers; /* borrowed for the call to http_fetch */
    size_t header_count;
    Str body;        /* copied */
    i64 timeout_ms;  /* whole request; required */
    size_t body_max; /* bytes unpacked; over it: ERR_LIMIT */
    bool accept_gzip;
    Str unix_socket;                /* path, or empty */
    const HttpClientConfig *config; /* may be NULL; must outlive the fetch */
    size_t body_hint;               /* expected size of the reply, 0: unknown */
    void (*done)(void *self, const HttpFetchResult *result);
    void *self;
} HttpFetch;

typedef struct HttpFetchHandle HttpFetchHandle; /* valid until done has been called */

/*
 * Always calls done exactly once, later, on `loop`.
 * Errors  (in the result) ERR_TIMEOUT, ERR_LIMIT (body_max), ERR_CANCELED, ERR_INVALID (the URL or
 *         the configuration), ERR_UNAVAILABLE (no connection, or it broke)
 */
HttpFetchHandle *http_fetch(HttpClient *client, Loop *loop, const HttpFetch *given);

/* On its loop, before done has been called; done then runs soon, with ERR_CANCELED. */
void http_fetch_cancel(HttpFetchHandle *fetch);

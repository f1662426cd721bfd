/*
 * Client set-up: turns a client configuration into options of one curl transfer: credentials, TLS,
 * proxy, headers. Secrets in files come through SecretFiles, so that a rotated one is picked up.
 *
 * Layer: net, inside the HTTP client (libcurl). Memory: the lists belong to the caller, who frees
 * them with client_setup_done after the transfer. Thread: the fetch's loop.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "net/client_config.h"

struct curl_slist;
typedef struct SecretFiles SecretFiles; /* net/secret_files.h */

typedef struct ClientSetup {
    SecretFiles *files;               /* given: borrowed, of the fetch's loop */
    Str authorization;                /* given with oauth2: "Bearer …", borrowed for the call */
    struct curl_slist *headers;       /* of the request */
    struct curl_slist *proxy_headers; /* of CONNECT to a proxy */
    struct curl_slist *connect_to;    /* where the server's name is not the URL's host */
} ClientSetup;

void client_setup_done(ClientSetup *setup); /* safe on a zeroed one */

/* One header line of the request; an empty value is sent as such. */
void client_setup_header(ClientSetup *setup, Str name, Str value);

/*
 * Sets what `config` says on the handle, after the URL has been set.
 * config      NULL: the defaults
 * cross_host  after a redirect to another host: no credentials and none of the headers
 * Errors      ERR_INVALID, ERR_NOT_FOUND, … with the file that cannot be read; ERR_UNSUPPORTED
 */
bool client_setup_config(ClientSetup *setup, void *easy, const HttpClientConfig *config, Str url,
                         bool cross_host, Err *err) MUST_USE;

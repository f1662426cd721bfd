/*
 * Web configuration: Prometheus's --web.config.file: TLS, client certificates, headers, users and
 * the rate limit of a server. Read again as soon as it or a file that it names has changed; what is
 * wrong then is reported once, and the configuration in force stays.
 *
 * Layer: net. Memory: a WebConfig is one immutable generation with a count of its users. Thread:
 * any.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "net/basic_auth.h"
#include "net/http_server.h"
#include "net/tls_server.h"

typedef struct WebConfig WebConfig;         /* one generation */
typedef struct WebConfigFile WebConfigFile; /* the file and its newest good generation */

/*
 * report  called on any thread when a changed file cannot be used; may be NULL
 * Errors  with line and column of the file, or naming the file that cannot be read
 */
bool web_config_open(const char *path, void (*report)(void *self, const Err *err), void *self,
                     WebConfigFile **ret, Err *err) MUST_USE;
WebConfigFile *web_config_close(WebConfigFile *file); /* NULL; generations in use live on */

/* Reads the file and everything it names, as a server would. */
bool web_config_check(const char *path, Err *err) MUST_USE;

const WebConfig *web_config_get(WebConfigFile *file); /* follow with web_config_release */
void web_config_release(const WebConfig *config);     /* NULL-safe */

const TlsServer *web_config_tls(const WebConfig *config); /* NULL: plain HTTP */
BasicAuth *web_config_users(const WebConfig *config);     /* NULL: everybody */
const HttpHeader *web_config_headers(const WebConfig *config, size_t *ret_count);
bool web_config_allows_rate(const WebConfig *config); /* takes one request off the limit */

/*
 * Discovery checks: what the tables of config_kinds.c cannot say: fields that must be given, that
 * exclude each other, that hold one of a few words. The error texts are the original's.
 *
 * Layer: discovery. Memory: none. Thread: any.
 */
#include "base/quote.h"
#include "base/time.h"
#include "codec/regex.h"
#include "discovery/config_kinds.h"
#include "net/url_reference.h"

#include <string.h>

/* A field that must not be empty, and what to say when it is. */
typedef struct Required {
    const char *field;
    const char *error;
} Required;

static Str text_of(const DiscoveryKind *kind, const YamlNode *node, const char *field)
{
    return yaml_schema_text(&kind->schema, node, field);
}

static bool is_set(const DiscoveryKind *kind, const YamlNode *node, const char *field)
{
    return text_of(kind, node, field).len > 0;
}

static bool given(const YamlNode *node, const char *key)
{
    const YamlNode *value = yaml_find(node, str_from(key));
    return value && value->kind != YAML_NULL;
}

static bool require(const DiscoveryKind *kind, const YamlNode *node, const Required *required,
                    size_t count, Err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (str_trim(text_of(kind, node, required[i].field)).len == 0) {
            return yaml_error(node, err, "%s", required[i].error);
        }
    }
    return true;
}

/* The place of a value, or of the block when it is a default. */
static const YamlNode *place_of(const YamlNode *node, const char *field)
{
    const YamlNode *value = yaml_find(node, str_from(field));
    return value ? value : node;
}

static bool one_of(Str text, const char *words)
{
    Str rest = str_from(words);
    Str word;
    while (str_split_next(&rest, ' ', &word)) {
        if (str_eq(text, word)) {
            return true;
        }
    }
    return false;
}

/* A role is one of a few words; `missing` when it is empty. */
static bool check_role(const DiscoveryKind *kind, const YamlNode *node, const char *words,
                       const char *what, const char *missing, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    Str role = text_of(kind, node, "role");
    if (role.len == 0 && !given(node, "role")) {
        return yaml_error(node, err, "%s", missing);
    }
    return one_of(role, words) || yaml_error(place_of(node, "role"), err, "unknown %srole %s", what,
                                             quote_text(quoted, role));
}

static bool parse_url(const YamlNode *at, Str text, UrlReference *ret, Err *err)
{
    if (url_reference_parse(text, ret, err)) {
        return true;
    }
    if (err) {
        err->line = at->line;
        err->column = at->column;
    }
    return false;
}

/* An http or https URL with a host, in the field "url". */
static bool check_http_url(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    UrlReference url;
    const YamlNode *at = place_of(node, "url");
    Str text = text_of(kind, node, "url");
    if (text.len == 0) {
        return yaml_error(node, err, "URL is missing");
    }
    if (!parse_url(at, text, &url, err)) {
        return false;
    }
    if (!str_eq_ignore_case(url.scheme, S("http")) && !str_eq_ignore_case(url.scheme, S("https"))) {
        return yaml_error(at, err, "URL scheme must be 'http' or 'https'");
    }
    return url.host.len > 0 || yaml_error(at, err, "host is missing in URL");
}

bool check_aws(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    Str role = text_of(kind, node, "role");
    return one_of(role, "ec2 ecs elasticache lightsail msk rds") ||
           yaml_error(place_of(node, "role"), err, "unknown AWS SD role %s",
                      quote_text(quoted, role));
}

bool check_azure(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required always[] = {
        {"subscription_id", "azure SD configuration requires a subscription_id"},
    };
    static const Required oauth[] = {
        {"tenant_id", "azure SD configuration requires a tenant_id"},
        {"client_id", "azure SD configuration requires a client_id"},
        {"client_secret", "azure SD configuration requires a client_secret"},
    };
    char quoted[QUOTE_TEXT_MAX];
    Str method = text_of(kind, node, "authentication_method");
    if (!require(kind, node, always, COUNT_OF(always), err)) {
        return false;
    }
    if (str_eq(method, S("OAuth"))) {
        return require(kind, node, oauth, COUNT_OF(oauth), err);
    }
    return one_of(method, "ManagedIdentity SDK WorkloadIdentity") ||
           yaml_error(place_of(node, "authentication_method"), err,
                      "unknown authentication_type %s. Supported types are \"OAuth\", "
                      "\"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\"",
                      quote_text(quoted, method));
}

bool check_consul(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"server", "consul SD configuration requires a server address"},
    };
    if (!require(kind, node, required, COUNT_OF(required), err)) {
        return false;
    }
    if ((is_set(kind, node, "username") || is_set(kind, node, "password")) &&
        given(node, "basic_auth")) {
        return yaml_error(node, err,
                          "at most one of consul SD configuration username and password and basic "
                          "auth can be configured");
    }
    return !is_set(kind, node, "token") ||
           (!given(node, "authorization") && !given(node, "oauth2")) ||
           yaml_error(node, err,
                      "at most one of consul SD token, authorization, or oauth2 can be configured");
}

bool check_digitalocean(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    return check_role(kind, node, "droplets databases", "DigitalOcean SD ",
                      "role missing (one of: droplets, databases)", err);
}

bool check_dns(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    Str type = text_of(kind, node, "type");
    Str port = text_of(kind, node, "port");
    if (yaml_count(yaml_find(node, S("names"))) == 0) {
        return yaml_error(node, err, "DNS-SD config must contain at least one SRV record name");
    }
    if (str_eq_ignore_case(type, S("SRV"))) {
        return true;
    }
    static const char *const others[] = {"A", "AAAA", "MX", "NS"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_eq_ignore_case(type, str_from(others[i]))) {
            return (port.len > 0 && !str_eq(port, S("0"))) ||
                   yaml_error(node, err,
                              "a port is required in DNS-SD configs for all record types except "
                              "SRV");
        }
    }
    return yaml_error(place_of(node, "type"), err, "invalid DNS-SD records type " STR_FMT,
                      STR_ARG(type));
}

bool check_docker(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {{"host", "host missing"}};
    UrlReference url;
    return require(kind, node, required, COUNT_OF(required), err) &&
           parse_url(place_of(node, "host"), text_of(kind, node, "host"), &url, err);
}

bool check_dockerswarm(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    Str role = text_of(kind, node, "role");
    if (!check_docker(kind, node, err)) {
        return false;
    }
    if (role.len == 0) {
        return yaml_error(node, err, "role missing (one of: tasks, services, nodes)");
    }
    return one_of(role, "services nodes tasks") ||
           yaml_error(place_of(node, "role"), err,
                      "invalid role " STR_FMT ", expected tasks, services, or nodes",
                      STR_ARG(role));
}

bool check_ec2(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    (void)kind;
    const YamlNode *filters = yaml_find(node, S("filters"));
    for (size_t i = 0; i < yaml_count(filters); i++) {
        if (yaml_count(yaml_find(filters->items[i], S("values"))) == 0) {
            return yaml_error(filters->items[i], err,
                              "EC2 SD configuration filter values cannot be empty");
        }
    }
    return true;
}

bool check_eureka(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {{"server", "eureka_sd: empty or null eureka server"}};
    UrlReference url;
    const YamlNode *at = place_of(node, "server");
    if (!require(kind, node, required, COUNT_OF(required), err) ||
        !parse_url(at, text_of(kind, node, "server"), &url, err)) {
        return false;
    }
    return (url.scheme.len > 0 && url.host.len > 0) ||
           yaml_error(at, err, "eureka_sd: invalid eureka server URL");
}

bool check_file(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    (void)kind;
    const YamlNode *files = yaml_find(node, S("files"));
    Regex *pattern;
    if (yaml_count(files) == 0) {
        return yaml_error(node, err,
                          "file service discovery config must contain at least one path name");
    }
    if (!regex_new(S("[^*]*(\\*[^/]*)?\\.(json|yml|yaml|JSON|YML|YAML)"), REGEX_ANCHORED, &pattern,
                   err)) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < files->count; i++) {
        char quoted[QUOTE_TEXT_MAX];
        Str name = files->items[i]->scalar;
        ok = regex_test(pattern, name) ||
             yaml_error(files->items[i], err, "path name %s is not valid for file discovery",
                        quote_text(quoted, name));
    }
    regex_free(pattern);
    return ok;
}

bool check_gce(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"project", "GCE SD configuration requires a project"},
        {"zone", "GCE SD configuration requires a zone"},
    };
    return require(kind, node, required, COUNT_OF(required), err);
}

bool check_hetzner(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    return check_role(kind, node, "robot hcloud", "", "role missing (one of: robot, hcloud)", err);
}

bool check_http(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    return check_http_url(kind, node, err);
}

bool check_ionos(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {{"datacenter_id", "datacenter id can't be empty"}};
    return require(kind, node, required, COUNT_OF(required), err);
}

/* "a=b,c!=d": every part has a comparison. */
static bool check_field_selector(const YamlNode *at, Str selector, Err *err)
{
    Str rest = selector;
    Str part;
    while (selector.len > 0 && str_split_next(&rest, ',', &part)) {
        if (part.len > 0 && str_find_byte(part, '=') == STR_NOT_FOUND) {
            return yaml_error(at, err,
                              "invalid selector: '" STR_FMT "'; can't understand '" STR_FMT "'",
                              STR_ARG(selector), STR_ARG(part));
        }
    }
    return true;
}

static bool check_kubernetes_selectors(Str role, const YamlNode *selectors, Err *err)
{
    static const struct {
        const char *role;
        const char *selectors;
        const char *shown;
    } allowed[] = {
        {"pod", "pod node", "pod, node"},
        {"service", "service", "service"},
        {"endpointslice", "pod service endpointslice", "pod, service, endpointslice"},
        {"endpoints", "pod service endpoints", "pod, service, endpoints"},
        {"node", "node", "node"},
        {"ingress", "ingress", "ingress"},
    };
    for (size_t i = 0; i < yaml_count(selectors); i++) {
        const YamlNode *selector = selectors->items[i];
        const YamlNode *own = yaml_find(selector, S("role"));
        const YamlNode *field = yaml_find(selector, S("field"));
        Str own_role = own ? own->scalar : STR_EMPTY;
        for (size_t k = 0; k < i; k++) {
            const YamlNode *before = yaml_find(selectors->items[k], S("role"));
            if (str_eq(before ? before->scalar : STR_EMPTY, own_role)) {
                return yaml_error(selector, err, "duplicated selector role: " STR_FMT,
                                  STR_ARG(own_role));
            }
        }
        for (size_t k = 0; k < COUNT_OF(allowed); k++) {
            if (str_eq(role, str_from(allowed[k].role)) &&
                !one_of(own_role, allowed[k].selectors)) {
                return yaml_error(selector, err, "%s role supports only %s selectors",
                                  allowed[k].role, allowed[k].shown);
            }
        }
        if (field && !check_field_selector(field, field->scalar, err)) {
            return false;
        }
    }
    return true;
}

/* Does the block say anything about the HTTP client? */
static bool has_http_client(const YamlNode *node)
{
    static const char *const keys[] = {"basic_auth",
                                       "authorization",
                                       "oauth2",
                                       "bearer_token",
                                       "tls_config",
                                       "bearer_token_file",
                                       "proxy_url",
                                       "no_proxy",
                                       "http_headers",
                                       "proxy_from_environment",
                                       "proxy_connect_header"};
    static const char *const switches[] = {"follow_redirects", "enable_http2"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const YamlNode *value = yaml_find(node, str_from(keys[i]));
        bool empty = !value || value->kind == YAML_NULL ||
                     (value->kind == YAML_MAPPING && value->count == 0) ||
                     (value->kind == YAML_SCALAR && value->scalar.len == 0);
        if (!empty) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        const YamlNode *value = yaml_find(node, str_from(switches[i]));
        if (value && !str_eq_ignore_case(value->scalar, S("true"))) {
            return true;
        }
    }
    return false;
}

bool check_kubernetes(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    UrlReference url;
    const YamlNode *own = yaml_find(yaml_find(node, S("namespaces")), S("own_namespace"));
    bool own_namespace = own && str_eq_ignore_case(own->scalar, S("true"));
    bool api_server = given(node, "api_server");
    bool kubeconfig = is_set(kind, node, "kubeconfig_file");
    bool http_client = has_http_client(node);
    if (!check_role(
            kind, node, "node pod service endpoints endpointslice ingress", "Kubernetes SD ",
            "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)", err) ||
        !parse_url(place_of(node, "api_server"), text_of(kind, node, "api_server"), &url, err)) {
        return false;
    }
    const char *error = NULL;
    if (api_server && kubeconfig) {
        error = "cannot use 'kubeconfig_file' and 'api_server' simultaneously";
    } else if (kubeconfig && http_client) {
        error = "cannot use a custom HTTP client configuration together with 'kubeconfig_file'";
    } else if (!api_server && http_client) {
        error = "to use custom HTTP client configuration please provide the 'api_server' URL "
                "explicitly";
    } else if (api_server && own_namespace) {
        error = "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously";
    } else if (kubeconfig && own_namespace) {
        error = "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously";
    }
    if (error) {
        return yaml_error(node, err, "%s", error);
    }
    return check_kubernetes_selectors(text_of(kind, node, "role"), yaml_find(node, S("selectors")),
                                      err);
}

bool check_kuma(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    UrlReference url;
    const YamlNode *at = place_of(node, "server");
    Str server = text_of(kind, node, "server");
    if (server.len == 0) {
        return yaml_error(node, err, "kuma SD server must not be empty: ");
    }
    if (!parse_url(at, server, &url, err)) {
        return false;
    }
    return (url.scheme.len > 0 && url.host.len > 0) ||
           yaml_error(at, err, "kuma SD server must not be empty and have a scheme: " STR_FMT,
                      STR_ARG(server));
}

bool check_marathon(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    bool token = is_set(kind, node, "auth_token");
    bool file = is_set(kind, node, "auth_token_file");
    if (yaml_count(yaml_find(node, S("servers"))) == 0) {
        return yaml_error(node, err, "marathon_sd: must contain at least one Marathon server");
    }
    if (token && file) {
        return yaml_error(
            node, err,
            "marathon_sd: at most one of auth_token & auth_token_file must be configured");
    }
    if (!token && !file) {
        return true;
    }
    if (given(node, "basic_auth")) {
        return yaml_error(node, err,
                          "marathon_sd: at most one of basic_auth, auth_token & auth_token_file "
                          "must be configured");
    }
    if (given(node, "bearer_token") || given(node, "bearer_token_file")) {
        return yaml_error(node, err,
                          "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token "
                          "& auth_token_file must be configured");
    }
    return !given(node, "authorization") ||
           yaml_error(node, err,
                      "marathon_sd: at most one of auth_token, auth_token_file & authorization "
                      "must be configured");
}

bool check_nomad(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"server", "nomad SD configuration requires a server address"},
    };
    return require(kind, node, required, COUNT_OF(required), err);
}

static bool check_oci_auth(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required api_key[] = {
        {"tenancy", "oci_sd: api_key auth requires tenancy"},
        {"user", "oci_sd: api_key auth requires user"},
        {"fingerprint", "oci_sd: api_key auth requires fingerprint"},
        {"key_file", "oci_sd: api_key auth requires key_file"},
    };
    static const char *const key_fields[] = {"tenancy",  "user",           "fingerprint",
                                             "key_file", "key_passphrase", "key_passphrase_file"};
    char quoted[QUOTE_TEXT_MAX];
    Str auth = text_of(kind, node, "auth");
    if (str_eq(auth, S("api_key"))) {
        return require(kind, node, api_key, COUNT_OF(api_key), err) &&
               (!is_set(kind, node, "key_passphrase") ||
                !is_set(kind, node, "key_passphrase_file") ||
                yaml_error(node, err,
                           "oci_sd: at most one of key_passphrase and key_passphrase_file must be "
                           "configured"));
    }
    if (!str_eq(auth, S("instance_principal"))) {
        return yaml_error(place_of(node, "auth"), err,
                          "oci_sd: unknown auth method %s, expected \"api_key\" or "
                          "\"instance_principal\"",
                          quote_text(quoted, auth));
    }
    for (size_t i = 0; i < COUNT_OF(key_fields); i++) {
        if (is_set(kind, node, key_fields[i])) {
            return yaml_error(node, err,
                              "oci_sd: instance_principal auth must not have tenancy, user, "
                              "fingerprint, key_file, key_passphrase, or key_passphrase_file set");
        }
    }
    return true;
}

bool check_oci(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {{"region", "oci_sd: region is required"}};
    const YamlNode *compartments = yaml_find(node, S("compartments"));
    i64 refresh_ms = 0;
    if (!require(kind, node, required, COUNT_OF(required), err) ||
        !check_oci_auth(kind, node, err)) {
        return false;
    }
    for (size_t i = 0; i < yaml_count(compartments); i++) {
        if (compartments->items[i]->scalar.len == 0) {
            return yaml_error(compartments->items[i], err,
                              "oci_sd: compartments[%zu] must not be empty", i);
        }
    }
    return (duration_parse(text_of(kind, node, "refresh_interval"), &refresh_ms, NULL) &&
            refresh_ms > 0) ||
           yaml_error(node, err, "oci_sd: refresh_interval must be positive, got 0s");
}

bool check_openstack(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"region", "openstack SD configuration requires a region"},
    };
    Str availability = text_of(kind, node, "availability");
    if (!one_of(availability, "public internal admin")) {
        return yaml_error(place_of(node, "availability"), err,
                          "unknown availability " STR_FMT
                          ", must be one of admin, internal or public",
                          STR_ARG(availability));
    }
    return check_role(kind, node, "hypervisor instance loadbalancer", "OpenStack SD ",
                      "role missing (one of: instance, hypervisor, loadbalancer)", err) &&
           require(kind, node, required, COUNT_OF(required), err);
}

static bool check_secret_key(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    bool key = is_set(kind, node, "secret_key");
    bool file = is_set(kind, node, "secret_key_file");
    if (!key && !file) {
        return yaml_error(node, err, "one of secret_key & secret_key_file must be configured");
    }
    return !key || !file ||
           yaml_error(node, err, "at most one of secret_key & secret_key_file must be configured");
}

bool check_outscale(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"region", "outscale SD configuration requires a region"},
        {"access_key", "outscale SD configuration requires access_key"},
    };
    return require(kind, node, required, COUNT_OF(required), err) &&
           check_secret_key(kind, node, err);
}

bool check_ovhcloud(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"endpoint", "endpoint can not be empty"},
        {"application_key", "application key can not be empty"},
        {"application_secret", "application secret can not be empty"},
        {"consumer_key", "consumer key can not be empty"},
    };
    Str service = text_of(kind, node, "service");
    return require(kind, node, required, COUNT_OF(required), err) &&
           (one_of(service, "dedicated_server vps") ||
            yaml_error(place_of(node, "service"), err, "unknown service: " STR_FMT,
                       STR_ARG(service)));
}

bool check_puppetdb(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {{"query", "query missing"}};
    return check_http_url(kind, node, err) &&
           require(kind, node, required, COUNT_OF(required), err);
}

bool check_scaleway(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required project[] = {{"project_id", "project_id is mandatory"}};
    static const Required access_key[] = {{"access_key", "access_key is mandatory"}};
    return check_role(kind, node, "instance baremetal", "",
                      "role missing (one of: instance, baremetal)", err) &&
           require(kind, node, project, COUNT_OF(project), err) &&
           check_secret_key(kind, node, err) &&
           require(kind, node, access_key, COUNT_OF(access_key), err);
}

bool check_stackit(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    UrlReference url;
    char quoted[QUOTE_TEXT_MAX];
    Str endpoint = text_of(kind, node, "endpoint");
    if (endpoint.len == 0 && !is_set(kind, node, "region")) {
        return yaml_error(node, err, "stackit_sd: endpoint and region missing");
    }
    return parse_url(place_of(node, "endpoint"), endpoint, &url, err) ||
           err_wrap(err, "stackit_sd: invalid endpoint %s", quote_text(quoted, endpoint));
}

bool check_triton(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required required[] = {
        {"account", "triton SD configuration requires an account"},
        {"dns_suffix", "triton SD configuration requires a dns_suffix"},
        {"endpoint", "triton SD configuration requires an endpoint"},
    };
    i64 refresh_ms = 0;
    if (!one_of(text_of(kind, node, "role"), "container cn")) {
        return yaml_error(place_of(node, "role"), err,
                          "triton SD configuration requires role to be 'container' or 'cn'");
    }
    return require(kind, node, required, COUNT_OF(required), err) &&
           ((duration_parse(text_of(kind, node, "refresh_interval"), &refresh_ms, NULL) &&
             refresh_ms > 0) ||
            yaml_error(
                node, err,
                "triton SD configuration requires RefreshInterval to be a positive integer"));
}

bool check_uyuni(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    static const Required server[] = {
        {"server", "Uyuni SD configuration requires server host"},
    };
    static const Required account[] = {
        {"username", "Uyuni SD configuration requires a username"},
        {"password", "Uyuni SD configuration requires a password"},
    };
    UrlReference url;
    if (!require(kind, node, server, COUNT_OF(server), err)) {
        return false;
    }
    if (!parse_url(place_of(node, "server"), text_of(kind, node, "server"), &url, err)) {
        return err_wrap(err, "Uyuni Server URL is not valid");
    }
    return require(kind, node, account, COUNT_OF(account), err);
}

/* nerve and serverset */
bool check_zookeeper(const DiscoveryKind *kind, const YamlNode *node, Err *err)
{
    const YamlNode *paths = yaml_find(node, S("paths"));
    if (yaml_count(yaml_find(node, S("servers"))) == 0) {
        return yaml_error(node, err, "%s SD config must contain at least one Zookeeper server",
                          kind->name);
    }
    if (yaml_count(paths) == 0) {
        return yaml_error(node, err, "%s SD config must contain at least one path", kind->name);
    }
    for (size_t i = 0; i < paths->count; i++) {
        Str path = paths->items[i]->scalar;
        if (!str_starts_with(path, S("/"))) {
            return yaml_error(paths->items[i], err,
                              "%s SD config paths must begin with '/': " STR_FMT, kind->name,
                              STR_ARG(path));
        }
    }
    return true;
}

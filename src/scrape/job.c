/* Job: see job.h. Layer: scrape. Memory: counted references. Thread: any. */
#include "scrape/job.h"

#include "base/mem.h"
#include "scrape/content_type.h"

enum { JOB_ARENA_MAX = 64 * 1024 };

bool scrape_job_new(const ScrapeConfig *config, ConfigOwner owner, JobSwitches switches,
                    ScrapeJob **ret, Err *err)
{
    ScrapeJob *job = MEM_NEW(ScrapeJob);
    arena_init(&job->arena, JOB_ARENA_MAX);
    if (!accept_header(config, &job->arena, &job->accept, err)) {
        arena_done(&job->arena);
        mem_free(job);
        return false;
    }
    job->config = config;
    job->owner = owner;
    job->rules = (SampleRules){
        .honor_labels = config->honor_labels,
        .honor_timestamps = config->honor_timestamps,
        .track_timestamps_staleness = config->track_timestamps_staleness,
        .utf8_names = config->name_scheme == NAME_SCHEME_UTF8,
        .keep_bucket_text = switches.keep_bucket_text,
        .exemplars = switches.exemplars,
        .relabel = config->metric_relabel,
        .relabel_count = config->metric_relabel_count,
        .sample_limit = config->limits.sample_limit,
        .label_limit = config->limits.label_limit,
        .label_name_length_limit = config->limits.label_name_length_limit,
        .label_value_length_limit = config->limits.label_value_length_limit,
    };
    atomic_store(&job->references, 1);
    if (owner.retain) {
        owner.retain(owner.self);
    }
    *ret = job;
    return true;
}

ScrapeJob *scrape_job_retain(ScrapeJob *job)
{
    atomic_fetch_add(&job->references, 1);
    return job;
}

ScrapeJob *scrape_job_release(ScrapeJob *job)
{
    if (job && atomic_fetch_sub(&job->references, 1) == 1) {
        if (job->owner.release) {
            job->owner.release(job->owner.self);
        }
        failure_log_release(job->failures);
        arena_done(&job->arena);
        mem_free(job);
    }
    return NULL;
}

static bool strs_eq(const Str *a, size_t a_count, const Str *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!str_eq(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool relabel_eq(const Relabel *a, const Relabel *b)
{
    return a->action == b->action && a->modulus == b->modulus && a->utf8_names == b->utf8_names &&
           str_eq(a->separator, b->separator) && str_eq(a->regex_text, b->regex_text) &&
           str_eq(a->target_label, b->target_label) && str_eq(a->replacement, b->replacement) &&
           strs_eq(a->source_labels, a->source_count, b->source_labels, b->source_count);
}

static bool relabels_eq(const Relabel *a, size_t a_count, const Relabel *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!relabel_eq(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

static bool texts_eq(const NamedText *a, size_t a_count, const NamedText *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!str_eq(a[i].name, b[i].name) || !str_eq(a[i].value, b[i].value)) {
            return false;
        }
    }
    return true;
}

static bool headers_eq(const ConfigHeader *a, size_t a_count, const ConfigHeader *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!str_eq(a[i].name, b[i].name) ||
            !strs_eq(a[i].values, a[i].value_count, b[i].values, b[i].value_count) ||
            !strs_eq(a[i].secrets, a[i].secret_count, b[i].secrets, b[i].secret_count) ||
            !strs_eq(a[i].files, a[i].file_count, b[i].files, b[i].file_count)) {
            return false;
        }
    }
    return true;
}

static bool tls_eq(const TlsClientConfig *a, const TlsClientConfig *b)
{
    return str_eq(a->ca, b->ca) && str_eq(a->ca_file, b->ca_file) && str_eq(a->cert, b->cert) &&
           str_eq(a->cert_file, b->cert_file) && str_eq(a->key, b->key) &&
           str_eq(a->key_file, b->key_file) && str_eq(a->server_name, b->server_name) &&
           a->insecure_skip_verify == b->insecure_skip_verify && a->min_version == b->min_version &&
           a->max_version == b->max_version;
}

static bool proxy_eq(const ProxyConfig *a, const ProxyConfig *b)
{
    return str_eq(a->url, b->url) && str_eq(a->no_proxy, b->no_proxy) &&
           a->from_environment == b->from_environment &&
           headers_eq(a->connect_headers, a->connect_header_count, b->connect_headers,
                      b->connect_header_count);
}

static bool basic_eq(const BasicAuthConfig *a, const BasicAuthConfig *b)
{
    if (!a || !b) {
        return a == b;
    }
    return str_eq(a->username, b->username) && str_eq(a->username_file, b->username_file) &&
           str_eq(a->password, b->password) && str_eq(a->password_file, b->password_file);
}

static bool authorization_eq(const AuthorizationConfig *a, const AuthorizationConfig *b)
{
    if (!a || !b) {
        return a == b;
    }
    return str_eq(a->type, b->type) && str_eq(a->credentials, b->credentials) &&
           str_eq(a->credentials_file, b->credentials_file);
}

/* Claims are a tree; two that are not the same tree count as different, which only costs a new
 * token. */
static bool oauth2_eq(const OAuth2Config *a, const OAuth2Config *b)
{
    if (!a || !b) {
        return a == b;
    }
    return str_eq(a->client_id, b->client_id) && str_eq(a->client_secret, b->client_secret) &&
           str_eq(a->client_secret_file, b->client_secret_file) &&
           str_eq(a->client_certificate_key_id, b->client_certificate_key_id) &&
           str_eq(a->client_certificate_key, b->client_certificate_key) &&
           str_eq(a->client_certificate_key_file, b->client_certificate_key_file) &&
           str_eq(a->grant_type, b->grant_type) &&
           str_eq(a->signature_algorithm, b->signature_algorithm) && str_eq(a->iss, b->iss) &&
           str_eq(a->audience, b->audience) && a->claims == b->claims &&
           strs_eq(a->scopes, a->scope_count, b->scopes, b->scope_count) &&
           str_eq(a->token_url, b->token_url) &&
           texts_eq(a->endpoint_params, a->endpoint_param_count, b->endpoint_params,
                    b->endpoint_param_count) &&
           tls_eq(&a->tls, &b->tls) && proxy_eq(&a->proxy, &b->proxy);
}

static bool http_eq(const HttpClientConfig *a, const HttpClientConfig *b)
{
    return basic_eq(a->basic_auth, b->basic_auth) &&
           authorization_eq(a->authorization, b->authorization) &&
           oauth2_eq(a->oauth2, b->oauth2) && tls_eq(&a->tls, &b->tls) &&
           a->follow_redirects == b->follow_redirects && a->enable_http2 == b->enable_http2 &&
           proxy_eq(&a->proxy, &b->proxy) &&
           headers_eq(a->headers, a->header_count, b->headers, b->header_count);
}

static bool params_eq(const TargetSpec *a, const TargetSpec *b)
{
    if (a->param_count != b->param_count) {
        return false;
    }
    for (size_t i = 0; i < a->param_count; i++) {
        if (!str_eq(a->params[i].name, b->params[i].name) ||
            !strs_eq(a->params[i].values, a->params[i].count, b->params[i].values,
                     b->params[i].count)) {
            return false;
        }
    }
    return true;
}

static bool spec_eq(const TargetSpec *a, const TargetSpec *b)
{
    return str_eq(a->job, b->job) && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && str_eq(a->metrics_path, b->metrics_path) &&
           str_eq(a->scheme, b->scheme) && params_eq(a, b) &&
           a->scrape_native_histograms == b->scrape_native_histograms &&
           a->always_scrape_classic_histograms == b->always_scrape_classic_histograms &&
           a->convert_classic_histograms == b->convert_classic_histograms &&
           relabels_eq(a->relabel, a->relabel_count, b->relabel, b->relabel_count);
}

static bool limits_eq(const ScrapeLimits *a, const ScrapeLimits *b)
{
    return a->body_size_bytes == b->body_size_bytes && a->sample_limit == b->sample_limit &&
           a->target_limit == b->target_limit && a->label_limit == b->label_limit &&
           a->label_name_length_limit == b->label_name_length_limit &&
           a->label_value_length_limit == b->label_value_length_limit &&
           a->keep_dropped_targets == b->keep_dropped_targets;
}

static bool protocols_eq(const ScrapeConfig *a, const ScrapeConfig *b)
{
    if (a->protocol_count != b->protocol_count || a->fallback_protocol != b->fallback_protocol) {
        return false;
    }
    for (size_t i = 0; i < a->protocol_count; i++) {
        if (a->protocols[i] != b->protocols[i]) {
            return false;
        }
    }
    return true;
}

bool scrape_config_same_labels(const ScrapeConfig *a, const ScrapeConfig *b)
{
    return a->honor_labels == b->honor_labels && a->name_scheme == b->name_scheme &&
           a->limits.label_limit == b->limits.label_limit &&
           a->limits.label_name_length_limit == b->limits.label_name_length_limit &&
           a->limits.label_value_length_limit == b->limits.label_value_length_limit &&
           relabels_eq(a->metric_relabel, a->metric_relabel_count, b->metric_relabel,
                       b->metric_relabel_count);
}

bool scrape_config_eq(const ScrapeConfig *a, const ScrapeConfig *b)
{
    return spec_eq(&a->target, &b->target) && scrape_config_same_labels(a, b) &&
           a->honor_timestamps == b->honor_timestamps &&
           a->track_timestamps_staleness == b->track_timestamps_staleness && protocols_eq(a, b) &&
           a->enable_compression == b->enable_compression &&
           a->extra_scrape_metrics == b->extra_scrape_metrics &&
           limits_eq(&a->limits, &b->limits) &&
           a->native_histogram_bucket_limit == b->native_histogram_bucket_limit &&
           a->native_histogram_min_bucket_factor == b->native_histogram_min_bucket_factor &&
           a->name_escaping == b->name_escaping &&
           str_eq(a->failure_log_file, b->failure_log_file) && http_eq(&a->http, &b->http);
}

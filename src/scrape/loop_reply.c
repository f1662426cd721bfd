/*
 * Scrape loop: what is done with a reply. See loop.h. Layer: scrape. Memory: scratch batches of the
 * environment. Thread: the net loop, or a worker for large pages.
 */
#include "scrape/loop_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "codec/number.h"
#include "scrape/content_type.h"

#include <string.h>

/* `text` into a buffer of the loop's own. */
static Str keep_text(char to[TIME_TEXT_MAX], Str text)
{
    size_t size = MIN(text.len, (size_t)TIME_TEXT_MAX);
    memcpy(to, text.ptr, size);
    return (Str){.ptr = to, .len = size};
}

void scrape_loop_format_times(ScrapeLoop *loop)
{
    char seconds[F64_TEXT_MAX];
    size_t size = f64_format_f(seconds, (f64)loop->target->timeout_ms / (f64)MS_PER_SECOND);
    Buf interval;
    buf_init(&interval, TIME_TEXT_MAX);
    duration_format_go(&interval, loop->target->interval_ms * NS_PER_MS);
    loop->timeout_text = keep_text(loop->timeout_buf, (Str){.ptr = seconds, .len = size});
    loop->interval_text = keep_text(loop->interval_buf, buf_view(&interval));
    buf_done(&interval);
}

static ScrapeBatch *take_batch(ScrapeEnv *env)
{
    ScrapeBatch *batch = NULL;
    pthread_mutex_lock(&env->lock);
    if (env->batch_count > 0) {
        batch = env->batches[--env->batch_count];
    }
    pthread_mutex_unlock(&env->lock);
    if (!batch) {
        batch = MEM_NEW(ScrapeBatch);
        scrape_batch_init(batch);
    }
    return batch;
}

static void give_batch(ScrapeEnv *env, ScrapeBatch *batch)
{
    scrape_batch_clear(batch);
    pthread_mutex_lock(&env->lock);
    bool kept = env->batch_count < SCRAPE_BATCHES_KEPT;
    if (kept) {
        env->batches[env->batch_count++] = batch;
    }
    pthread_mutex_unlock(&env->lock);
    if (!kept) {
        scrape_batch_done(batch);
        mem_free(batch);
    }
}

static Str report_name(Report report)
{
    static const Str names[REPORT_COUNT] = {
        [REPORT_UP] = STR_INIT("up"),
        [REPORT_DURATION] = STR_INIT("scrape_duration_seconds"),
        [REPORT_SCRAPED] = STR_INIT("scrape_samples_scraped"),
        [REPORT_POST_RELABELLING] = STR_INIT("scrape_samples_post_metric_relabeling"),
        [REPORT_SERIES_ADDED] = STR_INIT("scrape_series_added"),
        [REPORT_TIMEOUT] = STR_INIT("scrape_timeout_seconds"),
        [REPORT_SAMPLE_LIMIT] = STR_INIT("scrape_sample_limit"),
        [REPORT_BODY_SIZE] = STR_INIT("scrape_body_size_bytes"),
    };
    return names[report];
}

static bool report_series(ScrapeLoop *loop, Report report, Arena *scratch, Err *err)
{
    Labels labels;
    return report_labels(loop->target->labels, report_name(report), scratch, &labels, err) &&
           loop->env->sink->series(loop->env->sink, labels, &loop->reports[report], NULL, err);
}

static size_t report_count(const ScrapeLoop *loop)
{
    bool all = loop->job->config->extra_scrape_metrics || loop->env->switches.extra_metrics;
    return all ? (size_t)REPORT_COUNT : (size_t)REPORT_TIMEOUT;
}

/* `values`: one a report. */
static bool put_reports(ScrapeLoop *loop, ScrapeBatch *batch, const f64 *values, i64 t_ms, Err *err)
{
    for (Report report = 0; report < report_count(loop); report++) {
        if (loop->reports[report] == 0 && !report_series(loop, report, &batch->arena, err)) {
            return false;
        }
        scrape_batch_add(
            batch,
            (BatchSample){.series = loop->reports[report], .t_ms = t_ms, .value = values[report]},
            (BatchMark){.entry = report, .kind = BATCH_REPORT});
    }
    return true;
}

/* The sink forgot some report series: once more with labels. */
static bool put_unknown_reports(ScrapeLoop *loop, ScrapeBatch *batch, const f64 *values, i64 t_ms,
                                u32 unknown, Err *err)
{
    BatchSample samples[REPORT_COUNT];
    size_t count = 0;
    for (Report report = 0; report < report_count(loop); report++) {
        if (!(unknown >> report & 1)) {
            continue;
        }
        if (!report_series(loop, report, &batch->arena, err)) {
            return false;
        }
        samples[count++] =
            (BatchSample){.series = loop->reports[report], .t_ms = t_ms, .value = values[report]};
    }
    return count == 0 || loop->env->sink->append(loop->env->sink, samples, count, NULL, err);
}

static bool commit(ScrapeLoop *loop, const ScrapePage *page, ScrapeBatch *batch, const f64 *values,
                   i64 t_ms, ScrapeCounts *counts)
{
    Err err;
    if (put_reports(loop, batch, values, t_ms, &err) &&
        scrape_cache_commit(loop->cache, page, batch, counts, &err) &&
        put_unknown_reports(loop, batch, values, t_ms, counts->unknown_reports, &err)) {
        return true;
    }
    log_error("Scrape commit failed", LOG_STR("component", S("scrape manager")),
              LOG_STR("scrape_pool", loop->job->config->target.job),
              LOG_STR("target", loop->target->url), LOG_ERR(&err));
    return false;
}

/* Why there is no page, in the original's words; false then. */
static bool check_reply(ScrapeLoop *loop, const ScrapeReply *reply, Err *err)
{
    Str url = loop->target->url;
    char quoted[ERR_MESSAGE_MAX];
    Buf text;
    if (!reply->err && (reply->status == 0 || reply->status == HTTP_STATUS_OK)) {
        return true;
    }
    if (!reply->err) {
        return err_set(err, ERR_UNAVAILABLE, "server returned HTTP status %u " STR_FMT,
                       reply->status, STR_ARG(http_status_text(reply->status)));
    }
    if (reply->not_fetched) {
        return err_set(err, reply->err->code, "%s", reply->err->message);
    }
    if (reply->err->code == ERR_LIMIT) {
        return err_set(err, ERR_LIMIT, "body size limit exceeded");
    }
    buf_init(&text, sizeof(quoted));
    quote_go(&text, url);
    Str why = str_from(reply->err->message);
    if (reply->err->code == ERR_TIMEOUT) {
        why = S("context deadline exceeded");
    } else if (str_skip_prefix(&why, S("GET \""))) { /* the client names the address, too */
        (void)(str_skip_prefix(&why, url) && str_skip_prefix(&why, S("\": ")));
    }
    err_set(err, reply->err->code, "Get " STR_FMT ": " STR_FMT, STR_ARG(buf_view(&text)),
            STR_ARG(why));
    buf_done(&text);
    return false;
}

/* Samples of the page into the batch. An empty page is a good one: all that was is stale. */
static bool read_page(ScrapeLoop *loop, const ScrapeReply *reply, ScrapePage *page,
                      ScrapeBatch *batch, ScrapeCounts *counts, Err *err)
{
    if (reply->body.len == 0) {
        scrape_cache_stale(loop->cache, page->t_ms, batch);
        return true;
    }
    return page_format(reply->content_type, loop->job->config->fallback_protocol, &page->format,
                       err) &&
           scrape_cache_read(loop->cache, page, batch, counts, err);
}

static void publish(ScrapeLoop *loop, const Err *err, i64 duration_ns)
{
    pthread_mutex_lock(&loop->lock);
    loop->health = err ? HEALTH_DOWN : HEALTH_UP;
    buf_clear(&loop->last_error);
    if (err) {
        buf_str(&loop->last_error, str_from(err->message));
        if (err->line > 0) {
            buf_printf(&loop->last_error, " (line %u, column %u of the page)", err->line,
                       err->column);
        }
    }
    loop->last_scrape_ms = loop->t_ms;
    loop->last_duration_ns = duration_ns;
    pthread_mutex_unlock(&loop->lock);
}

static void warn_dropped(const ScrapeLoop *loop, u64 count, Str message)
{
    if (count > 0 && log_enabled(LOG_WARN)) {
        LogField fields[] = {LOG_STR("component", S("scrape manager")),
                             LOG_STR("scrape_pool", loop->job->config->target.job),
                             LOG_STR("target", loop->target->url), LOG_I64("num_dropped", count)};
        log_write(LOG_WARN, __FILE__, __LINE__, message, fields, COUNT_OF(fields));
    }
}

static void count_outcomes(ScrapeLoop *loop, const ScrapeCounts *counts)
{
    ScrapeMetrics *metrics = &loop->env->metrics;
    scrape_metrics_add(&metrics->out_of_order, counts->out_of_order);
    scrape_metrics_add(&metrics->duplicates, counts->duplicates);
    scrape_metrics_add(&metrics->out_of_bounds, counts->out_of_bounds);
    scrape_metrics_add(&metrics->exemplars_out_of_order, counts->exemplars_out_of_order);
    scrape_metrics_add(&metrics->exceeded_sample_limit, counts->over_sample_limit);
    scrape_metrics_add(&metrics->exceeded_label_limits, counts->over_label_limit);
    warn_dropped(loop, counts->out_of_order, S("Error on ingesting out-of-order samples"));
    warn_dropped(loop, counts->duplicates,
                 S("Error on ingesting samples with different value but same timestamp"));
    warn_dropped(loop, counts->out_of_bounds,
                 S("Error on ingesting samples that are too old or are too far into the future"));
    warn_dropped(loop, counts->exemplars_out_of_order,
                 S("Error on ingesting out-of-order exemplars"));
}

void scrape_loop_take_reply(ScrapeLoop *loop, const ScrapeReply *reply)
{
    ScrapeBatch *batch = take_batch(loop->env);
    ScrapePage page = {.body = reply->body, .t_ms = loop->t_ms, .now_ms = time_now_ms()};
    ScrapeCounts counts = {0};
    Err err;
    bool replied = check_reply(loop, reply, &err);
    if (!replied && !reply->not_fetched) {
        failure_log_write(loop->job->failures, loop->job->config->target.job, loop->target->url,
                          str_from(err.message));
    }
    bool good = replied && read_page(loop, reply, &page, batch, &counts, &err);
    if (!good) {
        scrape_cache_stale(loop->cache, loop->t_ms, batch);
        log_debug("Scrape failed", LOG_STR("component", S("scrape manager")),
                  LOG_STR("scrape_pool", loop->job->config->target.job),
                  LOG_STR("target", loop->target->url), LOG_ERR(&err));
    }
    bool over_size = reply->err && !reply->not_fetched && reply->err->code == ERR_LIMIT;
    scrape_metrics_add(&loop->env->metrics.exceeded_body_size, over_size);
    if (loop->retired) {
        scrape_cache_stale_except(loop->retired, loop->cache, loop->t_ms, batch);
        loop->retired = scrape_cache_free(loop->retired);
    }
    i64 duration_ns = time_monotonic_ns() - loop->begin_mono_ns;
    f64 values[REPORT_COUNT] = {
        [REPORT_UP] = good,
        [REPORT_DURATION] = (f64)duration_ns / (f64)NS_PER_SECOND,
        [REPORT_SCRAPED] = (f64)counts.scraped,
        [REPORT_POST_RELABELLING] = (f64)counts.added,
        [REPORT_SERIES_ADDED] = (f64)counts.series_added,
        [REPORT_TIMEOUT] = (f64)loop->target->timeout_ms / (f64)MS_PER_SECOND,
        [REPORT_SAMPLE_LIMIT] = (f64)loop->job->config->limits.sample_limit,
        [REPORT_BODY_SIZE] = over_size ? -1
                             : replied ? (f64)reply->body.len
                                       : 0,
    };
    publish(loop, good ? NULL : &err, duration_ns);
    (void)commit(loop, good && reply->body.len > 0 ? &page : NULL, batch, values, loop->t_ms,
                 &counts);
    count_outcomes(loop, &counts);
    give_batch(loop->env, batch);
}

void scrape_loop_mark_stale(ScrapeLoop *loop)
{
    ScrapeBatch *batch = take_batch(loop->env);
    ScrapeCounts counts = {0};
    f64 values[REPORT_COUNT];
    for (size_t i = 0; i < REPORT_COUNT; i++) {
        values[i] = f64_from_bits(STALE_NAN_BITS);
    }
    scrape_cache_stale(loop->cache, loop->stale_ms, batch);
    if (loop->retired) {
        scrape_cache_stale_except(loop->retired, loop->cache, loop->stale_ms, batch);
    }
    (void)commit(loop, NULL, batch, values, loop->stale_ms, &counts);
    give_batch(loop->env, batch);
}

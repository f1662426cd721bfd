/*
 * Exporter: runs the collectors and builds the page; the part of the role that knows no HTTP, so
 * that tests can call it.
 *
 * Layer: role/node_exporter. Memory: exporter_open/exporter_close. Thread: exporter_scrape from any
 * worker, one at a time (it locks).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "codec/metric_page.h"
#include "role/node_exporter/options.h"

typedef struct Exporter Exporter;

/* Compiles the filters. ERR_INVALID for a bad pattern, naming the flag. */
bool exporter_open(const NodeOpts *opts, Exporter **ret, Err *err) MUST_USE;
void exporter_close(Exporter *exporter); /* NULL-safe */

/* Which collectors one request wants; both empty: all that are enabled. */
typedef struct ScrapeChoice {
    const Str *collect; /* ?collect[]= */
    size_t collect_count;
    const Str *exclude; /* ?exclude[]= */
    size_t exclude_count;
} ScrapeChoice;

/*
 * One scrape as a page.
 * Errors  ERR_NOT_FOUND when a chosen collector is unknown or disabled; ERR_INVALID when both kinds
 * are given; ERR_LIMIT
 */
bool exporter_scrape(Exporter *exporter, const ScrapeChoice *choice, PageFormat format, Buf *out,
                     Err *err) MUST_USE;

/* For promhttp_metric_handler_requests_total. */
void exporter_count_reply(Exporter *exporter, u32 status);

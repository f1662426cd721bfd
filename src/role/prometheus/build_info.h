/*
 * Build info: which Prometheus this server says it is. Clients (Grafana among them) read the
 * version to know what the API can do.
 *
 * Layer: role/prometheus. Memory: none. Thread: any.
 */
#pragma once

#include "codec/json.h"
#include "codec/metric_page.h"

#define PROMETHEUS_VERSION "3.14.0"

void build_info_put(JsonWriter *json); /* an object */
void build_info_metric(MetricPage *page);

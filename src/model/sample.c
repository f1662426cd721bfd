/* Samples: see sample.h. Layer: model. Memory: none. Thread: any. */
#include "model/sample.h"

const char *metric_type_name(MetricType type)
{
    static const char *const names[] = {
        [METRIC_UNKNOWN] = "unknown",
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
        [METRIC_GAUGE_HISTOGRAM] = "gaugehistogram",
        [METRIC_SUMMARY] = "summary",
        [METRIC_INFO] = "info",
        [METRIC_STATESET] = "stateset",
    };
    return (size_t)type < COUNT_OF(names) ? names[type] : names[METRIC_UNKNOWN];
}

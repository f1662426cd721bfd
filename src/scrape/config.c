/* Scrape configuration: see config.h. Layer: scrape. Memory: none. Thread: any. */
#include "scrape/config.h"

static const char *const protocol_names[SCRAPE_PROTOCOL_COUNT] = {
    [SCRAPE_PROTOCOL_NONE] = "",
    [SCRAPE_PROTOBUF] = "PrometheusProto",
    [SCRAPE_OPENMETRICS_1_0_0] = "OpenMetricsText1.0.0",
    [SCRAPE_OPENMETRICS_0_0_1] = "OpenMetricsText0.0.1",
    [SCRAPE_TEXT_1_0_0] = "PrometheusText1.0.0",
    [SCRAPE_TEXT_0_0_4] = "PrometheusText0.0.4",
};

const char *scrape_protocol_name(ScrapeProtocol protocol)
{
    return protocol_names[protocol];
}

ScrapeProtocol scrape_protocol_parse(Str name)
{
    for (ScrapeProtocol p = SCRAPE_PROTOBUF; p < SCRAPE_PROTOCOL_COUNT; p++) {
        if (str_eq(name, str_from(protocol_names[p]))) {
            return p;
        }
    }
    return SCRAPE_PROTOCOL_NONE;
}

const char *name_escaping_name(NameEscaping escaping)
{
    static const char *const names[] = {
        [NAME_ALLOW_UTF8] = "allow-utf-8",
        [NAME_UNDERSCORES] = "underscores",
        [NAME_DOTS] = "dots",
        [NAME_VALUES] = "values",
    };
    return names[escaping];
}

/* Build info: see build_info.h. Layer: role/prometheus. Thread: any. */
#include "role/prometheus/build_info.h"

#if defined(__x86_64__)
#    define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#    define ARCHITECTURE "arm64"
#else
#    define ARCHITECTURE "unknown"
#endif

void build_info_put(JsonWriter *json)
{
    json_object(json);
    json_key_str(json, "version", S(PROMETHEUS_VERSION));
    json_key_str(json, "revision", S("vigie-" VIGIE_VERSION));
    json_key_str(json, "branch", S("vigie"));
    json_key_str(json, "buildUser", S("vigie"));
    json_key_str(json, "buildDate", S(""));
    json_key_str(json, "goVersion", S("none"));
    json_object_end(json);
}

void build_info_metric(MetricPage *page)
{
    MetricFamily family = metric_page_family(
        page, S("prometheus_build_info"), PAGE_GAUGE,
        S("A metric with a constant '1' value labeled by version, revision, branch, goversion from "
          "which prometheus was built, and the goos and goarch for the build."));
    const PageLabel labels[] = {
        {"version", S(PROMETHEUS_VERSION)},
        {"revision", S("vigie-" VIGIE_VERSION)},
        {"branch", S("vigie")},
        {"goversion", S("none")},
        {"goos", S("linux")},
        {"goarch", S(ARCHITECTURE)},
        {"tags", S("unknown")},
    };
    metric_page_put(page, family, labels, COUNT_OF(labels), 1);
}

/* Tests of scrape/content_type.h. */
#include "scrape/content_type.h"

#include "base/test.h"

TEST(content_type, known_types_are_recognised_with_any_parameters)
{
    static const struct {
        Str type;
        ExpositionFormat want;
    } cases[] = {
        {STR_INIT("text/plain"), EXPOSITION_TEXT},
        {STR_INIT("text/plain; version=0.0.4; charset=utf-8"), EXPOSITION_TEXT},
        {STR_INIT("TEXT/Plain;version=\"0;0\";"), EXPOSITION_TEXT},
        {STR_INIT(" text/plain ; a = b "), EXPOSITION_TEXT},
        {STR_INIT("application/openmetrics-text; version=1.0.0; charset=utf-8"),
         EXPOSITION_OPENMETRICS},
        {STR_INIT("application/openmetrics-text"), EXPOSITION_OPENMETRICS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ExpositionFormat format;
        Err err;
        CHECK_OK(page_format(cases[i].type, SCRAPE_PROTOCOL_NONE, &format, &err), &err);
        CHECK_I64(format, cases[i].want);
    }
}

TEST(content_type, others_fail_unless_the_job_says_what_to_fall_back_to)
{
    static const struct {
        Str type;
        Str want;
    } cases[] = {
        {STR_INIT(""), STR_INIT("non-compliant scrape target sending blank Content-Type and no "
                                "fallback_scrape_protocol specified for target")},
        {STR_INIT("text/html; charset=utf-8"),
         STR_INIT("received unsupported Content-Type \"text/html; charset=utf-8\" and no "
                  "fallback_scrape_protocol specified for target")},
        {STR_INIT("text"), STR_INIT("received unsupported Content-Type \"text\" and no "
                                    "fallback_scrape_protocol specified for target")},
        {STR_INIT("text/"), STR_INIT("cannot parse Content-Type \"text/\" and no "
                                     "fallback_scrape_protocol for target")},
        {STR_INIT("text/plain; x"), STR_INIT("cannot parse Content-Type \"text/plain; x\" and no "
                                             "fallback_scrape_protocol for target")},
        {STR_INIT("text/plain; a=\"b"), STR_INIT("cannot parse Content-Type \"text/plain; "
                                                 "a=\\\"b\" and no fallback_scrape_protocol for "
                                                 "target")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ExpositionFormat format = EXPOSITION_TEXT;
        Err err;
        CHECK(!page_format(cases[i].type, SCRAPE_PROTOCOL_NONE, &format, &err));
        CHECK_STR(str_from(err.message), cases[i].want);
        CHECK_OK(page_format(cases[i].type, SCRAPE_OPENMETRICS_1_0_0, &format, &err), &err);
        CHECK_I64(format, EXPOSITION_OPENMETRICS);
        CHECK_OK(page_format(cases[i].type, SCRAPE_TEXT_0_0_4, &format, &err), &err);
        CHECK_I64(format, EXPOSITION_TEXT);
        CHECK(!page_format(cases[i].type, SCRAPE_PROTOBUF, &format, &err));
        CHECK_I64(err.code, ERR_UNSUPPORTED);
    }
}

TEST(content_type, a_page_in_protobuf_is_refused_also_with_a_fallback)
{
    ExpositionFormat format;
    Err err;
    CHECK(!page_format(S("application/vnd.google.protobuf; proto=x"), SCRAPE_TEXT_0_0_4, &format,
                       &err));
    CHECK_I64(err.code, ERR_UNSUPPORTED);
}

TEST(content_type, accept_names_the_jobs_protocols_in_falling_weight)
{
    ScrapeConfig config = {
        .protocols = {SCRAPE_OPENMETRICS_1_0_0, SCRAPE_OPENMETRICS_0_0_1, SCRAPE_TEXT_1_0_0,
                      SCRAPE_TEXT_0_0_4},
        .protocol_count = 4,
    };
    Arena arena;
    Str header;
    Err err;
    arena_init(&arena, 64 * 1024);
    CHECK_OK(accept_header(&config, &arena, &header, &err), &err);
    CHECK_STR(header, S("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                        "application/openmetrics-text;version=0.0.1;q=0.5,"
                        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
    config.protocols[0] = SCRAPE_PROTOBUF;
    config.protocols[1] = SCRAPE_TEXT_1_0_0;
    config.protocol_count = 2;
    config.name_escaping = NAME_UNDERSCORES;
    CHECK_OK(accept_header(&config, &arena, &header, &err), &err);
    CHECK_STR(header, S("text/plain;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.5"));
    arena_done(&arena);
}

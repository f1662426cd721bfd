/* Tests of base/opts.h. */
#include "base/opts.h"

#include "base/mem.h"
#include "base/test.h"

#include <string.h>

typedef struct Values {
    Str config;
    Str untouched;
    bool lifecycle;
    bool collector;
    i64 concurrency;
    f64 ratio;
    i64 timeout_ms;
    u64 size_bytes;
    OptList listen;
    OptList features;
    Str level;
} Values;

static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

static const OptSpec specs[] = {
    {.name = "config.file",
     .kind = OPT_STR,
     .offset = offsetof(Values, config),
     .initial = "prometheus.yml",
     .help = "Where the configuration is."},
    {.name = "web.external-url",
     .kind = OPT_STR,
     .offset = offsetof(Values, untouched),
     .placeholder = "<URL>",
     .help = "How browsers reach this server, when that is not the address it listens on, for "
             "example behind a proxy."},
    {.name = "web.enable-lifecycle",
     .kind = OPT_BOOL,
     .offset = offsetof(Values, lifecycle),
     .help = "Allow stop and reload over HTTP."},
    {.name = "collector.cpu",
     .kind = OPT_BOOL,
     .offset = offsetof(Values, collector),
     .initial = "true",
     .help = "Enable the cpu collector."},
    {.name = "query.max-concurrency",
     .letter = 'c',
     .kind = OPT_I64,
     .offset = offsetof(Values, concurrency),
     .initial = "20",
     .min = 1,
     .max = 1000,
     .help = "Queries at once."},
    {.name = "ratio",
     .kind = OPT_F64,
     .offset = offsetof(Values, ratio),
     .initial = "0.9",
     .help = "A share."},
    {.name = "query.timeout",
     .kind = OPT_DURATION,
     .offset = offsetof(Values, timeout_ms),
     .initial = "2m",
     .help = "How long a query may take."},
    {.name = "storage.tsdb.retention.size",
     .kind = OPT_SIZE,
     .offset = offsetof(Values, size_bytes),
     .help = "How many bytes blocks may take."},
    {.name = "web.listen-address",
     .kind = OPT_LIST,
     .offset = offsetof(Values, listen),
     .initial = ":9090",
     .help = "Addresses to listen on."},
    {.name = "enable-feature",
     .kind = OPT_LIST,
     .offset = offsetof(Values, features),
     .placeholder = "",
     .help = "Names of features | comma separated."},
    {.name = "log.level",
     .kind = OPT_ENUM,
     .offset = offsetof(Values, level),
     .initial = "info",
     .choices = levels,
     .help = "Least important level that is logged."},
    {.name = "go.flag", .kind = OPT_IGNORED, .initial = "1", .help = "Nothing.", .hidden = true},
    {.name = "go.switch", .kind = OPT_IGNORED_BOOL, .help = "Nothing.", .hidden = true},
};

static const OptTable table = {
    .program = "prometheus",
    .summary = "The monitoring server",
    .specs = specs,
    .count = COUNT_OF(specs),
};

enum { ARGS_MAX = 16 };

/* Parses "a b c" split at spaces. */
static OptOutcome parse(const OptTable *opts, const char *line, Arena *arena, Values *values,
                        OptList *rest, Err *err)
{
    static char words[1024];
    char *argv[ARGS_MAX] = {"program"};
    int argc = 1;
    CHECK(strlen(line) < sizeof(words));
    memcpy(words, line, strlen(line) + 1);
    char *save = NULL;
    for (char *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        CHECK(argc < ARGS_MAX);
        argv[argc++] = word;
    }
    return opts_parse(opts, argc, argv, arena, values, rest, err);
}

TEST(opts, defaults_hold_when_nothing_is_given)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    memset(&values, 0xA5, sizeof(values));
    Err err;
    CHECK_I64(parse(&table, "", &arena, &values, NULL, &err), OPT_RUN);
    CHECK_STR(values.config, S("prometheus.yml"));
    CHECK_STR(values.untouched, S(""));
    CHECK(!values.lifecycle);
    CHECK(values.collector);
    CHECK_I64(values.concurrency, 20);
    CHECK_F64(values.ratio, 0.9);
    CHECK_I64(values.timeout_ms, 120000);
    CHECK_U64(values.size_bytes, 0);
    CHECK_U64(values.listen.count, 1);
    CHECK_STR(values.listen.at[0], S(":9090"));
    CHECK_U64(values.features.count, 0);
    CHECK_STR(values.level, S("info"));
    arena_done(&arena);
}

TEST(opts, every_way_to_give_a_value_is_read)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    Err err;
    CHECK_I64(parse(&table,
                    "--config.file=a=b --web.external-url http://x --web.enable-lifecycle "
                    "--no-collector.cpu -c7 --query.timeout=1h30m --ratio=-1.5e-3 "
                    "--storage.tsdb.retention.size=1.5GB --log.level warn --go.flag=x --go.flag y "
                    "--no-go.switch",
                    &arena, &values, NULL, &err),
              OPT_RUN);
    CHECK_STR(values.config, S("a=b"));
    CHECK_STR(values.untouched, S("http://x"));
    CHECK(values.lifecycle);
    CHECK(!values.collector);
    CHECK_I64(values.concurrency, 7);
    CHECK_F64(values.ratio, -1.5e-3);
    CHECK_I64(values.timeout_ms, 90 * 60000);
    CHECK_U64(values.size_bytes, 3 * GIB / 2);
    CHECK_STR(values.level, S("warn"));
    arena_done(&arena);
}

TEST(opts, list_flags_collect_in_order_and_replace_the_default)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    Err err;
    CHECK_I64(parse(&table, "--web.listen-address=:1 --enable-feature= --web.listen-address :2",
                    &arena, &values, NULL, &err),
              OPT_RUN);
    CHECK_U64(values.listen.count, 2);
    CHECK_STR(values.listen.at[0], S(":1"));
    CHECK_STR(values.listen.at[1], S(":2"));
    CHECK_U64(values.features.count, 1);
    CHECK_STR(values.features.at[0], S(""));
    arena_done(&arena);
}

TEST(opts, what_is_wrong_is_said_in_the_words_of_the_originals)
{
    static const struct {
        const char *line;
        Str error;
    } bad[] = {
        {"--x", STR_INIT("unknown long flag '--x'")},
        {"--x=1", STR_INIT("unknown long flag '--x'")},
        {"--no-x", STR_INIT("unknown long flag '--no-x'")},
        {"--=x", STR_INIT("unknown long flag '--'")},
        {"--Log.level=info", STR_INIT("unknown long flag '--Log.level'")},
        {"--no-config.file", STR_INIT("unknown long flag '--no-config.file'")},
        {"-x", STR_INIT("unknown short flag '-x'")},
        {"-", STR_INIT("unknown short flag '-'")},
        {"-hx", STR_INIT("unknown short flag '-x'")},
        {"--help --x", STR_INIT("unknown long flag '--x'")},
        {"--config.file", STR_INIT("expected argument for flag '--config.file'")},
        {"--config.file --log.level", STR_INIT("expected argument for flag '--config.file'")},
        {"--config.file --", STR_INIT("expected argument for flag '--config.file'")},
        {"-c", STR_INIT("expected argument for flag '-c'")},
        {"foo", STR_INIT("unexpected foo")},
        {"-- --help", STR_INIT("unexpected --help")},
        {"--collector.cpu=true", STR_INIT("unexpected true")},
        {"--no-collector.cpu=1", STR_INIT("unexpected 1")},
        {"--log.level=info --log.level=debug", STR_INIT("flag 'log.level' cannot be repeated")},
        {"--collector.cpu --no-collector.cpu", STR_INIT("flag 'collector.cpu' cannot be repeated")},
        {"--log.level=foo", STR_INIT("enum value must be one of debug,info,warn,error, got 'foo'")},
        {"--query.timeout=5x", STR_INIT("unknown unit \"x\" in duration \"5x\"")},
        {"--query.timeout=", STR_INIT("empty duration string")},
        {"--query.max-concurrency=abc",
         STR_INIT("strconv.ParseFloat: parsing \"abc\": invalid syntax")},
        {"--query.max-concurrency=", STR_INIT("strconv.ParseFloat: parsing \"\": invalid syntax")},
        {"--query.max-concurrency=1e", STR_INIT("strconv.ParseFloat: parsing \"1e\": invalid "
                                                "syntax")},
        {"--query.max-concurrency=0",
         STR_INIT("flag '--query.max-concurrency' must be between 1 and 1000, got 0")},
        {"--query.max-concurrency=1e300",
         STR_INIT("flag '--query.max-concurrency': 1e300 is out of range")},
        {"--ratio=nan", STR_INIT("strconv.ParseFloat: parsing \"nan\": invalid syntax")},
        {"--storage.tsdb.retention.size=5XB", STR_INIT("units: unknown unit XB in 5XB")},
        {"--storage.tsdb.retention.size=5", STR_INIT("units: unknown unit  in 5")},
        {"--storage.tsdb.retention.size=", STR_INIT("units: invalid ")},
    };
    Arena arena;
    arena_init(&arena, MIB);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Values values;
        Err err = {0};
        CHECK_I64(parse(&table, bad[i].line, &arena, &values, NULL, &err), OPT_BAD);
        CHECK_STR(str_from(err.message), bad[i].error);
        CHECK_I64(err.code, ERR_INVALID);
    }
    arena_done(&arena);
}

TEST(opts, integers_may_be_written_with_an_exponent)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    Err err;
    CHECK_I64(parse(&table, "--query.max-concurrency=5e2", &arena, &values, NULL, &err), OPT_RUN);
    CHECK_I64(values.concurrency, 500);
    arena_done(&arena);
}

TEST(opts, help_and_version_win_over_wrong_values_and_the_first_one_counts)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    Err err;
    static const struct {
        const char *line;
        OptOutcome outcome;
    } cases[] = {
        {"--help --query.timeout=5x", OPT_HELP},
        {"-h", OPT_HELP},
        {"--help-long", OPT_HELP},
        {"--help-man", OPT_HELP},
        {"--no-help", OPT_HELP},
        {"--version --help", OPT_VERSION},
        {"--help --version", OPT_HELP},
        {"-hh --version", OPT_HELP},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_I64(parse(&table, cases[i].line, &arena, &values, NULL, &err), cases[i].outcome);
    }
    arena_done(&arena);
}

TEST(opts, arguments_are_kept_in_order_and_two_dashes_end_the_flags)
{
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    OptList rest;
    Err err;
    CHECK_I64(parse(&table, "a --log.level debug b -- --x -c", &arena, &values, &rest, &err),
              OPT_RUN);
    CHECK_U64(rest.count, 4);
    CHECK_STR(rest.at[0], S("a"));
    CHECK_STR(rest.at[1], S("b"));
    CHECK_STR(rest.at[2], S("--x"));
    CHECK_STR(rest.at[3], S("-c"));
    CHECK_STR(values.level, S("debug"));
    arena_done(&arena);
}

TEST(opts, a_required_flag_must_be_given)
{
    static const OptSpec required[] = {{.name = "match",
                                        .kind = OPT_LIST,
                                        .offset = offsetof(Values, features),
                                        .help = "Selector.",
                                        .required = true}};
    static const OptTable needy = {
        .program = "promtool", .summary = "Tools.", .specs = required, .count = 1};
    Arena arena;
    arena_init(&arena, MIB);
    Values values;
    Err err;
    CHECK_I64(parse(&needy, "", &arena, &values, NULL, &err), OPT_BAD);
    CHECK_STR(str_from(err.message), S("required flag --match not provided"));
    CHECK_I64(parse(&needy, "--match=x", &arena, &values, NULL, &err), OPT_RUN);

    Buf help;
    buf_init(&help, MIB);
    opts_help(&needy, &help);
    CHECK(str_starts_with(buf_view(&help), S("usage: promtool --match=MATCH ... [<flags>]\n")));
    buf_done(&help);
    arena_done(&arena);
}

TEST(opts, an_arena_that_is_too_small_is_an_error)
{
    Arena arena;
    arena_init(&arena, 8);
    Values values;
    Err err;
    CHECK_I64(parse(&table, "--web.listen-address=:1", &arena, &values, NULL, &err), OPT_BAD);
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&arena);
}

TEST(opts, help_has_two_columns_of_eighty)
{
    Buf help;
    buf_init(&help, MIB);
    opts_help(&table, &help);
    CHECK_STR(buf_view(&help),
              S("usage: prometheus [<flags>]\n"
                "\n"
                "The monitoring server\n"
                "\n"
                "Flags:\n"
                "  -h, --[no-]help               Show context-sensitive help (also try\n"
                "                                --help-long and --help-man).\n"
                "      --config.file=\"prometheus.yml\"  \n"
                "                                Where the configuration is.\n"
                "      --web.external-url=<URL>  How browsers reach this server, when that is not\n"
                "                                the address it listens on, for example behind a\n"
                "                                proxy.\n"
                "      --[no-]web.enable-lifecycle  \n"
                "                                Allow stop and reload over HTTP.\n"
                "      --[no-]collector.cpu      Enable the cpu collector.\n"
                "  -c, --query.max-concurrency=20  \n"
                "                                Queries at once.\n"
                "      --ratio=0.9               A share.\n"
                "      --query.timeout=2m        How long a query may take.\n"
                "      --storage.tsdb.retention.size=STORAGE.TSDB.RETENTION.SIZE  \n"
                "                                How many bytes blocks may take.\n"
                "      --web.listen-address=:9090 ...  \n"
                "                                Addresses to listen on.\n"
                "      --enable-feature= ...     Names of features | comma separated.\n"
                "      --log.level=info          Least important level that is logged.\n"
                "      --[no-]version            Show application version.\n"
                "\n"));
    buf_done(&help);
}

TEST(opts, the_docs_page_is_a_table_with_escaped_bars)
{
    Buf docs;
    buf_init(&docs, MIB);
    opts_docs(&table, &docs);
    Str page = buf_view(&docs);
    CHECK(str_starts_with(page, S("| Flag | Default | Meaning |\n| --- | --- | --- |\n")));
    CHECK(str_contains(page, S("| `--config.file` | `prometheus.yml` | Where the ")));
    CHECK(str_contains(page, S("| `--[no-]web.enable-lifecycle` |  | Allow stop")));
    CHECK(str_contains(page, S("| `-c`, `--query.max-concurrency` | `20` | Queries at once. |\n")));
    CHECK(str_contains(page, S("Names of features \\| comma separated. May be repeated. |\n")));
    CHECK(!str_contains(page, S("go.flag")));
    buf_done(&docs);
}

static void collect(void *self, Str name, Str value)
{
    buf_printf(self, STR_FMT "=" STR_FMT ";", STR_ARG(name), STR_ARG(value));
}

TEST(opts, values_in_force_are_listed_by_name)
{
    Arena arena;
    arena_init(&arena, MIB);
    Buf list;
    buf_init(&list, MIB);
    Values values;
    Err err;
    CHECK_I64(parse(&table,
                    "--storage.tsdb.retention.size=1536MB --web.listen-address=:1 "
                    "--web.listen-address=:2 --no-collector.cpu",
                    &arena, &values, NULL, &err),
              OPT_RUN);
    opts_each(&table, &values, collect, &list);
    CHECK_STR(buf_view(&list),
              S("collector.cpu=false;config.file=prometheus.yml;enable-feature=;go.flag=1;"
                "go.switch=;log.level=info;query.max-concurrency=20;query.timeout=2m;ratio=0.9;"
                "storage.tsdb.retention.size=1GiB512MiB;web.enable-lifecycle=false;"
                "web.external-url=;web.listen-address=:1,:2;"));
    buf_done(&list);
    arena_done(&arena);
}

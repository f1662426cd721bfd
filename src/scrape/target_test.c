/* Tests of scrape/target.h. */
#include "scrape/target.h"

#include "base/buf.h"
#include "base/test.h"
#include "base/time.h"

enum { ARENA_MAX = 1024 * 1024 };

static const TargetSpec plain = {
    .job = STR_INIT("api"),
    .interval_ms = 60000,
    .timeout_ms = 10000,
    .metrics_path = STR_INIT("/metrics"),
    .scheme = STR_INIT("http"),
};

static Labels make(Arena *arena, const char *text)
{
    LabelsBuilder builder;
    Labels labels;
    Str rest = str_from(text);
    Str part;
    Err err;
    labels_builder_init(&builder, arena);
    while (rest.len > 0 && str_split_next(&rest, '|', &part)) {
        size_t at = str_find_byte(part, '=');
        CHECK_OK(labels_builder_set(&builder, str_take(part, at), str_skip(part, at + 1), &err),
                 &err);
    }
    CHECK_OK(labels_builder_finish(&builder, &labels, &err), &err);
    return labels;
}

static void check_labels(Labels got, const char *want)
{
    Arena arena;
    Buf shown, wanted;
    arena_init(&arena, ARENA_MAX);
    buf_init(&shown, ARENA_MAX);
    buf_init(&wanted, ARENA_MAX);
    labels_format(&shown, got);
    labels_format(&wanted, make(&arena, want));
    CHECK_STR(buf_view(&shown), buf_view(&wanted));
    buf_done(&shown);
    buf_done(&wanted);
    arena_done(&arena);
}

static Target *build(const TargetSpec *spec, const char *own, const char *group)
{
    Arena arena;
    Target *target = NULL;
    Err err;
    arena_init(&arena, ARENA_MAX);
    CHECK_OK(target_new(spec, make(&arena, own), make(&arena, group), &target, &err), &err);
    arena_done(&arena); /* the target keeps its own copies */
    return target;
}

TEST(target, labels_are_completed_and_instance_defaults_to_the_address)
{
    Target *target = build(&plain, "__address__=h:9100|a=own|__meta_x=m", "a=group|b=group");
    check_labels(
        target->discovered,
        "__address__=h:9100|__always_scrape_classic_histograms__=false|"
        "__convert_classic_histograms_to_nhcb__=false|__meta_x=m|__metrics_path__=/metrics|"
        "__scheme__=http|__scrape_interval__=1m|__scrape_native_histograms__=false|"
        "__scrape_timeout__=10s|a=own|b=group|job=api");
    check_labels(target->labels, "a=own|b=group|instance=h:9100|job=api");
    CHECK(!labels_has(target->all, S("__meta_x")));
    CHECK_STR(labels_get(target->all, S("__scheme__")), S("http"));
    CHECK_STR(target->url, S("http://h:9100/metrics"));
    CHECK_I64(target->interval_ms, 60000);
    CHECK_I64(target->timeout_ms, 10000);
    CHECK(!target->dropped);
    target_free(target);
}

TEST(target, what_discovery_says_wins_over_the_job)
{
    Target *target = build(&plain,
                           "__address__=h|job=other|instance=i|__scheme__=https|"
                           "__metrics_path__=/x y?z|__scrape_interval__=5s|__scrape_timeout__=1s|"
                           "__scrape_native_histograms__=T|__unix_socket__=/run/s",
                           "");
    check_labels(target->labels, "instance=i|job=other");
    CHECK_STR(target->url, S("https://h/x%20y%3Fz"));
    CHECK_I64(target->interval_ms, 5000);
    CHECK_I64(target->timeout_ms, 1000);
    CHECK(target->scrape_native_histograms);
    CHECK_STR(target->unix_socket, S("/run/s"));
    target_free(target);
}

TEST(target, url_parameters_are_sorted_and_labels_replace_their_first_value)
{
    static const Str module[] = {STR_INIT("http_2xx"), STR_INIT("second")};
    static const Str odd[] = {STR_INIT("a b&c=d/\xc3\xa9")};
    static const UrlParam params[] = {
        {.name = STR_INIT("module"), .values = module, .count = 2},
        {.name = STR_INIT("b c"), .values = odd, .count = 1},
        {.name = STR_INIT("none"), .values = NULL, .count = 0},
    };
    TargetSpec spec = plain;
    spec.params = params;
    spec.param_count = COUNT_OF(params);
    Target *target = build(&spec, "__address__=h|__param_module=tcp|__param_target=x:1", "");
    CHECK_STR(target->url, S("http://h/metrics?b+c=a+b%26c%3Dd%2F%C3%A9&module=tcp&module=second&"
                             "target=x%3A1"));
    CHECK_STR(labels_get(target->discovered, S("__param_b c")), S("a b&c=d/\xc3\xa9"));
    target_free(target);
}

static Relabel rule(RelabelAction action, Str *source, Str regex, Str to, Str replacement)
{
    Relabel made;
    Err err;
    relabel_defaults(&made);
    made.action = action;
    made.source_labels = source;
    made.source_count = source ? 1 : 0;
    made.regex_text = regex;
    made.target_label = to;
    made.replacement = replacement;
    CHECK_OK(relabel_finish(&made, true, &err), &err);
    return made;
}

TEST(target, rules_see_meta_labels_and_may_drop_or_rewrite)
{
    Str env = S("__meta_env"), address = S("__address__");
    Relabel rules[] = {
        rule(RELABEL_DROP, &env, S("test"), S(""), S("$1")),
        rule(RELABEL_LABEL_MAP, NULL, S("__meta_(.+)"), S(""), S("$1")),
        rule(RELABEL_REPLACE, &address, S("(.*)"), S("__param_target"), S("$1")),
        rule(RELABEL_REPLACE, NULL, S("(.*)"), S("__address__"), S("probe:9115")),
    };
    TargetSpec spec = plain;
    spec.relabel = rules;
    spec.relabel_count = COUNT_OF(rules);
    Target *target = build(&spec, "__address__=web|__meta_env=prod", "");
    check_labels(target->labels, "env=prod|instance=probe:9115|job=api");
    CHECK_STR(target->url, S("http://probe:9115/metrics?target=web"));
    target_free(target);
    target = build(&spec, "__address__=web|__meta_env=test", "");
    CHECK(target->dropped);
    CHECK_STR(labels_get(target->discovered, S("__meta_env")), S("test"));
    CHECK_U64(target->labels.count, 0);
    target_free(target);
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        relabel_done(&rules[i]);
    }
}

TEST(target, what_cannot_be_scraped_is_refused_in_the_originals_words)
{
    static const struct {
        const char *own;
        const char *want;
    } bad[] = {
        {"job=x", "no address"},
        {"__address__=http://h/x", "\"http://h/x\" is not a valid hostname"},
        {"__address__=h|__scrape_interval__=x",
         "error parsing scrape interval: not a valid duration string: \"x\""},
        {"__address__=h|__scrape_interval__=0s", "scrape interval cannot be 0"},
        {"__address__=h|__scrape_timeout__=1q",
         "error parsing scrape timeout: unknown unit \"q\" in duration \"1q\""},
        {"__address__=h|__scrape_timeout__=0", "scrape timeout cannot be 0"},
        {"__address__=h|__scrape_timeout__=2m",
         "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")"},
        {"__address__=h|__scrape_native_histograms__=yes",
         "error parsing scrape native histograms: strconv.ParseBool: parsing \"yes\": invalid "
         "syntax"},
        {"__address__=h|a=\xff", "invalid label value for \"a\": \"\\xff\""},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Arena arena;
        Target *target = NULL;
        Err err;
        arena_init(&arena, ARENA_MAX);
        CHECK(!target_new(&plain, make(&arena, bad[i].own), LABELS_EMPTY, &target, &err));
        CHECK_STR(str_from(err.message), str_from(bad[i].want));
        CHECK(target == NULL);
        arena_done(&arena);
    }
}

TEST(target, equal_labels_are_the_same_target_and_others_are_not)
{
    Target *one = build(&plain, "__address__=h", "a=1");
    Target *same = build(&plain, "__address__=h|a=1", "a=2");
    Target *other = build(&plain, "__address__=h", "a=2");
    CHECK_U64(one->hash, same->hash);
    CHECK(one->hash != other->hash);
    target_free(one);
    target_free(same);
    target_free(other);
}

TEST(target, its_turn_is_at_a_fixed_offset_within_the_interval)
{
    Target *target = build(&plain, "__address__=h", "");
    i64 interval_ns = target->interval_ms * NS_PER_MS;
    i64 turn = -1;
    for (i64 now = 1700000000000000000; now < 1700000000000000000 + 3 * interval_ns;
         now += interval_ns / 7) {
        i64 wait = target_offset_ns(target, 42, now);
        CHECK(wait >= 0 && wait <= interval_ns);
        i64 phase = (now + wait) % interval_ns;
        CHECK(turn < 0 || phase == turn);
        turn = phase;
    }
    CHECK(target_offset_ns(target, 43, 0) != target_offset_ns(target, 42, 0));
    target_free(target);
}

/* Tests of model/relabel.h. The digests of the hashmod cases were computed with another MD5. */
#include "model/relabel.h"

#include "base/test.h"

#include <string.h>

enum { ARENA_MAX = 4 * 1024 * 1024, SOURCES_MAX = 4 };

/* NULL leaves a field at its default; `want` NULL: dropped. Label sets are "a=1,b=2". */
typedef struct Case {
    RelabelAction action;
    const char *sources;
    const char *separator;
    const char *regex;
    u64 modulus;
    const char *target;
    const char *replacement;
    const char *in;
    const char *want;
} Case;

static const Case cases[] = {
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "c",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,c=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "c",
     .replacement = "$1-x",
     .in = "a=foo",
     .want = "a=foo,c=foo-x"},
    {.action = RELABEL_REPLACE,
     .sources = "a,b",
     .target = "c",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,c=foo;bar"},
    {.action = RELABEL_REPLACE,
     .sources = "a,b",
     .separator = "/",
     .target = "c",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,c=foo/bar"},
    {.action = RELABEL_REPLACE,
     .sources = "a,b",
     .separator = "",
     .target = "c",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,c=foobar"},
    {.action = RELABEL_REPLACE,
     .sources = "x,a,y",
     .target = "c",
     .in = "a=foo",
     .want = "a=foo,c=;foo;"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "f(.*)",
     .target = "a",
     .in = "a=foo",
     .want = "a=oo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "o+",
     .target = "a",
     .replacement = "no",
     .in = "a=foo",
     .want = "a=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "fo",
     .target = "a",
     .replacement = "no",
     .in = "a=foo",
     .want = "a=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "f.+|b.+",
     .target = "a",
     .replacement = "yes",
     .in = "a=foo",
     .want = "a=yes"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "f.+|b.+",
     .target = "a",
     .replacement = "yes",
     .in = "a=bar",
     .want = "a=yes"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "a",
     .replacement = "",
     .in = "a=foo,b=x",
     .want = "b=x"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "b",
     .replacement = "",
     .in = "a=foo,b=x",
     .want = "a=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "bar",
     .target = "b",
     .replacement = "",
     .in = "a=foo,b=x",
     .want = "a=foo,b=x"},
    {.action = RELABEL_REPLACE,
     .sources = "none",
     .target = "b",
     .in = "a=foo,b=x",
     .want = "a=foo"},
    {.action = RELABEL_REPLACE,
     .target = "b",
     .replacement = "const",
     .in = "a=foo",
     .want = "a=foo,b=const"},
    {.action = RELABEL_REPLACE,
     .target = "b",
     .replacement = "const",
     .in = "a=foo,b=old",
     .want = "a=foo,b=const"},
    {.action = RELABEL_REPLACE, .target = "b", .replacement = "const", .in = "", .want = "b=const"},
    {.action = RELABEL_REPLACE,
     .sources = "none",
     .regex = "",
     .target = "b",
     .replacement = "const",
     .in = "a=foo",
     .want = "a=foo,b=const"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "",
     .target = "b",
     .replacement = "const",
     .in = "a=foo",
     .want = "a=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "$1",
     .replacement = "$2",
     .in = "a=k-v",
     .want = "a=k-v,k=v"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "pre_${1}_post",
     .replacement = "${2}",
     .in = "a=k-v",
     .want = "a=k-v,pre_k_post=v"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "t",
     .replacement = "$2$$$1",
     .in = "a=k-v",
     .want = "a=k-v,t=v$k"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(?P<first>\\w+)-(?P<last>\\w+)",
     .target = "t",
     .replacement = "${last}-${first}",
     .in = "a=k-v",
     .want = "a=k-v,t=v-k"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "t",
     .replacement = "$3-$nope",
     .in = "a=k-v",
     .want = "a=k-v,t=-"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "$3",
     .replacement = "$2",
     .in = "a=k-v",
     .want = "a=k-v"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(\\w+)-(\\w+)",
     .target = "$1",
     .replacement = "$2",
     .in = "a=1k-v",
     .want = "a=1k-v,1k=v"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "b",
     .replacement = "${1}tail",
     .in = "a=x",
     .want = "a=x,b=xtail"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "b",
     .replacement = "$1tail",
     .in = "a=x",
     .want = "a=x"},
    {.action = RELABEL_REPLACE,
     .sources = "__address__",
     .regex = "([^:]+)(?::\\d+)?",
     .target = "host",
     .in = "__address__=h:9100",
     .want = "__address__=h:9100,host=h"},
    {.action = RELABEL_REPLACE,
     .sources = "__address__,__port",
     .regex = "([^:]+)(?::\\d+)?;(\\d+)",
     .target = "__address__",
     .replacement = "$1:$2",
     .in = "__address__=h,__port=80",
     .want = "__address__=h:80,__port=80"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "b",
     .in = "a=l1\nl2",
     .want = "a=l1\nl2,b=l1\nl2"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "l1.(.+)",
     .target = "b",
     .in = "a=l1\nl2",
     .want = "a=l1\nl2,b=l2"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "(?i)foo",
     .target = "b",
     .replacement = "foo",
     .in = "a=FOO",
     .want = "a=FOO,b=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "foo",
     .target = "b",
     .replacement = "foo",
     .in = "a=FOO",
     .want = "a=FOO"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .regex = "caf(.)",
     .target = "b",
     .in = "a=caf\xc3\xa9",
     .want = "a=caf\xc3\xa9,b=\xc3\xa9"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "b.c",
     .in = "a=foo",
     .want = "a=foo,b.c=foo"},
    {.action = RELABEL_REPLACE,
     .sources = "a",
     .target = "$1",
     .replacement = "1",
     .in = "a=b c",
     .want = "a=b c,b c=1"},
    {.action = RELABEL_REPLACE,
     .sources = "__tmp",
     .target = "a",
     .in = "a=foo,__tmp=x",
     .want = "a=x,__tmp=x"},
    {.action = RELABEL_KEEP, .sources = "a", .regex = "foo", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_KEEP, .sources = "a", .regex = "fo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP, .sources = "a", .regex = "oo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP, .sources = "a", .regex = ".*o", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_KEEP, .sources = "b", .regex = "foo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP, .sources = "b", .regex = "", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_KEEP, .sources = "b", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_KEEP, .sources = "b", .regex = ".+", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP,
     .sources = "a,b",
     .regex = "foo;bar",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar"},
    {.action = RELABEL_KEEP,
     .sources = "b,a",
     .regex = "foo;bar",
     .in = "a=foo,b=bar",
     .want = NULL},
    {.action = RELABEL_KEEP,
     .sources = "a,b",
     .separator = "|",
     .regex = "foo\\|bar",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar"},
    {.action = RELABEL_KEEP, .regex = "", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_KEEP, .regex = "x", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP,
     .sources = "a",
     .regex = "l1.l2",
     .in = "a=l1\nl2",
     .want = "a=l1\nl2"},
    {.action = RELABEL_DROP, .sources = "a", .regex = "foo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_DROP, .sources = "a", .regex = "fo", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_DROP, .sources = "a", .regex = "fo|foo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_DROP, .sources = "a", .in = "a=foo", .want = NULL},
    {.action = RELABEL_DROP, .sources = "b", .in = "a=foo", .want = NULL},
    {.action = RELABEL_DROP, .sources = "b", .regex = ".+", .in = "a=foo", .want = "a=foo"},
    {.action = RELABEL_DROP,
     .sources = "a,b",
     .regex = "f.+;b.+",
     .in = "a=foo,b=bar",
     .want = NULL},
    {.action = RELABEL_DROP,
     .sources = "a,b",
     .regex = "fo+",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar"},
    {.action = RELABEL_DROP, .sources = "a", .regex = ".*o$", .in = "a=foo", .want = NULL},
    {.action = RELABEL_DROP, .sources = "a", .regex = "^foo", .in = "a=foo", .want = NULL},
    {.action = RELABEL_KEEP_EQUAL,
     .sources = "a",
     .target = "b",
     .in = "a=x,b=x",
     .want = "a=x,b=x"},
    {.action = RELABEL_KEEP_EQUAL, .sources = "a", .target = "b", .in = "a=x,b=y", .want = NULL},
    {.action = RELABEL_KEEP_EQUAL, .sources = "a", .target = "b", .in = "a=x", .want = NULL},
    {.action = RELABEL_KEEP_EQUAL, .sources = "a", .target = "b", .in = "c=x", .want = "c=x"},
    {.action = RELABEL_KEEP_EQUAL,
     .sources = "a,b",
     .target = "c",
     .in = "a=x,b=y,c=x;y",
     .want = "a=x,b=y,c=x;y"},
    {.action = RELABEL_KEEP_EQUAL, .sources = "a", .target = "b", .in = "a=X,b=x", .want = NULL},
    {.action = RELABEL_DROP_EQUAL, .sources = "a", .target = "b", .in = "a=x,b=x", .want = NULL},
    {.action = RELABEL_DROP_EQUAL,
     .sources = "a",
     .target = "b",
     .in = "a=x,b=y",
     .want = "a=x,b=y"},
    {.action = RELABEL_DROP_EQUAL, .sources = "a", .target = "b", .in = "a=x", .want = "a=x"},
    {.action = RELABEL_DROP_EQUAL, .sources = "a", .target = "b", .in = "c=x", .want = NULL},
    {.action = RELABEL_DROP_EQUAL,
     .sources = "a,b",
     .target = "c",
     .in = "a=x,b=y,c=x;y",
     .want = NULL},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 8U,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=0"},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 1000U,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=696"},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 18446744073709551615ULL,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=17145033699835028696"},
    {.action = RELABEL_HASHMOD,
     .sources = "a,b",
     .modulus = 97U,
     .target = "h",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,h=92"},
    {.action = RELABEL_HASHMOD,
     .sources = "a,b",
     .separator = "/",
     .modulus = 97U,
     .target = "h",
     .in = "a=foo,b=bar",
     .want = "a=foo,b=bar,h=38"},
    {.action = RELABEL_HASHMOD,
     .sources = "none",
     .modulus = 1000U,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=958"},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 1U,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=0"},
    {.action = RELABEL_HASHMOD,
     .modulus = 1000U,
     .target = "h",
     .in = "a=foo",
     .want = "a=foo,h=958"},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 3U,
     .target = "h",
     .in = "a=10.0.0.1:9100",
     .want = "a=10.0.0.1:9100,h=2"},
    {.action = RELABEL_HASHMOD,
     .sources = "a",
     .modulus = 1000U,
     .target = "h",
     .in = "h=old,a=foo",
     .want = "a=foo,h=696"},
    {.action = RELABEL_LABEL_MAP,
     .regex = "__meta_(.+)",
     .in = "__meta_x=1,__meta_y=2,z=3",
     .want = "__meta_x=1,__meta_y=2,x=1,y=2,z=3"},
    {.action = RELABEL_LABEL_MAP, .regex = "__meta_(.+)", .in = "a=1", .want = "a=1"},
    {.action = RELABEL_LABEL_MAP, .regex = "m_(.+)", .in = "m_a=1,a=0", .want = "m_a=1,a=1"},
    {.action = RELABEL_LABEL_MAP,
     .regex = "[mn]_(.+)",
     .in = "m_a=1,n_a=2",
     .want = "m_a=1,n_a=2,a=2"},
    {.action = RELABEL_LABEL_MAP,
     .regex = "(.*)",
     .replacement = "x_$1",
     .in = "a=1",
     .want = "a=1,x_a=1"},
    {.action = RELABEL_LABEL_MAP,
     .regex = "(.*)",
     .replacement = "same",
     .in = "a=1,b=2",
     .want = "a=1,b=2,same=2"},
    {.action = RELABEL_LABEL_MAP, .regex = "m_(.+)", .in = "m_m_a=1", .want = "m_m_a=1,m_a=1"},
    {.action = RELABEL_LABEL_MAP,
     .regex = "(.)_(.)",
     .replacement = "${2}_${1}",
     .in = "a_b=1",
     .want = "a_b=1,b_a=1"},
    {.action = RELABEL_LABEL_MAP, .regex = "a", .replacement = "$2", .in = "a=1", .want = "a=1"},
    {.action = RELABEL_LABEL_DROP, .regex = "b", .in = "a=1,b=2,ab=3", .want = "a=1,ab=3"},
    {.action = RELABEL_LABEL_DROP, .regex = "a|b|ab", .in = "a=1,b=2,ab=3", .want = ""},
    {.action = RELABEL_LABEL_DROP, .regex = "a.*", .in = "a=1,b=2,ab=3", .want = "b=2"},
    {.action = RELABEL_LABEL_DROP, .regex = "", .in = "a=1", .want = "a=1"},
    {.action = RELABEL_LABEL_DROP, .in = "a=1", .want = ""},
    {.action = RELABEL_LABEL_DROP, .regex = "__name__", .in = "__name__=m,a=1", .want = "a=1"},
    {.action = RELABEL_LABEL_KEEP, .regex = "b", .in = "a=1,b=2,ab=3", .want = "b=2"},
    {.action = RELABEL_LABEL_KEEP, .regex = "a.*", .in = "a=1,b=2,ab=3", .want = "a=1,ab=3"},
    {.action = RELABEL_LABEL_KEEP, .regex = "c", .in = "a=1,b=2", .want = ""},
    {.action = RELABEL_LABEL_KEEP, .in = "a=1,b=2", .want = "a=1,b=2"},
    {.action = RELABEL_LOWERCASE,
     .sources = "a",
     .target = "b",
     .in = "a=FoO",
     .want = "a=FoO,b=foo"},
    {.action = RELABEL_LOWERCASE, .sources = "a", .target = "a", .in = "a=FoO", .want = "a=foo"},
    {.action = RELABEL_LOWERCASE,
     .sources = "a,b",
     .target = "c",
     .in = "a=FoO,b=Bar",
     .want = "a=FoO,b=Bar,c=foo;bar"},
    {.action = RELABEL_LOWERCASE, .sources = "none", .target = "b", .in = "a=1,b=x", .want = "a=1"},
    {.action = RELABEL_LOWERCASE,
     .sources = "a",
     .target = "a",
     .in = "a=\xc3\x89",
     .want = "a=\xc3\xa9"},
    {.action = RELABEL_UPPERCASE,
     .sources = "a",
     .target = "b",
     .in = "a=FoO",
     .want = "a=FoO,b=FOO"},
    {.action = RELABEL_UPPERCASE,
     .sources = "a",
     .target = "a",
     .in = "a=x-\xc3\xa9"
           "_1",
     .want = "a=X-\xc3\x89"
             "_1"},
    {.action = RELABEL_UPPERCASE, .sources = "none", .target = "b", .in = "a=1,b=x", .want = "a=1"},
};

static void fill(LabelsBuilder *builder, const char *text)
{
    Str rest = str_from(text);
    Str part;
    Err err;
    while (rest.len > 0 && str_split_next(&rest, ',', &part)) {
        size_t at = str_find_byte(part, '=');
        CHECK_OK(labels_builder_set(builder, str_take(part, at), str_skip(part, at + 1), &err),
                 &err);
    }
}

static Labels make(Arena *arena, const char *text)
{
    LabelsBuilder builder;
    Labels labels;
    Err err;
    labels_builder_init(&builder, arena);
    fill(&builder, text);
    CHECK_OK(labels_builder_finish(&builder, &labels, &err), &err);
    return labels;
}

static Relabel rule_of(const Case *test, Str sources[SOURCES_MAX])
{
    Relabel rule;
    relabel_defaults(&rule);
    rule.action = test->action;
    if (test->sources) {
        Str rest = str_from(test->sources);
        rule.source_labels = sources;
        while (str_split_next(&rest, ',', &sources[rule.source_count])) {
            rule.source_count++;
        }
    }
    rule.separator = test->separator ? str_from(test->separator) : rule.separator;
    rule.regex_text = test->regex ? str_from(test->regex) : rule.regex_text;
    rule.modulus = test->modulus;
    rule.target_label = test->target ? str_from(test->target) : rule.target_label;
    rule.replacement = test->replacement ? str_from(test->replacement) : rule.replacement;
    return rule;
}

static Str text_of(Arena *arena, Labels labels)
{
    Buf out;
    Str text = STR_EMPTY;
    Err err;
    buf_init(&out, 64 * 1024);
    labels_format(&out, labels);
    CHECK_OK(arena_str(arena, buf_view(&out), &text, &err), &err);
    buf_done(&out);
    return text;
}

TEST(relabel, every_action_does_what_the_table_says)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Str sources[SOURCES_MAX];
        Relabel rule = rule_of(&cases[i], sources);
        Arena arena;
        LabelsBuilder builder;
        Labels got;
        Err err;
        arena_init(&arena, ARENA_MAX);
        labels_builder_init(&builder, &arena);
        fill(&builder, cases[i].in);
        CHECK_OK(relabel_finish(&rule, true, &err), &err);
        bool kept = relabel_apply(&rule, 1, &builder, &err);
        CHECK_I64(err.code, ERR_NONE);
        CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
        Str shown = kept ? text_of(&arena, got) : S("dropped");
        Str want = cases[i].want ? text_of(&arena, make(&arena, cases[i].want)) : S("dropped");
        CHECK_STR(shown, want);
        relabel_done(&rule);
        arena_done(&arena);
    }
}

TEST(relabel, a_computed_name_must_be_valid_under_the_scheme_in_force)
{
    static const struct {
        const char *value;
        bool utf8_names;
        const char *want;
    } names[] = {
        {"ok", false, "a=ok,ok=ok"},    {"1k", false, "a=1k"},
        {"a b", false, "a=a b"},        {"caf\xc3\xa9", false, "a=caf\xc3\xa9"},
        {"a b", true, "a=a b,a b=a b"}, {"\xff", true, "a=\xff"},
        {"x", true, "a=x,x=x"},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        Str sources[SOURCES_MAX];
        const Case test = {.sources = "a", .target = "$1"};
        Relabel rule = rule_of(&test, sources);
        Arena arena;
        LabelsBuilder builder;
        Labels got;
        Err err;
        arena_init(&arena, ARENA_MAX);
        labels_builder_init(&builder, &arena);
        CHECK_OK(labels_builder_set(&builder, S("a"), str_from(names[i].value), &err), &err);
        CHECK_OK(relabel_finish(&rule, names[i].utf8_names, &err), &err);
        CHECK(relabel_apply(&rule, 1, &builder, &err));
        CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
        CHECK(labels_eq(got, make(&arena, names[i].want)));
        relabel_done(&rule);
        arena_done(&arena);
    }
}

TEST(relabel, rules_run_in_order_and_stop_at_the_first_that_drops)
{
    static const Case chain[] = {
        {.action = RELABEL_REPLACE, .sources = "a", .target = "__tmp"},
        {.action = RELABEL_UPPERCASE, .sources = "__tmp", .target = "b"},
        {.action = RELABEL_LABEL_DROP, .regex = "__.*"},
        {.action = RELABEL_KEEP, .sources = "b", .regex = "FOO|KEEP"},
        {.action = RELABEL_REPLACE, .target = "end", .replacement = "yes"},
    };
    Str sources[COUNT_OF(chain)][SOURCES_MAX];
    Relabel rules[COUNT_OF(chain)];
    Arena arena;
    LabelsBuilder builder;
    Labels got;
    Err err;
    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < COUNT_OF(chain); i++) {
        rules[i] = rule_of(&chain[i], sources[i]);
        CHECK_OK(relabel_finish(&rules[i], true, &err), &err);
    }
    labels_builder_init(&builder, &arena);
    fill(&builder, "a=foo");
    CHECK(relabel_apply(rules, COUNT_OF(chain), &builder, &err));
    CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
    CHECK(labels_eq(got, make(&arena, "a=foo,b=FOO,end=yes")));
    labels_builder_init(&builder, &arena);
    fill(&builder, "a=bar");
    CHECK(!relabel_apply(rules, COUNT_OF(chain), &builder, &err));
    CHECK_I64(err.code, ERR_NONE);
    CHECK_STR(labels_builder_get(&builder, S("end")), S(""));
    CHECK(relabel_apply(NULL, 0, &builder, &err));
    for (size_t i = 0; i < COUNT_OF(chain); i++) {
        relabel_done(&rules[i]);
    }
    arena_done(&arena);
}

TEST(relabel, a_full_arena_drops_the_set_and_says_so)
{
    static char value[4096];
    Str sources[SOURCES_MAX];
    const Case test = {.sources = "a", .target = "b", .replacement = "$1$1"};
    Relabel rule = rule_of(&test, sources);
    Arena arena;
    LabelsBuilder builder;
    Err err;
    memset(value, 'x', sizeof(value));
    arena_init(&arena, 2048);
    labels_builder_init(&builder, &arena);
    CHECK_OK(labels_builder_set(&builder, S("a"), (Str){value, sizeof(value)}, &err), &err);
    CHECK_OK(relabel_finish(&rule, true, &err), &err);
    CHECK(!relabel_apply(&rule, 1, &builder, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    relabel_done(&rule);
    arena_done(&arena);
}

TEST(relabel, rules_that_make_no_sense_are_refused_with_the_reason)
{
    static const struct {
        Case rule;
        bool utf8_names;
        const char *want;
    } bad[] = {
        {{.action = RELABEL_REPLACE, .sources = "a"},
         true,
         "relabel configuration for replace action requires 'target_label' value"},
        {{.action = RELABEL_LOWERCASE, .sources = "a"}, true, "for lowercase action requires"},
        {{.action = RELABEL_UPPERCASE, .sources = "a"}, true, "for uppercase action requires"},
        {{.action = RELABEL_KEEP_EQUAL, .sources = "a"}, true, "for keepequal action requires"},
        {{.action = RELABEL_DROP_EQUAL, .sources = "a"}, true, "for dropequal action requires"},
        {{.action = RELABEL_HASHMOD, .sources = "a", .modulus = 8},
         true,
         "for hashmod action requires"},
        {{.action = RELABEL_HASHMOD, .sources = "a", .target = "h"},
         true,
         "relabel configuration for hashmod requires non-zero modulus"},
        {{.action = RELABEL_REPLACE, .target = "a.b"},
         false,
         "\"a.b\" is invalid 'target_label' for replace action"},
        {{.action = RELABEL_REPLACE, .target = "\xff"},
         true,
         "\"\\xff\" is invalid 'target_label' for replace action"},
        {{.action = RELABEL_REPLACE, .target = "1$1"}, false, "\"1$1\" is invalid 'target_label'"},
        {{.action = RELABEL_REPLACE, .target = "${3"}, false, "\"${3\" is invalid 'target_label'"},
        {{.action = RELABEL_REPLACE, .target = "a$"}, false, "\"a$\" is invalid 'target_label'"},
        {{.action = RELABEL_REPLACE, .target = "${}"}, false, "\"${}\" is invalid 'target_label'"},
        {{.action = RELABEL_REPLACE, .target = "a-$1"}, false, "\"a-$1\" is invalid"},
        {{.action = RELABEL_LOWERCASE, .target = "$1"},
         false,
         "\"$1\" is invalid 'target_label' for lowercase action"},
        {{.action = RELABEL_HASHMOD, .modulus = 2, .target = "a-b"},
         false,
         "\"a-b\" is invalid 'target_label' for hashmod action"},
        {{.action = RELABEL_KEEP_EQUAL, .target = "a-b"}, false, "for keepequal action"},
        {{.action = RELABEL_LABEL_MAP, .replacement = "a b"},
         false,
         "\"a b\" is invalid 'replacement' for labelmap action"},
        {{.action = RELABEL_LABEL_MAP, .replacement = ""}, true, "\"\" is invalid 'replacement'"},
        {{.action = RELABEL_LOWERCASE, .target = "a", .replacement = "x"},
         true,
         "'replacement' can not be set for lowercase action"},
        {{.action = RELABEL_UPPERCASE, .target = "a", .replacement = "x"},
         true,
         "'replacement' can not be set for uppercase action"},
        {{.action = RELABEL_KEEP_EQUAL, .target = "a", .replacement = "x"},
         true,
         "'replacement' can not be set for keepequal action"},
        {{.action = RELABEL_KEEP_EQUAL, .target = "a", .regex = "x"},
         true,
         "keepequal action requires only 'source_labels' and `target_label`, and no other fields"},
        {{.action = RELABEL_DROP_EQUAL, .target = "a", .modulus = 3},
         true,
         "dropequal action requires only"},
        {{.action = RELABEL_DROP_EQUAL, .target = "a", .separator = ","},
         true,
         "dropequal action requires only"},
        {{.action = RELABEL_LABEL_DROP, .regex = "a", .sources = "b"},
         true,
         "labeldrop action requires only 'regex', and no other fields"},
        {{.action = RELABEL_LABEL_DROP, .regex = "a", .target = "b"},
         true,
         "labeldrop action requires only 'regex'"},
        {{.action = RELABEL_LABEL_KEEP, .regex = "a", .modulus = 1},
         true,
         "labelkeep action requires only 'regex'"},
        {{.action = RELABEL_LABEL_KEEP, .regex = "a", .separator = ""},
         true,
         "labelkeep action requires only 'regex'"},
        {{.action = RELABEL_LABEL_KEEP, .regex = "a", .replacement = "z"},
         true,
         "labelkeep action requires only 'regex'"},
        {{.action = RELABEL_KEEP, .sources = "a", .regex = "("}, true, "missing closing )"},
        {{.action = RELABEL_KEEP, .sources = "a", .regex = "a**"}, true, ""},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Str sources[SOURCES_MAX];
        Relabel rule = rule_of(&bad[i].rule, sources);
        Err err;
        CHECK(!relabel_finish(&rule, bad[i].utf8_names, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK(str_contains(str_from(err.message), str_from(bad[i].want)));
        CHECK(rule.regex == NULL);
    }
}

TEST(relabel, rules_that_look_odd_but_are_allowed_pass)
{
    static const struct {
        Case rule;
        bool utf8_names;
    } good[] = {
        {{.action = RELABEL_REPLACE, .target = "a$1"}, false},
        {{.action = RELABEL_REPLACE, .target = "${1}_${name}9"}, false},
        {{.action = RELABEL_REPLACE, .target = "$1"}, false},
        {{.action = RELABEL_REPLACE, .target = "${3"}, true},
        {{.action = RELABEL_REPLACE, .target = "a.b"}, true},
        {{.action = RELABEL_KEEP}, false},
        {{.action = RELABEL_LABEL_MAP}, false},
        {{.action = RELABEL_LABEL_MAP, .replacement = "x_${1}"}, false},
        {{.action = RELABEL_LABEL_DROP}, false},
        {{.action = RELABEL_HASHMOD, .modulus = 1, .target = "h", .replacement = "z"}, false},
        {{.action = RELABEL_LOWERCASE, .target = "a", .regex = "x", .separator = "-"}, false},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        Str sources[SOURCES_MAX];
        Relabel rule = rule_of(&good[i].rule, sources);
        Err err;
        CHECK_OK(relabel_finish(&rule, good[i].utf8_names, &err), &err);
        relabel_done(&rule);
    }
}

TEST(relabel, action_names_read_back_in_any_letter_case)
{
    RelabelAction action;
    for (RelabelAction i = RELABEL_REPLACE; i <= RELABEL_UPPERCASE; i++) {
        CHECK(relabel_action_parse(str_from(relabel_action_name(i)), &action));
        CHECK_I64(action, i);
    }
    CHECK(relabel_action_parse(S("LabelMap"), &action));
    CHECK_I64(action, RELABEL_LABEL_MAP);
    action = RELABEL_DROP;
    CHECK(!relabel_action_parse(S("label_map"), &action));
    CHECK(!relabel_action_parse(S(""), &action));
    CHECK_I64(action, RELABEL_DROP);
}

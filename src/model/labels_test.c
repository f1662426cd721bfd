/* Tests of model/labels.h. */
#include "model/labels.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { ARENA_MAX = 16 * 1024 * 1024 };

static Labels make(Arena *arena, const char *text)
{
    /* "a=1,b=2": enough for tests; sorted by the builder */
    LabelsBuilder builder;
    Labels labels;
    Err err;
    Str rest = str_from(text);
    Str part;
    labels_builder_init(&builder, arena);
    while (rest.len > 0 && str_split_next(&rest, ',', &part)) {
        size_t at = str_find_byte(part, '=');
        CHECK_OK(labels_builder_set(&builder, str_take(part, at), str_skip(part, at + 1), &err),
                 &err);
    }
    CHECK_OK(labels_builder_finish(&builder, &labels, &err), &err);
    return labels;
}

TEST(labels, an_absent_label_reads_as_empty)
{
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    Labels labels = make(&arena, "job=api,instance=a:1");
    CHECK_STR(labels_get(labels, S("job")), S("api"));
    CHECK_STR(labels_get(labels, S("jo")), S(""));
    CHECK(!labels_has(labels, S("jobs")));
    CHECK(labels_has(labels, S("instance")));
    CHECK_STR(labels_get(LABELS_EMPTY, S("job")), S(""));
    arena_done(&arena);
}

TEST(labels, order_is_label_by_label_and_shorter_comes_first)
{
    static const char *const sorted[] = {"", "a=1", "a=1,b=1", "a=1,b=2", "a=1,c=0", "a=2", "b=0"};
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < COUNT_OF(sorted); i++) {
        for (size_t k = 0; k < COUNT_OF(sorted); k++) {
            int order = labels_cmp(make(&arena, sorted[i]), make(&arena, sorted[k]));
            CHECK_I64((order > 0) - (order < 0), (i > k) - (i < k));
            CHECK(labels_eq(make(&arena, sorted[i]), make(&arena, sorted[k])) == (i == k));
        }
    }
    arena_done(&arena);
}

TEST(labels, text_form_puts_the_name_in_front_and_quotes_what_needs_it)
{
    static const struct {
        const char *in;
        Str want;
    } cases[] = {
        {"", STR_INIT("{}")},
        {"__name__=up", STR_INIT("up")},
        {"__name__=a:b", STR_INIT("a:b")},
        {"job=x", STR_INIT("{job=\"x\"}")},
        {"__name__=up,job=x,Z=1", STR_INIT("up{Z=\"1\", job=\"x\"}")},
        {"__name__=a.b", STR_INIT("{\"a.b\"}")},
        {"__name__=a.b,job=x", STR_INIT("{\"a.b\", job=\"x\"}")},
        {"__name__=up,x.y=\"z\"", STR_INIT("up{\"x.y\"=\"\\\"z\\\"\"}")},
        {"a:b=1", STR_INIT("{\"a:b\"=\"1\"}")},
    };
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Buf out;
        buf_init(&out, 4096);
        labels_format(&out, make(&arena, cases[i].in));
        CHECK_STR(buf_view(&out), cases[i].want);
        buf_done(&out);
    }
    arena_done(&arena);
}

TEST(labels, hash_by_and_without_see_only_what_they_should)
{
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    Labels labels = make(&arena, "__name__=m,a=1,b=2,c=3");
    static const Str ac[] = {STR_INIT("a"), STR_INIT("c")};
    static const Str aac[] = {STR_INIT("a"), STR_INIT("a"), STR_INIT("c")};
    static const Str b_name[] = {STR_INIT("__name__"), STR_INIT("b")};
    static const Str b[] = {STR_INIT("b")};
    static const Str absent[] = {STR_INIT("0"), STR_INIT("a"), STR_INIT("bb"), STR_INIT("c"),
                                 STR_INIT("z")};
    u64 want = labels_hash(make(&arena, "a=1,c=3"));
    CHECK_U64(labels_hash_by(labels, ac, 2), want);
    CHECK_U64(labels_hash_by(labels, aac, 3), want);
    CHECK_U64(labels_hash_by(labels, absent, 5), want);
    CHECK_U64(labels_hash_without(labels, b, 1), want);
    CHECK_U64(labels_hash_without(labels, b_name, 2), want);
    CHECK(labels_hash_without(labels, ac, 2) != want);
    CHECK(labels_hash(make(&arena, "ab=c")) != labels_hash(make(&arena, "a=bc")));
    CHECK_U64(labels_hash_by(labels, NULL, 0), labels_hash(LABELS_EMPTY));
    arena_done(&arena);
}

TEST(labels, long_sets_hash_alike_wherever_their_bytes_lie)
{
    static char value[3][5000];
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    for (size_t size = 1; size < sizeof(value[0]); size += 97) {
        memset(value[0], 'x', size);
        memset(value[1], 'x', size);
        memset(value[2], 'x', size);
        value[2][size - 1] = 'y';
        u64 hash[3];
        for (size_t i = 0; i < 3; i++) {
            Label at[] = {{S("a"), S("1")}, {S("b"), {value[i], size}}, {S("c"), S("1")}};
            hash[i] = labels_hash((Labels){.at = at, .count = 3});
        }
        CHECK_U64(hash[0], hash[1]);
        CHECK(hash[0] != hash[2]);
    }
    arena_done(&arena);
}

TEST(labels, a_copy_shares_no_byte_and_a_full_arena_fails_it)
{
    Arena arena, small;
    Labels copy;
    Err err;
    arena_init(&arena, ARENA_MAX);
    arena_init(&small, 64);
    Labels labels = make(&arena, "a=1,b=2");
    CHECK_OK(labels_copy(&arena, labels, &copy, &err), &err);
    CHECK(labels_eq(copy, labels));
    CHECK(copy.at != labels.at && copy.at[0].name.ptr != labels.at[0].name.ptr);
    copy = LABELS_EMPTY;
    CHECK(!labels_copy(&small, labels, &copy, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_U64(copy.count, 0);
    arena_done(&arena);
    arena_done(&small);
}

/* The naive twin of the builder: one slot for each of the names "a" … "z". */
typedef struct Twin {
    Str value[26];
} Twin;

static Str letter(u64 i)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz";
    return (Str){.ptr = names + i, .len = 1};
}

static Labels twin_labels(const Twin *twin, Label at[26])
{
    size_t count = 0;
    for (u64 i = 0; i < 26; i++) {
        if (twin->value[i].len > 0) {
            at[count++] = (Label){.name = letter(i), .value = twin->value[i]};
        }
    }
    return (Labels){.at = at, .count = count};
}

TEST(labels, the_builder_equals_its_naive_twin)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 300; round++) {
        Arena arena;
        LabelsBuilder builder;
        Twin twin = {0};
        Label at[26];
        Labels got;
        Err err;
        arena_init(&arena, ARENA_MAX);
        labels_builder_init(&builder, &arena);
        for (int step = 0; step < 200; step++) {
            u64 i = random_below(&random, 26);
            Str value = letter(random_below(&random, 26));
            switch (random_below(&random, 8)) {
            case 0:
                labels_builder_del(&builder, letter(i));
                twin.value[i] = STR_EMPTY;
                break;
            case 1:
                CHECK_OK(labels_builder_set(&builder, letter(i), STR_EMPTY, &err), &err);
                twin.value[i] = STR_EMPTY;
                break;
            case 2:
                CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
                CHECK_OK(labels_builder_from(&builder, got, &err), &err);
                break;
            default:
                CHECK_OK(labels_builder_set(&builder, letter(i), value, &err), &err);
                twin.value[i] = value;
                break;
            }
            CHECK_STR(labels_builder_get(&builder, letter(i)), twin.value[i]);
        }
        CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
        CHECK(labels_eq(got, twin_labels(&twin, at)));
        arena_done(&arena);
    }
}

TEST(labels, the_builder_sorts_many_labels)
{
    enum { MANY = 100 };
    static char names[MANY][8];
    Arena arena;
    LabelsBuilder builder;
    Labels got;
    Err err;
    arena_init(&arena, ARENA_MAX);
    labels_builder_init(&builder, &arena);
    for (int i = 0; i < MANY; i++) {
        int n = (i * 37) % MANY;
        Buf name;
        buf_init(&name, sizeof(names[0]));
        buf_printf(&name, "n%03d", n);
        memcpy(names[i], name.data, 4);
        buf_done(&name);
        CHECK_OK(labels_builder_set(&builder, (Str){names[i], 4}, S("v"), &err), &err);
    }
    CHECK_OK(labels_builder_finish(&builder, &got, &err), &err);
    CHECK_U64(got.count, MANY);
    for (size_t i = 1; i < got.count; i++) {
        CHECK(str_cmp(got.at[i - 1].name, got.at[i].name) < 0);
    }
    arena_done(&arena);
}

TEST(labels, a_full_arena_fails_the_builder_and_keeps_it)
{
    Arena arena;
    LabelsBuilder builder;
    Labels got = LABELS_EMPTY;
    Err err;
    arena_init(&arena, sizeof(Label) * 20);
    labels_builder_init(&builder, &arena);
    for (u64 i = 0; i < 16; i++) {
        CHECK_OK(labels_builder_set(&builder, letter(i), S("v"), &err), &err);
    }
    CHECK(!labels_builder_set(&builder, S("z"), S("v"), &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_U64(builder.count, 16);
    CHECK(!labels_builder_finish(&builder, &got, &err));
    CHECK_U64(got.count, 0);
    arena_done(&arena);
}

TEST(labels, names_are_judged_by_both_schemes)
{
    static const struct {
        Str name;
        bool label, metric, utf8;
    } cases[] = {
        {STR_INIT(""), false, false, false},      {STR_INIT("a"), true, true, true},
        {STR_INIT("_a1"), true, true, true},      {STR_INIT("1a"), false, false, true},
        {STR_INIT("a:b"), false, true, true},     {STR_INIT(":a"), false, true, true},
        {STR_INIT("a.b"), false, false, true},    {STR_INIT("caf\xc3\xa9"), false, false, true},
        {STR_INIT("a\xff"), false, false, false}, {STR_INIT("a b"), false, false, true},
        {STR_INIT("A_Z"), true, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK(label_name_legacy_valid(cases[i].name) == cases[i].label);
        CHECK(metric_name_legacy_valid(cases[i].name) == cases[i].metric);
        CHECK(label_name_utf8_valid(cases[i].name) == cases[i].utf8);
    }
}

/* Tests of discovery/static.h. */
#include "discovery/static.h"

#include "base/test.h"

TEST(static_discovery, every_address_becomes_a_target_of_its_group)
{
    static const Str first[] = {STR_INIT("a:1"), STR_INIT("b:2")};
    static const Label labels[] = {{STR_INIT("env"), STR_INIT("prod")}};
    const StaticConfig configs[] = {
        {.targets = first, .target_count = 2, .labels = {labels, 1}},
        {.targets = NULL, .target_count = 0},
        {.targets = (const Str[]){STR_INIT("")}, .target_count = 1},
    };
    Arena arena;
    TargetGroup *groups = NULL;
    Err err;
    arena_init(&arena, 64 * 1024);
    CHECK_OK(static_discover(&arena, configs, COUNT_OF(configs), &groups, &err), &err);
    CHECK_STR(groups[0].source, S("0"));
    CHECK_U64(groups[0].target_count, 2);
    CHECK_STR(labels_get(groups[0].targets[1], LABEL_ADDRESS), S("b:2"));
    CHECK_STR(labels_get(groups[0].labels, S("env")), S("prod"));
    CHECK_STR(groups[2].source, S("2"));
    CHECK_U64(groups[1].target_count, 0);
    CHECK_U64(groups[2].targets[0].count, 0); /* an empty address is no label */
    arena_done(&arena);
}

TEST(static_discovery, a_full_arena_is_an_error_and_gives_nothing)
{
    static const Str many[64] = {STR_INIT("a:1")};
    const StaticConfig config = {.targets = many, .target_count = 64};
    Arena arena;
    TargetGroup *groups = NULL;
    Err err;
    arena_init(&arena, 256);
    CHECK(!static_discover(&arena, &config, 1, &groups, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(groups == NULL);
    arena_done(&arena);
}

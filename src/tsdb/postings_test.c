/* Tests of tsdb/postings.h, against a bitmap that was always one. */
#include "tsdb/postings.h"

#include "base/random.h"
#include "base/test.h"

static void check_same(const Postings *postings, const roaring_bitmap_t *twin)
{
    roaring_bitmap_t *got = roaring_bitmap_create();
    postings_or_into(postings, got);
    CHECK(roaring_bitmap_equals(got, twin));
    CHECK_U64(postings_count(postings), roaring_bitmap_get_cardinality(twin));
    roaring_bitmap_free(got);
}

static void check_operations(const Postings *postings, const roaring_bitmap_t *twin, Random *random)
{
    roaring_bitmap_t *other = roaring_bitmap_create();
    for (u64 i = random_below(random, 300); i > 0; i--) {
        roaring_bitmap_add(other, (u32)random_below(random, 500));
    }
    roaring_bitmap_t *got = roaring_bitmap_copy(other);
    postings_and_into(postings, got);
    roaring_bitmap_t *want = roaring_bitmap_and(other, twin);
    CHECK(roaring_bitmap_equals(got, want));
    CHECK(postings_intersect(postings, other) == !roaring_bitmap_is_empty(want));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
    got = roaring_bitmap_copy(other);
    postings_andnot_into(postings, got);
    want = roaring_bitmap_andnot(other, twin);
    CHECK(roaring_bitmap_equals(got, want));
    roaring_bitmap_free(got);
    roaring_bitmap_free(want);
    roaring_bitmap_free(other);
}

TEST(postings, sets_of_every_size_behave_like_a_bitmap)
{
    Random random;
    Slab slab = {0};
    random_seed(&random, test_seed());
    for (int round = 0; round < 60; round++) {
        Postings postings = {0};
        roaring_bitmap_t *twin = roaring_bitmap_create();
        u64 universe = 1 + random_below(&random, 400);
        for (int step = 0; step < 300; step++) {
            u32 slot = (u32)random_below(&random, universe);
            if (!roaring_bitmap_contains(twin, slot)) {
                postings_add(&slab, &postings, slot);
                roaring_bitmap_add(twin, slot);
            } else if (random_below(&random, 3) == 0) {
                postings_remove(&slab, &postings, slot);
                roaring_bitmap_remove(twin, slot);
            }
            if (step % 50 == 0) {
                postings_optimize(&postings);
            }
            if (step % 7 == 0) {
                check_same(&postings, twin);
                check_operations(&postings, twin, &random);
            }
        }
        postings_clear(&slab, &postings);
        CHECK_U64(postings.bits, 0);
        roaring_bitmap_free(twin);
    }
    CHECK_U64(slab.used_bytes, 0);
    slab_done(&slab);
}

/* Tests of base/random.h. */
#include "base/random.h"

#include "base/test.h"

TEST(random, a_seed_gives_the_same_numbers_every_time)
{
    Random a;
    Random b;
    Random c;
    random_seed(&a, 1);
    random_seed(&b, 1);
    random_seed(&c, 2);
    size_t same = 0;
    for (size_t i = 0; i < 100; i++) {
        u64 number = random_u64(&a);
        CHECK_U64(random_u64(&b), number);
        same += random_u64(&c) == number;
    }
    CHECK_U64(same, 0);
}

TEST(random, numbers_below_a_bound_spread_evenly)
{
    Random random;
    random_seed(&random, test_seed());
    size_t counts[10] = {0};
    for (size_t i = 0; i < 100000; i++) {
        u64 number = random_below(&random, 10);
        CHECK(number < 10);
        counts[number]++;
    }
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        CHECK(counts[i] > 9400 && counts[i] < 10600); /* six standard deviations */
    }
    CHECK_U64(random_below(&random, 1), 0);
}

TEST(random, fractions_lie_between_nothing_and_one)
{
    Random random;
    random_seed(&random, test_seed());
    f64 sum = 0;
    for (size_t i = 0; i < 100000; i++) {
        f64 number = random_f64(&random);
        CHECK(number >= 0 && number < 1);
        sum += number;
    }
    CHECK(sum > 49400 && sum < 50600);
}

/* Tests of base/map.h: random operations beside a table that is searched from end to end. */
#include "base/map.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = 300 };

/* The naive twin: what is in the map by key number. */
typedef struct Twin {
    bool present[KEYS];
    u64 value[KEYS];
    size_t count;
} Twin;

static void twin_put(Twin *twin, size_t key, u64 value)
{
    twin->count += !twin->present[key];
    twin->present[key] = true;
    twin->value[key] = value;
}

static bool twin_del(Twin *twin, size_t key)
{
    bool was = twin->present[key];
    twin->count -= was;
    twin->present[key] = false;
    return was;
}

static void check_strmap(const StrMap *map, const Twin *twin, const Str *keys)
{
    size_t at = 0;
    size_t found = 0;
    Str key;
    u64 value;
    for (; strmap_next(map, &at, &key, &value); found++) {
        u64 number;
        CHECK(str_to_u64(str_skip(key, str_find_byte(key, '#') + 1), &number));
        CHECK(twin->present[number]);
        CHECK_U64(value, twin->value[number]);
    }
    CHECK_U64(found, twin->count);
    CHECK_U64(map->count, twin->count);
    for (size_t i = 0; i < KEYS; i++) {
        u64 got = 7;
        CHECK_I64(strmap_get(map, keys[i], &got), twin->present[i]);
        CHECK_U64(got, twin->present[i] ? twin->value[i] : 7);
    }
}

TEST(map, strings_behave_as_a_searched_table_does)
{
    static char texts[KEYS][32];
    static Str keys[KEYS];
    Random random;
    random_seed(&random, test_seed());
    for (size_t i = 0; i < KEYS; i++) {
        int len = snprintf(texts[i], sizeof(texts[i]), "%.*s#%zu", (int)(i % 20),
                           "xxxxxxxxxxxxxxxxxxxx", i);
        keys[i] = (Str){.ptr = texts[i], .len = (size_t)len};
    }
    StrMap map = {0};
    Twin *twin = MEM_NEW(Twin);
    for (size_t i = 0; i < 30000; i++) {
        size_t key = random_below(&random, 1 + random_below(&random, KEYS));
        u64 value = random_u64(&random);
        bool is_new;
        if (random_below(&random, 2) == 0) {
            bool want_new = !twin->present[key];
            *strmap_put(&map, keys[key], &is_new) = value;
            CHECK_I64(is_new, want_new);
            twin_put(twin, key, value);
        } else {
            CHECK_I64(strmap_del(&map, keys[key]), twin_del(twin, key));
        }
        if (i % 1000 == 0) {
            check_strmap(&map, twin, keys);
        }
        CHECK(map.filled * 4 <= map.capacity * 3);
    }
    check_strmap(&map, twin, keys);
    strmap_clear(&map);
    memset(twin, 0, sizeof(*twin));
    check_strmap(&map, twin, keys);
    strmap_done(&map);
    mem_free(twin);
}

TEST(map, numbers_behave_as_a_searched_table_does)
{
    static u64 keys[KEYS];
    Random random;
    random_seed(&random, test_seed());
    for (size_t i = 0; i < KEYS; i++) { /* close together, far apart, and the extremes */
        keys[i] = i < 100 ? i : i < 200 ? i << 40 : UINT64_MAX - i;
    }
    U64Map map = {0};
    Twin *twin = MEM_NEW(Twin);
    for (size_t i = 0; i < 30000; i++) {
        size_t key = random_below(&random, 1 + random_below(&random, KEYS));
        u64 value = random_u64(&random);
        bool is_new;
        if (random_below(&random, 2) == 0) {
            bool want_new = !twin->present[key];
            *u64map_put(&map, keys[key], &is_new) = value;
            CHECK_I64(is_new, want_new);
            twin_put(twin, key, value);
        } else {
            CHECK_I64(u64map_del(&map, keys[key]), twin_del(twin, key));
        }
        const u64 *found = u64map_find(&map, keys[key]);
        CHECK_I64(found != NULL, twin->present[key]);
        CHECK(!found || *found == twin->value[key]);
    }
    size_t at = 0;
    size_t count = 0;
    u64 key;
    u64 value;
    for (; u64map_next(&map, &at, &key, &value); count++) {
        size_t i = 0;
        while (i < KEYS && keys[i] != key) {
            i++;
        }
        CHECK(i < KEYS && twin->present[i]);
        CHECK_U64(value, twin->value[i]);
    }
    CHECK_U64(count, twin->count);
    CHECK_U64(map.count, twin->count);
    u64map_clear(&map);
    CHECK(u64map_find(&map, keys[0]) == NULL);
    u64map_done(&map);
    mem_free(twin);
}

TEST(map, an_untouched_map_is_empty)
{
    StrMap strings = {0};
    U64Map numbers = {0};
    size_t at = 0;
    Str key;
    u64 number;
    CHECK(strmap_find(&strings, S("")) == NULL);
    CHECK(!strmap_del(&strings, S("")));
    CHECK(!strmap_next(&strings, &at, &key, &number));
    CHECK(u64map_find(&numbers, 0) == NULL);
    CHECK(!u64map_del(&numbers, 0));
    CHECK(!u64map_next(&numbers, &at, &number, &number));
    strmap_clear(&strings);
    u64map_clear(&numbers);
    strmap_done(&strings);
    u64map_done(&numbers);
}

TEST(map, putting_and_deleting_the_same_keys_forever_does_not_grow_the_table)
{
    U64Map map = {0};
    for (u64 i = 0; i < 100000; i++) {
        *u64map_put(&map, i, NULL) = i;
        CHECK(u64map_del(&map, i));
    }
    CHECK(map.capacity <= 64);
    u64map_done(&map);
}

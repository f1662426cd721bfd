/* Tests of tsdb/slab.h. */
#include "tsdb/slab.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"

#include <string.h>

typedef struct Object {
    u8 *at;
    u32 size;
    u8 fill;
} Object;

static void check_filled(const Object *object)
{
    for (u32 i = 0; i < object->size; i++) {
        CHECK(object->at[i] == object->fill);
    }
}

TEST(slab, objects_keep_their_bytes_while_others_come_and_go)
{
    enum { OBJECTS = 3000 };
    Random random;
    Slab slab = {0};
    Object *objects = MEM_ARRAY(Object, OBJECTS);
    random_seed(&random, test_seed());
    for (int round = 0; round < 100000; round++) {
        Object *object = &objects[random_below(&random, OBJECTS)];
        if (object->at) {
            check_filled(object);
            slab_free(&slab, object->at, object->size);
            object->at = NULL;
        } else {
            object->size = (u32)random_below(&random, random_below(&random, 50) ? 400 : 6000);
            object->fill = (u8)random_u64(&random);
            object->at = slab_alloc(&slab, object->size);
            CHECK(((uintptr_t)object->at & 7) == 0);
            memset(object->at, object->fill, object->size);
        }
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i].at) {
            check_filled(&objects[i]);
            slab_free(&slab, objects[i].at, objects[i].size);
        }
    }
    CHECK_U64(slab.used_bytes, 0);
    CHECK(slab.block_count <= SLAB_CLASSES); /* one of each class may stay */
    slab_done(&slab);
    mem_free(objects);
}

TEST(slab, memory_goes_back_when_the_objects_go)
{
    enum { OBJECTS = 100000 };
    Slab slab = {0};
    void **objects = MEM_ARRAY(void *, OBJECTS);
    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = slab_alloc(&slab, 100);
    }
    CHECK(slab.block_count * SLAB_BLOCK_SIZE < (u64)OBJECTS * 112 * 102 / 100 + SLAB_BLOCK_SIZE);
    for (size_t i = 0; i < OBJECTS; i++) {
        slab_free(&slab, objects[i], 100);
    }
    CHECK_U64(slab.block_count, 1);
    slab_done(&slab);
    mem_free(objects);
}

/* Postings: see postings.h. Layer: tsdb. Thread: one writer or many readers. */
#include "tsdb/postings.h"

#include <string.h>

enum {
    KIND_EMPTY = 0,
    KIND_ONE = 1,    /* the slot stands in the upper bits */
    KIND_ARRAY = 2,  /* pointer to Small */
    KIND_BITMAP = 3, /* pointer to roaring_bitmap_t */
    KIND_MASK = 3,
    KIND_BITS = 2,
    CAPACITY_FIRST = 3, /* with its count a Small of 16 bytes */
};

typedef struct Small {
    u16 count;
    u16 capacity;
    u32 slots[]; /* sorted */
} Small;

static u32 kind_of(const Postings *postings)
{
    return (u32)(postings->bits & KIND_MASK);
}

static Small *small_of(const Postings *postings)
{
    return (Small *)(uintptr_t)(postings->bits & ~(u64)KIND_MASK);
}

static roaring_bitmap_t *bitmap_of(const Postings *postings)
{
    return (roaring_bitmap_t *)(uintptr_t)(postings->bits & ~(u64)KIND_MASK);
}

static u32 one_of(const Postings *postings)
{
    return (u32)(postings->bits >> KIND_BITS);
}

static void set_pointer(Postings *postings, const void *ptr, u32 kind)
{
    postings->bits = (u64)(uintptr_t)ptr | kind;
}

static size_t small_size(u32 capacity)
{
    return sizeof(Small) + capacity * sizeof(u32);
}

static Small *small_new(Slab *slab, u32 capacity)
{
    size_t room = slab_room(small_size(capacity));
    Small *small = slab_alloc(slab, room);
    small->count = 0;
    small->capacity = (u16)((room - sizeof(Small)) / sizeof(u32));
    return small;
}

static void small_free(Slab *slab, Small *small)
{
    slab_free(slab, small, small_size(small->capacity));
}

/* Index of the first member that is not less. */
static u32 small_lower(const Small *small, u32 slot)
{
    u32 at = small->count;
    while (at > 0 && small->slots[at - 1] >= slot) {
        at--;
    }
    return at;
}

static void small_insert(Small *small, u32 slot)
{
    u32 at = small_lower(small, slot);
    memmove(&small->slots[at + 1], &small->slots[at], (small->count - at) * sizeof(u32));
    small->slots[at] = slot;
    small->count++;
}

static void grow(Slab *slab, Postings *postings)
{
    Small *old = small_of(postings);
    if (old->count >= POSTINGS_SMALL_MAX) {
        set_pointer(postings, roaring_bitmap_of_ptr(old->count, old->slots), KIND_BITMAP);
    } else {
        Small *small = small_new(
            slab, MIN((u32)old->capacity + old->capacity / 2 + 1, (u32)POSTINGS_SMALL_MAX));
        memcpy(small->slots, old->slots, old->count * sizeof(u32));
        small->count = old->count;
        set_pointer(postings, small, KIND_ARRAY);
    }
    small_free(slab, old);
}

void postings_add(Slab *slab, Postings *postings, u32 slot)
{
    switch (kind_of(postings)) {
    case KIND_EMPTY:
        postings->bits = (u64)slot << KIND_BITS | KIND_ONE;
        return;
    case KIND_ONE: {
        Small *small = small_new(slab, CAPACITY_FIRST - 1);
        small_insert(small, one_of(postings));
        set_pointer(postings, small, KIND_ARRAY);
        break;
    }
    case KIND_ARRAY:
        if (small_of(postings)->count == small_of(postings)->capacity) {
            grow(slab, postings);
        }
        break;
    default:
        break;
    }
    if (kind_of(postings) == KIND_ARRAY) {
        small_insert(small_of(postings), slot);
    } else {
        roaring_bitmap_add(bitmap_of(postings), slot);
    }
}

void postings_remove(Slab *slab, Postings *postings, u32 slot)
{
    if (kind_of(postings) == KIND_BITMAP) {
        roaring_bitmap_remove(bitmap_of(postings), slot);
        if (roaring_bitmap_is_empty(bitmap_of(postings))) {
            postings_clear(slab, postings);
        }
        return;
    }
    if (kind_of(postings) == KIND_ARRAY) {
        Small *small = small_of(postings);
        u32 at = small_lower(small, slot);
        small->count--;
        memmove(&small->slots[at], &small->slots[at + 1], (small->count - at) * sizeof(u32));
        if (small->count > 0) {
            return;
        }
    }
    postings_clear(slab, postings);
}

void postings_clear(Slab *slab, Postings *postings)
{
    if (kind_of(postings) == KIND_ARRAY) {
        small_free(slab, small_of(postings));
    } else if (kind_of(postings) == KIND_BITMAP) {
        roaring_bitmap_free(bitmap_of(postings));
    }
    postings->bits = 0;
}

u64 postings_count(const Postings *postings)
{
    switch (kind_of(postings)) {
    case KIND_EMPTY:
        return 0;
    case KIND_ONE:
        return 1;
    case KIND_ARRAY:
        return small_of(postings)->count;
    default:
        return roaring_bitmap_get_cardinality(bitmap_of(postings));
    }
}

u64 postings_bytes(const Postings *postings)
{
    switch (kind_of(postings)) {
    case KIND_ARRAY:
        return small_size(small_of(postings)->capacity);
    case KIND_BITMAP: {
        roaring_statistics_t stat;
        roaring_bitmap_statistics(bitmap_of(postings), &stat);
        return sizeof(roaring_bitmap_t) + stat.n_bytes_array_containers +
               stat.n_bytes_run_containers + stat.n_bytes_bitset_containers +
               (u64)stat.n_containers * 32;
    }
    default:
        return 0;
    }
}

/* A view of the members of what is not a bitmap. */
static u32 members(const Postings *postings, const u32 **ret, u32 *one)
{
    if (kind_of(postings) == KIND_ARRAY) {
        *ret = small_of(postings)->slots;
        return small_of(postings)->count;
    }
    *one = one_of(postings);
    *ret = one;
    return kind_of(postings) == KIND_ONE;
}

void postings_or_into(const Postings *postings, roaring_bitmap_t *into)
{
    if (kind_of(postings) == KIND_BITMAP) {
        roaring_bitmap_or_inplace(into, bitmap_of(postings));
        return;
    }
    const u32 *slots;
    u32 one;
    u32 count = members(postings, &slots, &one);
    if (count > 0) {
        roaring_bitmap_add_many(into, count, slots);
    }
}

void postings_and_into(const Postings *postings, roaring_bitmap_t *into)
{
    if (kind_of(postings) == KIND_BITMAP) {
        roaring_bitmap_and_inplace(into, bitmap_of(postings));
        return;
    }
    const u32 *slots;
    u32 one;
    u32 kept[POSTINGS_SMALL_MAX + 16];
    u32 kept_count = 0;
    u32 count = members(postings, &slots, &one);
    for (u32 i = 0; i < count; i++) {
        if (roaring_bitmap_contains(into, slots[i])) {
            kept[kept_count++] = slots[i];
        }
    }
    roaring_bitmap_clear(into);
    roaring_bitmap_add_many(into, kept_count, kept);
}

void postings_andnot_into(const Postings *postings, roaring_bitmap_t *into)
{
    if (kind_of(postings) == KIND_BITMAP) {
        roaring_bitmap_andnot_inplace(into, bitmap_of(postings));
        return;
    }
    const u32 *slots;
    u32 one;
    u32 count = members(postings, &slots, &one);
    for (u32 i = 0; i < count; i++) {
        roaring_bitmap_remove(into, slots[i]);
    }
}

bool postings_intersect(const Postings *postings, const roaring_bitmap_t *with)
{
    if (kind_of(postings) == KIND_BITMAP) {
        return roaring_bitmap_intersect(bitmap_of(postings), with);
    }
    const u32 *slots;
    u32 one;
    u32 count = members(postings, &slots, &one);
    for (u32 i = 0; i < count; i++) {
        if (roaring_bitmap_contains(with, slots[i])) {
            return true;
        }
    }
    return false;
}

void postings_optimize(Postings *postings)
{
    if (kind_of(postings) == KIND_BITMAP) {
        (void)roaring_bitmap_run_optimize(bitmap_of(postings));
        (void)roaring_bitmap_shrink_to_fit(bitmap_of(postings));
    }
}

/*
 * Vec: a growable array of one type, for counts that the program bounds itself (input-sized data
 * goes into an Arena or a Buf).
 *
 *     VEC(Str) names = {0};
 *     *vec_push(&names) = S("cpu");
 *     vec_done(&names);
 *
 * Layer: base. Memory: vec_done frees the array, not what its elements own. Thread: one at a time.
 */
#pragma once

#include "base/types.h"

#define VEC(T)           \
    struct {             \
        T *at;           \
        size_t count;    \
        size_t capacity; \
    }

/* A pointer to a new, uninitialised last element. Pointers into the array move. */
#define vec_push(vec)                                                                       \
    (vec_grow((void **)&(vec)->at, &(vec)->capacity, (vec)->count + 1, sizeof(*(vec)->at)), \
     &(vec)->at[(vec)->count++])

#define vec_reserve(vec, total) \
    vec_grow((void **)&(vec)->at, &(vec)->capacity, (total), sizeof(*(vec)->at))

#define vec_done(vec) vec_release((void **)&(vec)->at, &(vec)->count, &(vec)->capacity)

void vec_grow(void **at, size_t *capacity, size_t needed, size_t element_size);
void vec_release(void **at, size_t *count, size_t *capacity);

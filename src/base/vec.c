/* Vec: see vec.h. Layer: base. Memory: vec_release frees. Thread: one at a time. */
#include "base/vec.h"

#include "base/mem.h"

enum {
    CAPACITY_FIRST = 8, /* elements */
};

void vec_grow(void **at, size_t *capacity, size_t needed, size_t element_size)
{
    if (needed <= *capacity) {
        return;
    }
    size_t grown = MAX(*capacity + *capacity / 2, (size_t)CAPACITY_FIRST);
    grown = MAX(grown, needed);
    *at = mem_grow(*at, grown, element_size);
    *capacity = grown;
}

void vec_release(void **at, size_t *count, size_t *capacity)
{
    mem_free(*at);
    *at = NULL;
    *count = 0;
    *capacity = 0;
}

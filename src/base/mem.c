/* Memory: see mem.h. Layer: base. Thread: any. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

NORETURN void assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "vigie: %s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}

NORETURN static void out_of_memory(size_t size)
{
    (void)fprintf(stderr, "vigie: the system has no memory left (asked for %zu bytes)\n", size);
    abort();
}

static size_t checked_size(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        out_of_memory(SIZE_MAX);
    }
    return total ? total : 1;
}

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size ? size : 1);
    if (!ptr) {
        out_of_memory(size);
    }
    return ptr;
}

void *mem_zero(size_t count, size_t size)
{
    size_t total = checked_size(count, size);
    void *ptr = calloc(1, total);
    if (!ptr) {
        out_of_memory(total);
    }
    return ptr;
}

void *mem_grow(void *old, size_t count, size_t size)
{
    size_t total = checked_size(count, size);
    void *ptr = realloc(old, total);
    if (!ptr) {
        out_of_memory(total);
    }
    return ptr;
}

void *mem_aligned(size_t alignment, size_t size)
{
    void *ptr = NULL;
    if (posix_memalign(&ptr, alignment, size ? size : 1) != 0) {
        out_of_memory(size);
    }
    return ptr;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_freep(void *pointer_to_pointer)
{
    void **ptr = pointer_to_pointer;
    free(*ptr);
    *ptr = NULL;
}
